// Epochs open, fill and close, one at a time in a scope, whoever competes.
import { beforeEach, expect, test } from "vitest";
import { checkMemberships } from "#audit/membership.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { openDatabase } from "#storage/database.ts";
import { openEpoch, newestEpoch } from "#storage/epochs.ts";
import { finalizedEpochs } from "#storage/finalizations.ts";
import { readJournal } from "#storage/journal.ts";
import { orderAggregation } from "#storage/local-attributes.ts";
import { epochStep, orderClosing } from "#settlement/epoch-step.ts";
import { finishedTask, policy, published, scope } from "./finished-tasks.ts";
import { storeFinished } from "./stored-tasks.ts";
import { closeOver, openSettling, pass, settle, showAnchored, type Settling } from "./settling.ts";

let settling: Settling;
const epochs = { maximumSeconds: 600, maximumTasks: 10 };
const tasks = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => finishedTask(from + at));

beforeEach(async () => {
  settling = await openSettling({ ...policy, epochs });
  return async () => await settling.close();
});

const current = async () => {
  const epoch = await newestEpoch(settling.database, scope);
  return epoch && [epoch.epoch, epoch.status, epoch.members, epoch.trigger];
};

test("the first epoch opens once versions are rolled out; an empty one stays open however old [EPOC-03]", async () => {
  const { deps } = settling;
  expect(await epochStep({ ...deps, scopes: ["unknown"] }).run()).toBe(0);
  await epochStep(deps).run();
  expect(await current()).toEqual([1, "open", 0, null]);
  pass(settling, 100_000);
  await epochStep(deps).run();
  expect(await current()).toEqual([1, "open", 0, null]);
});

test("volume closes an epoch at its bound; what is left goes to the next; membership is in the journal [EPOC-06] [EPOC-07]", async () => {
  const { deps, database } = settling;
  await storeFinished(database, tasks(0, 23), settling.now);
  for (let turn = 0; turn < 4; turn++) await epochStep(deps).run();
  const { rows } = await database.query(`SELECT epoch, status, members, trigger FROM work.epoch ORDER BY epoch`);
  expect(rows).toEqual([
    { epoch: 1n, status: "closed", members: 10n, trigger: "volume" },
    { epoch: 2n, status: "closed", members: 10n, trigger: "volume" },
    { epoch: 3n, status: "open", members: 3n, trigger: null },
  ]);
  const members = await database.query<{ task_id: Buffer; epoch: bigint }>(
    `SELECT task_id, epoch FROM ledger.epoch_member`,
  );
  async function* stored() {
    for (const { task_id, epoch } of members.rows)
      yield await Promise.resolve({
        taskId: bytesToHex(task_id),
        turn: 1,
        epochId: `${scope}/${epoch}`,
        deferredFor: null,
      });
  }
  expect(await checkMemberships(readJournal(database, "committed"), stored())).toEqual([]);
  async function* moved() {
    for await (const each of stored()) yield each.epochId.endsWith("3") ? { ...each, epochId: `${scope}/2` } : each;
  }
  expect(await checkMemberships(readJournal(database, "committed"), moved())).toHaveLength(3);
});

test("time closes an epoch that holds a task, and an order closes at once [EPOC-04]", async () => {
  const { deps, database } = settling;
  await epochStep(deps).run();
  await storeFinished(database, tasks(0, 2), settling.now);
  await epochStep(deps).run();
  pass(settling, 599);
  await epochStep(deps).run();
  expect(await current()).toEqual([1, "open", 2, null]);
  pass(settling, 1);
  await epochStep(deps).run();
  expect(await current()).toEqual([2, "open", 0, null]);
  expect(await orderClosing(deps, { scope, by: "governance" })).toBe(2);
  expect(await current()).toEqual([2, "closing", 0, "order"]);
  await expect(orderClosing(deps, { scope, by: "governance" })).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
  });
  await epochStep(deps).run();
  expect(await current()).toEqual([3, "open", 0, null]);
});

/** Has the test begin anew under other bounds. */
async function openBounded(bounds: Partial<Policy["epochs"]>, verifiers = 1): Promise<Settling> {
  await settling.close();
  settling = await openSettling({ ...policy, verifiers, epochs: { ...epochs, ...bounds } });
  return settling;
}

const whyClosed = async (): Promise<readonly unknown[]> => {
  const { rows } = await settling.database.query<{ body: string }>(
    `SELECT body FROM ledger.journal WHERE kind = 'epoch' AND body::json->>'act' = 'closing' ORDER BY entry_no`,
  );
  return rows.map(({ body }) => JSON.parse(body) as unknown);
};

