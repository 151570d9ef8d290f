// What is wrong with a registry's query attributes: rules that fit no source, and classes or buckets that would give values away.
import { derivationRuleRefOf, projectedType } from "#protocol/projections.ts";
import { isQueryTerm } from "#protocol/resolution.ts";
import type {
  CanonicalAttribute,
  DerivationRule,
  Domain,
  QueryAttribute,
  Registry,
} from "#protocol/schemas/registry.ts";

type Known = {
  readonly domains: ReadonlyMap<string, Domain>;
  readonly attributes: ReadonlyMap<string, CanonicalAttribute>;
};

/** Every fault of a registry's query attributes, each as a sentence that names the object (ATTR-06, ATTR-07, ATTR-08). */
export function queryAttributeFaults({ queryAttributes, attributes }: Registry, known: Known): readonly string[] {
  const seen = new Set<string>();
  return [
    ...queryAttributes.flatMap((each) => {
      const isRepeated = seen.size === seen.add(each.queryAttributeId).size;
      const faults = [...(isRepeated ? ["is there twice"] : []), ...faultsOf(each, known)];
      return faults.map((fault) => `query attribute ${each.queryAttributeId}: ${fault}`);
    }),
    ...attributes.flatMap(({ attributeId, terms }) =>
      terms
        .filter(isQueryTerm)
        .map((term) => `attribute ${attributeId}: its term ${term} has the form of a query attribute's id`),
    ),
  ];
}

function faultsOf(
  { queryAttributeId, domainId, derivationRule, derivationRuleRef }: QueryAttribute,
  { domains, attributes }: Known,
): readonly string[] {
  const faults: string[] = [];
  if (!domains.has(domainId)) faults.push(`its domain ${domainId} does not exist`);
  if (!queryAttributeId.startsWith(`${domainId}?`)) faults.push(`its id is not within ${domainId}`);
  if (derivationRuleRef !== derivationRuleRefOf(derivationRule)) faults.push("its rule has another reference");
  const source = attributes.get(derivationRule.source);
  if (source === undefined) faults.push(`its source ${derivationRule.source} does not exist`);
  // What crosses from one domain to another is for the domains' own policies to say.
  else if (source.domainId !== domainId) faults.push("its source is in another domain");
  else if (projectedType(derivationRule, source.valueType) === undefined) {
    faults.push(`a ${derivationRule.kind} is not derived from ${source.valueType.kind}`);
  }
  return [...faults, ...ruleFaults(derivationRule)];
}

/** A bucket of one number, or a class of one text, would be the raw value under another name. */
function ruleFaults(rule: DerivationRule): readonly string[] {
  if (rule.kind === "bucket") return rule.width < 2 ? ["a bucket holds at least two numbers"] : [];
  if (rule.kind !== "class") return [];
  const classes = Object.entries(rule.classes);
  const members = classes.flatMap(([, listed]) => [...new Set(listed)]);
  return [
    ...(classes.length === 0 ? ["its rule has no class"] : []),
    ...classes
      .filter(([, listed]) => new Set(listed).size < 2)
      .map(([name]) => `class ${name} has fewer than two members`),
    ...(new Set(members).size < members.length ? ["two of its classes have a member in common"] : []),
  ];
}
