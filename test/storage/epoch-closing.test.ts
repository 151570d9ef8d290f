// Closing an epoch freezes its scopes; what it cannot settle is resolved or deferred, and deferred tasks have their turn again.
import { afterEach, expect, test } from "vitest";
import { checkMemberships } from "#audit/membership.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { EpochView } from "#protocol/schemas/settlement.ts";
import { readMembers } from "#storage/auditing.ts";
import { hasEnded, readDeferrals, readEpochPenalties } from "#storage/epoch-closing.ts";
import { readJournal } from "#storage/journal.ts";
import { listEpochs, readTask } from "#storage/reading.ts";
import { readCandidate } from "#storage/settlements.ts";
import { readCandidateLeaves } from "#storage/proofs.ts";
import { epochStep, orderClosing } from "#settlement/epoch-step.ts";
import { openProofs, proofOf } from "#settlement/proofs.ts";
import {
  executors,
  finishedTask,
  place,
  policy,
  scope,
  verifiers,
  type FinishedTask,
} from "#test/settlement/finished-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "#test/settlement/settling.ts";
import { storeFinished, storePenalty } from "#test/settlement/stored-tasks.ts";
import { Check } from "typebox/value";

const opened: Settling[] = [];

afterEach(async () => {
  for (const settling of opened.splice(0)) await settling.close();
});

