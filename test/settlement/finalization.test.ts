// What becomes final with a settlement: money to the last unit, penalties of earlier challenges, and members that were left out.
import { afterEach, expect, test } from "vitest";
import { verifyProof, type AnchorReader } from "#audit/proof-file.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { verifyProof as leads } from "#protocol/merkle.ts";
import type { AdjustmentRecord } from "#protocol/schemas/settlement.ts";
import { accountNames, readBalances, sumOfBalances } from "#storage/accounts.ts";
import { listRewards } from "#storage/earnings.ts";
import { readDeferrals } from "#storage/epoch-closing.ts";
import { getContent } from "#storage/objects/content.ts";
import { readAdjustmentRecords, readPayoutLeaves, readRewardRecords } from "#storage/proofs.ts";
import { readTask } from "#storage/reading.ts";
import { readCandidate } from "#storage/settlements.ts";
import { openProofs, proofOf } from "#settlement/proofs.ts";
import {
  executors,
  finishedTask,
  place,
  scope,
  treasuryAccount,
  verifiers,
  type FinishedTask,
} from "./finished-tasks.ts";
import { storeFinished, storePenalty } from "./stored-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "./settling.ts";

const opened: Settling[] = [];

afterEach(async () => {
  for (const settling of opened.splice(0)) await settling.close();
});

async function fresh(): Promise<Settling> {
  const settling = await openSettling();
  opened.push(settling);
  return settling;
}

const tasks = (from: number, to: number): readonly FinishedTask[] =>
  Array.from({ length: to - from }, (_, at) => finishedTask(from + at));

/** Settles and finalizes an epoch over tasks; answers its number. */
async function finalize(settling: Settling, over: readonly FinishedTask[]): Promise<number> {
  const epoch = await closeOver(settling, over);
  expect(await settle(settling, epoch)).toMatchObject({ state: "candidate_ready" });
  await showAnchored(settling, epoch, "finalized");
  expect(await settle(settling, epoch)).toMatchObject({ state: "finalized" });
  return epoch;
}

const earned = async ({ database }: Settling, account: Hex): Promise<bigint> =>
  (await readBalances(database, [accountNames.earned(account)])).get(accountNames.earned(account)) ?? 0n;

const total = (amounts: readonly { readonly amount: string }[]): bigint =>
  amounts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);

const key = (epoch: number) => ({ scope, epoch, revision: 1 });
const [executor = "0x", other = "0x"] = executors;

test("a penalty is taken over later epochs until nothing is left; what was final before stays [RWRD-04]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const first = await finalize(settling, tasks(0, 6));
  const before = await readRewardRecords(database, key(first));
  const had = await earned(settling, executor);
  // More than one epoch's earnings, so that two have to pay it.
  const owes = total(before.filter(({ account }) => account === executor)) + 100n;
  const penaltyId = await storePenalty(database, { task: finishedTask(0), account: executor, amount: owes });
  const taken: AdjustmentRecord[] = [];
  for (const from of [10, 20, 30]) {
    const epoch = await finalize(settling, tasks(from, from + 6));
    const rewards = await readRewardRecords(database, key(epoch));
    const adjustments = await readAdjustmentRecords(database, key(epoch));
    const payouts = await readPayoutLeaves(database, key(epoch));
    const stored = await readCandidate(database, key(epoch));
    expect(total(payouts)).toBe(total(rewards));
    expect(stored?.header).toMatchObject({ payoutCount: payouts.length, payoutTotal: String(total(rewards)) });
    const own = total(rewards.filter(({ account }) => account === executor)) - total(adjustments);
    expect(total(payouts.filter(({ account }) => account === executor))).toBe(own);
    if (own === 0n) expect(payouts.some(({ account }) => account === executor)).toBe(false);
    const treasury = total(rewards.filter(({ account }) => account === treasuryAccount)) + total(adjustments);
    expect(total(payouts.filter(({ account }) => account === treasuryAccount))).toBe(treasury);
    taken.push(...adjustments);
  }
  expect(total(taken)).toBe(owes);
  expect(taken.map((record) => record.penaltyId)).toEqual([penaltyId, penaltyId]);
  expect(taken.map(({ remaining }) => remaining)).toEqual([String(owes - BigInt(taken[0]?.amount ?? "0")), "0"]);
  expect(await readRewardRecords(database, key(first))).toEqual(before);
  expect(await sumOfBalances(database)).toBe(0n);
  const { rows } = await database.query<{ sum: bigint }>(
    `SELECT sum(amount) AS sum FROM ledger.posting WHERE kind = 'penalty' AND debit = $1 AND credit = $2`,
    [accountNames.earned(executor), accountNames.earned(treasuryAccount)],
  );
  expect(rows[0]?.sum).toBe(owes);
  const rewarded = await database.query<{ sum: bigint }>(
    `SELECT sum(amount) AS sum FROM ledger.reward WHERE account = $1`,
    [hexToBytes(executor)],
  );
  expect(await earned(settling, executor)).toBe((rewarded.rows[0]?.sum ?? 0n) - owes);
  expect(had).toBeGreaterThan(0n);
});

