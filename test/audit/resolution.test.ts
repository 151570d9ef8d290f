// The second implementation resolves any program under any registry to the same bytes, or refuses it with the same code.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { jcs } from "#audit/digests.ts";
import { meaningOf, published } from "#audit/resolution.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { derivationRuleRefOf } from "#protocol/projections.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry } from "#protocol/schemas/registry.ts";
import type { Program } from "#protocol/schemas/task.ts";

const seed = 161_803;
const domainIds = ["media", "media.films", "media.books"] as const;
const names = ["title", "year", "genre"] as const;
const queryNames = ["decade", "kind"] as const;
const actors: readonly Hex[] = [`0x${"1".repeat(40)}`, `0x${"2".repeat(40)}`];
const scopes = ["films", "books"] as const;

const attributeIds = domainIds.flatMap((domain) => names.map((name) => `${domain}/${name}`));
const queryIds = domainIds.flatMap((domain) => queryNames.map((name) => `${domain}?${name}`));

const often = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const references = fc.uniqueArray(
  fc.record({
    domain: fc.constantFrom(...domainIds),
    answer: fc.constantFrom("allowed" as const, "refused" as const, "mediated" as const),
    mediation: fc.dictionary(
      fc.constantFrom(...attributeIds, ...queryIds),
      fc.constantFrom(...attributeIds, ...queryIds),
      { maxKeys: 6 },
    ),
  }),
  { selector: ({ domain }) => domain, maxLength: 3 },
);

const domainOf = (domainId: string) =>
  fc.record({
    domainId: fc.constant(domainId),
    parentDomainId: fc.constant(null),
    level: fc.constant("concrete" as const),
    domainVersion: fc.constant("1.0"),
    semanticVersion: fc.constant("1.0"),
    status: often<Domain["status"]>("active", "proposed", "deprecated", "retired"),
    deprecatedResolvable: fc.boolean(),
    references,
  });

const valueType = fc.constantFrom<CanonicalAttribute["valueType"]>(
  { kind: "text" },
  { kind: "integer" },
  { kind: "decimal", scale: 2 },
);

const attributeOf = (attributeId: string) =>
  fc.record({
    attributeId: fc.constant(attributeId),
    domainId: fc.constant(attributeId.split("/")[0] ?? ""),
    semanticVersion: fc.constant("1.0"),
    scope: fc.constant("record" as const),
    status: often<CanonicalAttribute["status"]>("active", "superseded", "deprecated", "retired", "proposed"),
    terms: fc.uniqueArray(fc.constantFrom("name", "when", ...names), { maxLength: 2 }),
    valueType,
    effectiveFrom: fc.constant("1.0"),
    deprecatedFrom: fc.constant(null),
    retiredFrom: fc.constant(null),
    successor: fc.constantFrom(null, ...attributeIds),
  });

const rule = fc.oneof(
  fc.record({ kind: fc.constant("presence" as const), source: fc.constantFrom(...attributeIds) }),
  fc.record({
    kind: fc.constant("bucket" as const),
    source: fc.constantFrom(...attributeIds),
    origin: fc.constant(0),
    width: fc.integer({ min: 2, max: 9 }),
  }),
  fc.record({ kind: fc.constant("prefix" as const), source: fc.constantFrom(...attributeIds), length: fc.constant(2) }),
);

const queryAttributeOf = (queryAttributeId: string) =>
  fc
    .record({
      queryAttributeId: fc.constant(queryAttributeId),
      domainId: fc.constant(queryAttributeId.split("?")[0] ?? ""),
      semanticVersion: fc.constant("1.0"),
      status: often<QueryAttribute["status"]>("active", "restricted", "deprecated", "retired", "proposed"),
      derivationRule: rule,
      queryGranularity: fc.record({ minimumRecords: fc.integer({ min: 2, max: 50 }) }),
      privacyClass: fc.constant("internal" as const),
      allowedUsageScope: fc.record({
        actors: fc.subarray([...actors], { maxLength: 1 }),
        scopes: fc.subarray([...scopes], { maxLength: 1 }),
      }),
    })
    .map((each): QueryAttribute => ({ ...each, derivationRuleRef: derivationRuleRefOf(each.derivationRule) }));

/** Some of a list's items, each made by its own arbitrary. */
const someOf = <T>(ids: readonly string[], make: (id: string) => fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.subarray([...ids], { minLength: Math.floor(ids.length / 2) }).chain((kept) => fc.tuple(...kept.map(make)));

const registry: fc.Arbitrary<Registry> = fc.record({
  semanticVersion: fc.constant("1.0"),
  domains: someOf(domainIds, domainOf),
  attributes: someOf(attributeIds, attributeOf),
  queryAttributes: someOf(queryIds, queryAttributeOf),
});

const word = fc.constantFrom<string>(
  ...attributeIds,
  ...queryIds,
  ...names,
  ...names,
  "name",
  "when",
  "nothing",
  "a?b?c",
);

const program: fc.Arbitrary<Program> = fc
  .record({
    domain: fc.constantFrom(...domainIds, "unknown"),
    measured: fc.option(word),
    selected: fc.array(word, { maxLength: 2 }),
    groupBy: fc.option(word),
  })
  .map(({ domain, measured, selected, groupBy }) => ({
    kind: "protected_query",
    domain,
    measure: measured === null ? { function: "count" } : { function: "sum", attribute: measured },
    conditions: selected.map((attribute) => ({ attribute, operator: "equal", value: "x" })),
    ...(groupBy !== null && { groupBy }),
  }));

const requester = fc.record({ submitter: fc.constantFrom(...actors), scope: fc.constantFrom(...scopes) });

test("any program under any registry means the same both ways, byte for byte (ATTR-05) (ATTR-03)", () => {
  console.error(`[seed] second resolution ${seed}`);
  const met = new Map<string, number>();
  fc.assert(
    fc.property(registry, program, requester, (rules, asked, by) => {
      const first = resolve(asked, indexRegistry(rules), by);
      const second = meaningOf({ program: asked, ...by }, published(rules));
      const outcome = first.kind === "refused" ? first.refusal.code : "resolved";
      met.set(outcome, (met.get(outcome) ?? 0) + 1);
      const [claimed, recomputed] = [
        first.kind === "refused" ? outcome : canonicalText(first.result),
        second.kind === "refused" ? second.code : jcs(second.result),
      ];
      expect(recomputed).toBe(claimed);
    }),
    { seed, numRuns: 4_000 },
  );
  // Every way out was met, so that agreement says something about each.
  for (const outcome of ["resolved", "DOMAIN_UNKNOWN", "UNRESOLVED", "AMBIGUOUS", "REFERENCE_REFUSED", "RESTRICTED"]) {
    expect(
      [...met.keys()].some((each) => each.endsWith(outcome)),
      `${outcome} in ${[...met.keys()].join()}`,
    ).toBe(true);
  }
});
