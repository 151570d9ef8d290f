// Taking records in: committed to, sealed, numbered without gaps, kept once each, all of a batch or none.
import { randomBytes } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { defineCollection } from "#data/collections.ts";
import { ingest } from "#data/ingest.ts";
import { openRecord, unwrapVaultKey } from "#data/sealing.ts";
import { emptyDigest, foldDigest } from "#data/snapshot.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { commitment, type Hex } from "#protocol/hash.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import { readHeads, readRecords, readSnapshots } from "#storage/records.ts";
import { journalled, useDatabase } from "#test/layers/database.ts";
import { masterKey, operatorOf, producer } from "#test/layers/node.ts";
import { salesFields, salesRecords } from "#test/layers/sales.ts";

const { database } = await useDatabase();
const clock = (): Date => new Date("2026-03-01T12:00:00Z");
const deps = { database, clock, masterKey, random: (size: number) => randomBytes(size) };

let vault = "";
let made = 0;
const name = () => ({ vault, collection: "sales" });
beforeEach(async () => {
  vault = `vault-${++made}`;
  await defineCollection(deps, { ...name(), operator: operatorOf(vault).address, fields: salesFields });
});

const batchOf = (records: readonly CanonicalRecord[], from = 0) => ({
  producer: producer.address,
  records: records.map((record, index) => ({ recordId: `r-${from + index}`, record })),
});
const add = async (records: readonly CanonicalRecord[], from = 0) =>
  await ingest(deps, vault, "sales", batchOf(records, from));

test("a record is committed to by SHA-256 of its canonical bytes, for vectors computed elsewhere [LAYR-08]", async () => {
  // sha256sum of the canonical text, with coreutils.
  const receipt = await add([{ b: 1, a: "é" }, { note: null }]);
  expect(canonicalText({ b: 1, a: "é" })).toBe('{"a":"é","b":1}');
  expect(receipt.commitments).toEqual([
    "0xaa58fba8483623bed37c1b02edfccbdd9a53123837c20bfa4cb4049993a2872e",
    "0x0cd4101d3beb3cdd08a62cb8508f2a2a0942b290a02d6ba252d5fb481d3ce054",
  ]);
});

test("records are kept sealed at positions without gaps, and open to their canonical text [LAYR-09]", async () => {
  const records = salesRecords(12, 3);
  await add(records.slice(0, 5));
  await add(records.slice(5), 5);
  const [head] = await readHeads(database, [name()]);
  const stored = await readRecords(database, name(), { from: 0, to: 99 });
  expect(stored.map(({ position }) => position)).toEqual(records.map((_, at) => at));
  const key = unwrapVaultKey(masterKey, name(), head?.wrappedKey ?? new Uint8Array());
  expect(stored.map((sealed) => openRecord(key, { ...name(), ...sealed }, sealed).toString())).toEqual(
    records.map(canonicalText),
  );
  expect(stored.some(({ ciphertext }) => Buffer.from(ciphertext).includes("customer"))).toBe(false);
});

test("however records come in batches, the collection ends in the same digest", async () => {
  const records = salesRecords(20, 5);
  await add(records);
  const [whole] = await readHeads(database, [name()]);
  const expected = foldDigest(
    emptyDigest(vault, "sales"),
    records.map((record) => commitment(record)),
  );
  expect(whole?.snapshot).toEqual({ size: 20, digest: expected });
  vault = `vault-${++made}`;
  await defineCollection(deps, { ...name(), operator: operatorOf(vault).address, fields: salesFields });
  for (const [from, to] of [
    [0, 1],
    [1, 8],
    [8, 20],
  ] as const)
    await add(records.slice(from, to), from);
  const sizes = (await readSnapshots(database, name(), { above: 0, upTo: 99 })).map(({ size }) => size);
  expect(sizes).toEqual([1, 8, 20]);
  const [pieced] = await readHeads(database, [name()]);
  expect(pieced?.snapshot?.digest).toBe(
    foldDigest(
      emptyDigest(vault, "sales"),
      records.map((record) => commitment(record)),
    ),
  );
});

test("the same record again is counted as repeated, and nothing is written twice", async () => {
  const records = salesRecords(6, 7);
  const first = await add(records.slice(0, 4));
  expect(first).toMatchObject({ added: 4, repeated: 0, size: 4 });
  const again = await add(records);
  expect(again).toMatchObject({ added: 2, repeated: 4, size: 6 });
  expect(again.commitments).toEqual(records.map((record) => commitment(record)));
  expect(await add(records)).toMatchObject({ added: 0, repeated: 6, size: 6, digest: again.digest });
  const doubled = { producer: producer.address, records: [...batchOf(records).records, ...batchOf(records).records] };
  expect(await ingest(deps, vault, "sales", doubled)).toMatchObject({ added: 0, repeated: 12 });
});

test("a record id that holds other content refuses the whole batch, and the error names no content", async () => {
  await add([{ shop: "Aachen" }]);
  const batch = batchOf([{ shop: "Aachen" }, { shop: "secret place" }, { shop: "Celle" }]);
  const clashing = {
    ...batch,
    records: batch.records.map((each, at) => (at === 2 ? { ...each, recordId: "r-1" } : each)),
  };
  const error: unknown = await ingest(deps, vault, "sales", clashing).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "POLICY_IDEMPOTENCY_CONFLICT",
    detail: { vault, collection: "sales", record: 2 },
  });
  expect(JSON.stringify(error) + String(error)).not.toMatch(/secret|Celle|r-1/);
  const [head] = await readHeads(database, [name()]);
  expect(head?.snapshot?.size).toBe(1);
});

test("processes that add at the same time leave positions without gaps and one chain of snapshots", async () => {
  const records = salesRecords(60, 9);
  const slices = Array.from({ length: 6 }, (_, at) => add(records.slice(at * 10, at * 10 + 10), at * 10));
  await Promise.all(slices);
  const stored = await readRecords(database, name(), { from: 0, to: 99 });
  expect(stored.map(({ position }) => position)).toEqual(records.map((_, at) => at));
  let digest: Hex = emptyDigest(vault, "sales");
  for (const snapshot of await readSnapshots(database, name(), { above: 0, upTo: 99 })) {
    const own = stored.slice(snapshot.size - 10, snapshot.size).map((record) => record.commitment);
    digest = foldDigest(digest, own);
    expect(snapshot.digest).toBe(digest);
  }
});

test("what has no canonical form, and a collection that does not exist, are refused", async () => {
  const lone = await add([{ shop: "fine" }, { shop: "\ud800" }]).catch((reason: unknown) => reason);
  expect(lone).toMatchObject({ code: "SCHEMA_INVALID", detail: { record: 1 } });
  const unknown = await ingest(deps, vault, "nowhere", batchOf([{ shop: "a" }])).catch((reason: unknown) => reason);
  expect(unknown).toMatchObject({ code: "SCHEMA_NOT_FOUND", detail: { vault, collection: "nowhere" } });
});

test("the journal says what was added, and nothing of what it says", async () => {
  const records = salesRecords(3, 11);
  const { digest } = await add(records);
  expect(await journalled(database, "collection", Buffer.from(`${vault}/sales`))).toEqual([
    { act: "defined", collection: "sales", fields: salesFields, operator: operatorOf(vault).address, vault },
    { act: "added", digest, producer: producer.address, records: 3, size: 3 },
  ]);
});
