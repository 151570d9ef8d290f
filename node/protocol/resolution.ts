// Semantic resolution: from the words of a task to canonical attributes and projections, in the protocol's six steps.
import { refuse, type ErrorCode, type Refusal } from "./errors.ts";
import { registryDigest } from "./parameters.ts";
import { projectedType } from "./projections.ts";
import type { ResolutionStep, SemanticResolutionResult } from "./schemas/execution.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry } from "./schemas/registry.ts";
import type { Program, TaskEnvelope } from "./schemas/task.ts";

/** For whom and where a task is resolved: what a query attribute's usage may be limited to (ATTR-06). */
export type Requester = Pick<TaskEnvelope, "submitter" | "scope">;

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
  /** Query attributes by their id, apart from the canonical ones: neither answers for the other (ATTR-08). */
  readonly queryAttributes: ReadonlyMap<string, readonly QueryAttribute[]>;
};

/** A word of the form of a query attribute's id means a query attribute, and nothing else does (ATTR-08). */
const queryForm = /^[a-z0-9-]+(\.[a-z0-9-]+){0,3}\?[a-z0-9_-]+$/;

/** Whether a word of a task asks for a query attribute. */
export const isQueryTerm = (term: string): boolean => queryForm.test(term);

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
    queryAttributes: Map.groupBy(registry.queryAttributes, ({ queryAttributeId }) => queryAttributeId),
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
 * attribute, or with several, refuses the whole task. A query attribute selects and groups; what is measured is canonical
 * (ATTR-08). The result depends on program, requester and registry alone.
 */
