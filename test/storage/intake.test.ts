// Admission on a real database: what is known of submitters under lock, and everything an admission leaves behind at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { taskIdOf } from "#protocol/messages.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { deposit, readBudget } from "#storage/budgets.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { keyText, windowText, type HopefulAdmission } from "#storage/admission-rows.ts";
import { admitIfClear, admitTasks, lockSubmitters, readLiveVersions, type SubmitterFacts } from "#storage/intake.ts";
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

function admissionOf(submitter: Hex, idempotencyKey: string, change: Partial<HopefulAdmission> = {}): HopefulAdmission {
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
    tasksPerWindow: 100,
    ...change,
  };
}

/** Locks and admits as intake does; answers what was known before. */
const admitAll = async (admissions: readonly HopefulAdmission[]): Promise<SubmitterFacts> =>
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

/** Everything that admission writes, counted. */
const rowsNow = async (): Promise<unknown> => {
  const tables = ["ledger.task", "ledger.journal", "ledger.posting", "work.task", "work.quota", "work.balance"];
  const counts = tables.map((table) => `(SELECT count(*) FROM ${table}) AS "${table}"`);
  const { rows } = await database.query(
    `SELECT ${counts.join(", ")}, (SELECT sum(tasks) FROM work.quota) AS used,
      (SELECT sum(amount) FROM work.balance WHERE account LIKE 'reserved:%') AS reserved`,
  );
  return rows[0];
};

const admitClear = async (admissions: readonly HopefulAdmission[], keys = admissions): Promise<boolean> =>
  await admitIfClear(database, keys, admissions, "application", now);

test("with nothing against it a batch is written in one journey, as it is under lock", async () => {
  const batch = [
    admissionOf(alice, "c1", { signature: Buffer.alloc(65, 7) }),
    admissionOf(bob, "c2", { feeLimit: 0n }),
    admissionOf(alice, "c3", { scope: "side", window: { submitter: alice, startSeconds: startSeconds + 7_200 } }),
  ];
  const before = await readBudget(database, alice);
  expect(await admitClear(batch)).toBe(true);
  const { rows } = await database.query(
    `SELECT t.scope, t.envelope, t.signature, t.fee_limit, w.scope AS also, w.policy_version, w.deadline_at, p.amount, p.debit
      FROM ledger.task t JOIN work.task w USING (task_id)
      LEFT JOIN ledger.posting p ON p.reference = '0x' || encode(task_id, 'hex')
      WHERE task_id = ANY($1) ORDER BY w.arrival`,
    [batch.map(({ taskId }) => hexToBytes(taskId))],
  );
  expect(rows).toEqual(
    batch.map(({ scope, envelopeText, signature, feeLimit, deadlineAt, submitter }) => ({
      scope,
      envelope: envelopeText,
      signature,
      fee_limit: feeLimit,
      also: scope,
      policy_version: "1",
      deadline_at: deadlineAt,
      amount: feeLimit > 0n ? feeLimit : null,
      debit: feeLimit > 0n ? `budget:${submitter}` : null,
    })),
  );
  const histories = await taskHistories(
    database,
    batch.map(({ taskId }) => taskId),
  );
  expect([...histories.values()].flat().map(({ to, step, at }) => [to, step, at])).toEqual(
    batch.map(() => ["accepted", 0, now]),
  );
  expect(await readBudget(database, alice)).toMatchObject({ available: String(BigInt(before.available) - 200n) });
});

test.each([
  ["a key that was used [TASK-07]", () => [admissionOf(alice, "d1"), admissionOf(alice, "a1")]],
  ["a budget that is not enough for all [LAYR-03]", () => [admissionOf(bob, "d2"), admissionOf(poor, "d3")]],
  ["a window without room for all", () => [admissionOf(bob, "d4", { tasksPerWindow: 2 }), admissionOf(bob, "d5")]],
  ["an account that was never opened", () => [admissionOf(actor(9).address, "d6", { feeLimit: 0n })]],
])("nothing of a batch is written with %s against it", async (_, batchOf) => {
  const before = await rowsNow();
  expect(await admitClear(batchOf())).toBe(false);
  expect(await rowsNow()).toEqual(before);
});

test("keys of those that are not admitted stand against a batch as well: what they are known as is the answer", async () => {
  await admitAll([admissionOf(alice, "e0")]);
  expect(await admitClear([admissionOf(bob, "e1")], [admissionOf(bob, "e1"), admissionOf(alice, "e0")])).toBe(false);
  expect(await admitClear([admissionOf(bob, "e1")], [admissionOf(bob, "e1"), admissionOf(alice, "e2")])).toBe(true);
});

test("batches that compete for the last of a budget and of a window: no more than fits is written", async () => {
  const rich = actor(4).address;
  await deposit(database, { account: rich, amount: "1000", reference: "first" }, "test", now);
  await admitAll([admissionOf(rich, "opens", { feeLimit: 0n })]);
  const pairOf = (at: number, change: Partial<HopefulAdmission>): readonly HopefulAdmission[] =>
    [0, 1].map((part) => admissionOf(rich, `f${at}-${part}-${String(change.feeLimit)}`, change));
  const wins = async (change: Partial<HopefulAdmission>): Promise<number> =>
    (await Promise.all(Array.from({ length: 12 }, async (_, at) => await admitClear(pairOf(at, change))))).filter(
      Boolean,
    ).length;
  expect(await wins({ feeLimit: 150n })).toBe(3);
  expect(await readBudget(database, rich)).toMatchObject({ available: "100", reserved: "900" });
  // Seven tasks are counted by now.
  expect(await wins({ feeLimit: 1n, tasksPerWindow: 12 })).toBe(2);
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
