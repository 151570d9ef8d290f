// What is wrong with a registry beyond its schema: names that repeat, parents and successors that lead nowhere.
import { idOf } from "#protocol/governance.ts";
import { isQueryTerm } from "#protocol/resolution.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry } from "#protocol/schemas/registry.ts";
import { queryAttributeFaults } from "./query-attribute-faults.ts";

/** Faults listed in one refusal: enough to mend a document. */
const listedFaultsMax = 32;

const beforeDeprecation: ReadonlySet<string> = new Set(["proposed", "registered", "active"]);

/** The level that a domain's parent has to have. */
const parentLevel = { global: null, family: "global", concrete: "family", sub_domain: "concrete" } as const;

/** Every fault of a registry, each as a sentence that names the object; empty when it can be published (DOMN-01, ATTR-01). */
export function registryFaults(registry: Registry): readonly string[] {
  const domains = new Map(registry.domains.map((domain) => [domain.domainId, domain]));
  const attributes = new Map(registry.attributes.map((attribute) => [attribute.attributeId, attribute]));
  const queryAttributes = new Map(registry.queryAttributes.map((each) => [each.queryAttributeId, each]));
  const faults = [
    ...repeated(registry.domains.map(({ domainId }) => domainId)).map((id) => `domain ${id} is there twice`),
    ...repeated(registry.attributes.map(({ attributeId }) => attributeId)).map(
      (id) => `attribute ${id} is there twice`,
    ),
    ...boundElsewhere(registry),
    ...registry.domains.flatMap((domain) => domainFaults(domain, { domains, attributes, queryAttributes })),
    ...registry.attributes.flatMap((attribute) => attributeFaults(attribute, domains, attributes)),
    ...queryAttributeFaults(registry, { domains, attributes }),
  ];
  return faults.slice(0, listedFaultsMax);
}

/** Everything in a registry is bound to its semantic version (ATTR-02). */
function boundElsewhere({ semanticVersion: version, ...entities }: Registry): readonly string[] {
  return [...entities.domains, ...entities.attributes, ...entities.queryAttributes]
    .filter(({ semanticVersion }) => semanticVersion !== version)
    .map((entity) => `${idOf(entity)}: it is bound to ${entity.semanticVersion}, not to ${version}`);
}

function repeated(ids: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.size === seen.add(id).size);
}

/** All that a registry names, by id. */
type Named = {
  readonly domains: ReadonlyMap<string, Domain>;
  readonly attributes: ReadonlyMap<string, CanonicalAttribute>;
  readonly queryAttributes: ReadonlyMap<string, QueryAttribute>;
};

function domainFaults(
  { domainId, level, parentDomainId, references }: Domain,
  { domains, attributes, queryAttributes }: Named,
): readonly string[] {
  const faults: string[] = [];
  const parent = parentDomainId === null ? null : domains.get(parentDomainId);
  if (parent === undefined) faults.push(`domain ${domainId}: its parent ${parentDomainId} does not exist`);
  else if ((parent?.level ?? null) !== parentLevel[level]) {
    faults.push(`domain ${domainId}: a ${level} domain stands under ${parentLevel[level] ?? "nothing"}`);
  }
  for (const id of repeated(references.map((reference) => reference.domain))) {
    faults.push(`domain ${domainId}: answers for ${id} twice`);
  }
  for (const { domain, answer, mediation } of references) {
    if (!domains.has(domain)) faults.push(`domain ${domainId}: refers to ${domain}, which does not exist`);
    if ((answer === "mediated") !== (mediation !== undefined)) {
      faults.push(`domain ${domainId}: a mediation goes with the answer mediated for ${domain}`);
    }
    for (const [foreign, own] of Object.entries(mediation ?? {})) {
      // A query attribute stands for a query attribute only (ATTR-08).
      const known = isQueryTerm(foreign) ? queryAttributes : attributes;
      if (known.get(foreign)?.domainId !== domain)
        faults.push(`domain ${domainId}: mediates ${foreign}, which is not ${domain}'s`);
      if (known.get(own)?.domainId !== domainId)
        faults.push(`domain ${domainId}: mediates to ${own}, which is not its own`);
    }
  }
  return faults;
}

function attributeFaults(
  attribute: CanonicalAttribute,
  domains: ReadonlyMap<string, Domain>,
  attributes: ReadonlyMap<string, CanonicalAttribute>,
): readonly string[] {
  const { attributeId, domainId, status, successor, deprecatedFrom, retiredFrom } = attribute;
  const faults: string[] = [];
  if (!domains.has(domainId)) faults.push(`attribute ${attributeId}: its domain ${domainId} does not exist`);
  if (!attributeId.startsWith(`${domainId}/`))
    faults.push(`attribute ${attributeId}: its id is not within ${domainId}`);
  if (status === "deprecated" && deprecatedFrom === null)
    faults.push(`attribute ${attributeId}: a deprecated one says from which version`);
  if (status === "retired" && retiredFrom === null)
    faults.push(`attribute ${attributeId}: a retired one says from which version`);
  if (deprecatedFrom !== null && beforeDeprecation.has(status))
    faults.push(`attribute ${attributeId}: it is ${status}, and says from which version it is deprecated`);
  if (retiredFrom !== null && status !== "retired")
    faults.push(`attribute ${attributeId}: it is ${status}, and says from which version it is retired`);
  if ((status === "superseded") !== (successor !== null)) {
    faults.push(`attribute ${attributeId}: a successor goes with the status superseded`);
  }
  const next = successor === null ? attribute : attributes.get(successor);
  if (next === undefined) faults.push(`attribute ${attributeId}: its successor ${successor} does not exist`);
  // What crosses from one domain to another is for the domains' own policies to say.
  else if (next.domainId !== domainId) faults.push(`attribute ${attributeId}: its successor is in another domain`);
  if (succeedsItself(attribute, attributes)) faults.push(`attribute ${attributeId}: its successors lead in a circle`);
  return faults;
}

function succeedsItself(start: CanonicalAttribute, attributes: ReadonlyMap<string, CanonicalAttribute>): boolean {
  const seen = new Set<string>();
  let current: CanonicalAttribute | undefined = start;
  while (current !== undefined && current.successor !== null) {
    if (seen.has(current.attributeId)) return true;
    seen.add(current.attributeId);
    current = attributes.get(current.successor);
  }
  return false;
}
