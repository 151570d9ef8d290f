// Statements of one journey: one transaction, in their order, counted; told apart whether a lost one may be committed.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ProtocolError } from "#protocol/errors.ts";
import { openDatabase, sqlState, type Database, type Queryable } from "#storage/database.ts";
import type { Errand } from "#storage/journey.ts";
import { createEmptyDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;
let other: Database;

const open = (maxConnections = 1): Database =>
  openDatabase({ url: server.adminUrl, applicationName: "journey test", maxConnections, statementTimeoutMs: 30_000 });

beforeAll(async () => {
  server = await createEmptyDatabase();
  [database, other] = [open(), open(4)];
  await database.query("CREATE TABLE counter (name text PRIMARY KEY, value bigint NOT NULL CHECK (value < 1000))");
  // Each statement that takes the lock says so, and a commit can be made to wait for it.
  await database.query(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$`);
  await database.query(`CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON counter DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name LIKE 'waits%') EXECUTE FUNCTION wait()`);
});
beforeEach(async () => {
  await database.query("DELETE FROM counter");
  await database.query("INSERT INTO counter VALUES ('a', 0), ('b', 0)");
});
afterAll(async () => {
  await database.close();
  await other.close();
  await server.drop();
});

const add = (name: string, value: number): Errand => ({
  name: "add",
  text: "UPDATE counter SET value = value + $2::bigint WHERE name = $1",
  values: [name, String(value)],
});
const insert = (name: string): Errand => ({
  name: "insert",
  text: "INSERT INTO counter SELECT unnest($1::text[]), 0",
  values: [name],
});
const find: Errand = { name: "find", text: "SELECT name FROM counter ORDER BY name FOR UPDATE", values: [] };

const values = async (): Promise<Readonly<Record<string, bigint>>> => {
  const { rows } = await other.query<{ name: string; value: bigint }>("SELECT name, value FROM counter ORDER BY name");
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
};

/** Makes a journey while another transaction holds a lock, which does something once the journey waits for it. */
async function whileWaiting(
  hold: string,
  errands: readonly Errand[],
  act: (holding: Queryable, pid: number) => Promise<unknown>,
): Promise<{ readonly counts?: readonly number[]; readonly error?: unknown }> {
  return await other
    .transaction(async (holding) => {
      await holding.query(hold);
      const arrived = database.journey(errands).then(
        (counts) => ({ counts }),
        (error: unknown) => ({ error }),
      );
      const waiting = async (): Promise<number> => {
        const { rows } = await other.query<{ pid: number }>(
          "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return rows[0]?.pid ?? 0;
      };
      await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThan(0);
      await act(holding, await waiting());
      return { arrived };
    })
    .then(async ({ arrived }) => await arrived);
}

const terminate = async (_: Queryable, pid: number): Promise<unknown> =>
  await other.query("SELECT pg_terminate_backend($1)", [pid]);

const holdA = "UPDATE counter SET value = 7 WHERE name = 'a'";

test("statements run in their order and say how many rows each found or changed; then it is committed", async () => {
  const journey = [find, add("a", 5), add("c", 1), insert("{c,d,e}"), find];
  expect(await database.journey(journey)).toEqual([2, 1, 0, 3, 5]);
  expect(await values()).toEqual({ a: 5n, b: 0n, c: 0n, d: 0n, e: 0n });
});

test("texts and quotes arrive as they were sent", async () => {
  await database.journey([insert('{"it\'s \\"é𝄞\\" \\\\ {,}"}')]);
  expect(Object.keys(await values())).toContain('it\'s "é𝄞" \\ {,}');
});

test("after a refusal nothing is kept, the rest is skipped, and the connection goes on; it is not tried again", async () => {
  const refused: unknown = await database
    .journey([add("a", 5), add("b", 1000), add("a", 5)])
    .catch((error: unknown) => error);
  expect(sqlState(refused)).toBe("23514");
  expect(await values()).toEqual({ a: 0n, b: 0n });
  expect(await database.journey([add("a", 5)])).toEqual([1]);
  expect(await values()).toEqual({ a: 5n, b: 0n });
});

test("a journey that failed before its statements were prepared can be made again, and beside ordinary statements of that name", async () => {
  const fresh = open();
  const late = { name: "late", text: "SELECT 1 / $1::int", values: ["0"] };
  expect(sqlState(await fresh.journey([late, add("a", 1)]).catch((error: unknown) => error))).toBe("22012");
  expect(await fresh.journey([{ ...late, values: ["1"] }, add("a", 1)])).toEqual([1, 1]);
  await expect(fresh.query({ name: "late", text: "SELECT 2 AS two" })).resolves.toMatchObject({ rows: [{ two: 2 }] });
  expect(await fresh.journey([{ ...late, values: ["1"] }])).toEqual([1]);
  await fresh.close();
});

test("a statement sees what was committed while one before it waited for a lock", async () => {
  const count: Errand = { name: "count", text: "INSERT INTO counter SELECT 'seen', count(*) FROM counter", values: [] };
  const addOne = async (holding: Queryable): Promise<unknown> =>
    await holding.query("INSERT INTO counter VALUES ('new', 0)");
  expect(await whileWaiting(holdA, [find, count], addOne)).toEqual({ counts: [2, 1] });
  expect((await values())["seen"]).toBe(3n);
});

test("of two journeys in a deadlock both arrive", async () => {
  const third = open();
  const rest: Errand = { name: "rest", text: "SELECT pg_sleep(0.2)", values: [] };
  await Promise.all([
    database.journey([add("a", 1), rest, add("b", 1)]),
    third.journey([add("b", 1), rest, add("a", 1)]),
  ]);
  expect(await values()).toEqual({ a: 2n, b: 2n });
  await third.close();
});

test("a connection that is lost before the commit is unavailable, and nothing is unknown", async () => {
  const { error } = await whileWaiting(holdA, [add("b", 1), add("a", 1)], terminate);
  expect(error).toMatchObject({ code: "INTERNAL_DATABASE_UNAVAILABLE" });
  expect((error as ProtocolError).detail).toEqual({ reason: "57P01" });
  expect(await values()).toEqual({ a: 7n, b: 0n });
});

test("a connection that is lost during the commit leaves the outcome unknown", async () => {
  const { error } = await whileWaiting("SELECT pg_advisory_xact_lock(4711)", [insert("{waits}")], terminate);
  expect((error as ProtocolError).detail).toEqual({ reason: "57P01", commit: "unknown" });
  expect(await values()).toEqual({ a: 0n, b: 0n });
});
