// Semantic resolution: from the words of a task to canonical attributes, in the protocol's six steps.
import { refuse, type ErrorCode, type Refusal } from "./errors.ts";
import { registryDigest } from "./parameters.ts";
import type { ResolutionStep, SemanticResolutionResult } from "./schemas/execution.ts";
import type { CanonicalAttribute, Domain, Registry } from "./schemas/registry.ts";
import type { Program } from "./schemas/task.ts";

/** A resolution, or why there is none; the steps taken are kept either way (ATTR-03). */
export type Resolution =
  | { readonly kind: "resolved"; readonly result: SemanticResolutionResult }
  | { readonly kind: "refused"; readonly refusal: Refusal; readonly steps: readonly ResolutionStep[] };

/** A registry made ready for lookups; building it costs one pass, so keep it with the registry. */
export type RegistryIndex = {
  readonly registry: Registry;
  readonly digest: `0x${string}`;
  readonly domains: ReadonlyMap<string, Domain>;
  readonly attributes: ReadonlyMap<string, CanonicalAttribute>;
  /** domain id → word → attributes that answer to it, in order of id. */
  readonly words: ReadonlyMap<string, ReadonlyMap<string, readonly CanonicalAttribute[]>>;
};

/** Indexes a registry for {@link resolve}. */
export function indexRegistry(registry: Registry): RegistryIndex {
  const words = new Map<string, Map<string, CanonicalAttribute[]>>();
  const ordered = [...registry.attributes].sort((a, b) => (a.attributeId < b.attributeId ? -1 : 1));
  for (const attribute of ordered) {
    const ofDomain = words.get(attribute.domainId) ?? new Map<string, CanonicalAttribute[]>();
    words.set(attribute.domainId, ofDomain);
    const name = attribute.attributeId.slice(attribute.attributeId.indexOf("/") + 1);
    for (const word of new Set([attribute.attributeId, name, ...attribute.terms])) {
      ofDomain.set(word, [...(ofDomain.get(word) ?? []), attribute]);
    }
  }
  return {
    registry,
    digest: registryDigest(registry),
    domains: new Map(registry.domains.map((domain) => [domain.domainId, domain])),
    attributes: new Map(registry.attributes.map((attribute) => [attribute.attributeId, attribute])),
    words,
  };
}

/** The words a program uses for attributes, each once, in order of first use. */
export function termsOf(program: Program): readonly string[] {
  const terms: string[] = [];
  if ("attribute" in program.measure) terms.push(program.measure.attribute);
  for (const condition of program.conditions ?? []) terms.push(condition.attribute);
  if (program.groupBy !== undefined) terms.push(program.groupBy);
  return [...new Set(terms)];
}

/**
 * Resolves every term of a program under one registry (ATTR-03…05, LAYR-06). Nothing is guessed: a term with no eligible
 * attribute, or with several, refuses the whole task. The result depends on program and registry alone.
 */
export function resolve(program: Program, index: RegistryIndex): Resolution {
  const steps: ResolutionStep[] = [];
  const stop = (code: ErrorCode, detail: Record<string, string | readonly string[]>): Resolution => ({
    kind: "refused",
    refusal: refuse(code, detail),
    steps,
  });
  const domain = index.domains.get(program.domain);
  steps.push(step("domain", null, domain ? "found" : "unknown", domain ? [domain.domainId] : []));
  if (!domain) return stop("POLICY_DOMAIN_UNKNOWN", { domain: program.domain });
  const eligible = takesPart(domain);
  steps.push(step("eligibility", null, `${domain.status}${eligible ? "" : ", takes no part in new resolution"}`, []));
  if (!eligible) return stop("POLICY_DOMAIN_UNKNOWN", { domain: program.domain, status: domain.status });
  const references: SemanticResolutionResult["references"] = [];
  for (const term of termsOf(program)) {
    const found = resolveTerm(term, domain, index, steps);
    if ("code" in found) return { kind: "refused", refusal: found, steps };
    references.push({ term, attributeId: found.attributeId, valueType: found.valueType });
  }
  const result: SemanticResolutionResult = {
    schemaVersion: "1.0",
    semanticVersion: index.registry.semanticVersion,
    registryDigest: index.digest,
    domain: domain.domainId,
    references,
    steps,
  };
  return { kind: "resolved", result };
}

