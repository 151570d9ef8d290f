// What a row of the ledger refers to is there when the row is written, and what there is one of stays one: for the node's role and
// for who owns the tables.
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountNames, post } from "#storage/accounts.ts";
import type { Database } from "#storage/database.ts";
import { newestEpoch } from "#storage/epochs.ts";
import { epochStep } from "#settlement/epoch-step.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { openSettling, type Settling } from "#test/settlement/settling.ts";
import { storeFinished } from "#test/settlement/stored-tasks.ts";

let settling: Settling;
let roles: readonly Database[];
const [one, other] = [finishedTask(1), finishedTask(2)];
const [missing, duplicate] = ["23503", "23505"];

const sql = (id: string | undefined): string => `'\\x${(id ?? "").slice(2)}'::bytea`;
const known = sql(one.taskId);
const [unknown, bare, anything] = ["unknown", "bare", "anything"].map((word) => `sha256('${word}')`);

beforeAll(async () => {
  settling = await openSettling();
  const { database, migrator, now } = settling;
  roles = [database, migrator];
  await storeFinished(database, [one, other], now);
  // A task that nothing was made of yet.
  await database.query(`INSERT INTO ledger.task SELECT ${bare}, scope, submitter, 'bare', envelope, signature, fee_limit, accepted_at
    FROM ledger.task WHERE task_id = ${known}`);
  await database.query(`INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, due_at)
    SELECT ${bare}, scope, submitter, 'accepted', schema_version, semantic_version, policy_version, due_at
    FROM work.task WHERE task_id = ${known}`);
});

afterAll(async () => {
  await settling.close();
});

const expectRefused = async (statement: string, refusal: object): Promise<void> => {
  for (const role of roles) await expect(role.query(statement), statement).rejects.toMatchObject(refusal);
};

/** What is wrong with a statement is then nothing but what the test changed in it. */
const expectTaken = async (statement: string): Promise<void> => {
  const undone = new Error("undone");
  const attempt = settling.database.transaction(async (transaction) => {
    await transaction.query(statement);
    throw undone;
  });
  await expect(attempt).rejects.toBe(undone);
};

const assignments = (...tasks: readonly (string | undefined)[]) =>
  `INSERT INTO ledger.assignment SELECT t, resolution_id, resolution, body
    FROM ledger.assignment, unnest(ARRAY[${tasks.join()}]) AS t WHERE task_id = ${known}`;
const results = (...tasks: readonly (string | undefined)[]) =>
  `INSERT INTO ledger.result SELECT ${anything}, t, executor, bundle, signature, result, transcript, access_log
    FROM ledger.result, unnest(ARRAY[${tasks.join()}]) AS t WHERE task_id = ${known}`;
const decision = (
  task: string | undefined,
  bundle: string | undefined,
  verifier = "substr(sha256('somebody'), 1, 20)",
) =>
  `INSERT INTO ledger.decision SELECT ${anything}, ${task}, ${bundle}, ${verifier}, verdict, body, evidence, signature
    FROM ledger.decision WHERE task_id = ${known} LIMIT 1`;

test("nothing is written about a task that is not there", async () => {
  await expectTaken(assignments(bare));
  await expectTaken(results(bare));
  await expectRefused(assignments(bare, unknown), { code: missing, message: "ledger.assignment: no such task" });
  await expectRefused(results(bare, unknown), { code: missing, message: "ledger.result: no such task" });
  await epochStep(settling.deps).run();
  const epoch = (await newestEpoch(settling.database, scope))?.epoch ?? 0;
  const members = (...tasks: readonly (string | undefined)[]) =>
    `INSERT INTO ledger.epoch_member SELECT t, 1, '${scope}', ${epoch} FROM unnest(ARRAY[${tasks.join()}]) AS t`;
  await expectTaken(members(bare));
  await expectRefused(members(bare, unknown), { code: missing, message: "ledger.epoch_member: no such task" });
  const reference = `INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, due_at)
    SELECT ${unknown}, scope, submitter, state, schema_version, semantic_version, policy_version, due_at
    FROM work.task WHERE task_id = ${known}`;
  await expectRefused(reference, { code: missing });
});

test("a decision is about the result of its task", async () => {
  await expectTaken(decision(known, sql(one.bundleId)));
  const refusal = { code: missing, message: "ledger.decision: the task has no result with this bundle" };
  await expectRefused(decision(known, anything), refusal);
  await expectRefused(decision(known, sql(other.bundleId)), refusal);
  await expectRefused(decision(bare, sql(one.bundleId)), refusal);
  await expectRefused(decision(unknown, sql(one.bundleId)), refusal);
});

test("a task has one assignment, one result, and one decision of each verifier [LAYR-15]", async () => {
  await expectRefused(assignments(known), { code: duplicate });
  await expectRefused(results(known), { code: duplicate });
  await expectRefused(decision(known, sql(one.bundleId), "verifier"), { code: duplicate });
});

test("a challenge is about a decision of its task, and overrules no other's [CHAL-02]", async () => {
  const challenge = (of: string | undefined) =>
    `INSERT INTO ledger.challenge (challenge_id, origin, task_id, decision_id, scope, challenger, body, at)
      SELECT ${anything}, 'disagreement', ${known}, ${of}, '${scope}', submitter, '{}', accepted_at
      FROM ledger.task WHERE task_id = ${known}`;
  const [mine, foreign] = [one, other].map(({ decisions }) => sql(decisions[0]?.decisionId));
  const refusal = { code: missing, message: "ledger.challenge: no such decision about the task" };
  for (const of of [foreign, unknown]) await expectRefused(challenge(of), refusal);
  await settling.database.query(challenge(mine));
  const overruling = (of: string | undefined) => `INSERT INTO ledger.overruled_decision VALUES (${of}, ${anything})`;
  await expectTaken(overruling(mine));
  const others = "ledger.overruled_decision: no such decision about the task of the challenge";
  for (const of of [foreign, unknown]) await expectRefused(overruling(of), { code: missing, message: others });
});

test("a task's fee is reserved once, whatever the accounts; other postings once for their accounts", async () => {
  const again = (kind: string, accounts: string) =>
    `INSERT INTO ledger.posting (kind, debit, credit, amount, reference, at)
      SELECT kind, ${accounts}, amount, reference, at FROM ledger.posting WHERE kind = '${kind}' AND reference = '${one.taskId}'`;
  await expectRefused(again("reserve", "debit, credit"), { code: duplicate, constraint: "one_reservation" });
  await expectRefused(again("reserve", "'elsewhere', credit"), { code: duplicate, constraint: "one_reservation" });
  await expectRefused(again("deposit", "debit, credit"), { code: duplicate, constraint: "one_posting" });
  await expectTaken(again("deposit", "debit, 'elsewhere'"));
  const { envelope, taskId } = one;
  const [debit, credit] = [accountNames.budget(envelope.submitter), accountNames.reserved(envelope.submitter)];
  const twice = settling.database.transaction((transaction) =>
    post(transaction, [{ kind: "reserve", debit, credit, amount: 1n, reference: taskId }], settling.now),
  );
  await expect(twice).rejects.toMatchObject({ code: duplicate, constraint: "one_reservation" });
});
