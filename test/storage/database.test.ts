// The way to PostgreSQL: values come back exactly, transactions are whole, loss of the server is told apart from refusal.
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProtocolError } from "#protocol/errors.ts";
import { openDatabase, sqlState, violatedConstraint, type Database } from "#storage/database.ts";
import { groupOf } from "#storage/roles.ts";
import { createEmptyDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;
let other: Database;

const open = (url: string, options: { role?: string; statementTimeoutMs?: number } = {}): Database =>
  openDatabase({ url, applicationName: "database test", maxConnections: 4, statementTimeoutMs: 30_000, ...options });

beforeAll(async () => {
  server = await createEmptyDatabase();
  database = open(server.adminUrl);
  other = open(server.adminUrl);
  await database.query("CREATE TABLE counter (name text PRIMARY KEY, value bigint NOT NULL CHECK (value < 1000))");
  await database.query("INSERT INTO counter VALUES ('a', 0), ('b', 0)");
});

afterAll(async () => {
  await database.close();
  await other.close();
  await server.drop();
});

async function unavailable(work: Promise<unknown>): Promise<ProtocolError["detail"]> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProtocolError)) throw error;
  expect(error.code).toBe("INTERNAL_DATABASE_UNAVAILABLE");
  expect(error.retry).toBe(true);
  return error.detail;
}

const terminate = (pid: unknown): Promise<unknown> => other.query("SELECT pg_terminate_backend($1)", [pid as number]);

const pidOf = "SELECT pg_backend_pid() AS pid";

test("values come back exactly: integers as bigint, bytes as bytes, json and dates as text", async () => {
  const { rows, rowCount } = await database.query(
    `SELECT 9007199254740993::int8 AS int8, -123456789012345678901234567890::numeric AS "numeric", 7::int4 AS int4,
       '{1,NULL,-3}'::int8[] AS int8s, '{}'::numeric[] AS numerics, '{"b":1.0, "a":2}'::jsonb AS jsonb,
       '{"b":1.0, "a":2}'::json AS json, '2026-01-31'::date AS date, '2026-01-31T12:00:00Z'::timestamptz AS at,
       '\\x00ff'::bytea AS bytes, NULL::int8 AS nothing, '{a,b}'::text[] AS texts`,
  );
  expect(rowCount).toBe(1);
  expect(rows[0]).toEqual({
    int8: 9007199254740993n,
    numeric: -123456789012345678901234567890n,
    int4: 7,
    int8s: [1n, null, -3n],
    numerics: [],
    jsonb: '{"a": 2, "b": 1.0}',
    json: '{"b":1.0, "a":2}',
    date: "2026-01-31",
    at: new Date("2026-01-31T12:00:00Z"),
    bytes: Buffer.from([0, 255]),
    nothing: null,
    texts: ["a", "b"],
  });
});

test("a fraction is refused instead of losing digits", async () => {
  await expect(database.query("SELECT 0.1::numeric")).rejects.toThrow("numeric value 0.1 is not an integer");
  await expect(database.query("SELECT 1")).resolves.toMatchObject({ rowCount: 1 });
});

test("batches sent as arrays come back unchanged", async () => {
  const row = fc.record({
    amount: fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }),
    bytes: fc.uint8Array({ maxLength: 40 }),
    text: fc.option(fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"))),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (sent) => {
      const { rows } = await database.query(
        `SELECT amount, bytes, text FROM unnest($1::numeric[], $2::bytea[], $3::text[])
         WITH ORDINALITY AS t (amount, bytes, text, position) ORDER BY position`,
        [sent.map(({ amount }) => amount), sent.map(({ bytes }) => bytes), sent.map(({ text }) => text)],
      );
      expect(rows).toEqual(sent.map((each) => ({ ...each, bytes: Buffer.from(each.bytes) })));
    }),
    { numRuns: 50 },
  );
});

test("a named statement is prepared once per connection", async () => {
  const statement = { name: "twice", text: "SELECT $1::int8 + 1 AS next" };
  const prepared = await database.transaction(async (transaction) => {
    await transaction.query(statement, [1n]);
    await transaction.query(statement, [2n]);
    return await transaction.query("SELECT count(*) AS count FROM pg_prepared_statements WHERE name = 'twice'");
  });
  expect(prepared.rows).toEqual([{ count: 1n }]);
});