/** Whether a domain takes part in new resolution (DOMN-02). */
function takesPart({ status, deprecatedResolvable }: Domain): boolean {
  return status === "active" || (status === "deprecated" && deprecatedResolvable);
}

function resolveTerm(
  term: string,
  domain: Domain,
  index: RegistryIndex,
  steps: ResolutionStep[],
): CanonicalAttribute | Refusal {
  const foreign = crossReference(term, domain, index);
  if (foreign && "code" in foreign) {
    steps.push(step("references", term, "refused", [], [{ candidate: term, reason: foreign.code }]));
    return foreign;
  }
  const candidates = foreign?.candidates ?? index.words.get(domain.domainId)?.get(term) ?? [];
  steps.push(step("candidates", term, `${candidates.length} found`, candidates.map(idOf)));
  const kept = candidates.filter(isEligible);
  const refused = candidates
    .filter((each) => !isEligible(each))
    .map((each) => ({ candidate: idOf(each), reason: each.status }));
  steps.push(step("lifecycle", term, `${kept.length} eligible`, kept.map(idOf), refused));
  const replaced = kept.map((each) => successorOf(each, index));
  const standing = [...new Map(replaced.flatMap((each) => (each ? [[idOf(each), each] as const] : []))).values()];
  steps.push(step("compatibility", term, `${standing.length} standing`, standing.map(idOf)));
  const [only, another] = standing;
  if (!only) return refuse("POLICY_ATTRIBUTE_UNRESOLVED", { term, domain: domain.domainId });
  if (another)
    return refuse("POLICY_ATTRIBUTE_AMBIGUOUS", { term, domain: domain.domainId, candidates: standing.map(idOf) });
  steps.push(step("references", term, foreign?.answer ?? "within the domain", [idOf(only)]));
  return only;
}

/** A term that is the full id of another domain's attribute is a reference across domains (DOMN-03). */
function crossReference(
  term: string,
  domain: Domain,
  index: RegistryIndex,
): { readonly answer: string; readonly candidates: readonly CanonicalAttribute[] } | Refusal | undefined {
  const attribute = index.attributes.get(term);
  if (!attribute || attribute.domainId === domain.domainId) return undefined;
  const policy = domain.references.find((each) => each.domain === attribute.domainId);
  if (!policy || policy.answer === "refused") {
    return refuse("POLICY_REFERENCE_REFUSED", { term, domain: domain.domainId, other: attribute.domainId });
  }
  const other = index.domains.get(attribute.domainId);
  if (!other || !takesPart(other)) {
    return refuse("POLICY_REFERENCE_REFUSED", { term, domain: domain.domainId, other: attribute.domainId });
  }
  if (policy.answer === "allowed") return { answer: "allowed by the domain's policy", candidates: [attribute] };
  const stand = index.attributes.get(policy.mediation?.[term] ?? "");
  return { answer: "mediated by the domain's policy", candidates: stand ? [stand] : [] };
}

/** Superseded attributes stay in the running only to be followed to their explicit successor (ATTR-04). */
function isEligible(attribute: CanonicalAttribute): boolean {
  return attribute.status === "active" || attribute.status === "deprecated" || attribute.status === "superseded";
}

/** The attribute that stands for this one today; undefined where the path of successors ends nowhere. */
function successorOf(attribute: CanonicalAttribute, index: RegistryIndex): CanonicalAttribute | undefined {
  const seen = new Set<string>();
  let current: CanonicalAttribute | undefined = attribute;
  while (current?.status === "superseded") {
    if (seen.has(current.attributeId) || current.successor === null) return undefined;
    seen.add(current.attributeId);
    current = index.attributes.get(current.successor);
  }
  return current && isEligible(current) ? current : undefined;
}

const idOf = (attribute: CanonicalAttribute): string => attribute.attributeId;

function step(
  name: ResolutionStep["step"],
  term: string | null,
  outcome: string,
  kept: readonly string[],
  refused: ResolutionStep["refused"] = [],
): ResolutionStep {
  return { step: name, term, outcome, kept: [...kept], refused };
}
