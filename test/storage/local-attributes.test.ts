// Freezing what leaves vaults, under attack: once a window, above the threshold, each record in one window, no value anywhere.
import { beforeEach, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { mechanismOf } from "#protocol/privacy.ts";
import type { Aggregation } from "#protocol/schemas/local-attribute.ts";
import { openDatabase } from "#storage/database.ts";
import { readAggregation } from "#storage/epoch-closing.ts";
import { freezeAggregation, orderAggregation } from "#storage/local-attributes.ts";
import { readPool } from "#storage/local-reading.ts";
import { journalled, useDatabase } from "#test/layers/database.ts";
import { registryOf } from "#test/layers/documents.ts";
import { queryRows } from "#test/setup/database.ts";
import { noiseOf, now, openWindows, policy, privacy } from "./local-windows.ts";

const { database, test: made } = await useDatabase();
const { threshold } = mechanismOf(privacy);

let scope = "";
let scopes = 0;
beforeEach(() => {
  scope = `scope-${++scopes}`;
});
const { add, closeEpochOf, define, namesOf, openEpochOf, passEpoch, vaultOf } = openWindows(database, () => scope);

test("what is common leaves its vault with noise and hints; what is rare or mapped does not [ATTR-09] [ATTR-12]", async () => {
  await define("a");
  await add("a", 300, { shop: "Aachen", price: "1.50", colour: "red" });
  await add("a", 1, { "alice-smith": 1 });
  await add("a", 19, { rare: "x" });
  const released = await passEpoch(1, policy({ windowEpochs: 1 }));
  expect(released).toMatchObject({ windowFrom: 1, trigger: "window" });
  expect(namesOf(released)).toEqual(["a colour", "a price"]);
  const [colour, price] = released?.summaries ?? [];
  expect(colour).toMatchObject({ epoch: 1, valueKind: "text", domainHint: "trade.sales", mapping: null });
  expect(price).toMatchObject({
    valueKind: "decimal",
    mapping: { attributeId: "trade.sales/amount", confidence: 10_000 },
    windowsReleased: 1,
    windowsObserved: 1,
  });
  for (const { noisyOccurrences, noisyRecords } of released?.summaries ?? []) {
    expect(Math.abs(noisyOccurrences - 300)).toBeLessThan(25);
    expect(Math.abs(noisyRecords - 320)).toBeLessThan(25);
    expect(noisyOccurrences).toBeGreaterThanOrEqual(threshold);
  }
  expect(await readAggregation(database, { scope, epoch: 1 })).toEqual(released);
});

test("a vault of one record, and one of as many as the minimum less one, says nothing at all [ATTR-12]", async () => {
  await define("one");
  await define("few");
  await add("one", 1, { lonely: 1 });
  await add("few", 19, { few: 1 });
  expect(await passEpoch(1, policy({ windowEpochs: 1 }))).toEqual({ windowFrom: 1, trigger: "window", summaries: [] });
  const kept = await database.query(`SELECT 1 FROM ledger.local_summary WHERE scope = $1`, [scope]);
  expect(kept.rowCount).toBe(0);
});

test("asking again gives the same bytes: noise is drawn once and kept, so nothing can be averaged [ATTR-12]", async () => {
  await define("a");
  await add("a", 200, { colour: "red" });
  await openEpochOf(1);
  const first = await closeEpochOf(1, policy({ windowEpochs: 1 }), noiseOf("first"));
  for (const seed of ["second", "third"]) {
    const again = await database.transaction(
      async (transaction) =>
        await freezeAggregation(
          transaction,
          { scope, epoch: 1, policy: policy({ windowEpochs: 1 }), registry: registryOf(), noise: noiseOf(seed) },
          now,
        ),
    );
    expect(canonicalText(again)).toBe(canonicalText(first));
  }
  await expect(database.query(`DELETE FROM ledger.local_summary`)).rejects.toThrow("permission denied");
  await expect(queryRows(made.adminUrl, `UPDATE ledger.local_summary SET body = ''`)).rejects.toThrow();
});

test("a record counts in one window only: windows by order do not show it again [ATTR-12]", async () => {
  await define("a");
  await openEpochOf(1);
  await add("a", 200, { colour: "red" });
  const order = async (epoch: number) =>
    await database.transaction(async (transaction) => await orderAggregation(transaction, { scope, epoch }));
  expect(await order(1)).toBe(true);
  expect(await order(1)).toBe(true);
  expect(await closeEpochOf(1)).toMatchObject({ trigger: "order", windowFrom: 1 });
  expect(await order(1)).toBe(false);
  for (const epoch of [2, 3, 4]) {
    await openEpochOf(epoch);
    expect(await order(epoch)).toBe(true);
    expect(await closeEpochOf(epoch)).toEqual({ trigger: "order", windowFrom: epoch, summaries: [] });
  }
  expect((await database.query(`SELECT 1 FROM work.aggregation_order WHERE scope = $1`, [scope])).rowCount).toBe(0);
});

test("an epoch that ends no window takes and releases nothing; the tenth ends one of all its epochs [ATTR-10]", async () => {
  await define("a");
  for (let epoch = 1; epoch <= 9; epoch++) {
    await openEpochOf(epoch);
    await add("a", 20, { colour: "red" });
    expect(await closeEpochOf(epoch)).toBeNull();
  }
  expect(await passEpoch(10)).toMatchObject({ windowFrom: 1, trigger: "window", summaries: [{ name: "colour" }] });
  const left = await database.query(`SELECT 1 FROM work.local_attribute WHERE vault = $1`, [vaultOf("a")]);
  expect(left.rowCount).toBe(0);
  for (let epoch = 11; epoch <= 19; epoch++) expect(await passEpoch(epoch)).toBeNull();
  expect(await passEpoch(20)).toMatchObject({ windowFrom: 11, trigger: "window", summaries: [] });
});

test("a collection of a domain of high activity shortens the scope's window to 5 [ATTR-10]", async () => {
  await define("quiet", { a: "trade.places/town" });
  await define("busy");
  const settings = policy({ highActivityDomains: ["trade.sales"] });
  for (let epoch = 1; epoch <= 4; epoch++) expect(await passEpoch(epoch, settings)).toBeNull();
  expect(await passEpoch(5, settings)).toMatchObject({ windowFrom: 1, trigger: "window" });
  expect(await passEpoch(6, policy({ highActivityDomains: ["trade.sale"], windowEpochs: 2 }))).toBeNull();
});

test("how steadily a local attribute was released is told by earlier summaries alone [ATTR-09]", async () => {
  await define("a");
  const settings = policy({ windowEpochs: 1 });
  for (const [epoch, count] of [
    [1, 0],
    [2, 200],
    [3, 5],
    [4, 200],
  ] as const) {
    await openEpochOf(epoch);
    await add("a", 200, { steady: 1 });
    if (count > 0) await add("a", count, { fitful: 1 });
    await closeEpochOf(epoch, settings);
  }
  const last = await readAggregation(database, { scope, epoch: 4 });
  expect(
    last?.summaries.map(({ name, windowsReleased, windowsObserved }) => [name, windowsReleased, windowsObserved]),
  ).toEqual([
    ["fitful", 2, 3],
    ["steady", 4, 4],
  ]);
});

test("the pool is about the window that goes on, and says what left it last [ATTR-09]", async () => {
  await define("a");
  await openEpochOf(1);
  await add("a", 200, { colour: "red" });
  const released = await closeEpochOf(1, policy({ windowEpochs: 1 }));
  const pool = async () =>
    await readPool(database, { vault: vaultOf("a"), collection: "things" }, { after: undefined, limit: 9 });
  expect(await pool()).toEqual({ items: [], next: null });
  await openEpochOf(2);
  await add("a", 3, { colour: "red" });
  await closeEpochOf(2);
  await openEpochOf(3);
  await add("a", 4, { colour: "red", size: 1 });
  // A batch that read the epoch before it closed may be counted under its number, and is in this window all the same.
  await database.query(
    `INSERT INTO work.local_attribute VALUES ($1, 'things', 1, 'colour', 'text', 2), ($1, 'things', 1, 'size', 'integer', 1)`,
    [vaultOf("a")],
  );
  const [summary] = released?.summaries ?? [];
  expect(await pool()).toMatchObject({
    items: [
      { name: "colour", occurrences: 9, records: 7, epochsSeen: 2, epochsObserved: 2, released: summary },
      { name: "size", occurrences: 5, epochsSeen: 2, epochsObserved: 2, released: null },
    ],
  });
  expect(
    await readPool(database, { vault: vaultOf("a"), collection: "none" }, { after: undefined, limit: 9 }),
  ).toBeUndefined();
});

test("batches that come while windows end are each counted in one window, as a whole [ATTR-12]", async () => {
  await define("a");
  const batches = 12;
  await openEpochOf(1);
  const adding = Array.from({ length: batches }, async () => await add("a", 30, { colour: "red", size: 1 }));
  const taken: Aggregation[] = [];
  const open = { ...privacy, epsilonThousandths: 10_000, minimumRecords: 2, deltaExponent: 1 };
  for (let epoch = 1; epoch <= 4; epoch++) {
    if (epoch > 1) await openEpochOf(epoch);
    const released = await closeEpochOf(epoch, policy({ windowEpochs: 1, privacy: open }));
    if (released !== null) taken.push(released);
  }
  await Promise.all(adding);
  await openEpochOf(5);
  const last = await closeEpochOf(5, policy({ windowEpochs: 1, privacy: open }));
  if (last !== null) taken.push(last);
  const sum = (name: string): number =>
    taken
      .flatMap(({ summaries }) => summaries)
      .reduce((all, each) => all + (each.name === name ? each.noisyOccurrences : 0), 0);
  // Five draws of noise with a scale of 0.9, and a window without batches says nothing.
  expect(Math.abs(sum("colour") - 30 * batches)).toBeLessThan(30);
  expect(Math.abs(sum("size") - 30 * batches)).toBeLessThan(30);
  const left = await database.query(`SELECT 1 FROM work.local_attribute WHERE vault = $1`, [vaultOf("a")]);
  expect(left.rowCount).toBe(0);
});

test("no value is in the pool, in summaries, in the journal or in any other text of the database [ATTR-09] [ATTR-12]", async () => {
  await define("a");
  const canary = "canary-93f1-value";
  await add("a", 200, { colour: canary, code: 8_675_309_111 });
  await add("a", 1, { oddname: `${canary}-alone` });
  const tables = await queryRows(
    made.adminUrl,
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
      WHERE table_schema IN ('ledger', 'work', 'payout')`,
  );
  expect(tables.length).toBeGreaterThan(20);
  const everything = tables.map(({ name }) => `SELECT t::text AS line FROM ${String(name)} t`).join(" UNION ALL ");
  const search = async (...texts: readonly string[]) => {
    const like = texts.map((text) => `line LIKE '%${text}%'`).join(" OR ");
    return await queryRows(made.adminUrl, `SELECT line FROM (${everything}) x WHERE ${like}`);
  };
  const values = [canary, "8675309111", Buffer.from(canary).toString("hex")];
  expect(await search(...values)).toEqual([]);
  expect(await search("oddname")).toHaveLength(1);
  expect(namesOf(await passEpoch(1, policy({ windowEpochs: 1 })))).toEqual(["a code", "a colour"]);
  expect(await search(...values)).toEqual([]);
  // The name of a field that one record has was in the pool alone, and is gone with its window.
  expect(await search("oddname")).toEqual([]);
});

test("readers of the ledger do not see pools; nobody changes a window [ATTR-09] [ATTR-12]", async () => {
  for (const role of ["reader", "signer"] as const) {
    const asRole = openDatabase({
      url: made.urls[role],
      applicationName: "pool thief",
      maxConnections: 1,
      statementTimeoutMs: 5_000,
    });
    for (const table of ["work.local_attribute", "work.local_volume"]) {
      await expect(asRole.query(`SELECT * FROM ${table}`)).rejects.toThrow("permission denied");
    }
    await asRole.close();
  }
  await expect(database.query(`UPDATE ledger.aggregation SET epoch = 99`)).rejects.toThrow("permission denied");
});

test("the journal says that a window ended, how much left, and nothing of what", async () => {
  await define("a");
  await add("a", 200, { colour: "red" });
  await passEpoch(1, policy({ windowEpochs: 1 }));
  const [entry] = await journalled(database, "aggregation", Buffer.from(`${scope}/1`));
  expect(entry).toMatchObject({ act: "aggregated", summaries: 1, trigger: "window", windowFrom: 1 });
  expect(JSON.stringify(entry)).not.toContain("colour");
});
