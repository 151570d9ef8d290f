// Collections, records and snapshots as they are kept.
import { expect, test } from "vitest";
import { sha256Hex } from "#protocol/hash.ts";
import {
  insertCollection,
  insertRecords,
  lockCollection,
  lockVault,
  readCommitments,
  readHeads,
  readRecords,
  readSnapshots,
  readVault,
  type SealedRecord,
} from "#storage/records.ts";
import { actor } from "#test/layers/actors.ts";
import { useDatabase } from "#test/layers/database.ts";

const { database } = await useDatabase();
const now = new Date("2026-03-01T12:00:00Z");
const name = { vault: "east", collection: "sales" };
const definition = {
  ...name,
  operator: actor("operator").address,
  fields: { a: "trade.sales/amount" },
  wrappedKey: Buffer.from("key"),
};
const producer = actor("producer").address;
const record = (position: number): SealedRecord => ({
  position,
  recordId: `r-${position}`,
  producer,
  commitment: sha256Hex(`record ${position}`),
  wrappedKey: Buffer.from(`key ${position}`),
  ciphertext: Buffer.from(`bytes ${position}`),
});
const add = async (from: number, to: number) =>
  await database.transaction(async (transaction) => {
    await lockCollection(transaction, name);
    const records = Array.from({ length: to - from }, (_, at) => record(from + at));
    await insertRecords(
      transaction,
      name,
      { records, snapshot: { size: to, digest: sha256Hex(`digest ${to}`) }, producer },
      now,
    );
  });

test("a collection, its records and snapshots come back as they were written", async () => {
  await insertCollection(database, definition, now);
  expect(await readVault(database, "east")).toEqual([definition]);
  expect(await readHeads(database, [name, { vault: "east", collection: "none" }])).toEqual([
    { ...definition, snapshot: null },
  ]);
  await add(0, 3);
  await add(3, 5);
  expect(await readRecords(database, name, { from: 1, to: 4 })).toEqual([1, 2, 3].map(record));
  expect(await readHeads(database, [name])).toEqual([
    { ...definition, snapshot: { size: 5, digest: sha256Hex("digest 5") } },
  ]);
  expect((await readSnapshots(database, name, { above: 0, upTo: 9 })).map(({ size }) => size)).toEqual([3, 5]);
  expect((await readSnapshots(database, name, { above: 3, upTo: 5 })).map(({ size }) => size)).toEqual([5]);
  expect(await readCommitments(database, name, ["r-1", "r-9"])).toEqual(new Map([["r-1", sha256Hex("record 1")]]));
});

test("a position or a record id is given once, and what is written stays", async () => {
  await expect(add(4, 6)).rejects.toThrow(/duplicate key/);
  await expect(database.query(`UPDATE ledger.record SET ciphertext = ''`)).rejects.toThrow(/permission denied/);
  await expect(database.query(`DELETE FROM ledger.snapshot`)).rejects.toThrow(/permission denied/);
});

test("who holds a vault's or a collection's lock makes others wait until the end of its transaction", async () => {
  const order: string[] = [];
  for (const lock of [
    async (transaction: Parameters<typeof lockVault>[0]) => await lockVault(transaction, "east"),
    async (transaction: Parameters<typeof lockVault>[0]) => await lockCollection(transaction, name),
  ]) {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const first = database.transaction(async (transaction) => {
      await lock(transaction);
      entered();
      await held;
      order.push("first");
    });
    await inside;
    const second = database.transaction(async (transaction) => {
      await lock(transaction);
      order.push("second");
    });
    release();
    await Promise.all([first, second]);
  }
  expect(order).toEqual(["first", "second", "first", "second"]);
});
