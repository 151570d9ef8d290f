// What must not be done to the ledger and to epochs is tried, by the node's role and by who owns the tables, and refused with its code.
import { afterAll, beforeAll, expect, test } from "vitest";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { assignMembers, newestEpoch, openEpoch } from "#storage/epochs.ts";
import { deferMembers } from "#storage/epoch-closing.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { moveTasks, takeNamed } from "#storage/tasks.ts";
import { epochStep } from "#settlement/epoch-step.ts";
import { queryRows } from "#test/setup/database.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "#test/settlement/settling.ts";
import { storeFinished } from "#test/settlement/stored-tasks.ts";

let settling: Settling;
let database: Database;
let migrator: Database;
let signer: Database;
let final: number;
const [settled, late, waiting] = [finishedTask(1), finishedTask(3), finishedTask(4)];

/** What PostgreSQL answers to a role that may not. */
const notAllowed = { code: "42501" };

beforeAll(async () => {
  settling = await openSettling();
  ({ database, migrator } = settling);
  const options = { applicationName: "violations", maxConnections: 2, statementTimeoutMs: 10_000 };
  signer = openDatabase({ url: settling.signerUrl, ...options });
  final = await closeOver(settling, [settled, finishedTask(2)]);
  await settle(settling, final);
  await showAnchored(settling, final, "finalized");
  await settle(settling, final);
});

afterAll(async () => {
  await signer.close();
  await settling.close();
});

const expectRefused = (statement: Promise<unknown>, code: string): Promise<void> =>
  expect(statement).rejects.toMatchObject({ code });

async function tablesOf(schema: string): Promise<readonly { readonly name: string; readonly column: string }[]> {
  const { rows } = await migrator.query<{ name: string; column: string }>(
    `SELECT t.tablename::text AS name, (SELECT column_name::text FROM information_schema.columns c
        WHERE c.table_schema = t.schemaname AND c.table_name = t.tablename AND c.is_identity = 'NO' LIMIT 1) AS column
      FROM pg_tables t WHERE t.schemaname = $1 ORDER BY 1`,
    [schema],
  );
  return rows;
}

test("no table of the ledger can be changed, by the node, the signer or its owner [SETL-08] [RWRD-04]", async () => {
  const tables = await tablesOf("ledger");
  expect(tables.length).toBeGreaterThan(30);
  for (const { name, column } of tables) {
    for (const change of [
      `UPDATE ledger.${name} SET ${column} = ${column}`,
      `DELETE FROM ledger.${name}`,
      `TRUNCATE ledger.${name} CASCADE`,
    ]) {
      await expect(database.query(change), change).rejects.toMatchObject(notAllowed);
      await expect(signer.query(change), change).rejects.toMatchObject(notAllowed);
      await expect(migrator.query(change), change).rejects.toMatchObject({ code: "SC001" });
    }
    const insertion = `INSERT INTO ledger.${name} DEFAULT VALUES`;
    await expect(signer.query(insertion), insertion).rejects.toMatchObject(notAllowed);
  }
});

test("what the treasury saw and did cannot be changed, also by the signer [PAYO-04]", async () => {
  for (const name of ["journal", "event"]) {
    const column = (await tablesOf("payout")).find((table) => table.name === name)?.column ?? "";
    const update = `UPDATE payout.${name} SET ${column} = ${column}`;
    await expectRefused(signer.query(update), "SC001");
    await expectRefused(database.query(update), notAllowed.code);
    await expectRefused(migrator.query(`DELETE FROM payout.${name}`), "SC001");
  }
});

test("a settlement that is final, or has failed, is neither changed nor removed [SETL-08]", async () => {
  const change = `UPDATE work.settlement SET state = 'collecting' WHERE epoch = ${final}`;
  for (const role of [database, migrator]) await expectRefused(role.query(change), "SC003");
  await expectRefused(database.query(`DELETE FROM work.settlement`), notAllowed.code);
  await expectRefused(migrator.query(`DELETE FROM work.settlement`), "SC003");
  const again = `INSERT INTO ledger.finalized SELECT scope, epoch, revision, sha256(root), previous_root, block_number,
    block_hash, transaction_hash, at FROM ledger.finalized`;
  for (const role of [database, migrator]) await expectRefused(role.query(again), "23505");
});

test("a completed task stays, and nothing goes from acceptance past verification [TASK-02] [TASK-04]", async () => {
  const { now } = settling;
  await expectRefused(
    database.query(`UPDATE work.task SET state = 'verifying' WHERE task_id = $1`, [hexToBytes(settled.taskId)]),
    "SC004",
  );
  await storeFinished(database, [late], now);
  await database.query(`UPDATE work.task SET state = 'dispatched' WHERE task_id = $1`, [hexToBytes(late.taskId)]);
  const leap = database.transaction(async (transaction) => {
    const [claim] = await takeNamed(transaction, [late.taskId]);
    if (claim === undefined) throw new Error("no task");
    const move = { claim, to: "awaiting_settlement", by: "test", why: "in a hurry", deadlineAt: null } as const;
    await moveTasks(transaction, [move], now);
  });
  await expectRefused(leap, "SETTLEMENT_TRANSITION_REFUSED");
});

