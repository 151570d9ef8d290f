// Query attributes that cannot be published: what is wrong with each is named.
import { expect, test } from "vitest";
import type { DerivationRule, QueryAttribute } from "#protocol/schemas/registry.ts";
import { publishRegistry } from "#semantic/publish.ts";
import { queryAttributeFaults } from "#semantic/query-attribute-faults.ts";
import { registryFaults } from "#semantic/registry-faults.ts";
import { attributeOf, queryAttributeOf, registryOf } from "#test/layers/documents.ts";
import { useDatabase } from "#test/layers/database.ts";

const { database } = await useDatabase();
const source = "trade.sales/shop";
const presence: DerivationRule = { kind: "presence", source };
const numbers = "trade.sales/pieces";
const x = "query attribute trade.sales?x:";

/** The registry of the tests with one query attribute more. */
function registryWith(rule: DerivationRule, more: Partial<QueryAttribute> = {}) {
  const registry = structuredClone(registryOf());
  registry.queryAttributes.push(queryAttributeOf("trade.sales?x", rule, more));
  return registry;
}
const classes = (listed: Record<string, string[]>): DerivationRule => ({ kind: "class", source, classes: listed });

test.each<[string, DerivationRule, Partial<QueryAttribute>?]>([
  [`query attribute trade.sales?region: is there twice`, presence, { queryAttributeId: "trade.sales?region" }],
  [`${x} its domain trade.none does not exist`, presence, { domainId: "trade.none" }],
  [`${x} its id is not within trade.old`, presence, { domainId: "trade.old" }],
  [`${x} its rule has another reference`, presence, { derivationRuleRef: `0x${"00".repeat(32)}` }],
  [`${x} its source trade.sales/none does not exist`, { ...presence, source: "trade.sales/none" }],
  [`${x} its source is in another domain`, { ...presence, source: "trade.places/town" }],
  [`${x} a bucket is not derived from text`, { kind: "bucket", source, origin: 0, width: 2 }],
  [`${x} a prefix is not derived from integer`, { kind: "prefix", source: numbers, length: 2 }],
  [
    `${x} a class is not derived from decimal`,
    { kind: "class", source: "trade.sales/amount", classes: { a: ["1", "2"] } },
  ],
  [`${x} a bucket holds at least two numbers`, { kind: "bucket", source: numbers, origin: 0, width: 1 }],
  [`${x} its rule has no class`, classes({})],
  [`${x} class a has fewer than two members`, classes({ a: ["y", "y"], b: ["u", "v"] })],
  [`${x} two of its classes have a member in common`, classes({ a: ["y", "z"], b: ["z", "v"] })],
])("%s [ATTR-06, ATTR-07]", (fault, rule, more) => {
  expect(registryFaults(registryWith(rule, more))).toContain(fault);
});

test("a canonical attribute cannot have a word in the form of a query attribute's id [ATTR-08]", () => {
  const registry = registryOf();
  registry.attributes.push(attributeOf("trade.sales/b", { kind: "text" }, { terms: ["b?", "trade.sales?b"] }));
  expect(registryFaults(registry)).toEqual([
    "attribute trade.sales/b: its term trade.sales?b has the form of a query attribute's id",
  ]);
});

test("one that derives nothing any more, for its source is gone, is no fault: it resolves to nothing", () => {
  const registry = registryWith({ kind: "presence", source: "trade.sales/fax" });
  const known = {
    domains: new Map(registry.domains.map((each) => [each.domainId, each])),
    attributes: new Map(registry.attributes.map((each) => [each.attributeId, each])),
  };
  expect(queryAttributeFaults(registry, known)).toEqual([]);
});

test("a registry with such a fault is not published [ATTR-06]", async () => {
  const act = { by: "test", now: new Date("2026-03-01T12:00:00Z") };
  await expect(publishRegistry(database, registryWith(classes({ a: ["y", "y"] })), act)).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: { faults: [`${x} class a has fewer than two members`] },
  });
  expect(await publishRegistry(database, registryWith(presence), act)).toBe(true);
});