test("verifications close an epoch at their bound, the measure is journalled, and the rest goes to the next [EPOC-04]", async () => {
  const { deps, database } = await openBounded({ maximumVerifications: 7 }, 2);
  await storeFinished(database, tasks(0, 6), settling.now);
  for (let turn = 0; turn < 3; turn++) await epochStep(deps).run();
  const { rows } = await database.query(`SELECT epoch, status, members, verifications FROM work.epoch ORDER BY epoch`);
  expect(rows).toEqual([
    { epoch: 1n, status: "closed", members: 4n, verifications: 8n },
    { epoch: 2n, status: "open", members: 2n, verifications: 4n },
  ]);
  expect(await whyClosed()).toMatchObject([{ trigger: "volume", measure: "verifications" }]);
});

/** Has a vault's pool count records of the scope in an epoch. */
async function countRecords(epoch: number, records: number): Promise<void> {
  const { database } = settling;
  await database.query(
    `INSERT INTO ledger.collection (vault, collection, operator, fields, wrapped_key, aggregation_scope, at)
      SELECT 'pool', 'films', operator, '{}', '\\x00', $1, at FROM ledger.collection LIMIT 1 ON CONFLICT DO NOTHING`,
    [scope],
  );
  await database.query(
    `INSERT INTO work.local_volume (vault, collection, epoch, records) VALUES ('pool', 'films', $1, $2)`,
    [epoch, records],
  );
}

test("records in pools close an epoch that ends a window, and no other [EPOC-04]", async () => {
  const { deps, database } = await openBounded({ maximumAggregationEntries: 500 });
  await epochStep(deps).run();
  await countRecords(1, 499);
  await epochStep(deps).run();
  await countRecords(0, 1_000);
  await epochStep(deps).run();
  expect(await current()).toEqual([1, "open", 0, null]);
  // It ends a window by order only, with what is counted then; the next epoch finds the pools empty.
  await database.transaction((transaction) => orderAggregation(transaction, { scope, epoch: 1 }));
  await epochStep(deps).run();
  await epochStep(deps).run();
  expect(await current()).toEqual([2, "open", 0, null]);
  expect(await whyClosed()).toMatchObject([{ trigger: "volume", measure: "aggregation_entries" }]);
  const ended = await database.query(`SELECT epoch, trigger FROM ledger.aggregation`);
  expect(ended.rows).toEqual([{ epoch: 1n, trigger: "order" }]);
});

test("two processes that compete leave one open epoch and every task a member of one [EPOC-02]", async () => {
  const { deps, database, url } = settling;
  await storeFinished(database, tasks(0, 35), settling.now);
  const open = () => openDatabase({ url, applicationName: "racing", maxConnections: 2, statementTimeoutMs: 20_000 });
  const racing = [open(), open()];
  const runs = racing.map(async (each, at) => {
    const step = epochStep({ ...deps, database: each, holder: `racer-${at}` });
    for (let turn = 0; turn < 10; turn++) await step.run();
  });
  const opens = racing.map(async (each) => {
    for (let epoch = 1; epoch < 6; epoch++) {
      await each.transaction((transaction) => openEpoch(transaction, { scope, epoch, by: "racer" }, settling.now));
    }
  });
  await Promise.all([...runs, ...opens]);
  await Promise.all(racing.map((each) => each.close()));
  const { rows } = await database.query(`SELECT count(*) AS open FROM work.epoch WHERE status <> 'closed'`);
  expect(rows).toEqual([{ open: 1n }]);
  const members = await database.query(
    `SELECT count(*) AS all, count(DISTINCT task_id) AS each FROM ledger.epoch_member`,
  );
  expect(members.rows).toEqual([{ all: 35n, each: 35n }]);
  await expect(
    database.query(
      `INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
      VALUES ($1, 99, 'open', now(), '{}', '{}')`,
      [scope],
    ),
  ).rejects.toThrow(/one_open_epoch/);
});

test("the database refuses members to an epoch that is not open, and an epoch's way back [EPOC-06]", async () => {
  const { deps, database } = settling;
  await storeFinished(database, tasks(0, 11), settling.now);
  for (let turn = 0; turn < 2; turn++) await epochStep(deps).run();
  const late = finishedTask(500);
  await storeFinished(database, [late], settling.now);
  const join = (epoch: number) =>
    database.query(`INSERT INTO ledger.epoch_member VALUES ($1, 1, $2, $3)`, [hexToBytes(late.taskId), scope, epoch]);
  await expect(join(1)).rejects.toThrow(/not open/);
  await expect(join(77)).rejects.toThrow(/not open/);
  await expect(
    database.query(`UPDATE work.epoch SET status = 'open', trigger = NULL, close_at = NULL WHERE epoch = 1`),
  ).rejects.toThrow(/change refused/);
});

