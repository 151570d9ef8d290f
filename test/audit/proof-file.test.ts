// A proof file convinces only when its content, its leaf, its path and the chain all agree.
import { expect, test } from "vitest";
import { verifyProof, type AnchorReader } from "#audit/proof-file.ts";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { leafFields, leafTree, scopeId } from "#protocol/leaves.ts";
import { verifyProof as leads } from "#protocol/merkle.ts";
import type { InclusionProof } from "#protocol/schemas/settlement.ts";
import { proofToRoot, settlementTree } from "#protocol/settlement-root.ts";
import { headerOf, leafContextOf, payoutLeafItem } from "#settlement/candidate.ts";
import { epochOf } from "#test/settlement/archived-epoch.ts";
import { place, scope } from "#test/settlement/finished-tasks.ts";

const { candidate } = epochOf(12);

function payoutProof(at: number): InclusionProof {
  const items = candidate.payouts.map(payoutLeafItem);
  const tree = leafTree("payout", leafContextOf(place, scope, 1), items);
  const item = items[at];
  const content = candidate.payouts[at];
  if (item === undefined) throw new Error("no such payout");
  const settlement = settlementTree(place, headerOf(candidate.header), candidate.subRoots);
  return {
    schemaVersion: "1.0",
    kind: "payout",
    chainId: 31337,
    anchor: place.anchor,
    scope,
    scopeId: scopeId(scope),
    epoch: 1,
    fields: leafFields.payout.map(({ name }): Hex => {
      const value: bigint | Hex = item[name];
      return `0x${(typeof value === "bigint" ? value.toString(16) : value.slice(2)).padStart(64, "0")}`;
    }),
    content,
    leaf: bytesToHex(tree.nodes.subarray(at * 32, at * 32 + 32)),
    proof: proofToRoot(settlement, "payout", tree, at),
    root: candidate.root,
  };
}

const chain: AnchorReader = {
  chainId: () => Promise.resolve(31337),
  finalizedRoot: () => Promise.resolve(candidate.root),
  verify: (_anchor, { leaf, proof }) => Promise.resolve(leads(leaf, proof, candidate.root)),
};
const sound = payoutProof(1);

test("a sound proof convinces [SETL-11] [SETL-05]", async () => {
  expect(await verifyProof(sound, chain)).toEqual({ kind: "valid", root: candidate.root });
});

const zero: Hex = `0x${"00".repeat(32)}`;
const other = payoutProof(2);
const wrong: readonly (readonly [field: string, proof: InclusionProof])[] = [
  ["fields[2]", { ...sound, content: { ...(sound.content as object), amount: "1" } }],
  ["fields[1]", { ...sound, fields: other.fields.with(0, sound.fields[0] ?? zero), leaf: other.leaf }],
  ["leaf", { ...sound, leaf: other.leaf }],
  ["leaf", { ...sound, epoch: 2 }],
  ["leaf", { ...sound, anchor: `0x${"bb".repeat(20)}` }],
  ["scopeId", { ...sound, scopeId: zero }],
  ["scopeId", { ...sound, scope: "other" }],
  ["proof", { ...sound, proof: other.proof }],
  ["proof", { ...sound, proof: sound.proof.slice(1) }],
  ["proof", { ...sound, root: zero }],
  ["fields.length", { ...sound, fields: sound.fields.slice(1) }],
  ["fields.length", { ...sound, kind: "reward" }],
  ["chainId", { ...sound }],
];

test.each(wrong)("a proof is refuted at %s (case %#)", async (field, proof) => {
  const asked = field === "chainId" ? { ...chain, chainId: () => Promise.resolve(1) } : chain;
  expect(await verifyProof(proof, asked)).toMatchObject({ kind: "invalid", difference: { field } });
});

test("another root on the chain, or the contract's no, refutes; no answer is unknown", async () => {
  const elsewhere = { ...chain, finalizedRoot: () => Promise.resolve(zero) };
  expect(await verifyProof(sound, elsewhere)).toMatchObject({ difference: { field: "root" } });
  const no = { ...chain, verify: () => Promise.resolve(false) };
  expect(await verifyProof(sound, no)).toMatchObject({ difference: { field: "the contract's view" } });
  const early = { ...chain, finalizedRoot: () => Promise.resolve(null) };
  expect(await verifyProof(sound, early)).toMatchObject({ kind: "unknown" });
  const away = { ...chain, chainId: () => Promise.reject(new Error("no endpoint")) };
  expect(await verifyProof(sound, away)).toEqual({ kind: "unknown", reason: "chain id: no endpoint" });
});

test("a file of another shape is refuted, not a crash", async () => {
  const broken = { ...sound, proof: "none" } as object as InclusionProof;
  expect(await verifyProof(broken, chain)).toMatchObject({ kind: "invalid" });
});
