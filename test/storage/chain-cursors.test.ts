// Places on the chain are kept in full, newest first.
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadCursors, storeCursors, type ChainCursor } from "#storage/chain-cursors.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await createTestDatabase();
  database = openDatabase({
    url: server.urls.node,
    applicationName: "cursors test",
    maxConnections: 2,
    statementTimeoutMs: 10_000,
  });
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

const contract = `0x${"ab".repeat(20)}` as const;
const cursor = (number: bigint): ChainCursor => ({
  sequence: number * 3n,
  runningHash: `0x${"11".repeat(32)}`,
  blockNumber: 2n ** 60n + number,
  blockHash: `0x${"22".repeat(32)}`,
});

test("cursors come back exactly, replace one another, and belong to one contract", async () => {
  expect(await loadCursors(database, "work", contract)).toEqual([]);
  await storeCursors(database, "work", contract, [cursor(2n), cursor(1n)]);
  expect(await loadCursors(database, "work", contract)).toEqual([cursor(2n), cursor(1n)]);
  await storeCursors(database, "work", contract, [cursor(3n)]);
  expect(await loadCursors(database, "work", contract)).toEqual([cursor(3n)]);
  expect(await loadCursors(database, "work", `0x${"cd".repeat(20)}`)).toEqual([]);
});

test("a transaction that fails leaves the cursor where it was", async () => {
  await storeCursors(database, "work", contract, [cursor(3n)]);
  const failing = database.transaction(async (transaction) => {
    await storeCursors(transaction, "work", contract, [cursor(9n)]);
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await loadCursors(database, "work", contract)).toEqual([cursor(3n)]);
});