test("a challenged member is deferred with its reason when its epoch closes [EPOC-05]", async () => {
  const { deps, database } = settling;
  const [one, two] = tasks(0, 2);
  if (one === undefined || two === undefined) throw new Error("no tasks");
  await storeFinished(database, [one, two], settling.now);
  await epochStep(deps).run();
  await database.query(`UPDATE work.task SET state = 'challenged' WHERE task_id = $1`, [hexToBytes(one.taskId)]);
  await orderClosing(deps, { scope, by: "governance" });
  await epochStep(deps).run();
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.journal WHERE kind = 'epoch' AND body::json->>'act' IN ('deferred', 'closed') ORDER BY entry_no`,
  );
  expect(rows.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { act: "deferred", members: [{ taskId: one.taskId, reason: "challenged" }] },
    {
      act: "closed",
      scopes: { settlement: { tasks: 1, deferred: 1, resolved: 0 }, reward: { tasks: 1, penalties: 0 } },
    },
  ]);
});

/** Rolls the same versions out for another scope. */
async function rollOutFor(other: string): Promise<void> {
  await settling.database.query(`INSERT INTO ledger.rollout VALUES ($1, 1, $2, $3, $4)`, [
    other,
    ["1.0"],
    ["1.0"],
    published,
  ]);
}

test("scopes open, fill, close and settle beside each other, each with its own epochs [EPOC-02] [EPOC-08]", async () => {
  const { database } = settling;
  const other = "books";
  await rollOutFor(other);
  const both = Object.assign(settling, { deps: { ...settling.deps, scopes: [other, scope] } });
  await storeFinished(database, [...tasks(0, 25), finishedTask(900, { scope: other })], settling.now);
  for (let turn = 0; turn < 4; turn++) await epochStep(both.deps).run();
  const standing = async () => {
    const { rows } = await database.query(`SELECT scope, epoch, status, members FROM work.epoch ORDER BY scope, epoch`);
    return rows.map((row) => [row["scope"], Number(row["epoch"]), row["status"], Number(row["members"])]);
  };
  expect(await standing()).toEqual([
    [other, 1, "open", 1],
    [scope, 1, "closed", 10],
    [scope, 2, "closed", 10],
    [scope, 3, "open", 5],
  ]);
  // One scope is settled to the end while the other has not closed its first epoch, and the other follows on its own.
  expect(await settle(both, 1)).toMatchObject({ state: "candidate_ready" });
  await showAnchored(both, 1, "finalized");
  expect(await settle(both, 1)).toMatchObject({ state: "finalized" });
  expect(await closeOver(both, [finishedTask(901, { scope: other })], other)).toBe(1);
  expect(await standing()).toContainEqual([scope, 3, "open", 5]);
  expect(await settle(both, 1, both.deps, other)).toMatchObject({ scope: other, state: "candidate_ready" });
  await showAnchored(both, 1, "finalized", 1, other);
  expect(await settle(both, 1, both.deps, other)).toMatchObject({ state: "finalized" });
  for (const each of [other, scope]) {
    const epochsOf = await finalizedEpochs(database, { scope: each, epoch: 0 }, 10);
    expect(epochsOf.map((epoch) => [epoch.scope, epoch.epoch])).toEqual([[each, 1]]);
  }
});

test("of many processes that open an epoch of a scope at once the database lets one [EPOC-02]", async () => {
  const { deps, database, url } = settling;
  await epochStep(deps).run();
  await orderClosing(deps, { scope, by: "governance" });
  await database.query(`UPDATE work.epoch SET status = 'closed', close_at = now() WHERE scope = $1`, [scope]);
  const open = () => openDatabase({ url, applicationName: "racing", maxConnections: 1, statementTimeoutMs: 20_000 });
  const racing = Array.from({ length: 6 }, open);
  const tries = await Promise.allSettled(
    racing.map(async (each, at) =>
      // What openEpoch takes care of is left out: only the database stands between.
      each.query(
        `INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
        VALUES ($1, $2, 'open', now(), '{}', '{}')`,
        [scope, 2 + (at % 3)],
      ),
    ),
  );
  await Promise.all(racing.map((each) => each.close()));
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const refusals = tries.flatMap((each) => (each.status === "rejected" ? [each.reason as { code: string }] : []));
  expect(refusals.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => "23505"));
});

test("finding members reads those that wait and no others, however many are members already", async () => {
  const { deps, database, migrator } = settling;
  await epochStep(deps).run();
  await storeFinished(database, tasks(0, 400), settling.now);
  await database.query(`UPDATE work.task SET epoch = 1 WHERE arrival <= 390`);
  await migrator.query(`ANALYZE work.task`);
  const { rows } = await migrator.transaction(async (transaction) => {
    // Of so few rows the planner would read all.
    await transaction.query(`SET LOCAL enable_seqscan = off`);
    return await transaction.query<{ "QUERY PLAN": string }>(
      `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT task_id FROM work.task
        WHERE scope = '${scope}' AND state = 'awaiting_settlement' AND epoch IS NULL ORDER BY arrival LIMIT 100`,
    );
  });
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("task_unassigned");
  expect(plan).not.toContain("Removed");
});