async function fresh(used: Policy = policy): Promise<Settling> {
  const settling = await openSettling(used);
  opened.push(settling);
  return settling;
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const [one, two, three, four] = [finishedTask(1), finishedTask(2), finishedTask(3), finishedTask(4)];

async function setState({ database }: Settling, { taskId }: FinishedTask, state: string): Promise<void> {
  await database.query(`UPDATE work.task SET state = $2 WHERE task_id = $1`, [hexToBytes(taskId), state]);
}

/** Fills the open epoch, and closes it once `before` has happened to its members. */
async function closeAfter(settling: Settling, tasks: readonly FinishedTask[], before: () => Promise<void>) {
  await storeFinished(settling.database, tasks, settling.now);
  await epochStep(settling.deps).run();
  await before();
  const epoch = await orderClosing(settling.deps, { scope, by: "test" });
  await epochStep(settling.deps).run();
  return epoch;
}

async function actsOf({ database }: Settling, epoch: number): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.journal WHERE kind = 'epoch' AND subject = $1 ORDER BY entry_no`,
    [Buffer.from(`${scope}/${epoch}`)],
  );
  return rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
}

test("a task has ended where nothing leads out of its state", () => {
  expect(["completed", "rejected", "timed_out"].every((state) => hasEnded(state as "completed"))).toBe(true);
  expect(["challenged", "awaiting_settlement"].some((state) => hasEnded(state as "challenged"))).toBe(false);
});

test("a closed epoch shows its metadata and its frozen scopes; every item left out has its reason [EPOC-01] [EPOC-05]", async () => {
  const settling = await fresh();
  const { database } = settling;
  await storeFinished(database, [four], settling.now);
  await storePenalty(database, { task: four, account: executors[0] ?? "0x", amount: 50n });
  const epoch = await closeAfter(settling, [one, two, three], async () => {
    await setState(settling, one, "challenged");
    await setState(settling, two, "rejected");
  });
  const { items } = await listEpochs(database, scope, { after: undefined, limit: 10 });
  expect(items).toMatchObject([
    {
      epochId: `${scope}/1`,
      scope,
      epoch: 1,
      status: "closed",
      openAt: settling.now.toISOString(),
      closeAt: settling.now.toISOString(),
      trigger: "order",
      semanticVersionSet: ["1.0"],
      policyVersionSet: ["1.0"],
      settlementScope: { tasks: 2, deferred: 1 },
      rewardScope: { tasks: 2, penalties: 1 },
      aggregationScope: { entries: 0, windowFrom: null },
    },
    { epochId: `${scope}/2`, status: "open", closeAt: null, trigger: null, settlementScope: { tasks: 0, deferred: 0 } },
  ]);
  for (const item of items) expect(Check(EpochView, item)).toBe(true);
  const acts = await actsOf(settling, epoch);
  expect(acts.slice(-3)).toEqual([
    { act: "deferred", by: "settlement", members: [{ taskId: one.taskId, reason: "challenged" }] },
    { act: "resolved", by: "settlement", members: [{ taskId: two.taskId, reason: "rejected" }] },
    {
      act: "closed",
      by: "settlement",
      from: "closing",
      to: "closed",
      scopes: {
        settlement: { tasks: 2, deferred: 1, resolved: 1 },
        reward: { tasks: 2, penalties: 1 },
        aggregation: { entries: 0, windowFrom: null },
      },
    },
  ]);
  expect(await readDeferrals(database, { scope, epoch })).toEqual([{ taskId: one.taskId, reason: "challenged" }]);
});

test("a deferred task has its turn in a later epoch once it waits again, and is settled there [EPOC-05] [EPOC-06] [EPOC-07]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const first = await closeAfter(settling, [one, two], () => setState(settling, one, "challenged"));
  expect(await settle(settling, first)).toMatchObject({ state: "candidate_ready" });
  await showAnchored(settling, first, "finalized");
  await settle(settling, first);
  expect(await readTask(database, one.taskId)).toMatchObject({ state: "challenged", epoch: null });
  await setState(settling, one, "awaiting_settlement");
  const second = await closeOver(settling, [three]);
  expect(await readTask(database, one.taskId)).toMatchObject({ state: "awaiting_settlement", epoch: second });
  // The epoch before is built again by nobody, but its archive names the task with its reason.
  const members = await all(readMembers(database));
  expect(members.filter(({ taskId }) => taskId === one.taskId)).toEqual([
    { taskId: one.taskId, turn: 1, epochId: `${scope}/${first}`, deferredFor: "challenged" },
    { taskId: one.taskId, turn: 2, epochId: `${scope}/${second}`, deferredFor: null },
  ]);
  expect(await checkMemberships(readJournal(database, "committed"), readMembers(database))).toEqual([]);
  expect(await settle(settling, second)).toMatchObject({ state: "candidate_ready" });
  await showAnchored(settling, second, "finalized");
  expect(await settle(settling, second)).toMatchObject({ state: "finalized" });
  const { rows } = await database.query(`SELECT state, epoch FROM work.task ORDER BY arrival`);
  expect(rows.map(({ state, epoch }) => [state, epoch])).toEqual([
    ["completed", BigInt(second)],
    ["completed", BigInt(first)],
    ["completed", BigInt(second)],
  ]);
});

test("a membership that the journal does not know, or a turn without a deferral, is found [EPOC-07]", async () => {
  const settling = await fresh();
  const { database } = settling;
  await closeAfter(settling, [one, two], () => setState(settling, one, "challenged"));
  const members = await all(readMembers(database));
  async function* changed(change: (member: (typeof members)[number]) => typeof members) {
    for (const member of members) yield* await Promise.resolve(change(member));
  }
  const check = (change: (member: (typeof members)[number]) => typeof members) =>
    checkMemberships(readJournal(database, "committed"), changed(change));
  expect(await check((member) => [member])).toEqual([]);
  expect(await check((member) => [{ ...member, deferredFor: null }])).toHaveLength(1);
  expect(await check((member) => [{ ...member, deferredFor: "a whim" }])).toHaveLength(2);
  expect(await check((member) => [member, { ...member, turn: 2, epochId: `${scope}/9` }])).not.toEqual([]);
  expect(await check(() => [])).toHaveLength(2);
});

const owedIn = async ({ database }: Settling, epoch: number): Promise<readonly string[]> =>
  (await readEpochPenalties(database, { scope, epoch })).map(({ remaining }) => remaining);

test("a penalty is frozen with what is left of it, by one epoch at a time [RWRD-04]", async () => {
  const settling = await fresh();
  const { database } = settling;
  await storeFinished(database, [four], settling.now);
  const account: Hex = verifiers[0] ?? "0x";
  await storePenalty(database, { task: four, account, amount: 1_000_000n });
  const first = await closeOver(settling, [one]);
  const second = await closeOver(settling, [two]);
  expect(await owedIn(settling, first)).toEqual(["1000000"]);
  // What the first takes is not known yet; were the second to take it too, it would be taken twice.
  expect(await owedIn(settling, second)).toEqual([]);
  await settle(settling, first);
  await showAnchored(settling, first, "finalized");
  await settle(settling, first);
  const { rows } = await database.query<{ amount: bigint }>(`SELECT amount FROM ledger.adjustment`);
  const taken = rows[0]?.amount ?? 0n;
  expect(taken).toBeGreaterThan(0n);
  const third = await closeOver(settling, [three]);
  expect(await owedIn(settling, third)).toEqual([String(1_000_000n - taken)]);
});

/** Two vaults whose pools have a word that no registry knows, in more records than anybody would hide. */
async function fillPools({ database, migrator }: Settling): Promise<void> {
  for (const vault of ["pool-1", "pool-2"]) {
    await database.query(
      `INSERT INTO ledger.collection (vault, collection, operator, fields, aggregation_scope, wrapped_key, at)
        VALUES ($1, 'films', $2, '{"genre":"media.films/genre"}', $3, '\\x00', now())`,
      [vault, hexToBytes(executors[0] ?? "0x"), scope],
    );
    await migrator.query(
      `INSERT INTO work.local_volume (vault, collection, epoch, records) VALUES ($1, 'films', 1, 9000)`,
      [vault],
    );
    await migrator.query(
      `INSERT INTO work.local_attribute (vault, collection, epoch, name, value_kind, occurrences)
        VALUES ($1, 'films', 1, 'director', 'text', 8000)`,
      [vault],
    );
  }
}

test("an epoch that ends a window freezes what vaults release; its root commits to the candidates, and each is proven [EPOC-01] [EPOC-05] [SETL-04]", async () => {
  const settling = await fresh({ ...policy, aggregation: { ...policy.aggregation, windowEpochs: 1 } });
  const { database } = settling;
  await fillPools(settling);
  const epoch = await closeOver(settling, [one, two]);
  const [view] = (await listEpochs(database, scope, { after: undefined, limit: 1 })).items;
  expect(view?.aggregationScope).toEqual({ entries: 2, windowFrom: 1 });
  expect((await actsOf(settling, epoch)).at(-1)).toMatchObject({
    act: "closed",
    scopes: { aggregation: { entries: 2, windowFrom: 1 } },
  });
  // What comes later is for a later window.
  await fillLater(settling);
  expect(await settle(settling, epoch)).toMatchObject({ state: "candidate_ready", failure: null });
  const key = { scope, epoch, revision: 1 };
  const candidates = await readCandidateLeaves(database, key);
  expect(candidates).toMatchObject([{ name: "director", coverage: 2, domainId: "media.films", windowFrom: 1 }]);
  const [candidate] = candidates;
  const id = candidate?.candidateId ?? "0x";
  const proof = await proofOf(openProofs(database, place), { scope, epoch, kind: "candidate", id });
  expect(proof.content).toEqual(candidate);
  expect(proof.root).toBe((await readCandidate(database, key))?.root);
});

async function fillLater({ migrator }: Settling): Promise<void> {
  await migrator.query(
    `INSERT INTO work.local_volume (vault, collection, epoch, records) VALUES ('pool-1', 'films', 2, 10)`,
  );
}
