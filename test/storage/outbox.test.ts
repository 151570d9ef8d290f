// Effects are written with what decides on them, and delivered until somebody says they were.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openDatabase, type Database } from "#storage/database.ts";
import { claimEffects, deliverDue, enqueue, pauseSeconds, settleEffect, type Delivery } from "#storage/outbox.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;
const start = new Date("2026-02-01T00:00:00.000Z");
const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);
const topic = "t";

beforeAll(async () => {
  server = await createTestDatabase();
  database = openDatabase({
    url: server.urls.node,
    applicationName: "outbox test",
    maxConnections: 4,
    statementTimeoutMs: 10_000,
  });
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

beforeEach(async () => {
  await database.query("DELETE FROM work.outbox");
});

const put = (...keys: string[]): Promise<void> =>
  database.transaction((transaction) =>
    enqueue(
      transaction,
      keys.map((key) => ({ key, topic, body: `body of ${key}` })),
      start,
    ),
  );

const claimed = async (seconds: number): Promise<readonly string[]> =>
  (await claimEffects(database, { topic, now: at(seconds) })).map(({ key }) => key).sort();

const delivered: Delivery = { kind: "delivered" };
const quietly = (): void => undefined;

test("an effect decided on again under its key is the same effect, delivered or not [SETL-09]", async () => {
  await put("a", "b");
  await put("a");
  expect(await claimed(0)).toEqual(["a", "b"]);
  await deliverDue(database, {
    topic,
    clock: () => at(60),
    deliver: () => Promise.resolve(delivered),
    onFailure: quietly,
  });
  await put("a", "b");
  expect(await claimed(10_000)).toEqual([]);
});

test("a transaction that fails leaves no effect", async () => {
  const failing = database.transaction(async (transaction) => {
    await enqueue(transaction, [{ key: "x", topic, body: "" }], start);
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await claimed(0)).toEqual([]);
});

test("a claim holds for a minute; then whoever claims next delivers, and the late answer counts for nothing", async () => {
  await put("a");
  const [first] = await claimEffects(database, { topic, now: start });
  expect(await claimed(59)).toEqual([]);
  const [second] = await claimEffects(database, { topic, now: at(60) });
  if (first === undefined || second === undefined) throw new Error("not claimed");
  await settleEffect(database, first, { kind: "failed", error: "late" }, at(61));
  const { rows } = await database.query("SELECT attempts, last_error, delivered_at FROM work.outbox");
  expect(rows).toEqual([{ attempts: 2, last_error: null, delivered_at: null }]);
  await settleEffect(database, second, delivered, at(62));
  expect(await claimed(1000)).toEqual([]);
});

test("two that claim at once never get the same effect", async () => {
  await put(...Array.from({ length: 100 }, (_, number) => `k${number}`));
  const claims = await Promise.all([1, 2, 3, 4].map(() => claimEffects(database, { topic, now: start, limit: 25 })));
  const keys = claims.flat().map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.length).toBe(100);
});

test("a delivery that throws is tried again with growing pauses, and the others go on", async () => {
  await put("bad", "good");
  const failures: string[] = [];
  const deliver = ({ key }: { key: string }): Promise<Delivery> =>
    key === "bad" ? Promise.reject(new Error("down")) : Promise.resolve(delivered);
  const run = (seconds: number): Promise<number> =>
    deliverDue(database, { topic, clock: () => at(seconds), deliver, onFailure: ({ key }) => void failures.push(key) });
  expect(await run(0)).toBe(1);
  expect(failures).toEqual(["bad"]);
  expect(await run(0.5)).toBe(0);
  expect(failures).toHaveLength(1);
  await run(1);
  await run(2);
  expect(failures).toHaveLength(2);
  await run(3);
  expect(failures).toHaveLength(3);
  const { rows } = await database.query("SELECT attempts, last_error FROM work.outbox WHERE key = 'bad'");
  expect(rows).toEqual([{ attempts: 3, last_error: "down" }]);
  expect([1, 2, 3, 7, 50].map(pauseSeconds)).toEqual([1, 2, 4, 60, 60]);
});

test("a delivery that is not through yet is looked at when it asks to be, without counting as a failure", async () => {
  await put("slow");
  const failures: unknown[] = [];
  const run = (seconds: number, delivery: Delivery): Promise<number> =>
    deliverDue(database, {
      topic,
      clock: () => at(seconds),
      deliver: () => Promise.resolve(delivery),
      onFailure: (_, error) => void failures.push(error),
    });
  expect(await run(0, { kind: "later", dueAt: at(5) })).toBe(0);
  expect(await run(4, delivered)).toBe(0);
  expect(await run(5, delivered)).toBe(1);
  expect(failures).toEqual([]);
});