test("a transaction is whole or nothing", async () => {
  const increment = "UPDATE counter SET value = value + 1 WHERE name = 'a' RETURNING value";
  const read = async (): Promise<unknown> =>
    (await database.query("SELECT value FROM counter WHERE name = 'a'")).rows[0]?.["value"];
  const before = await read();
  const failing = database.transaction(async (transaction) => {
    await transaction.query(increment);
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect(await read()).toBe(before);
  await database.transaction(async (transaction) => await transaction.query(increment));
  expect(await read()).toBe(BigInt(String(before)) + 1n);
});

test("a failure swallowed inside a transaction does not pass for a commit", async () => {
  const swallowing = database.transaction(async (transaction) => {
    await transaction.query("SELECT 1 / 0").catch(() => undefined);
  });
  await expect(swallowing).rejects.toThrow("swallowed");
});

test("a statement after the end of its transaction is refused", async () => {
  const leaked = await database.transaction((transaction) => Promise.resolve(transaction));
  await expect(leaked.query("SELECT 1")).rejects.toThrow("after the end");
});

test("a read-only transaction writes nothing", async () => {
  const writing = database.transaction(
    async (transaction) => await transaction.query("UPDATE counter SET value = 0 WHERE name = 'a'"),
    { readOnly: true },
  );
  expect((await unavailable(writing))["reason"]).toBe("25006");
});

test("a serialization failure is tried again", async () => {
  await database.query("UPDATE counter SET value = 0 WHERE name = 'b'");
  let attempts = 0;
  await database.transaction(
    async (transaction) => {
      attempts++;
      await transaction.query("SELECT value FROM counter WHERE name = 'b'");
      if (attempts === 1) await other.query("UPDATE counter SET value = value + 10 WHERE name = 'b'");
      await transaction.query("UPDATE counter SET value = value + 1 WHERE name = 'b'");
    },
    { isolation: "repeatable read" },
  );
  expect(attempts).toBe(2);
  expect((await database.query("SELECT value FROM counter WHERE name = 'b'")).rows).toEqual([{ value: 11n }]);
});

test("lasting contention ends after five attempts", async () => {
  let attempts = 0;
  const contended = database.transaction(
    async (transaction) => {
      attempts++;
      await transaction.query("SELECT value FROM counter WHERE name = 'b'");
      await other.query("UPDATE counter SET value = value + 1 WHERE name = 'b'");
      await transaction.query("UPDATE counter SET value = value + 1 WHERE name = 'b'");
    },
    { isolation: "serializable" },
  );
  expect(await unavailable(contended)).toEqual({ reason: "40001", attempts: 5 });
  expect(attempts).toBe(5);
});

test("of two transactions in a deadlock both finish", async () => {
  const met = Promise.withResolvers<void>();
  let holding = 0;
  const move = async (first: string, second: string): Promise<void> => {
    await database.transaction(async (transaction) => {
      await transaction.query("UPDATE counter SET value = 1 WHERE name = $1", [first]);
      if (++holding === 2) met.resolve();
      await met.promise;
      await transaction.query("UPDATE counter SET value = 1 WHERE name = $1", [second]);
    });
  };
  await expect(Promise.all([move("a", "b"), move("b", "a")])).resolves.toHaveLength(2);
  expect(holding).toBeGreaterThan(2);
});

test("what PostgreSQL refuses keeps its SQLSTATE and constraint, and is not tried again", async () => {
  let attempts = 0;
  const refused: unknown = await database
    .transaction(async (transaction) => {
      attempts++;
      await transaction.query("UPDATE counter SET value = 1000 WHERE name = 'a'");
    })
    .catch((error: unknown) => error);
  expect(sqlState(refused)).toBe("23514");
  expect(violatedConstraint(refused)).toBe("counter_value_check");
  expect(attempts).toBe(1);
});

test("a server that is not there is unavailable", async () => {
  const url = new URL(server.adminUrl);
  url.port = "1";
  const nowhere = open(url.href);
  expect(await unavailable(nowhere.query("SELECT 1"))).toEqual({ reason: "ECONNREFUSED" });
  expect(await unavailable(nowhere.transaction(() => Promise.resolve()))).toEqual({ reason: "ECONNREFUSED" });
  await nowhere.close();
});

test("a connection that breaks inside a transaction is unavailable, and the next one works", async () => {
  const breaking = database.transaction(async (transaction) => {
    const { rows } = await transaction.query(pidOf);
    await terminate(rows[0]?.["pid"]);
    await transaction.query("SELECT 1");
  });
  expect((await unavailable(breaking))["commit"]).toBeUndefined();
  await expect(database.query("SELECT 1")).resolves.toMatchObject({ rowCount: 1 });
});

test("a connection that breaks during COMMIT leaves the outcome unknown", async () => {
  await database.query("CREATE TABLE doomed (id int)");
  await database.query(`CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END $$`);
  await database.query(`CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON doomed DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION doom()`);
  const breaking = database.transaction(
    async (transaction) => await transaction.query("INSERT INTO doomed VALUES (1)"),
  );
  expect((await unavailable(breaking))["commit"]).toBe("unknown");
});

test("a statement that takes too long is given up", async () => {
  const hasty = open(server.adminUrl, { statementTimeoutMs: 50 });
  expect(await unavailable(hasty.query("SELECT pg_sleep(30)"))).toEqual({ reason: "57014" });
  await hasty.close();
});

test("a login acts as a role it is a member of", async () => {
  const acting = open(server.urls.migrator, { role: groupOf("migrator") });
  const { rows } = await acting.query("SELECT current_user::text AS role, current_setting('TimeZone') AS zone");
  expect(rows).toEqual([{ role: "scs_migrator", zone: "UTC" }]);
  await acting.close();
});

test("notifications arrive, also after the listening connection was lost", async () => {
  const heard: string[] = [];
  const waiters = new Map<string, () => void>();
  const hear = async (payload: string, act: () => Promise<unknown>): Promise<void> => {
    const arrived = new Promise<void>((resolve) => waiters.set(payload, resolve));
    await act();
    await arrived;
  };
  const listening = open(server.adminUrl);
  await listening.listen("news", (payload) => {
    heard.push(payload);
    waiters.get(payload)?.();
  });
  await hear("first", async () => await other.query("SELECT pg_notify('news', 'first')"));
  // Told with "" when it listens again, since it may have missed something.
  await hear("", async () => {
    await other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN \"news\"'");
  });
  await hear("second", async () => await other.query("SELECT pg_notify('news', 'second')"));
  expect(heard).toEqual(["first", "", "second"]);
  await listening.close();
});
