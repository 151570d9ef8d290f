// The plaintext cache: every record checked when it is read, read once, extended when a collection grew, bounded in bytes.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { beforeEach, expect, test } from "vitest";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { columnOf } from "#protocol/columns.ts";
import type { Hex } from "#protocol/hash.ts";
import { derivationRuleRefOf, project } from "#protocol/projections.ts";
import { readHeads, readRecords } from "#storage/records.ts";
import { useDatabase } from "#test/layers/database.ts";
import { fillVault, masterKey, openClock } from "#test/layers/node.ts";
import { salesVault } from "#test/layers/sales.ts";

const { database, test: made } = await useDatabase();
const clock = openClock();
const text = { kind: "text" } as const;
const integer = { kind: "integer" } as const;

let vault = "";
let count = 0;
const name = () => ({ vault, collection: "sales" });
beforeEach(() => {
  vault = `vault-${++count}`;
});

const sales = (records: number) => salesVault(vault, records, 4);
const fill = async (records: number, from = 0): Promise<{ size: number; digest: Hex }> => {
  await fillVault(database, sales(records), { clock: clock.now, from });
  const [head] = await readHeads(database, [name()]);
  if (!head?.snapshot) throw new Error("a snapshot");
  return head.snapshot;
};
function openCache(more: Partial<ConstructorParameters<typeof PlaintextCache>[0]> = {}) {
  const metrics = openMetrics();
  const cache = new PlaintextCache({ database, masterKey, metrics, ...more });
  const decrypted = async (): Promise<number> => {
    const line = /^scs_vault_decrypted_records_total (\d+)$/m.exec(await metrics.text());
    return Number(line?.[1] ?? 0);
  };
  return { cache, decrypted };
}

/** Changes what only a thief of the disk could change: around the append-only trigger. */
async function tamper(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: made.adminUrl });
  await client.connect();
  try {
    await client.query(`SET session_replication_role = replica; ${statement}`);
  } finally {
    await client.end();
  }
}

const corrupt = { code: "EXECUTION_RECORD_CORRUPT" };

test("an opened snapshot gives the columns of its records [LAYR-09]", async () => {
  const snapshot = await fill(40);
  const { column } = await openCache().cache.open(name(), snapshot);
  expect(column("shop", text)).toEqual(columnOf(sales(40).records, "shop", text));
  expect(column("pieces", integer)).toEqual(columnOf(sales(40).records, "pieces", integer));
  expect(column("customer", text)).toBeUndefined();
});

test("a collection is decrypted once, by callers at the same time too, and only extended when it grew", async () => {
  const { cache, decrypted } = openCache();
  const small = await fill(30);
  await Promise.all(Array.from({ length: 5 }, async () => await cache.open(name(), small)));
  expect(await decrypted()).toBe(30);
  const large = await fill(50, 30);
  const both = await Promise.all([cache.open(name(), large), cache.open(name(), small)]);
  expect(await decrypted()).toBe(50);
  const [first, second] = both.map(({ column }) => column("shop", text));
  expect(first).toEqual(columnOf(sales(50).records, "shop", text));
  expect(second?.values.slice(0, 30)).toEqual(columnOf(sales(30).records, "shop", text).values);
});

test("a projection of a snapshot is of its records alone, though more are held, and is kept apart from its source [ATTR-07]", async () => {
  const { cache } = openCache();
  const small = await fill(30);
  const large = await fill(90, 30);
  const use = { derivationRule: { kind: "prefix", source: "trade.sales/shop", length: 1 }, minimumRecords: 9 } as const;
  const projection = {
    ...use,
    queryAttributeId: "trade.sales?initial",
    derivationRuleRef: derivationRuleRefOf(use.derivationRule),
  };
  const shops = columnOf(sales(90).records, "shop", text);
  for (const { size, digest } of [large, small, large]) {
    const { column, projected } = await cache.open(name(), { size, digest });
    expect(projected("shop", text, projection)).toEqual(
      project(use.derivationRule, shops, { records: size, minimumRecords: 9 }),
    );
    expect(column("shop", text)).toEqual(shops);
    expect(projected("customer", text, projection)).toBeUndefined();
  }
});

