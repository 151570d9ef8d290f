// A duty has one holder at a time, and who lost it can no longer write.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProtocolError } from "#protocol/errors.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { acquireDuty, releaseDuties, requireDuty, type Duty } from "#storage/duties.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;
const start = new Date("2026-02-01T00:00:00.000Z");
const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);

beforeAll(async () => {
  server = await createTestDatabase();
  database = openDatabase({
    url: server.urls.node,
    applicationName: "duties test",
    maxConnections: 4,
    statementTimeoutMs: 10_000,
  });
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

const take = (name: string, holder: string, seconds: number): Promise<Duty | undefined> =>
  acquireDuty(database, { schema: "work", name, holder, seconds: 30, now: at(seconds) });

const holds = async (duty: Duty | undefined): Promise<boolean> => {
  if (duty === undefined) return false;
  try {
    await database.transaction((transaction) => requireDuty(transaction, duty));
    return true;
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "INTERNAL_LEASE_LOST") return false;
    throw error;
  }
};

test("a duty is one holder's until its time is over; taking it again prolongs it under the same fence", async () => {
  const first = await take("a", "p1", 0);
  expect(first?.fence).toBe(1n);
  expect(await take("a", "p2", 29)).toBeUndefined();
  expect((await take("a", "p1", 29))?.fence).toBe(1n);
  expect(await take("a", "p2", 58)).toBeUndefined();
  expect((await take("a", "p2", 59))?.fence).toBe(2n);
  expect(await take("a", "p1", 60)).toBeUndefined();
});

test("who lost a duty writes nothing under it, also after taking it back [LAYR-05]", async () => {
  const lost = await take("b", "p1", 0);
  expect(await holds(lost)).toBe(true);
  const taken = await take("b", "p2", 31);
  expect([await holds(lost), await holds(taken)]).toEqual([false, true]);
  const again = await take("b", "p1", 62);
  expect([await holds(lost), await holds(taken), await holds(again)]).toEqual([false, false, true]);
});

test("a holder whose own time ran out comes back under a new fence", async () => {
  const before = await take("c", "p1", 0);
  const after = await take("c", "p1", 31);
  expect([before?.fence, after?.fence]).toEqual([1n, 2n]);
  expect([await holds(before), await holds(after)]).toEqual([false, true]);
});

test("a duty cannot be taken while a transaction that depends on it is open", async () => {
  const duty = await take("d", "p1", 0);
  if (duty === undefined) throw new Error("nobody holds it");
  const order: string[] = [];
  await database.transaction(async (transaction) => {
    await requireDuty(transaction, duty);
    const taking = take("d", "p2", 31).then(() => order.push("taken"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    order.push("written");
    return { taking };
  });
  await expect.poll(() => order).toEqual(["written", "taken"]);
});

test("of many that compete, one gets it", async () => {
  const taken = await Promise.all(Array.from({ length: 20 }, (_, number) => take("e", `p${number}`, 0)));
  expect(taken.filter((duty) => duty !== undefined)).toHaveLength(1);
});

test("the duties of a holder given back are free at once, those of others are not, and giving back late changes nothing", async () => {
  const names = ["f", "g"];
  for (const name of names) expect(await take(name, "p1", 0)).toBeDefined();
  expect(await take("h", "p3", 0)).toBeDefined();
  await releaseDuties(database, { schema: "work", holder: "p1", now: at(1) });
  for (const name of names) expect((await take(name, "p2", 1))?.fence).toBe(2n);
  expect(await take("h", "p2", 1)).toBeUndefined();
  await releaseDuties(database, { schema: "work", holder: "p1", now: at(2) });
  expect(await take("f", "p1", 2)).toBeUndefined();
});

test("the signer has duties of its own, and none of the node's", async () => {
  const signer = openDatabase({
    url: server.urls.signer,
    applicationName: "duties test",
    maxConnections: 1,
    statementTimeoutMs: 10_000,
  });
  const request = { name: "pay", holder: "s1", seconds: 30, now: start };
  expect((await acquireDuty(signer, { schema: "payout", ...request }))?.fence).toBe(1n);
  await expect(acquireDuty(signer, { schema: "work", ...request })).rejects.toThrow(/permission denied/);
  await signer.close();
});
