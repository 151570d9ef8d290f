// Counting batches: the pool holds names, kinds and numbers, counted with the records and never again, and no value.
import { randomBytes } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { defineCollection } from "#data/collections.ts";
import { ingest } from "#data/ingest.ts";
import { countLocalAttributes } from "#data/local-pool.ts";
import { localAttributesPerRecord } from "#protocol/limits.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import { useDatabase } from "#test/layers/database.ts";
import { masterKey, operatorOf, producer } from "#test/layers/node.ts";

const { database } = await useDatabase();
const clock = (): Date => new Date("2026-03-01T12:00:00Z");
const deps = { database, clock, masterKey, random: (size: number) => randomBytes(size) };

let vault = "";
let made = 0;
beforeEach(() => {
  vault = `vault-${++made}`;
});
const define = async (more: { readonly aggregationScope?: string } = {}, collection = "sales") =>
  await defineCollection(deps, {
    vault,
    collection,
    operator: operatorOf(vault).address,
    fields: { shop: "trade.sales/shop" },
    ...more,
  });
const add = async (records: readonly CanonicalRecord[], from = 0) =>
  await ingest(deps, vault, "sales", {
    producer: producer.address,
    records: records.map((record, index) => ({ recordId: `r-${from + index}`, record })),
  });
const pool = async () => {
  const { rows } = await database.query<{ line: string }>(
    `SELECT concat_ws(' ', epoch, name, value_kind, occurrences) AS line FROM work.local_attribute
      WHERE vault = $1 ORDER BY epoch, name, value_kind`,
    [vault],
  );
  return rows.map(({ line }) => line);
};
const volumes = async () => {
  const { rows } = await database.query<{ epoch: bigint; records: bigint }>(
    `SELECT epoch, records FROM work.local_volume WHERE vault = $1 ORDER BY epoch`,
    [vault],
  );
  return rows.map(({ epoch, records }) => `${epoch} ${records}`);
};
const setEpoch = async (scope: string, epoch: number, status: "open" | "closing" | "closed") => {
  await database.query(
    `INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
      VALUES ($1, $2, 'open', now(), '{}', '{}') ON CONFLICT DO NOTHING`,
    [scope, epoch],
  );
  for (const next of ["closing", "closed"] as const) {
    if (status === "open") return;
    await database.query(
      `UPDATE work.epoch SET status = $3, trigger = 'time', close_at = CASE $3 WHEN 'closed' THEN now() END
        WHERE scope = $1 AND epoch = $2`,
      [scope, epoch, next],
    );
    if (status === next) return;
  }
};

test("each local attribute is counted once a record, ascending by name and kind [ATTR-09]", () => {
  const records = [{ shop: "x", b: 1, a: "t" }, { b: 2, a: null }, { b: "2.5" }, {}];
  expect(countLocalAttributes(records, { shop: "trade.sales/shop" })).toEqual([
    { name: "a", valueKind: "text", occurrences: 1 },
    { name: "b", valueKind: "decimal", occurrences: 1 },
    { name: "b", valueKind: "integer", occurrences: 2 },
  ]);
});

test("without aggregation scope nothing is counted [ATTR-12]", async () => {
  await define();
  await add([{ shop: "Aachen", customer: "c" }]);
  expect([await pool(), await volumes()]).toEqual([[], []]);
});

test("new records are counted with the epoch they come in; repeated ones are not [ATTR-09]", async () => {
  await define({ aggregationScope: "counted" });
  await add([
    { shop: "Aachen", customer: "c" },
    { shop: "Bremen", customer: "d", age: 7 },
  ]);
  await add([{ shop: "Aachen", customer: "c" }, { shop: "Bremen", customer: "d", age: 7 }, { customer: "1.5" }]);
  expect(await pool()).toEqual(["1 age integer 1", "1 customer decimal 1", "1 customer text 2"]);
  expect(await volumes()).toEqual(["1 3"]);
  await setEpoch("counted", 1, "closing");
  await add([{ customer: "e" }], 10);
  await setEpoch("counted", 1, "closed");
  await add([{ customer: "f" }, { shop: "Celle" }], 20);
  await setEpoch("counted", 2, "open");
  await add([{ customer: "g" }], 30);
  expect(await pool()).toEqual(["1 age integer 1", "1 customer decimal 1", "1 customer text 3", "2 customer text 2"]);
  expect(await volumes()).toEqual(["1 4", "2 3"]);
});

test("one record counts for so many local attributes and no more [ATTR-12]", async () => {
  await define({ aggregationScope: "bounded" });
  await add([Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`n${String(at).padStart(2, "0")}`, at]))]);
  expect(await pool()).toEqual(
    Array.from({ length: localAttributesPerRecord }, (_, at) => `1 n${String(at).padStart(2, "0")} integer 1`),
  );
});

test("a batch that is refused counts nothing", async () => {
  await define({ aggregationScope: "refused" });
  await add([{ customer: "a" }]);
  await expect(add([{ customer: "changed" }, { other: 1 }])).rejects.toMatchObject({
    code: "POLICY_IDEMPOTENCY_CONFLICT",
  });
  expect(await pool()).toEqual(["1 customer text 1"]);
});

test("batches that come at the same time are all counted", async () => {
  await define({ aggregationScope: "crowded" });
  await Promise.all(Array.from({ length: 8 }, async (_, at) => await add([{ [`n${at}`]: 1, common: 1 }], at)));
  expect((await pool()).at(0)).toBe("1 common integer 8");
  expect(await volumes()).toEqual(["1 8"]);
});

test("the aggregation scope is part of a definition, and cannot be changed", async () => {
  await define({ aggregationScope: "first" });
  await define({ aggregationScope: "first" });
  await expect(define({ aggregationScope: "second" })).rejects.toMatchObject({ code: "GOVERNANCE_ACT_REFUSED" });
  await expect(define()).rejects.toMatchObject({ code: "GOVERNANCE_ACT_REFUSED" });
});
