// Registries that cannot be published: what is wrong with each is named.
import { expect, test } from "vitest";
import type { Registry } from "#protocol/schemas/registry.ts";
import { registryFaults } from "#semantic/registry-faults.ts";
import { attributeOf, domainOf, registryOf } from "#test/layers/documents.ts";
import { demoRegistry } from "#cli/demo/registry.ts";

const integer = { kind: "integer" } as const;

function faultsWith(change: (registry: Registry) => void): readonly string[] {
  const registry = structuredClone(registryOf());
  change(registry);
  return registryFaults(registry);
}

test("the tests' registry and the demo's have no faults [DOMN-01, ATTR-01]", () => {
  expect(registryFaults(registryOf())).toEqual([]);
  expect(registryFaults(demoRegistry)).toEqual([]);
});

test.each<[string, (registry: Registry) => void]>([
  ["domain trade is there twice", ({ domains }) => domains.push(domainOf("trade", "global"))],
  ["domain a: its parent nowhere does not exist", ({ domains }) => domains.push(domainOf("a", "nowhere"))],
  [
    "domain a: a sub_domain domain stands under concrete",
    ({ domains }) => domains.push(domainOf("a", "trade", { level: "sub_domain" })),
  ],
  [
    "domain a: a global domain stands under nothing",
    ({ domains }) => domains.push(domainOf("a", "global", { level: "global" })),
  ],
  [
    "domain a: a family domain stands under global",
    ({ domains }) => domains.push(domainOf("a", null, { level: "family" })),
  ],
  [
    "domain a: refers to nowhere, which does not exist",
    ({ domains }) => domains.push(domainOf("a", "trade", { references: [{ domain: "nowhere", answer: "allowed" }] })),
  ],
  [
    "domain a: answers for trade twice",
    ({ domains }) =>
      domains.push(
        domainOf("a", "trade", {
          references: [
            { domain: "trade", answer: "allowed" },
            { domain: "trade", answer: "refused" },
          ],
        }),
      ),
  ],
  [
    "domain a: a mediation goes with the answer mediated for trade",
    ({ domains }) => domains.push(domainOf("a", "trade", { references: [{ domain: "trade", answer: "mediated" }] })),
  ],
  [
    "domain trade.old: mediates trade.people/age, which is not trade.places's",
    ({ domains }) =>
      domains
        .find(({ domainId }) => domainId === "trade.old")
        ?.references.push({
          domain: "trade.places",
          answer: "mediated",
          mediation: { "trade.people/age": "trade.old/thing" },
        }),
  ],
  [
    "domain trade.old: mediates to trade.sales/shop, which is not its own",
    ({ domains }) =>
      domains
        .find(({ domainId }) => domainId === "trade.old")
        ?.references.push({
          domain: "trade.places",
          answer: "mediated",
          mediation: { "trade.places/town": "trade.sales/shop" },
        }),
  ],
  [
    "domain trade.old: mediates to trade.old/thing, which is not its own",
    ({ domains }) =>
      domains
        .find(({ domainId }) => domainId === "trade.old")
        ?.references.push({
          domain: "trade.people",
          answer: "mediated",
          mediation: { "trade.people?age_band": "trade.old/thing" },
        }),
  ],
  [
    "attribute trade.sales/b: a deprecated one says from which version",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/b", integer, { status: "deprecated" })),
  ],
  [
    "attribute trade.sales/b: a retired one says from which version",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/b", integer, { status: "retired" })),
  ],
  [
    "attribute trade.sales/shop is there twice",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/shop", integer)),
  ],
  [
    "trade.sales/shop: it is bound to 2025.1, not to 2026.1",
    ({ attributes }) => {
      for (const each of attributes) if (each.attributeId === "trade.sales/shop") each.semanticVersion = "2025.1";
    },
  ],
  [
    "attribute trade.sales/b: it is active, and says from which version it is deprecated",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/b", integer, { deprecatedFrom: "2026.1" })),
  ],
  [
    "attribute trade.sales/b: it is active, and says from which version it is retired",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/b", integer, { retiredFrom: "2026.1" })),
  ],
  [
    "attribute nowhere/a: its domain nowhere does not exist",
    ({ attributes }) => attributes.push(attributeOf("nowhere/a", integer)),
  ],
  [
    "attribute trade.sales/b: its id is not within trade.old",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/b", integer, { domainId: "trade.old" })),
  ],
  [
    "attribute trade.sales/b: a successor goes with the status superseded",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/b", integer, { successor: "trade.sales/shop" })),
  ],
  [
    "attribute trade.sales/b: its successor trade.sales/none does not exist",
    ({ attributes }) =>
      attributes.push(attributeOf("trade.sales/b", integer, { status: "superseded", successor: "trade.sales/none" })),
  ],
  [
    "attribute trade.sales/b: its successor is in another domain",
    ({ attributes }) =>
      attributes.push(attributeOf("trade.sales/b", integer, { status: "superseded", successor: "trade.places/town" })),
  ],
  [
    "attribute trade.sales/b: its successors lead in a circle",
    ({ attributes }) =>
      attributes.push(
        attributeOf("trade.sales/b", integer, { status: "superseded", successor: "trade.sales/c" }),
        attributeOf("trade.sales/c", integer, { status: "superseded", successor: "trade.sales/b" }),
      ),
  ],
])("%s [ATTR-01, DOMN-01]", (fault, change) => {
  expect(faultsWith(change)).toContain(fault);
});

test("a document full of faults is answered with a bounded list", () => {
  const faults = faultsWith(({ attributes }) => {
    for (let at = 0; at < 500; at++) attributes.push(attributeOf(`nowhere/a${at}`, integer));
  });
  expect(faults).toHaveLength(32);
});
