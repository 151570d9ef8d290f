// What the words of finished tasks mean: a small registry, and the resolution of each task's one word under it.
import { registryDigest } from "#protocol/parameters.ts";
import { derivationRuleRefOf } from "#protocol/projections.ts";
import type { SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { DerivationRule, Registry } from "#protocol/schemas/registry.ts";

const derivationRule: DerivationRule = { kind: "prefix", source: "media.films/genre", length: 1 };

export const registry: Registry = {
  semanticVersion: "1.0",
  domains: [
    {
      domainId: "media.films",
      parentDomainId: null,
      level: "concrete",
      domainVersion: "1.0",
      semanticVersion: "1.0",
      status: "active",
      deprecatedResolvable: false,
      references: [],
    },
  ],
  attributes: [
    {
      attributeId: "media.films/genre",
      domainId: "media.films",
      semanticVersion: "1.0",
      scope: "record",
      status: "active",
      terms: [],
      valueType: { kind: "text" },
      effectiveFrom: "1.0",
      deprecatedFrom: null,
      retiredFrom: null,
      successor: null,
    },
  ],
  queryAttributes: [
    {
      queryAttributeId: "media.films?initial",
      domainId: "media.films",
      semanticVersion: "1.0",
      status: "active",
      derivationRule,
      derivationRuleRef: derivationRuleRefOf(derivationRule),
      queryGranularity: { minimumRecords: 5 },
      privacyClass: "internal",
      allowedUsageScope: { actors: [], scopes: [] },
    },
  ],
};

/** Some tasks group by the query attribute. */
const asksForQuery = (number: number): boolean => number % 5 === 4;
/** The word that the task with a number groups by. */
export const wordOf = (number: number): string => (asksForQuery(number) ? "media.films?initial" : "genre");

/** What the six steps come to for the one word of a task's program. */
export function resolutionOf(number: number): SemanticResolutionResult {
  const [query] = registry.queryAttributes;
  if (query === undefined) throw new Error("no query attribute");
  const { queryAttributeId, derivationRuleRef, queryGranularity } = query;
  const isQuery = asksForQuery(number);
  const [term, id] = isQuery ? [queryAttributeId, queryAttributeId] : ["genre", "media.films/genre"];
  const projection = { queryAttributeId, derivationRule, derivationRuleRef, ...queryGranularity };
  const step = (name: SemanticResolutionResult["steps"][number]["step"], outcome: string, of: string | null) => {
    return { step: name, term: of, outcome, kept: of === null ? [] : [id], refused: [] };
  };
  return {
    schemaVersion: "1.0",
    semanticVersion: "1.0",
    registryDigest: registryDigest(registry),
    domain: "media.films",
    references: [
      { term, attributeId: "media.films/genre", valueType: { kind: "text" }, ...(isQuery && { projection }) },
    ],
    steps: [
      { ...step("domain", "found", null), kept: ["media.films"] },
      step("eligibility", "active", null),
      step("candidates", "1 found", term),
      step("lifecycle", "1 eligible", term),
      step("compatibility", "1 standing", term),
      step("references", "within the domain", term),
    ],
  };
}