test("an adjustment is listed for who pays and who receives it, and proven to a stranger [RWRD-04] [RWRD-05] [SETL-11]", async () => {
  const settling = await fresh();
  const { database } = settling;
  await storeFinished(database, [], settling.now);
  await finalize(settling, tasks(0, 2));
  await storePenalty(database, { task: finishedTask(0), account: executor, amount: 7n });
  await storePenalty(database, { task: finishedTask(1), account: other, amount: 9n });
  const epoch = await closeOver(settling, tasks(10, 16));
  await settle(settling, epoch);
  const list = async (account: Hex) => {
    const { items } = await listRewards(database, account, { after: `${scope}/1/9/0`, limit: 50 });
    return items.flatMap(({ record, state }) =>
      "penaltyId" in record ? [[record.account, record.amount, state]] : [],
    );
  };
  expect(await list(executor)).toEqual([[executor, "7", "calculated"]]);
  await showAnchored(settling, epoch, "finalized");
  await settle(settling, epoch);
  expect(await list(executor)).toEqual([[executor, "7", "adjusted"]]);
  expect(await list(verifiers[0] ?? "0x")).toEqual([]);
  const received = await list(treasuryAccount);
  expect(new Set(received.map(([, amount]) => amount))).toEqual(new Set(["7", "9"]));
  // Pages of one row each are the list read at once.
  const whole = await listRewards(database, treasuryAccount, { after: undefined, limit: 50 });
  const paged: unknown[] = [];
  for (let after: string | undefined; ;) {
    const page = await listRewards(database, treasuryAccount, { after, limit: 1 });
    paged.push(...page.items);
    if (page.next === null) break;
    after = page.next;
  }
  expect(paged).toEqual(whole.items);
  const root = (await readCandidate(database, key(epoch)))?.root ?? "0x";
  const chain: AnchorReader = {
    chainId: () => Promise.resolve(31337),
    finalizedRoot: () => Promise.resolve(root),
    verify: (_anchor, { leaf, proof }) => Promise.resolve(leads(leaf, proof, root)),
  };
  const proofs = openProofs(database, place);
  for (const record of await readAdjustmentRecords(database, key(epoch))) {
    const proof = await proofOf(proofs, { scope, epoch, kind: "reward", id: record.adjustmentId });
    expect(proof.content).toEqual(record);
    expect(await verifyProof(proof, chain)).toEqual({ kind: "valid", root });
  }
});

test("a member that was challenged while inputs were verified is deferred with the finalization and not disturbed [EPOC-05] [SETL-02]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const [sound, challenged, rejected] = [finishedTask(1), finishedTask(2), finishedTask(4)];
  const setState = async ({ taskId }: FinishedTask, state: string) =>
    await database.query(`UPDATE work.task SET state = $2 WHERE task_id = $1`, [hexToBytes(taskId), state]);
  const epoch = await closeOver(settling, [sound, challenged, rejected]);
  await setState(challenged, "challenged");
  await setState(rejected, "rejected");
  expect(await settle(settling, epoch)).toMatchObject({ state: "candidate_ready" });
  expect(await readDeferrals(database, { scope, epoch })).toEqual([]);
  await showAnchored(settling, epoch, "finalized");
  await settle(settling, epoch);
  expect(await readDeferrals(database, { scope, epoch })).toEqual([
    { taskId: challenged.taskId, reason: "challenged" },
  ]);
  expect(await readTask(database, challenged.taskId)).toMatchObject({ state: "challenged", epoch: null });
  expect(await readTask(database, rejected.taskId)).toMatchObject({ state: "rejected", epoch });
  await setState(challenged, "awaiting_settlement");
  const next = await finalize(settling, []);
  expect(await readTask(database, challenged.taskId)).toMatchObject({ state: "completed", epoch: next });
});

