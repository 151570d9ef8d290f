// The journal is sealed in the order of commit, in batches that chain, and nothing can come before what is sealed.
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { journalLeaf, nodesOf, inclusionProof, verifyInclusion } from "#protocol/journal-tree.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import {
  appendJournal,
  batchHash,
  entryText,
  lastBatch,
  readBatches,
  readJournal,
  requireForwardTransactionIds,
  sealJournal,
  type JournalBatch,
  type JournalEntry,
} from "#storage/journal.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;
const now = new Date("2026-02-01T00:00:00.000Z");

beforeAll(async () => {
  server = await createTestDatabase();
  database = openDatabase({
    url: server.urls.node,
    applicationName: "journal test",
    maxConnections: 6,
    statementTimeoutMs: 20_000,
  });
});

afterAll(async () => {
  await database.close();
  await server.drop();
});

const acts = (...bodies: string[]) =>
  bodies.map((body) => ({ kind: "test", subject: Buffer.from(body, "utf8"), body }));
const append = (...bodies: string[]): Promise<void> =>
  database.transaction((transaction) => appendJournal(transaction, acts(...bodies), now));

/** Seals so many entries; open transactions in other databases of the server hold sealing back for a while. */
async function seal(entries: number): Promise<void> {
  let sealed = 0;
  await expect.poll(async () => (sealed += await sealJournal(database, now)), { timeout: 30_000 }).toBe(entries);
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const gathered: T[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}

test("a transaction's acts are kept together, in their order, and seal into a batch", async () => {
  await append("a1", "a2", "a3");
  await seal(3);
  expect((await gather(readJournal(database))).map(({ body }) => body)).toEqual(["a1", "a2", "a3"]);
  expect(await sealJournal(database, now)).toBe(0);
});

test("an entry of a transaction that began earlier is never sealed behind one that began later", async () => {
  const before = (await gather(readJournal(database))).length;
  await database.transaction(async (early) => {
    await appendJournal(early, acts("early"), now);
    await append("late");
    // `late` is committed, but `early` is of an older transaction and still open.
    expect(await sealJournal(database, now)).toBe(0);
  });
  await seal(2);
  const bodies = (await gather(readJournal(database))).map(({ body }) => body);
  expect(bodies.slice(before)).toEqual(["early", "late"]);
});

test("batches chain by hash, and their tree proves every entry", async () => {
  for (let number = 0; number < 5; number++) {
    await append(...Array.from({ length: number * 3 + 1 }, (_, at) => `b${number}.${at}`));
    await seal(number * 3 + 1);
  }
  const batches: JournalBatch[] = await gather(readBatches(database));
  const entries: JournalEntry[] = await gather(readJournal(database));
  let previous = `0x${"00".repeat(32)}`;
  for (const batch of batches) {
    expect(batch.previous).toBe(previous);
    expect(batchHash(batch)).toBe(batch.hash);
    previous = batch.hash;
  }
  const leaves = entries.map((entry) => journalLeaf(Buffer.from(entryText(entry), "utf8")));
  expect(batches.flatMap((batch) => batch.leaves)).toEqual(leaves.map(bytesToHex));
  const last = await lastBatch(database);
  if (last === undefined) throw new Error("nothing sealed");
  expect(last.treeSize).toBe(entries.length);
  const read = nodesOf(leaves);
  const index = fc.sample(fc.integer({ min: 0, max: leaves.length - 1 }), { numRuns: 10, seed: 7 });
  for (const at of index) {
    const proof = inclusionProof(read, at, leaves.length);
    expect(verifyInclusion(leaves[at] ?? Buffer.alloc(32), at, leaves.length, proof, hexToBytes(last.root))).toBe(true);
  }
});

test("many writers and two sealers at once: every entry is sealed once, and the chain holds", async () => {
  const before = (await gather(readJournal(database))).length;
  const writing = Array.from({ length: 40 }, (_, number) => append(`c${number}.0`, `c${number}.1`));
  const sealing = [0, 1].map(async () => {
    for (let turn = 0; turn < 20; turn++) await sealJournal(database, now);
  });
  await Promise.all([...writing, ...sealing]);
  const sealedBy = async (): Promise<number> => {
    await sealJournal(database, now);
    return (await lastBatch(database))?.treeSize ?? 0;
  };
  await expect.poll(sealedBy, { timeout: 30_000 }).toBe(before + 80);
  const batches = await gather(readBatches(database));
  const entries = await gather(readJournal(database));
  expect(entries.length - before).toBe(80);
  expect(batches.reduce((sum, batch) => sum + batch.entries, 0)).toBe(entries.length);
  expect(batches.map(({ batchNo }) => batchNo)).toEqual(batches.map((_, at) => at + 1));
  const leaves = entries.map((entry) => bytesToHex(journalLeaf(Buffer.from(entryText(entry), "utf8"))));
  expect(batches.flatMap((batch) => batch.leaves)).toEqual(leaves);
});

test("journal and batches are append-only, also for who owns the tables [SETL-08]", async () => {
  const migrator = openDatabase({
    url: server.urls.migrator,
    applicationName: "journal test",
    maxConnections: 1,
    statementTimeoutMs: 10_000,
  });
  for (const statement of [
    "UPDATE ledger.journal SET body = 'x'",
    "DELETE FROM ledger.journal",
    "TRUNCATE ledger.journal",
    "UPDATE ledger.journal_batch SET entries = 1",
    "DELETE FROM ledger.journal_batch",
  ]) {
    await expect(database.query(statement), statement).rejects.toThrow(/permission denied/);
    await expect(migrator.query(statement), statement).rejects.toThrow(/append-only/);
  }
  await migrator.close();
});

test("a cluster that counts transactions from below the journal is refused", async () => {
  await requireForwardTransactionIds(database);
  await database.query(
    `INSERT INTO ledger.journal (transaction_id, kind, subject, body, at)
      VALUES ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 1000000)::text::xid8, 'test', '\\x00', '{}', $1)`,
    [now],
  );
  await expect(requireForwardTransactionIds(database)).rejects.toMatchObject({ code: "INTERNAL_JOURNAL_BROKEN" });
});
