// Epochs open, fill and close, one at a time in a scope, whoever competes.
import { beforeEach, expect, test } from "vitest";
import { checkMemberships } from "#audit/database-check.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { openDatabase } from "#storage/database.ts";
import { openEpoch, newestEpoch } from "#storage/epochs.ts";
import { readJournal } from "#storage/journal.ts";
import { epochStep, orderClosing } from "#settlement/epoch-step.ts";
import { finishedTask, policy, scope } from "./finished-tasks.ts";
import { storeFinished } from "./stored-tasks.ts";
import { openSettling, pass, type Settling } from "./settling.ts";

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
      yield await Promise.resolve({ taskId: bytesToHex(task_id), epochId: `${scope}/${epoch}` });
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
    database.query(`INSERT INTO ledger.epoch_member VALUES ($1, $2, $3)`, [hexToBytes(late.taskId), scope, epoch]);
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
    `SELECT body FROM ledger.journal WHERE kind = 'epoch' AND body::json->>'act' = 'closed'`,
  );
  expect(JSON.parse(rows[0]?.body ?? "{}")).toMatchObject({
    deferred: [{ taskId: one.taskId, reason: "challenged" }],
    scopes: { settlement: 1, reward: 1, aggregation: 0 },
  });
});
