// Definitions of collections: kept once, one operator a vault, one field an attribute, a key that never lies open.
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { defineCollection } from "#data/collections.ts";
import { unwrapVaultKey } from "#data/sealing.ts";
import { readHeads, readVault } from "#storage/records.ts";
import { actor } from "#test/layers/actors.ts";
import { useDatabase } from "#test/layers/database.ts";
import { masterKey } from "#test/layers/node.ts";

const { database } = await useDatabase();
const clock = (): Date => new Date("2026-03-01T12:00:00Z");
const deps = { database, clock, masterKey, random: (size: number) => randomBytes(size) };
const operator = actor("operator").address;
const definition = {
  vault: "east",
  collection: "sales",
  operator,
  fields: { a: "trade.sales/amount", s: "trade.sales/shop" },
};
const refused = (reason: string) =>
  expect.objectContaining({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: expect.objectContaining({ reason }) as object,
  }) as Error;

test("a definition is kept with a key of its own, which only the master key opens [LAYR-09]", async () => {
  await defineCollection(deps, definition);
  await defineCollection(deps, { ...definition, collection: "returns" });
  const stored = await readVault(database, "east");
  expect(stored.map(({ wrappedKey, ...rest }) => ({ ...rest, length: wrappedKey.length }))).toEqual([
    { ...definition, collection: "returns", length: 60 },
    { ...definition, length: 60 },
  ]);
  const keys = stored.map((each) => unwrapVaultKey(masterKey, each, each.wrappedKey).export().toString("hex"));
  expect(new Set(keys).size).toBe(2);
});

test("the same definition again changes nothing, also from several processes at once", async () => {
  const again = { ...definition, fields: { s: "trade.sales/shop", a: "trade.sales/amount" } };
  const [before] = await readHeads(database, [definition]);
  await Promise.all(Array.from({ length: 4 }, async () => await defineCollection(deps, again)));
  expect(await readHeads(database, [definition])).toEqual([before]);
  await Promise.all(
    Array.from({ length: 4 }, async () => await defineCollection(deps, { ...definition, vault: "new" })),
  );
  expect(await readVault(database, "new")).toHaveLength(1);
});

test.each([
  ["the collection has another definition", { fields: { a: "trade.sales/pieces" } }],
  ["the vault has another operator", { operator: actor("somebody else").address }],
  ["the vault has another operator", { operator: actor("somebody else").address, collection: "third" }],
  [
    "two fields stand for one attribute",
    { collection: "fourth", fields: { a: "trade.sales/amount", b: "trade.sales/amount" } },
  ],
])("refused: %s", async (reason, change) => {
  const changed = { ...definition, ...change } as typeof definition;
  await expect(defineCollection(deps, changed)).rejects.toThrow(refused(reason));
  expect((await readVault(database, "east")).map(({ collection }) => collection)).toEqual(["returns", "sales"]);
});