export function resolve(program: Program, index: RegistryIndex, requester: Requester): Resolution {
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
    const asked = { term, domain, index, steps, requester };
    const found = !isQueryTerm(term)
      ? resolveTerm(asked)
      : isMeasured(term, program)
        ? refuseMeasure(asked)
        : resolveQueryTerm(asked);
    if ("code" in found) return { kind: "refused", refusal: found, steps };
    references.push(found);
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

type Reference = SemanticResolutionResult["references"][number];

/** One word of a task on its way to its meaning. */
type Asked = {
  readonly term: string;
  readonly domain: Domain;
  readonly index: RegistryIndex;
  readonly requester: Requester;
  /** Each step that is taken is added here. */
  readonly steps: ResolutionStep[];
};

function resolveTerm({ term, domain, index, steps }: Asked): Reference | Refusal {
  const foreign = crossReference({ term, domain, index, steps }, (id) => listOf(index.attributes.get(id)));
  if (foreign && "code" in foreign) return foreign;
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
  return { term, attributeId: only.attributeId, valueType: only.valueType };
}

function isMeasured(term: string, { measure }: Program): boolean {
  return "attribute" in measure && measure.attribute === term;
}

/** A measure asks for a canonical attribute, and no canonical attribute has such a name. */
function refuseMeasure({ term, domain, steps }: Asked): Refusal {
  const reason = "a query attribute selects and groups, it is not measured";
  steps.push(step("candidates", term, "0 found", [], [{ candidate: term, reason }]));
  return refuse("POLICY_ATTRIBUTE_UNRESOLVED", { term, domain: domain.domainId, reason });
}

/** Resolves a word for a query attribute (ATTR-06): only by its whole id, and only among query attributes (ATTR-08). */
function resolveQueryTerm({ term, domain, index, requester, steps }: Asked): Reference | Refusal {
  const foreign = crossReference({ term, domain, index, steps }, (id) => index.queryAttributes.get(id) ?? []);
  if (foreign && "code" in foreign) return foreign;
  const own = index.queryAttributes.get(term)?.filter(({ domainId }) => domainId === domain.domainId) ?? [];
  const candidates = foreign?.candidates ?? own;
  steps.push(step("candidates", term, `${candidates.length} found`, candidates.map(queryIdOf)));
  const judged = candidates.map((each) => ({ each, reason: refuseUse(each, requester) }));
  const kept = judged.flatMap(({ each, reason }) => (reason === undefined ? [each] : []));
  steps.push(step("lifecycle", term, `${kept.length} eligible`, kept.map(queryIdOf), turnedDown(judged)));
  if (kept.length === 0 && judged.some(({ reason }) => reason === notForRequester)) {
    return refuse("POLICY_QUERY_ATTRIBUTE_RESTRICTED", { term, domain: domain.domainId });
  }
  const derived = kept.map((each) => ({ each, ...projectionOf(each, index) }));
  const standing = derived.flatMap(({ each, reference }) => (reference === undefined ? [] : [{ each, reference }]));
  steps.push(step("compatibility", term, `${standing.length} standing`, idsIn(standing), turnedDown(derived)));
  const [only, another] = standing;
  if (!only) return refuse("POLICY_ATTRIBUTE_UNRESOLVED", { term, domain: domain.domainId });
  if (another)
    return refuse("POLICY_ATTRIBUTE_AMBIGUOUS", { term, domain: domain.domainId, candidates: idsIn(standing) });
  steps.push(step("references", term, foreign?.answer ?? "within the domain", idsIn([only])));
  return { term, ...only.reference };
}

type Judged = { readonly each: QueryAttribute; readonly reason: string | undefined };

const turnedDown = (judged: readonly Judged[]): ResolutionStep["refused"] =>
  judged.flatMap(({ each, reason }) => (reason === undefined ? [] : [{ candidate: queryIdOf(each), reason }]));

const notForRequester = "not for this submitter or scope";

/**
 * Why a query attribute is not for a requester (ATTR-06); undefined where it is. A restricted one is only for those it names; an
 * active or deprecated one that names any is only for these too.
 */
function refuseUse({ status, allowedUsageScope }: QueryAttribute, requester: Requester): string | undefined {
  if (status !== "active" && status !== "deprecated" && status !== "restricted") return status;
  const { actors, scopes } = allowedUsageScope;
  if (status !== "restricted" && actors.length === 0 && scopes.length === 0) return undefined;
  return actors.includes(requester.submitter) || scopes.includes(requester.scope) ? undefined : notForRequester;
}

/**
 * What a task may see by a query attribute, or why nothing. The rule names its source, so that a superseded one is not followed:
 * buckets and classes are made for the source's own values, and its successor needs a query attribute of its own.
 */
function projectionOf(
  { queryAttributeId, domainId, derivationRule, derivationRuleRef, queryGranularity }: QueryAttribute,
  index: RegistryIndex,
):
  | { readonly reference: Omit<Reference, "term">; readonly reason: undefined }
  | { readonly reference?: undefined; readonly reason: string } {
  const source = index.attributes.get(derivationRule.source);
  if (source === undefined || source.domainId !== domainId) return { reason: "its source is not in its domain" };
  if (source.status === "superseded" || !isEligible(source)) return { reason: `its source is ${source.status}` };
  const valueType = projectedType(derivationRule, source.valueType);
  if (valueType === undefined) return { reason: "its rule is not for values of its source's type" };
  const { minimumRecords } = queryGranularity;
  const projection = { queryAttributeId, derivationRule, derivationRuleRef, minimumRecords };
  return { reference: { attributeId: source.attributeId, valueType, projection }, reason: undefined };
}

/**
 * A term that is the full id of another domain's attribute, canonical or query, is a reference across domains (DOMN-03).
 * `known` gives what has an id, of the kind that is asked for: a mediation never leads from one kind to the other (ATTR-08).
 */
function crossReference<Attribute extends { readonly domainId: string }>(
  { term, domain, index, steps }: Omit<Asked, "requester">,
  known: (id: string) => readonly Attribute[],
): { readonly answer: string; readonly candidates: readonly Attribute[] } | Refusal | undefined {
  const attributes = known(term);
  const [first] = attributes;
  if (!first || attributes.some(({ domainId }) => domainId === domain.domainId)) return undefined;
  const policy = domain.references.find((each) => each.domain === first.domainId);
  const other = index.domains.get(first.domainId);
  if (!policy || policy.answer === "refused" || !other || !takesPart(other)) {
    const refusal = refuse("POLICY_REFERENCE_REFUSED", { term, domain: domain.domainId, other: first.domainId });
    steps.push(step("references", term, "refused", [], [{ candidate: term, reason: refusal.code }]));
    return refusal;
  }
  if (policy.answer === "allowed") return { answer: "allowed by the domain's policy", candidates: attributes };
  return { answer: "mediated by the domain's policy", candidates: known(policy.mediation?.[term] ?? "") };
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
const queryIdOf = (attribute: QueryAttribute): string => attribute.queryAttributeId;
const idsIn = (standing: readonly { readonly each: QueryAttribute }[]): string[] =>
  standing.map(({ each }) => queryIdOf(each));
const listOf = <T>(item: T | undefined): readonly T[] => (item === undefined ? [] : [item]);

function step(
  name: ResolutionStep["step"],
  term: string | null,
  outcome: string,
  kept: readonly string[],
  refused: ResolutionStep["refused"] = [],
): ResolutionStep {
  return { step: name, term, outcome, kept: [...kept], refused };
}