test("a task that is challenged while its candidate is committed to keeps it from being one", async () => {
  const settling = await fresh();
  const { database } = settling;
  const epoch = await closeOver(settling, [finishedTask(1), finishedTask(2)]);
  const setState = async (state: string) =>
    await database.query(`UPDATE work.task SET state = $2 WHERE task_id = $1`, [
      hexToBytes(finishedTask(2).taskId),
      state,
    ]);
  const { secondOpinion } = settling.deps;
  const deps: Settling["deps"] = {
    ...settling.deps,
    secondOpinion: async (archive, claim) => {
      await setState("challenged");
      return await secondOpinion(archive, claim);
    },
  };
  expect((await settle(settling, epoch, deps)).state).toBe("verifying_inputs");
  expect(settling.told.at(-1)?.fields).toMatchObject({
    reason: "a task was challenged while the candidate was built",
  });
  expect((await database.query(`SELECT 1 FROM ledger.candidate`)).rowCount).toBe(0);
});

test("a candidate is public while it can be challenged, and moves nothing before it is final [SETL-07]", async () => {
  const settling = await fresh();
  const { database, store } = settling;
  const epoch = await closeOver(settling, tasks(0, 4));
  await settle(settling, epoch);
  const stored = await readCandidate(database, key(epoch));
  // Anybody can read the archive that the header names, and have any item proven against the candidate's root.
  expect(await getContent(store, stored?.header.archive ?? "0x")).toBeDefined();
  const proof = await proofOf(openProofs(database, place), {
    scope,
    epoch,
    kind: "result",
    id: finishedTask(1).taskId,
  });
  expect(proof.root).toBe(stored?.root);
  const states = async () => {
    const { items } = await listRewards(database, executor, { after: undefined, limit: 10 });
    return [...new Set(items.map(({ state }) => state))];
  };
  const moved = async () =>
    (await database.query(`SELECT 1 FROM ledger.posting WHERE kind IN ('spend', 'reward')`)).rowCount;
  expect([await states(), await moved(), await earned(settling, executor)]).toEqual([["calculated"], 0, 0n]);
  // The signer sees what is final and nothing else: an instruction without a finalized root is refused.
  const instruct = `INSERT INTO payout.instruction (payout_id, scope, epoch, index, account, amount, state)
    SELECT payout_id, scope, epoch, index, account, amount, 'prepared' FROM ledger.payout_leaf`;
  await expect(settling.migrator.query(instruct)).rejects.toMatchObject({ code: "23503" });
  await showAnchored(settling, epoch, "finalized");
  await settle(settling, epoch);
  expect(await states()).toEqual(["finalized"]);
  expect(await moved()).toBeGreaterThan(0);
  expect(await earned(settling, executor)).toBeGreaterThan(0n);
  await settling.migrator.query(instruct);
});

test("the journal's proof is that of the candidate, also when a challenge came and went later", async () => {
  const settling = await fresh();
  const { database } = settling;
  const epoch = await closeOver(settling, tasks(0, 3));
  await settle(settling, epoch);
  const root = await showAnchored(settling, epoch, "candidate");
  const moves = [
    ["awaiting_settlement", "challenged", 5],
    ["challenged", "awaiting_settlement", 6],
  ] as const;
  for (const [from, to, step] of moves) {
    await database.query(`INSERT INTO ledger.journal (kind, subject, body, at) VALUES ('task', $1, $2, $3)`, [
      hexToBytes(finishedTask(1).taskId),
      JSON.stringify({ from, to, by: "coordination", why: "a challenge", step, versions: {} }),
      settling.now,
    ]);
  }
  const proof = await proofOf(openProofs(database, place), { scope, epoch, kind: "journal", id: "0x" });
  expect(proof.root).toBe(root);
});
