// Semantic resolution: six steps, nothing guessed, every outcome recorded, and the same bytes for ever.
import fc from "fast-check";
import { demoRegistry } from "#cli/demo/registry.ts";
import { describe, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import {
  indexRegistry,
  resolve as resolveFor,
  termsOf,
  type RegistryIndex,
  type Requester,
  type Resolution,
} from "#protocol/resolution.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { ProtectedQuery } from "#protocol/schemas/task.ts";
import { attributeOf, domainOf, queryAttributeOf, registryOf } from "#test/layers/documents.ts";

const registry = registryOf();
const index = indexRegistry(registry);

/** A query that sums what a term stands for. */
const sumOf = (attribute: string, more: Partial<ProtectedQuery> = {}): ProtectedQuery => ({
  kind: "protected_query",
  domain: "trade.sales",
  measure: { function: "sum", attribute },
  ...more,
});

/** Somebody in a scope; no query attribute names either. */
const anybody = { submitter: `0x${"ab".repeat(20)}`, scope: "trade" } as const;

const resolve = (program: ProtectedQuery, within: RegistryIndex, requester: Requester = anybody): Resolution =>
  resolveFor(program, within, requester);
const under = (program: ProtectedQuery, other: Registry = registry): Resolution =>
  resolve(program, indexRegistry(other));
const refusalOf = (resolution: Resolution) => (resolution.kind === "refused" ? resolution.refusal : resolution.kind);
const attributeFor = (resolution: Resolution): string | undefined =>
  resolution.kind === "resolved" ? resolution.result.references[0]?.attributeId : undefined;

test("a term is an alias, a name within the domain, or a full id; all lead to the one attribute [ATTR-03]", () => {
  for (const term of ["price", "amount", "trade.sales/amount"]) {
    expect(attributeFor(resolve(sumOf(term), index))).toBe("trade.sales/amount");
  }
});

test("every term of a program is resolved once, in the order of its first use, with its type [ATTR-03]", () => {
  const program = sumOf("price", {
    conditions: [
      { attribute: "shop", operator: "equal", value: "Aachen" },
      { attribute: "price", operator: "less", value: 3 },
    ],
    groupBy: "buyer_age",
  });
  expect(termsOf(program)).toEqual(["price", "shop", "buyer_age"]);
  const resolution = resolve(program, index);
  expect(resolution).toMatchObject({
    kind: "resolved",
    result: {
      semanticVersion: "2026.1",
      domain: "trade.sales",
      references: [
        { term: "price", attributeId: "trade.sales/amount", valueType: { kind: "decimal", scale: 2 } },
        { term: "shop", attributeId: "trade.sales/shop", valueType: { kind: "text" } },
        { term: "buyer_age", attributeId: "trade.sales/buyer_age", valueType: { kind: "integer" } },
      ],
    },
  });
});

test("the six steps are recorded in their order, with what was kept and what was turned down [ATTR-03]", () => {
  const resolution = resolve(sumOf("revenue"), index);
  const steps = resolution.kind === "resolved" ? resolution.result.steps : [];
  expect(steps.map(({ step }) => step)).toEqual([
    "domain",
    "eligibility",
    "candidates",
    "lifecycle",
    "compatibility",
    "references",
  ]);
  expect(steps.map(({ kept }) => kept)).toEqual([
    ["trade.sales"],
    [],
    ["trade.sales/revenue"],
    ["trade.sales/revenue"],
    ["trade.sales/amount"],
    ["trade.sales/amount"],
  ]);
  const refused = resolve(sumOf("fax"), index);
  expect(refused.kind === "refused" && refused.steps.at(-2)).toMatchObject({
    step: "lifecycle",
    kept: [],
    refused: [{ candidate: "trade.sales/fax", reason: "retired" }],
  });
});

describe("refused, never guessed", () => {
  test("an ambiguous term, with the candidates by name [ATTR-04, LAYR-06]", () => {
    expect(refusalOf(resolve(sumOf("turnover"), index))).toEqual({
      code: "POLICY_ATTRIBUTE_AMBIGUOUS",
      detail: { term: "turnover", domain: "trade.sales", candidates: ["trade.sales/amount", "trade.sales/pieces"] },
    });
  });

  test.each(["unheard of", "fax", "idea", "Price", "trade.sales/", "constructor", "__proto__"])(
    "%s: unknown, retired, proposed, or spelt otherwise [ATTR-04, LAYR-06]",
    (term) => {
      expect(refusalOf(resolve(sumOf(term), index))).toMatchObject({
        code: "POLICY_ATTRIBUTE_UNRESOLVED",
        detail: { term },
      });
    },
  );

  test("one bad term refuses the whole task [LAYR-06]", () => {
    expect(resolve(sumOf("price", { groupBy: "unheard of" }), index).kind).toBe("refused");
  });

  test.each([
    ["trade.nowhere", "refused"],
    ["trade.gone", "refused"],
    ["trade.older", "refused"],
    ["trade.old", "resolved"],
  ])("domain %s: %s [DOMN-02]", (domain, kind) => {
    const resolution = resolve(sumOf("thing", { domain }), index);
    expect(resolution.kind).toBe(kind);
    if (kind === "refused") expect(refusalOf(resolution)).toMatchObject({ code: "POLICY_DOMAIN_UNKNOWN" });
  });
});

describe("superseded attributes", () => {
  test("are followed through their explicit successors, however many [ATTR-04]", () => {
    expect(attributeFor(resolve(sumOf("revenue"), index))).toBe("trade.sales/amount");
    expect(attributeFor(resolve(sumOf("takings"), index))).toBe("trade.sales/amount");
  });

  test("and their successor are one meaning, not two, when a word stands for both [ATTR-04]", () => {
    const both = registryOf();
    const revenue = both.attributes.find(({ attributeId }) => attributeId === "trade.sales/revenue");
    revenue?.terms.push("price");
    expect(attributeFor(under(sumOf("price"), both))).toBe("trade.sales/amount");
  });

  test.each([
    ["a retired one", { status: "retired" as const }],
    ["a proposed one", { status: "proposed" as const }],
    ["themselves", { status: "superseded" as const, successor: "trade.sales/a" }],
    ["nothing", { status: "superseded" as const, successor: null }],
    ["one that does not exist", { status: "superseded" as const, successor: "trade.sales/none" }],
  ])("whose successors lead to %s resolve to nothing [ATTR-04]", (_, last) => {
    const other: Registry = {
      semanticVersion: "2026.1",
      domains: [domainOf("trade.sales", null)],
      attributes: [
        attributeOf("trade.sales/a", { kind: "integer" }, { status: "superseded", successor: "trade.sales/b" }),
        attributeOf("trade.sales/b", { kind: "integer" }, last),
      ],
      queryAttributes: [],
    };
    expect(refusalOf(under(sumOf("a"), other))).toMatchObject({ code: "POLICY_ATTRIBUTE_UNRESOLVED" });
  });
});

describe("references across domains", () => {
  test("allowed: resolved to the other domain's attribute, and the answer is recorded [DOMN-03]", () => {
    const resolution = resolve(sumOf("price", { groupBy: "trade.places/town" }), index);
    expect(resolution).toMatchObject({
      kind: "resolved",
      result: { references: [{}, { attributeId: "trade.places/town" }] },
    });
    const steps = resolution.kind === "resolved" ? resolution.result.steps : [];
    expect(steps.at(-1)).toMatchObject({
      step: "references",
      term: "trade.places/town",
      outcome: "allowed by the domain's policy",
    });
  });

  test("mediated: resolved to the own attribute that stands for it, and the answer is recorded [DOMN-03]", () => {
    const resolution = resolve(sumOf("trade.people/age"), index);
    expect(attributeFor(resolution)).toBe("trade.sales/buyer_age");
    const steps = resolution.kind === "resolved" ? resolution.result.steps : [];
    expect(steps.at(-1)).toMatchObject({ outcome: "mediated by the domain's policy", kept: ["trade.sales/buyer_age"] });
  });

  test.each(["trade.secrets/code", "trade.gone/thing"])(
    "refused, by policy or for want of one: %s [DOMN-03]",
    (term) => {
      const resolution = resolve(sumOf(term), index);
      expect(refusalOf(resolution)).toMatchObject({
        code: "POLICY_REFERENCE_REFUSED",
        detail: { term, domain: "trade.sales" },
      });
      expect(resolution.kind === "refused" && resolution.steps.at(-1)).toMatchObject({
        step: "references",
        outcome: "refused",
      });
    },
  );

  test("only by full id: another domain's words are not looked through [DOMN-03]", () => {
    expect(refusalOf(resolve(sumOf("town"), index))).toMatchObject({ code: "POLICY_ATTRIBUTE_UNRESOLVED" });
  });
});

test("the same program under the same version gives the same bytes, whatever the order of the registry [ATTR-05]", () => {
  const terms = fc.constantFrom(
    "price",
    "amount",
    "revenue",
    "turnover",
    "shop",
    "fax",
    "trade.places/town",
    "trade.people/age",
    "note",
  );
  const shuffled = fc.tuple(
    fc.shuffledSubarray(registry.domains, { minLength: registry.domains.length }),
    fc.shuffledSubarray(registry.attributes, { minLength: registry.attributes.length }),
  );
  fc.assert(
    fc.property(terms, fc.option(terms, { nil: undefined }), shuffled, (term, groupBy, [domains, attributes]) => {
      const program = sumOf(term, groupBy === undefined ? {} : { groupBy });
      const [once, again] = [
        resolve(program, index),
        resolve(structuredClone(program), indexRegistry({ ...registry, domains, attributes })),
      ];
      expect(again.kind).toBe(once.kind);
      if (once.kind !== "resolved" || again.kind !== "resolved") return;
      // The digest commits to the document as it was published; all else is the same bytes.
      expect(canonicalText({ ...again.result, registryDigest: once.result.registryDigest })).toBe(
        canonicalText(once.result),
      );
      expect(canonicalText(resolve(program, indexRegistry(structuredClone(registry))) as never)).toBe(
        canonicalText(once as never),
      );
    }),
  );
});

test("an allowed reference leads nowhere once the other domain takes no part in new resolution [DOMN-02]", () => {
  const retired = demoRegistry.domains.map((each) =>
    each.domainId === "geography.place" ? { ...each, status: "retired" as const } : each,
  );
  const program = {
    kind: "protected_query" as const,
    domain: "aviation.wildlife",
    measure: { function: "count" as const },
    groupBy: "geography.place/state",
  };
  expect(resolve(program, indexRegistry({ ...demoRegistry, domains: retired }))).toMatchObject({
    kind: "refused",
    refusal: { code: "POLICY_REFERENCE_REFUSED" },
  });
});

test("later registrations change no earlier meaning: a version's bytes are those of its own registry [ATTR-05, DOMN-04]", () => {
  const terms = [
    "price",
    "shop",
    "trade.places/town",
    "trade.people/age",
    "trade.sales?region",
    "trade.sales?age_band",
    "trade.people?age_band",
    "trade.sales?new",
  ];
  const textUnder = (version: Registry, groupBy: string): string =>
    canonicalText(
      under({ kind: "protected_query", domain: "trade.sales", measure: { function: "count" }, groupBy }, version),
    );
  const before = terms.map((term) => textUnder(registry, term));
  const change = fc.constantFrom<(next: Registry) => void>(
    ({ attributes }) => attributes.push(attributeOf("trade.sales/new", { kind: "text" }, { terms: ["price", "shop"] })),
    ({ attributes }) => attributes.forEach((each) => (each.status = "retired")),
    ({ domains }) => domains.forEach((each) => (each.status = "retired")),
    ({ domains }) => domains.forEach((each) => each.references.splice(0)),
    ({ queryAttributes }) =>
      queryAttributes.push(queryAttributeOf("trade.sales?new", { kind: "presence", source: "trade.sales/shop" })),
    ({ queryAttributes }) => queryAttributes.forEach((each) => (each.status = "restricted")),
    ({ queryAttributes }) => queryAttributes.reverse(),
  );
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      // A version is published whole; the next one is made from it.
      const next = { ...structuredClone(registry), semanticVersion: "2026.2" };
      for (const apply of changes) apply(next);
      const later = indexRegistry(next);
      expect(later.digest).not.toBe(index.digest);
      expect(terms.map((term) => textUnder(registry, term))).toEqual(before);
    }),
  );
});