test("a collection larger than the cache is still opened, and one too many goes first what was used last", async () => {
  const { cache, decrypted } = openCache({ maximumBytes: 20_000 });
  const [a, first] = [name(), await fill(200)];
  vault = `vault-${++count}`;
  const [b, second] = [name(), await fill(200)];
  for (const [where, snapshot] of [
    [a, first],
    [b, second],
    [a, first],
  ] as const) {
    expect((await cache.open(where, snapshot)).column("pieces", integer)?.values).toHaveLength(200);
  }
  expect(await decrypted()).toBeGreaterThan(400);
});

test("a digest that is not this collection's at this size is refused", async () => {
  const small = await fill(10);
  const large = await fill(20, 10);
  const { cache } = openCache();
  await expect(cache.open(name(), { ...small, digest: large.digest })).rejects.toMatchObject(corrupt);
  await expect(cache.open(name(), { size: 15, digest: large.digest })).rejects.toMatchObject(corrupt);
  await expect(cache.open(name(), { size: 30, digest: large.digest })).rejects.toMatchObject(corrupt);
  await expect(cache.open({ vault, collection: "none" }, small)).rejects.toMatchObject(corrupt);
});

test("a wrong master key is detected [LAYR-09]", async () => {
  const snapshot = await fill(5);
  const { cache } = openCache({ masterKey: randomBytes(32) });
  await expect(cache.open(name(), snapshot)).rejects.toMatchObject(corrupt);
});

test.each([
  [
    "a changed byte of a record",
    `UPDATE ledger.record SET ciphertext = set_byte(ciphertext, 20, get_byte(ciphertext, 20) # 1) WHERE vault = '$v' AND position = 3`,
  ],
  [
    "a changed byte of a key",
    `UPDATE ledger.record SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1) WHERE vault = '$v' AND position = 3`,
  ],
  [
    "a changed byte of the collection's key",
    `UPDATE ledger.collection SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1) WHERE vault = '$v'`,
  ],
  [
    "a changed producer",
    `UPDATE ledger.record SET producer = decode(repeat('00', 20), 'hex') WHERE vault = '$v' AND position = 3`,
  ],
  [
    "a changed commitment",
    `UPDATE ledger.record SET commitment = decode(repeat('00', 32), 'hex') WHERE vault = '$v' AND position = 3`,
  ],
  ["a missing record", `DELETE FROM ledger.record WHERE vault = '$v' AND position = 3`],
  ["a changed digest", `UPDATE ledger.snapshot SET digest = decode(repeat('00', 32), 'hex') WHERE vault = '$v'`],
  [
    "two records exchanged, keys and commitments included",
    `UPDATE ledger.record r SET record_id = o.record_id || '~', commitment = o.commitment, wrapped_key = o.wrapped_key, ciphertext = o.ciphertext
      FROM ledger.record o WHERE r.vault = '$v' AND o.vault = '$v' AND r.position + o.position = 5 AND r.position IN (2, 3)`,
  ],
])("%s is detected, and the error says nothing of the record [LAYR-09]", async (_, statement) => {
  const snapshot = await fill(6);
  await tamper(statement.replaceAll("$v", vault));
  const error: unknown = await openCache()
    .cache.open(name(), snapshot)
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject(corrupt);
  for (const { customer } of sales(6).records)
    expect(JSON.stringify(error) + String(error)).not.toContain(String(customer));
});

test("a failed reading leaves nothing behind: once mended, the collection opens", async () => {
  const snapshot = await fill(6);
  const { cache } = openCache();
  const flip = `UPDATE ledger.record SET ciphertext = set_byte(ciphertext, 20, get_byte(ciphertext, 20) # 1) WHERE vault = '${vault}' AND position = 3`;
  await tamper(flip);
  await expect(cache.open(name(), snapshot)).rejects.toMatchObject(corrupt);
  await tamper(flip);
  expect((await cache.open(name(), snapshot)).column("shop", text)?.values).toHaveLength(6);
  expect(await readRecords(database, name(), { from: 0, to: 9 })).toHaveLength(6);
});
