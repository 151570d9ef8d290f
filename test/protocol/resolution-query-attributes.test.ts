// Query attributes in resolution: projections under policy, for those who may, and never in a canonical attribute's place.
import { expect, test } from "vitest";
import { derivationRuleRefOf } from "#protocol/projections.ts";
import {
  indexRegistry,
  resolve as resolveFor,
  type RegistryIndex,
  type Requester,
  type Resolution,
} from "#protocol/resolution.ts";
import type { SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { ProtectedQuery } from "#protocol/schemas/task.ts";
import { partner, queryAttributeOf, registryOf } from "#test/layers/documents.ts";

const index = indexRegistry(registryOf());

/** Somebody in a scope; no query attribute names either. */
const anybody = { submitter: `0x${"ab".repeat(20)}`, scope: "trade" } as const;
const resolve = (program: ProtectedQuery, within: RegistryIndex, requester: Requester = anybody): Resolution =>
  resolveFor(program, within, requester);
const refusalOf = (resolution: Resolution) => (resolution.kind === "refused" ? resolution.refusal : resolution.kind);

const by = (groupBy: string, more: Partial<ProtectedQuery> = {}): ProtectedQuery => ({
  kind: "protected_query",
  domain: "trade.sales",
  measure: { function: "count" },
  groupBy,
  ...more,
});
const lastOf = (resolution: Resolution): SemanticResolutionResult["references"][number] | undefined =>
  resolution.kind === "resolved" ? resolution.result.references.at(-1) : undefined;
const stepsOf = (resolution: Resolution) =>
  resolution.kind === "resolved" ? resolution.result.steps : resolution.steps;

test("stand for a projection of their source, with the type of what is derived [ATTR-06, ATTR-07]", () => {
  const rule = { kind: "bucket", source: "trade.sales/amount", origin: 0, width: 10_000 } as const;
  expect(lastOf(resolve(by("trade.sales?price_band"), index))).toEqual({
    term: "trade.sales?price_band",
    attributeId: "trade.sales/amount",
    valueType: { kind: "decimal", scale: 2 },
    projection: {
      queryAttributeId: "trade.sales?price_band",
      derivationRule: rule,
      derivationRuleRef: derivationRuleRefOf(rule),
      minimumRecords: 5,
    },
  });
  const types = ["age_band", "region", "initial", "priced"].map(
    (name) => lastOf(resolve(by(`trade.sales?${name}`), index))?.valueType.kind,
  );
  expect(types).toEqual(["integer", "text", "text", "text"]);
});

test("select and group, each once however often it is used [ATTR-06]", () => {
  const conditions = [{ attribute: "trade.sales?region", operator: "equal" as const, value: "west" }];
  const resolution = resolve(by("trade.sales?region", { conditions }), index);
  expect(resolution).toMatchObject({ kind: "resolved", result: { references: [{ term: "trade.sales?region" }] } });
});

test("take the same six steps, each recorded with what was turned down [ATTR-03, ATTR-06]", () => {
  const taken = stepsOf(resolve(by("trade.sales?older"), index));
  expect(taken.map(({ step, outcome, kept }) => [step, outcome, ...kept])).toEqual([
    ["domain", "found", "trade.sales"],
    ["eligibility", "active"],
    ["candidates", "1 found", "trade.sales?older"],
    ["lifecycle", "1 eligible", "trade.sales?older"],
    ["compatibility", "1 standing", "trade.sales?older"],
    ["references", "within the domain", "trade.sales?older"],
  ]);
});

test.each([
  ["gone", "lifecycle", "retired"],
  ["idea", "lifecycle", "proposed"],
  ["listed", "lifecycle", "registered"],
  ["faxed", "compatibility", "its source is retired"],
  // Its rule is for the values of the attribute it names; whoever succeeds that one needs a query attribute of its own.
  ["takings", "compatibility", "its source is superseded"],
])("%s is refused at %s: %s [ATTR-04, ATTR-06]", (name, at, reason) => {
  const term = `trade.sales?${name}`;
  const resolution = resolve(by(term), index);
  expect(refusalOf(resolution)).toEqual({
    code: "POLICY_ATTRIBUTE_UNRESOLVED",
    detail: { term, domain: "trade.sales" },
  });
  const found = stepsOf(resolution).find(({ step, refused }) => step === at && refused.length > 0);
  expect(found?.refused).toEqual([{ candidate: term, reason }]);
});

test.each([
  ["its source in another domain", { derivationRule: { kind: "presence", source: "trade.places/town" } }],
  ["a source that does not exist", { derivationRule: { kind: "presence", source: "trade.sales/none" } }],
  ["a rule for other types", { derivationRule: { kind: "bucket", source: "trade.sales/shop", origin: 0, width: 2 } }],
] as const)("with %s one derives nothing [ATTR-06]", (_, change) => {
  const other = registryOf();
  other.queryAttributes.push({ ...queryAttributeOf("trade.sales?odd", change.derivationRule) });
  expect(refusalOf(resolve(by("trade.sales?odd"), indexRegistry(other)))).toMatchObject({
    code: "POLICY_ATTRIBUTE_UNRESOLVED",
  });
});

test("restricted ones, and others that name somebody, are for the named actors or scopes only [ATTR-06]", () => {
  for (const term of ["trade.sales?partners", "trade.sales?limited"]) {
    const as = (requester: Requester) => resolve(by(term), index, requester);
    expect(as({ ...anybody, submitter: partner.submitter }).kind).toBe("resolved");
    expect(as({ ...anybody, scope: partner.scope }).kind).toBe("resolved");
    expect(refusalOf(as(anybody))).toEqual({
      code: "POLICY_QUERY_ATTRIBUTE_RESTRICTED",
      detail: { term, domain: "trade.sales" },
    });
    expect(stepsOf(as(anybody)).at(-1)).toMatchObject({
      step: "lifecycle",
      kept: [],
      refused: [{ candidate: term, reason: "not for this submitter or scope" }],
    });
  }
  expect(refusalOf(resolve(by("trade.sales?nobodys"), index, partner))).toMatchObject({
    code: "POLICY_QUERY_ATTRIBUTE_RESTRICTED",
  });
});

test("a name that two have is refused, never guessed [ATTR-04]", () => {
  const other = registryOf();
  other.queryAttributes.push(queryAttributeOf("trade.sales?region", { kind: "presence", source: "trade.sales/shop" }));
  expect(refusalOf(resolve(by("trade.sales?region"), indexRegistry(other)))).toMatchObject({
    code: "POLICY_ATTRIBUTE_AMBIGUOUS",
  });
});

test("across domains follow the same policies as canonical ones, and the answer is recorded [DOMN-03]", () => {
  const allowed = resolve(by("trade.places?initial"), index);
  expect(lastOf(allowed)).toMatchObject({ attributeId: "trade.places/town" });
  expect(stepsOf(allowed).at(-1)).toMatchObject({ outcome: "allowed by the domain's policy" });
  const mediated = resolve(by("trade.people?age_band"), index);
  expect(lastOf(mediated)).toMatchObject({
    term: "trade.people?age_band",
    attributeId: "trade.sales/buyer_age",
    projection: { queryAttributeId: "trade.sales?age_band", derivationRule: { width: 10 } },
  });
  expect(stepsOf(mediated).at(-1)).toMatchObject({
    outcome: "mediated by the domain's policy",
    kept: ["trade.sales?age_band"],
  });
  expect(refusalOf(resolve(by("trade.secrets?code"), index))).toMatchObject({ code: "POLICY_REFERENCE_REFUSED" });
  expect(refusalOf(resolve(by("trade.sales?region", { domain: "trade.places" }), index))).toMatchObject({
    code: "POLICY_REFERENCE_REFUSED",
  });
});

test.each([
  { function: "sum" as const, attribute: "trade.sales?age_band" },
  { function: "mean" as const, attribute: "trade.sales?price_band" },
  { function: "histogram" as const, attribute: "trade.sales?age_band", bins: { origin: 0, width: 10, count: 9 } },
])("are never measured: $function asks for a canonical attribute [ATTR-08]", (measure) => {
  // Grouping by it as well does not make it one that can be measured.
  const resolution = resolve(by(measure.attribute, { measure }), index);
  expect(refusalOf(resolution)).toMatchObject({
    code: "POLICY_ATTRIBUTE_UNRESOLVED",
    detail: { term: measure.attribute, reason: expect.stringContaining("not measured") as string },
  });
});

test("never answer for a canonical attribute, nor a canonical one for them, whatever has the same words [ATTR-08]", () => {
  // Every word that could be mistaken: a name of both kinds, an alias in the other's form, ids of either.
  const other = registryOf();
  const named = other.attributes.find(({ attributeId }) => attributeId === "trade.sales/note");
  named?.terms.push("trade.sales?alias", "region", "trade.sales?region");
  const mediating = other.domains.find(({ domainId }) => domainId === "trade.sales")?.references;
  const people = mediating?.find(({ domain }) => domain === "trade.people");
  if (people?.mediation === undefined) throw new Error("a mediation");
  people.mediation["trade.people/age"] = "trade.sales?age_band";
  people.mediation["trade.people?age_band"] = "trade.sales/buyer_age";
  const canonical = other.attributes.flatMap(({ attributeId, terms }) => [
    attributeId,
    attributeId.split("/")[1] ?? "",
    ...terms,
  ]);
  const query = other.queryAttributes.flatMap(({ queryAttributeId }) => [
    queryAttributeId,
    queryAttributeId.split("?")[1] ?? "",
  ]);
  const within = indexRegistry(other);
  const ids = new Set(other.queryAttributes.map(({ queryAttributeId }) => queryAttributeId));
  let projected = 0;
  for (const term of new Set([...canonical, ...query])) {
    const found = lastOf(resolve(by(term), within, partner));
    if (found === undefined) continue;
    expect(found.projection !== undefined).toBe(ids.has(term));
    if (found.projection !== undefined) projected++;
  }
  expect(projected).toBeGreaterThan(5);
  expect(refusalOf(resolve(by("trade.sales?alias"), within))).toMatchObject({ code: "POLICY_ATTRIBUTE_UNRESOLVED" });
  expect(lastOf(resolve(by("region"), within))?.attributeId).toBe("trade.sales/note");
});
