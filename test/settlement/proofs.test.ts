// Proofs rebuilt from what is recorded convince a stranger who has nothing but the file and the chain's word.
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyProof, type AnchorReader } from "#audit/proof-file.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { verifyProof as leads } from "#protocol/merkle.ts";
import type { InclusionProof } from "#protocol/schemas/settlement.ts";
import { readPayoutLeaves, readRewardRecords } from "#storage/proofs.ts";
import { openProofs, proofOf, type ProvenKind, type Proofs } from "#settlement/proofs.ts";
import { finishedTask, place, scope } from "./finished-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "./settling.ts";

let settling: Settling;
let proofs: Proofs;
let root: Hex;
const tasks = Array.from({ length: 25 }, (_, number) => finishedTask(number));
const key = { scope, epoch: 1, revision: 1 };

beforeAll(async () => {
  settling = await openSettling();
  await closeOver(settling, tasks);
  proofs = openProofs(settling.database, place);
});

afterAll(async () => {
  await settling.close();
});

const ask = (kind: ProvenKind, id: Hex): Promise<InclusionProof> => proofOf(proofs, { scope, epoch: 1, kind, id });

/** A chain that holds the root as final, and checks as the contract does. */
const chain = (final: Hex | null): AnchorReader => ({
  chainId: () => Promise.resolve(31337),
  finalizedRoot: () => Promise.resolve(final),
  verify: (_anchor, { leaf, proof }) => Promise.resolve(final === null ? null : leads(leaf, proof, final)),
});

test("before there is a candidate a proof is not ready; without an epoch there is none", async () => {
  const id = tasks[0]?.taskId ?? "0x";
  await expect(ask("result", id)).rejects.toMatchObject({ code: "PROOF_NOT_READY" });
  const missing = proofOf(proofs, { scope, epoch: 9, kind: "result", id });
  await expect(missing).rejects.toMatchObject({ code: "SETTLEMENT_NOT_FOUND" });
});

test("every kind of item is proven, and a stranger accepts each [SETL-11] [RWRD-05]", async () => {
  expect((await settle(settling, 1)).state).toBe("candidate_ready");
  root = await showAnchored(settling, 1, "finalized");
  await settle(settling, 1);
  const [record] = await readRewardRecords(settling.database, key);
  const [payout] = await readPayoutLeaves(settling.database, key);
  if (record === undefined || payout === undefined) throw new Error("nobody earned");
  const asked: (readonly [ProvenKind, Hex])[] = [
    ...tasks.flatMap(({ taskId }): [ProvenKind, Hex][] => [
      ["result", taskId],
      ["evidence", taskId],
    ]),
    ["reward", record.rewardId],
    ["payout", payout.payoutId],
    ["payout", payout.account],
    ["journal", "0x"],
  ];
  for (const [kind, id] of asked) {
    const proof = await ask(kind, id);
    expect(proof.root).toBe(root);
    expect(await verifyProof(proof, chain(root)), kind).toEqual({ kind: "valid", root });
  }
});

test("an item that is not in the epoch has no proof", async () => {
  await expect(ask("result", finishedTask(999).taskId)).rejects.toMatchObject({ code: "SCHEMA_NOT_FOUND" });
});

test("recorded leaves that do not lead to the recorded root give no proof", async () => {
  const elsewhere = openProofs(settling.database, { ...place, chainId: 1n });
  const asking = proofOf(elsewhere, { scope, epoch: 1, kind: "payout", id: "0x" });
  await expect(asking).rejects.toMatchObject({ code: "INTERNAL_OBJECT_CORRUPT" });
  expect(hexToBytes(root)).toHaveLength(32);
});
