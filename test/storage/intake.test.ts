// Admission on a real database: what is known of submitters under lock, and everything an admission leaves behind at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { taskIdOf } from "#protocol/messages.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { deposit, readBudget } from "#storage/budgets.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import {
  admitTasks,
  keyText,
  lockSubmitters,
  readLiveVersions,
  windowText,
  type Admission,
  type SubmitterFacts,
} from "#storage/intake.ts";
import { taskHistories } from "#storage/tasks.ts";
import { envelopeOf } from "#test/application/envelopes.ts";
import { actor } from "#test/application/opened.ts";
import { createTestDatabase, queryRows, type TestDatabase } from "#test/setup/database.ts";

const now = new Date("2026-11-21T12:00:00.000Z");
const startSeconds = now.getTime() / 1000;
const [alice, bob, poor] = [actor(1).address, actor(2).address, actor(3).address];

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const url = testDatabase.urls.node;
  database = openDatabase({ url, applicationName: "intake test", maxConnections: 8, statementTimeoutMs: 30_000 });
  for (const [account, amount] of [
    [alice, "10000"],
    [bob, "10000"],
    [poor, "10"],
  ] as const) {
    await deposit(database, { account, amount, reference: "first" }, "test", now);
  }
});
afterAll(async () => {
  expect(await sumOfBalances(database)).toBe(0n);
  await database.close();
  await testDatabase.drop();
});

function admissionOf(submitter: Hex, idempotencyKey: string, change: Partial<Admission> = {}): Admission {
  const envelope = envelopeOf(submitter, { idempotencyKey });
  return {
    taskId: taskIdOf(envelope),
    scope: "main",
    submitter,
    idempotencyKey,
    envelopeText: canonicalText(envelope),
    signature: null,
    feeLimit: 100n,
    versions: { schema: "1.0", semantic: "2026.1", policy: "1" },
    deadlineAt: new Date(now.getTime() + 60_000),
    window: { submitter, startSeconds },
    ...change,
  };
}

/** Locks and admits as intake does; answers what was known before. */
const admitAll = async (admissions: readonly Admission[]): Promise<SubmitterFacts> =>
  await database.transaction(async (transaction) => {
    const facts = await lockSubmitters(
      transaction,
      admissions,
      admissions.map(({ window }) => window),
    );
    await admitTasks(transaction, admissions, "application", now);
    return facts;
  });

test("an admission leaves the task, its work, its first journal entry, the reserved fee and the used quota", async () => {
  const batch = [
    admissionOf(alice, "a1"),
    admissionOf(bob, "b1", { signature: Buffer.alloc(65, 7) }),
    admissionOf(alice, "a2"),
  ];
  const before = await admitAll(batch);
  expect(before.known.size).toBe(0);
  expect(before.available).toEqual(
    new Map([
      [alice, 10_000n],
      [bob, 10_000n],
    ]),
  );
  const ids = batch.map(({ taskId }) => taskId);
  const { rows } = await database.query(
    `SELECT t.envelope, t.signature, t.fee_limit, t.accepted_at, w.state, w.moves, w.due_at, w.deadline_at
      FROM ledger.task t JOIN work.task w USING (task_id) WHERE task_id = ANY($1) ORDER BY w.arrival`,
    [ids.map((id) => hexToBytes(id))],
  );
  expect(rows).toEqual(
    batch.map(({ envelopeText, signature, feeLimit, deadlineAt }) => ({
      envelope: envelopeText,
      signature,
      fee_limit: feeLimit,
      accepted_at: now,
      state: "accepted",
      moves: 1,
      due_at: now,
      deadline_at: deadlineAt,
    })),
  );
  for (const history of (await taskHistories(database, ids)).values()) {
    const versions = { schema: "1.0", semantic: "2026.1", policy: "1" };
    expect(history).toEqual([
      { from: null, to: "accepted", by: "application", why: "admitted", step: 0, versions, at: now },
    ]);
  }
  expect(await readBudget(database, alice)).toMatchObject({ available: "9800", reserved: "200" });
  expect(await readBudget(database, bob)).toMatchObject({ available: "9900", reserved: "100" });
});

