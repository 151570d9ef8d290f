// Acts of governance on an opened version: every pair of states of the three lifecycles, and what no act brings about.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { applyOrder, draftOf, isAmendment, isRefusal, semanticVersionOf, subjectOf } from "#protocol/governance.ts";
import type { Amendment } from "#protocol/governance.ts";
import { allows, lifecycles } from "#protocol/lifecycles.ts";
import type { GovernanceOrder } from "#protocol/schemas/governance.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry } from "#protocol/schemas/registry.ts";
import { followsFrom } from "#protocol/succession.ts";
import { attributeOf, domainOf, policyOf, queryAttributeOf, registryOf } from "#test/layers/documents.ts";

const beginning = registryOf("2026.1");
const semanticVersion = "2026.2";
const draft = draftOf(beginning, semanticVersion);

/** What an order makes of a draft; an error where it is refused. */
function applied(order: Amendment, to: Registry = draft): Registry {
  const outcome = applyOrder(to, order);
  if (isRefusal(outcome)) throw new Error(`refused: ${outcome.code} ${JSON.stringify(outcome.detail)}`);
  return outcome;
}

const firstOf = <T>(list: readonly T[], is: (each: T) => boolean): T => {
  const found = list.find(is);
  if (found === undefined) throw new Error("the test's registry lacks it");
  return found;
};
const attributeIn = ({ attributes }: Registry, id: string) => firstOf(attributes, (each) => each.attributeId === id);
const domainIn = ({ domains }: Registry, id: string) => firstOf(domains, (each) => each.domainId === id);
const queryIn = ({ queryAttributes }: Registry, id: string) =>
  firstOf(queryAttributes, (each) => each.queryAttributeId === id);

const nobody = { actors: [], scopes: [] };
const some = { actors: [], scopes: ["partners"] };
const integer = { kind: "integer" } as const;
const presence = { kind: "presence", source: "trade.sales/amount" } as const;

const states = (name: keyof typeof lifecycles) => Object.keys(lifecycles[name].states);
const pairs = (name: keyof typeof lifecycles) =>
  states(name).flatMap((from) => states(name).map((to) => [from, to] as const));

describe("a move happens where the table has it, and only there", () => {
  test.each(pairs("domain"))("domain: %s to %s (DOMN-02)", (from, to) => {
    const [status, target] = [from as Domain["status"], to as Domain["status"]];
    const there = { ...draft, domains: [...draft.domains, domainOf("trade.x", "trade", { status, semanticVersion })] };
    const outcome = applyOrder(there, { kind: "move_domain", semanticVersion, domainId: "trade.x", to: target });
    if (!allows(lifecycles.domain, status, target)) {
      const detail = { subject: "trade.x", from, to };
      return expect(outcome).toEqual({ code: "GOVERNANCE_TRANSITION_REFUSED", detail });
    }
    const moved = { ...domainIn(there, "trade.x"), status: target, domainVersion: semanticVersion };
    return expect(outcome).toEqual({ ...there, domains: [...draft.domains, moved] });
  });

  test.each(pairs("attribute"))("attribute: %s to %s (ATTR-01, ATTR-02)", (from, to) => {
    const [status, target] = [from as CanonicalAttribute["status"], to as CanonicalAttribute["status"]];
    const successor = "trade.sales/amount";
    const attribute = attributeOf("trade.sales/x", integer, { status, deprecatedFrom: "0", semanticVersion });
    const there = { ...draft, attributes: [...draft.attributes, attribute] };
    const named = target === "superseded" ? { successor } : {};
    const order = {
      kind: "move_attribute",
      semanticVersion,
      attributeId: "trade.sales/x",
      to: target,
      ...named,
    } as const;
    const outcome = applyOrder(there, order);
    if (!allows(lifecycles.attribute, status, target)) {
      return expect(outcome).toMatchObject({ code: "GOVERNANCE_TRANSITION_REFUSED", detail: { from, to } });
    }
    return expect(attributeIn(applied(order, there), "trade.sales/x")).toEqual({
      ...attribute,
      status: target,
      effectiveFrom: from === "registered" && to === "active" ? semanticVersion : "2026.1",
      deprecatedFrom: to === "deprecated" ? semanticVersion : to === "active" ? null : "0",
      retiredFrom: to === "retired" ? semanticVersion : null,
      successor: to === "superseded" ? successor : null,
    });
  });

  test.each(pairs("query_attribute"))("query attribute: %s to %s (ATTR-06)", (from, to) => {
    const [status, target] = [from as QueryAttribute["status"], to as QueryAttribute["status"]];
    const id = "trade.sales?x";
    const attribute = queryAttributeOf(id, presence, { status, semanticVersion, allowedUsageScope: some });
    const there = { ...draft, queryAttributes: [...draft.queryAttributes, attribute] };
    const named = target === "restricted" ? { allowedUsageScope: { ...nobody, scopes: ["others"] } } : {};
    const order = {
      kind: "move_query_attribute",
      semanticVersion,
      queryAttributeId: id,
      to: target,
      ...named,
    } as const;
    const outcome = applyOrder(there, order);
    if (!allows(lifecycles.query_attribute, status, target)) {
      return expect(outcome).toMatchObject({ code: "GOVERNANCE_TRANSITION_REFUSED", detail: { from, to } });
    }
    const reopened = from === "restricted" && to === "active" ? nobody : some;
    const allowedUsageScope = named.allowedUsageScope ?? reopened;
    return expect(queryIn(applied(order, there), id)).toEqual({ ...attribute, status: target, allowedUsageScope });
  });
});

