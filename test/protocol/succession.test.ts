// One registry after another: what may differ, and every way in which one does not follow.
import { expect, test } from "vitest";
import { draftOf } from "#protocol/governance.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import { followsFrom } from "#protocol/succession.ts";
import { attributeOf, domainOf, queryAttributeOf, registryOf } from "#test/layers/documents.ts";

const version = "2026.2";
const before = registryOf("2026.1");
const integer = { kind: "integer" } as const;

function faultsWith(change: (next: Registry) => void, byActs = false): readonly string[] {
  const next = structuredClone(draftOf(before, version));
  change(next);
  return followsFrom(before, next, { byActs });
}

const named = <T>(found: T | undefined): T => {
  if (found === undefined) throw new Error("the test's registry lacks it");
  return found;
};
const domain = ({ domains }: Registry, id: string) => named(domains.find(({ domainId }) => domainId === id));
const attribute = ({ attributes }: Registry, id: string) => named(attributes.find((each) => each.attributeId === id));
const query = ({ queryAttributes }: Registry, id: string) =>
  named(queryAttributes.find((each) => each.queryAttributeId === id));

test.each<[string, (next: Registry) => void]>([
  ["nothing", () => undefined],
  [
    "a new proposal",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/n", integer, { status: "proposed" })),
  ],
  [
    "a domain is deprecated",
    (next) => Object.assign(domain(next, "trade.sales"), { status: "deprecated", domainVersion: "2" }),
  ],
  [
    "two moves at once",
    (next) => Object.assign(domain(next, "trade.sales"), { status: "retired", domainVersion: "2" }),
  ],
  [
    "other answers of a domain",
    (next) => Object.assign(domain(next, "trade.sales"), { references: [], domainVersion: "2" }),
  ],
  [
    "an attribute is retired",
    (next) => Object.assign(attribute(next, "trade.sales/note"), { status: "retired", retiredFrom: version }),
  ],
  [
    "a proposal comes into use in other words",
    (next) =>
      Object.assign(attribute(next, "trade.sales/idea"), {
        status: "active",
        effectiveFrom: version,
        terms: ["thought"],
      }),
  ],
  ["a query attribute is opened", (next) => Object.assign(query(next, "trade.sales?partners"), { status: "active" })],
])("%s follows (ATTR-02)", (_, change) => {
  expect(faultsWith(change)).toEqual([]);
});

test.each<[string, (next: Registry) => void]>([
  ["domain trade.gone: it vanished", ({ domains }) => domains.pop()],
  ["attribute trade.gone/thing: it vanished", ({ attributes }) => attributes.pop()],
  ["query attribute trade.secrets?code: it vanished", ({ queryAttributes }) => queryAttributes.pop()],
  [
    "domain trade.n: it is new, and active at once",
    ({ domains }) => domains.push(domainOf("trade.n", "trade", { semanticVersion: version })),
  ],
  [
    "attribute trade.sales/n: it is new, and active at once",
    ({ attributes }) => attributes.push(attributeOf("trade.sales/n", integer)),
  ],
  [
    "query attribute trade.sales?n: it is new, and restricted at once",
    ({ queryAttributes }) =>
      queryAttributes.push(
        queryAttributeOf("trade.sales?n", { kind: "presence", source: "trade.sales/amount" }, { status: "restricted" }),
      ),
  ],
  [
    "domain trade.gone: it is retired, and was changed",
    (next) => Object.assign(domain(next, "trade.gone"), { status: "active", domainVersion: "2" }),
  ],
  [
    "attribute trade.sales/fax: it is retired, and was changed",
    (next) => Object.assign(attribute(next, "trade.sales/fax"), { terms: ["facsimile"] }),
  ],
  [
    "domain trade.sales: no moves lead from active to registered",
    (next) => Object.assign(domain(next, "trade.sales"), { status: "registered", domainVersion: "2" }),
  ],
  [
    "attribute trade.sales/amount: no moves lead from active to proposed",
    (next) => Object.assign(attribute(next, "trade.sales/amount"), { status: "proposed" }),
  ],
  [
    "domain trade.sales: its parentDomainId was changed",
    (next) => (domain(next, "trade.sales").parentDomainId = "global"),
  ],
  ["domain trade.sales: its level was changed", (next) => (domain(next, "trade.sales").level = "family")],
  [
    "domain trade.sales: it was changed and kept its domainVersion",
    (next) => (domain(next, "trade.sales").deprecatedResolvable = true),
  ],
  [
    "attribute trade.sales/amount: its domainId was changed",
    (next) => (attribute(next, "trade.sales/amount").domainId = "trade.old"),
  ],
  [
    "attribute trade.sales/amount: its valueType was changed",
    (next) => (attribute(next, "trade.sales/amount").valueType = { kind: "decimal", scale: 3 }),
  ],
  [
    "attribute trade.sales/amount: its terms was changed",
    (next) => attribute(next, "trade.sales/amount").terms.push("x"),
  ],
  [
    "attribute trade.sales/amount: its scope was changed",
    (next) => (attribute(next, "trade.sales/amount").scope = "group"),
  ],
  [
    "attribute trade.sales/amount: its effectiveFrom was changed",
    (next) => (attribute(next, "trade.sales/amount").effectiveFrom = version),
  ],
  [
    "attribute trade.sales/idea: it came into use, and is not effective from 2026.2",
    (next) => (attribute(next, "trade.sales/idea").status = "active"),
  ],
  [
    "attribute trade.sales/note: its deprecatedFrom is another version's",
    (next) => (attribute(next, "trade.sales/note").deprecatedFrom = "2025.1"),
  ],
  [
    "attribute trade.sales/revenue: its successor was changed",
    (next) => (attribute(next, "trade.sales/revenue").successor = "trade.sales/amount"),
  ],
  [
    "query attribute trade.sales?initial: its derivationRule was changed",
    (next) => Object.assign(query(next, "trade.sales?initial").derivationRule, { length: 2 }),
  ],
  [
    "query attribute trade.sales?initial: its queryGranularity was changed",
    (next) => (query(next, "trade.sales?initial").queryGranularity.minimumRecords += 1),
  ],
])("%s (ATTR-02, DOMN-01)", (fault, change) => {
  expect(faultsWith(change)).toContain(fault);
});

test("what acts made may be in use at once: each of its moves was an act", () => {
  const change = ({ attributes }: Registry) => attributes.push(attributeOf("trade.sales/n", integer));
  expect(faultsWith(change, true)).toEqual([]);
});

test("the list of faults is bounded", () => {
  const faults = faultsWith(({ attributes }) => {
    for (let at = 0; at < 500; at++) attributes.push(attributeOf(`trade.sales/n${at}`, integer));
  });
  expect(faults).toHaveLength(32);
});