test("what was admitted is known afterwards, by submitter and key, with what its window has used [TASK-07]", async () => {
  const [first] = [admissionOf(alice, "k1")];
  await admitAll([first, admissionOf(alice, "k2")]);
  const other = { submitter: alice, startSeconds: startSeconds + 3_600 };
  const facts = await database.transaction(
    async (transaction) =>
      await lockSubmitters(
        transaction,
        [{ submitter: alice, idempotencyKey: "k1" }, { submitter: bob, idempotencyKey: "k1" }, first],
        [first.window, other],
      ),
  );
  expect(facts.known).toEqual(new Map([[keyText(first), { taskId: first.taskId, state: "accepted" }]]));
  expect(facts.used.get(windowText(first.window))).toBeGreaterThanOrEqual(2);
  expect(facts.used.get(windowText(other))).toBeUndefined();
});

test("who locks a submitter is alone with its budget until the end", async () => {
  const order: string[] = [];
  const admitAfter = async (name: string): Promise<void> => {
    await database.transaction(async (transaction) => {
      const { available } = await lockSubmitters(transaction, [{ submitter: bob, idempotencyKey: name }], []);
      const left = available.get(bob) ?? 0n;
      await admitTasks(transaction, [admissionOf(bob, name)], "application", now);
      order.push(String(left));
    });
  };
  await Promise.all(["r1", "r2", "r3", "r4", "r5"].map(admitAfter));
  expect(new Set(order).size).toBe(5);
});

test("a budget can never be overdrawn, and one bad row leaves nothing of its batch [LAYR-03]", async () => {
  await expect(admitAll([admissionOf(alice, "n1"), admissionOf(poor, "n2")])).rejects.toMatchObject({ code: "23514" });
  await expect(admitAll([admissionOf(alice, "n3"), admissionOf(alice, "n3")])).rejects.toMatchObject({ code: "23505" });
  const { rowCount } = await database.query("SELECT 1 AS one FROM ledger.task WHERE idempotency_key LIKE 'n%'");
  expect(rowCount).toBe(0);
  expect(await readBudget(database, poor)).toMatchObject({ available: "10", reserved: "0" });
});

test("nothing to admit writes nothing; a window of two days ago is forgotten", async () => {
  const old = { submitter: alice, startSeconds: startSeconds - 172_800 };
  await admitAll([admissionOf(alice, "o1", { window: old })]);
  await admitAll([admissionOf(alice, "o2")]);
  await admitAll([]);
  const facts = await database.transaction(async (transaction) => await lockSubmitters(transaction, [], [old]));
  expect(facts.used.size).toBe(0);
});

test("the live versions are those rolled out last up to the epoch that is open or opens next", async () => {
  const at = now.toISOString();
  const live = async (): Promise<unknown> => Object.fromEntries(await readLiveVersions(database, ["s", "none"]));
  expect(await live()).toEqual({});
  const rollOut = async (epoch: number, version: string): Promise<unknown> =>
    await database.query(
      "INSERT INTO ledger.rollout (scope, from_epoch, semantic_versions, policy_versions, ordered_at) VALUES ('s', $1, $2, '{1}', $3)",
      [epoch, [version], now],
    );
  await rollOut(1, "2026.1");
  await rollOut(3, "2026.3");
  expect(await live()).toEqual({ s: { semantic: ["2026.1"], policy: ["1"] } });
  const open = async (epoch: number): Promise<unknown> =>
    await queryRows(
      testDatabase.adminUrl,
      `UPDATE work.epoch SET status = 'closing', trigger = 'order' WHERE scope = 's' AND status = 'open';
       UPDATE work.epoch SET status = 'closed', close_at = '${at}' WHERE scope = 's' AND status = 'closing';
       INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
        VALUES ('s', ${epoch}, 'open', '${at}', '{}', '{}')`,
    );
  await open(1);
  await open(2);
  expect(await live()).toEqual({ s: { semantic: ["2026.1"], policy: ["1"] } });
  await database.query(
    "UPDATE work.epoch SET status = 'closing', trigger = 'order' WHERE scope = 's' AND status = 'open'",
  );
  expect(await live()).toEqual({ s: { semantic: ["2026.1"], policy: ["1"] } });
  await database.query(
    "UPDATE work.epoch SET status = 'closed', close_at = $1 WHERE scope = 's' AND status = 'closing'",
    [now],
  );
  expect(await live()).toEqual({ s: { semantic: ["2026.3"], policy: ["1"] } });
});
