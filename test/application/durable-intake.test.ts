// Acknowledged only after the commit: what happens when the database waits, loses the connection, or the queue is full.
import { afterAll, beforeAll, expect, test } from "vitest";
import pg from "pg";
import { queryRows } from "#test/setup/database.ts";
import { expectProblem, send, type Answered } from "./calling.ts";
import { envelopeOf, signedBy } from "./envelopes.ts";
import { actor, openTestApplication, type Opened } from "./opened.ts";

const alice = actor(1);
const commitLock = 4_711;

let opened: Opened;
let origin = "";
let holder: pg.Client;

beforeAll(async () => {
  opened = await openTestApplication({ limits: { intakeQueue: 2 } });
  origin = await opened.app.listen({ host: "127.0.0.1", port: 0 });
  await opened.enrol(alice.address, ["task_submitter"], 1_000_000n);
  // Every commit that writes a task waits, as its last act, for a lock that a test may hold.
  await queryRows(
    opened.testDatabase.adminUrl,
    `CREATE FUNCTION public.wait_at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${commitLock}); RETURN NULL; END $$;
     CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON ledger.task DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION public.wait_at_commit();`,
  );
  holder = new pg.Client({ connectionString: opened.testDatabase.adminUrl });
  await holder.connect();
});
afterAll(async () => {
  await holder.end();
  await opened.close();
});

const submit = async (idempotencyKey: string): Promise<Answered> =>
  await send(origin, "POST", "/v1/tasks", { body: signedBy(alice, envelopeOf(alice.address, { idempotencyKey })) });

async function isStored(idempotencyKey: string): Promise<boolean> {
  const statement = "SELECT 1 AS one FROM ledger.task WHERE idempotency_key = $1";
  return (await opened.database.query(statement, [idempotencyKey])).rowCount === 1;
}

/** The process of the server that waits for a lock, in its commit or before it; waits for it to do so. */
async function waitingProcess(isCommitting: boolean): Promise<number> {
  const found = async (): Promise<number> => {
    const { rows } = await holder.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'application test'
        AND wait_event_type = 'Lock' AND (query = 'COMMIT') = $1`,
      [isCommitting],
    );
    return rows[0]?.pid ?? 0;
  };
  await expect.poll(found, { timeout: 20_000 }).toBeGreaterThan(0);
  return await found();
}

/** Holds commits back while something is done. */
async function whileCommitsWait<T>(work: () => Promise<T>): Promise<T> {
  await holder.query("SELECT pg_advisory_lock($1)", [commitLock]);
  try {
    return await work();
  } finally {
    await holder.query("SELECT pg_advisory_unlock($1)", [commitLock]);
  }
}

test("nobody is told before the commit is done", async () => {
  let isAnswered = false;
  const answer = await whileCommitsWait(async () => {
    const sent = submit("waits");
    void sent.then(() => (isAnswered = true));
    await waitingProcess(true);
    expect(await isStored("waits")).toBe(false);
    expect(isAnswered).toBe(false);
    return { sent };
  });
  expect((await answer.sent).statusCode).toBe(201);
  expect(await isStored("waits")).toBe(true);
});

test("a connection that is lost during the commit: refused as unknown, sent again, admitted once [TASK-07]", async () => {
  const refused = await whileCommitsWait(async () => {
    const sent = submit("lost-at-commit");
    await holder.query("SELECT pg_terminate_backend($1)", [await waitingProcess(true)]);
    return await sent;
  });
  expect(expectProblem(refused, "INTERNAL_DATABASE_UNAVAILABLE").detail).toMatchObject({ commit: "unknown" });
  expect(refused.headers["retry-after"]).toBeDefined();
  expect(await isStored("lost-at-commit")).toBe(false);
  const again = await submit("lost-at-commit");
  expect([again.statusCode, again.json()]).toMatchObject([201, { repeated: false }]);
  expect((await submit("lost-at-commit")).json()).toMatchObject({ repeated: true });
});

test("a connection that is lost before the commit: refused, nothing kept, the budget as it was", async () => {
  const budget = "SELECT amount FROM work.balance WHERE account = $1";
  const account = `budget:${alice.address}`;
  const before = await opened.database.query(budget, [account]);
  await holder.query("BEGIN");
  await holder.query(`${budget} FOR UPDATE`, [account]);
  const sent = submit("lost-before");
  let refused: Answered;
  try {
    await holder.query("SELECT pg_terminate_backend($1)", [await waitingProcess(false)]);
    refused = await sent;
  } finally {
    await holder.query("ROLLBACK");
  }
  const { detail } = expectProblem(refused, "INTERNAL_DATABASE_UNAVAILABLE");
  expect(detail["commit"]).toBeUndefined();
  expect(await isStored("lost-before")).toBe(false);
  expect((await opened.database.query(budget, [account])).rows).toEqual(before.rows);
  expect((await submit("lost-before")).statusCode).toBe(201);
});

test("a queue that is full refuses at once and says when to come back; what it holds is admitted", async () => {
  const { refused, others } = await whileCommitsWait(async () => {
    const sent = ["full-1", "full-2", "full-3"].map(async (key) => ({ key, answer: await submit(key) }));
    const first = await Promise.race(sent);
    return { refused: first, others: sent };
  });
  expectProblem(refused.answer, "POLICY_OVERLOADED");
  expect(refused.answer.headers["retry-after"]).toBe("1");
  const statuses = (await Promise.all(others)).map(({ answer }) => answer.statusCode);
  expect(statuses.toSorted((left, right) => left - right)).toEqual([201, 201, 503]);
  expect(await isStored(refused.key)).toBe(false);
  expect((await submit(refused.key)).statusCode).toBe(201);
});