test("a task whose state was forged past verification is not settled [TASK-04] [SETL-02]", async () => {
  const forged = { ...finishedTask(5), decisions: [] };
  const epoch = await closeOver(settling, [forged, finishedTask(6)]);
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.journal WHERE kind = 'settlement' AND body::json->>'to' = 'candidate_ready' ORDER BY entry_no DESC LIMIT 1`,
  );
  const { detail } = JSON.parse(rows[0]?.body ?? "{}") as { detail: unknown };
  expect(detail).toMatchObject({
    items: 1,
    excluded: [{ taskId: forged.taskId, reason: "too few verifiers accepted it" }],
  });
});

const join = (task: { readonly taskId: Hex }, turn: number, epoch: number) =>
  `INSERT INTO ledger.epoch_member (task_id, turn, scope, epoch) VALUES ('\\x${task.taskId.slice(2)}', ${turn}, '${scope}', ${epoch})`;

test("a closed epoch takes no member, and nothing is a member twice [EPOC-06]", async () => {
  const { now } = settling;
  for (const role of [database, migrator]) {
    await expectRefused(role.query(join(late, 1, final)), "SC002");
    await expectRefused(role.query(join(late, 1, 999)), "SC002");
  }
  const request = { scope, epoch: final, limit: 10, by: "test", policies: new Map() };
  await expectRefused(
    database.transaction((transaction) => assignMembers(transaction, request, now)),
    "SETTLEMENT_EPOCH_CLOSED",
  );
  await storeFinished(database, [waiting], now);
  await epochStep(settling.deps).run();
  const open = (await newestEpoch(database, scope))?.epoch ?? 0;
  for (const turn of [1, 2]) await expectRefused(database.query(join(waiting, turn, open)), "23505");
});

test("an epoch is opened once, and goes one way [EPOC-02] [EPOC-03]", async () => {
  const { now } = settling;
  const open = (await newestEpoch(database, scope))?.epoch ?? 0;
  const insertion = `INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
    VALUES ('${scope}', ${open + 1}, 'open', now(), '{}', '{}')`;
  const set = (status: string, epoch: number) =>
    `UPDATE work.epoch SET status = '${status}', trigger = 'order', close_at = now() WHERE epoch = ${epoch}`;
  for (const role of [database, migrator]) {
    await expectRefused(role.query(insertion), "23505");
    // An open epoch closes before it is closed.
    await expectRefused(role.query(set("closed", open)), "SC002");
    await expectRefused(
      role.query(`UPDATE work.epoch SET status = 'open', trigger = NULL, close_at = NULL WHERE epoch = ${final}`),
      "SC002",
    );
    await expectRefused(role.query(set("closing", final)), "SC002");
  }
  await expectRefused(database.query(`DELETE FROM work.epoch`), notAllowed.code);
  await expectRefused(migrator.query(`DELETE FROM work.epoch`), "SC002");
  const skipping = { scope, epoch: open + 1, by: "test" };
  expect(await database.transaction((transaction) => openEpoch(transaction, skipping, now))).toBeUndefined();
  const reopening = migrator.transaction(async (transaction) => {
    await transaction.query(`UPDATE work.epoch SET status = 'closing', trigger = 'order' WHERE epoch = ${open}`);
    await transaction.query(`UPDATE work.epoch SET status = 'open', trigger = NULL WHERE epoch = ${open}`);
  });
  await expectRefused(reopening, "SC002");
});

test("what was settled is not deferred, nor what its epoch has not closed over [EPOC-05]", async () => {
  const { now } = settling;
  const open = (await newestEpoch(database, scope))?.epoch ?? 0;
  const defer = (taskId: Hex, epoch: number) =>
    database.transaction((transaction) =>
      deferMembers(transaction, { scope, epoch, by: "test", deferred: [{ taskId, reason: "a whim" }] }, now),
    );
  await expectRefused(defer(settled.taskId, final), "SC003");
  await expectRefused(defer(waiting.taskId, open), "SC003");
  const elsewhere = `INSERT INTO ledger.deferral (task_id, turn, scope, epoch, reason, at)
    SELECT task_id, turn, scope, epoch + 1, 'a whim', now() FROM ledger.epoch_member WHERE epoch = ${final}`;
  await expectRefused(migrator.query(elsewhere), "SC003");
});

test("a candidate cannot hold a challenged task, nor one of another epoch [SETL-02]", async () => {
  const hold = (task: { readonly taskId: Hex }, epoch: number) => `WITH candidate AS (
      INSERT INTO ledger.candidate SELECT scope, ${epoch}, 77, root, header, sub_roots, archive, item_count, payout_count,
        payout_total, pot, journal_batch, built_at FROM ledger.candidate WHERE epoch = ${final} RETURNING scope, epoch)
    INSERT INTO ledger.settlement_item (scope, epoch, revision, index, task_id)
    SELECT scope, epoch, 77, 0, '\\x${task.taskId.slice(2)}' FROM candidate`;
  const open = (await newestEpoch(database, scope))?.epoch ?? 0;
  await database.query(`UPDATE work.task SET state = 'challenged' WHERE task_id = $1`, [hexToBytes(waiting.taskId)]);
  for (const role of [database, migrator]) {
    await expectRefused(role.query(hold(waiting, open)), "SC003");
    await expectRefused(role.query(hold(late, open)), "SC003");
    await expectRefused(role.query(hold(settled, open)), "SC003");
  }
});

test("the node's role has no way around the triggers [OPER-04]", async () => {
  await expectRefused(database.query(`ALTER TABLE ledger.reward DISABLE TRIGGER append_only`), notAllowed.code);
  await expectRefused(database.query(`SET session_replication_role = replica`), notAllowed.code);
  await expect(queryRows(settling.url, `DROP TABLE ledger.reward`)).rejects.toMatchObject(notAllowed);
});