test("a version begins as what it is opened from, with everything bound to it (ATTR-02)", () => {
  expect(draftOf(draft, beginning.semanticVersion)).toEqual(beginning);
  const bound = [...draft.domains, ...draft.attributes, ...draft.queryAttributes];
  expect(new Set(bound.map((each) => each.semanticVersion))).toEqual(new Set([semanticVersion]));
});

const proposal = attributeOf("trade.sales/new", integer, {
  status: "proposed",
  semanticVersion,
  effectiveFrom: semanticVersion,
});

test("a proposal is taken as it is written, and anew as long as it is one (DOMN-01, ATTR-01)", () => {
  const first = applied({ kind: "propose_attribute", semanticVersion, attribute: proposal });
  expect(first.attributes).toEqual([...draft.attributes, proposal]);
  const other = { ...proposal, terms: ["newer"] };
  const second = applied({ kind: "propose_attribute", semanticVersion, attribute: other }, first);
  expect(second.attributes).toEqual([...draft.attributes, other]);
  const registered = applied(
    { kind: "move_attribute", semanticVersion, attributeId: "trade.sales/new", to: "registered" },
    second,
  );
  expect(applyOrder(registered, { kind: "propose_attribute", semanticVersion, attribute: proposal })).toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
  });
  const domain = domainOf("trade.new", "trade", { status: "proposed", semanticVersion });
  expect(applied({ kind: "propose_domain", semanticVersion, domain }).domains.at(-1)).toEqual(domain);
  const queryAttribute = queryAttributeOf("trade.sales?new", presence, { status: "proposed", semanticVersion });
  const queried = applied({ kind: "propose_query_attribute", semanticVersion, queryAttribute });
  expect(queried.queryAttributes.at(-1)).toEqual(queryAttribute);
});

const move = (attributeId: string, to: CanonicalAttribute["status"], successor?: string): Amendment => ({
  kind: "move_attribute",
  semanticVersion,
  attributeId,
  to,
  ...(successor === undefined ? {} : { successor }),
});
const propose = (attribute: Partial<CanonicalAttribute>): Amendment => ({
  kind: "propose_attribute",
  semanticVersion,
  attribute: { ...proposal, ...attribute },
});
const promote = (more: object): Amendment => ({
  kind: "promote_candidate",
  semanticVersion,
  candidateId: `0x${"ab".repeat(32)}`,
  attribute: proposal,
  ...more,
});
const active = "trade.sales/amount";

test.each<[string, Amendment]>([
  ["an attribute that does not exist is moved", move("trade.sales/none", "deprecated")],
  ["a domain that does not exist is moved", { kind: "move_domain", semanticVersion, domainId: "none", to: "retired" }],
  [
    "a query attribute that does not exist is moved",
    { kind: "move_query_attribute", semanticVersion, queryAttributeId: "trade?none", to: "retired" },
  ],
  ["it is superseded by nothing", move(active, "superseded")],
  ["it is superseded by what does not exist", move(active, "superseded", "trade.sales/none")],
  ["it is superseded by itself", move(active, "superseded", active)],
  ["it is superseded across domains", move(active, "superseded", "trade.places/town")],
  ["it is superseded by what is retired", move(active, "superseded", "trade.sales/fax")],
  [
    "it is superseded by what is superseded, which could lead in a circle",
    move(active, "superseded", "trade.sales/takings"),
  ],
  ["a successor goes with another status", move(active, "deprecated", "trade.sales/pieces")],
  ["a proposal is active at once", propose({ status: "active" })],
  ["a proposal is another version's", propose({ semanticVersion: "2026.1" })],
  ["a proposal was effective before", propose({ effectiveFrom: "2026.1" })],
  ["a proposal stands in the place of something in use", propose({ attributeId: active })],
  [
    "nobody is named for what is restricted",
    { kind: "move_query_attribute", semanticVersion, queryAttributeId: "trade.sales?priced", to: "restricted" },
  ],
  [
    "somebody is named for what is not restricted",
    {
      kind: "move_query_attribute",
      semanticVersion,
      queryAttributeId: "trade.sales?priced",
      to: "deprecated",
      allowedUsageScope: some,
    },
  ],
  [
    "a promotion stands in the place of a proposal",
    promote({ attribute: { ...proposal, attributeId: "trade.sales/idea" } }),
  ],
  [
    "a promotion declares what does not exist",
    promote({ declaration: { relation: "alias", attributeId: "trade.sales/none" } }),
  ],
])("refused: %s (ATTR-02, ATTR-04)", (_, order) => {
  expect(applyOrder(draft, order)).toMatchObject({ code: "GOVERNANCE_ACT_REFUSED" });
});

test("a promotion adds the proposed attribute and nothing else (ATTR-11)", () => {
  const promoted = applied(promote({ declaration: { relation: "replacement", attributeId: active } }));
  expect(promoted).toEqual({ ...draft, attributes: [...draft.attributes, proposal] });
});

test("every order says what it is about, and which version it is bound to (ATTR-02)", () => {
  const place = { scope: "main", epoch: 3 };
  const orders: readonly (readonly [GovernanceOrder, string, string | null])[] = [
    [{ kind: "open_version", semanticVersion, base: "2026.1" }, semanticVersion, semanticVersion],
    [{ kind: "publish_version", semanticVersion }, semanticVersion, semanticVersion],
    [{ kind: "publish_registry", registry: beginning }, "2026.1", "2026.1"],
    [{ kind: "publish_policy", policy: policyOf({ policyVersion: "7" }) }, "7", null],
    [{ kind: "move_domain", semanticVersion, domainId: "trade", to: "retired" }, "trade", semanticVersion],
    [propose({}), "trade.sales/new", semanticVersion],
    [promote({}), "trade.sales/new", semanticVersion],
    [move(active, "deprecated"), active, semanticVersion],
    [{ kind: "roll_out", scope: "main", fromEpoch: 2, semanticVersions: ["1"], policyVersions: ["1"] }, "main", null],
    [{ kind: "close_epoch", ...place }, "main/3", null],
    [{ kind: "order_aggregation", ...place }, "main/3", null],
    [
      { kind: "decide_challenge", challengeId: `0x${"cd".repeat(32)}`, round: 1, upheld: true, penalty: true },
      `0x${"cd".repeat(32)}`,
      null,
    ],
  ];
  for (const [order, subject, version] of orders) {
    expect([subjectOf(order), semanticVersionOf(order)]).toEqual([subject, version]);
  }
  expect(orders.filter(([order]) => isAmendment(order))).toHaveLength(4);
});

/** Orders over a small world: many are refused, and enough are not. */
const anyOrder: fc.Arbitrary<Amendment> = fc.oneof(
  fc.record({
    kind: fc.constant("move_domain" as const),
    semanticVersion: fc.constant(semanticVersion),
    domainId: fc.constantFrom("trade.sales", "trade.old", "trade.gone", "trade.new"),
    to: fc.constantFrom(...(states("domain") as Domain["status"][])),
  }),
  fc.constantFrom("trade.new", "trade.newer").map((id) => ({
    kind: "propose_domain" as const,
    semanticVersion,
    domain: domainOf(id, "trade", { status: "proposed", semanticVersion }),
  })),
  fc
    .tuple(
      fc.constantFrom(active, "trade.sales/note", "trade.sales/idea", "trade.sales/takings", "trade.sales/new"),
      fc.constantFrom(...(states("attribute") as CanonicalAttribute["status"][])),
      fc.constantFrom(active, "trade.sales/pieces", "trade.sales/new"),
    )
    .map(([id, to, successor]) => move(id, to, to === "superseded" ? successor : undefined)),
  fc.constantFrom<string[]>(["a"], ["b", "c"]).map((terms) => propose({ terms })),
  fc
    .tuple(
      fc.constantFrom("trade.sales?priced", "trade.sales?partners", "trade.sales?older", "trade.sales?listed"),
      fc.constantFrom(...(states("query_attribute") as QueryAttribute["status"][])),
    )
    .map(([queryAttributeId, to]) => ({
      kind: "move_query_attribute" as const,
      semanticVersion,
      queryAttributeId,
      to,
      ...(to === "restricted" ? { allowedUsageScope: some } : {}),
    })),
);

/** The acts that are taken, folded in their order. */
function fold(orders: readonly Amendment[]): { readonly registry: Registry; readonly taken: readonly Amendment[] } {
  const taken: Amendment[] = [];
  let registry = draft;
  for (const order of orders) {
    const outcome = applyOrder(registry, order);
    if (isRefusal(outcome)) continue;
    registry = outcome;
    taken.push(order);
  }
  return { registry, taken };
}

test("folding the acts that were taken gives the same version again, and it follows from its base (ATTR-02, DOMN-02)", () => {
  let moved = 0;
  fc.assert(
    fc.property(fc.array(anyOrder, { maxLength: 40 }), (orders) => {
      const before = canonicalText(draft);
      const { registry, taken } = fold(orders);
      moved += taken.length;
      expect(canonicalText(fold(taken).registry)).toBe(canonicalText(registry));
      expect(fold(taken).taken).toEqual(taken);
      expect(followsFrom(beginning, registry, { byActs: true })).toEqual([]);
      expect(canonicalText(draft)).toBe(before);
    }),
  );
  expect(moved).toBeGreaterThan(100);
});
