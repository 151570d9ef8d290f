// What a task's words mean, worked out a second time from its envelope and a registry: the protocol's six steps.
import type { ResolutionStep, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry, ValueType } from "#protocol/schemas/registry.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { idOf, jcs } from "./digests.ts";

type Reference = SemanticResolutionResult["references"][number];

/** What resolution comes to: its result, or the code that the task is refused with. */
export type Meaning =
  | { readonly kind: "resolved"; readonly result: SemanticResolutionResult }
  | { readonly kind: "refused"; readonly code: string };

/** Ends a resolution that comes to nothing. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** A registry as it was published, with the digest of its canonical text. */
export type PublishedRegistry = { readonly registry: Registry; readonly digest: `0x${string}` };

/** Takes a registry with its digest. */
export function published(registry: Registry): PublishedRegistry {
  return { registry, digest: idOf("scs.registry", jcs(registry)) };
}

/** Everything that one resolution is about. */
type Setting = {
  readonly registry: Registry;
  readonly home: Domain;
  readonly submitter: string;
  readonly scope: string;
  readonly steps: ResolutionStep[];
};

type Turned = ResolutionStep["refused"];

const serves = ({ status, deprecatedResolvable }: Domain): boolean =>
  status === "active" ? true : status === "deprecated" && deprecatedResolvable;

/** Resolves a task's words (ATTR-03…05): a function of program, submitter, scope and registry, and of nothing else. */
export function meaningOf(
  { program, submitter, scope }: Pick<TaskEnvelope, "program" | "submitter" | "scope">,
  { registry, digest }: PublishedRegistry,
): Meaning {
  const steps: ResolutionStep[] = [];
  try {
    const home = registry.domains.findLast(({ domainId }) => domainId === program.domain);
    if (home === undefined || !serves(home)) throw new Refused("POLICY_DOMAIN_UNKNOWN");
    steps.push({ step: "domain", term: null, outcome: "found", kept: [home.domainId], refused: [] });
    steps.push({ step: "eligibility", term: null, outcome: home.status, kept: [], refused: [] });
    const setting = { registry, home, submitter, scope, steps };
    const measured = "attribute" in program.measure ? [program.measure.attribute] : [];
    const grouped = program.groupBy === undefined ? [] : [program.groupBy];
    const words = new Set([...measured, ...(program.conditions ?? []).map(({ attribute }) => attribute), ...grouped]);
    const references = [...words].map((word) => {
      if (!asksForQuery(word)) return canonicalReference(setting, word);
      if (measured.includes(word)) throw new Refused("POLICY_ATTRIBUTE_UNRESOLVED");
      return queryReference(setting, word);
    });
    const { semanticVersion } = registry;
    const named = { schemaVersion: "1.0", semanticVersion, registryDigest: digest, domain: home.domainId };
    return { kind: "resolved", result: { ...named, references, steps } };
  } catch (error) {
    if (error instanceof Refused) return { kind: "refused", code: error.code };
    throw error;
  }
}

/** A domain, a question mark, a name: a word that asks for a query attribute (ATTR-08). */
function asksForQuery(word: string): boolean {
  const [domain, name, ...more] = word.split("?");
  if (domain === undefined || name === undefined || more.length > 0) return false;
  const labels = domain.split(".");
  return labels.length <= 4 && labels.every((label) => /^[a-z0-9-]+$/.test(label)) && /^[a-z0-9_-]+$/.test(name);
}

/** Whether an attribute may still be met: superseded ones only on the way to their successor. */
const isMet = ({ status }: CanonicalAttribute): boolean =>
  status === "active" || status === "deprecated" || status === "superseded";

const canonicalBy = ({ registry }: Setting, id: string): CanonicalAttribute | undefined =>
  registry.attributes.findLast(({ attributeId }) => attributeId === id);

/** Whether the home domain lets a word of another domain in, and how. */
function crossing({ registry, home }: Setting, foreign: string): "allowed" | "mediated" {
  const answer = home.references.find(({ domain }) => domain === foreign)?.answer ?? "refused";
  const other = registry.domains.findLast(({ domainId }) => domainId === foreign);
  if (answer === "refused" || other === undefined || !serves(other)) throw new Refused("POLICY_REFERENCE_REFUSED");
  return answer;
}

/** What a domain lets stand for a word of another. */
function standIn({ home }: Setting, foreign: string, word: string): string {
  return home.references.find(({ domain }) => domain === foreign)?.mediation?.[word] ?? "";
}

type Found<T> = { readonly candidates: readonly T[]; readonly how: string };

function found<T extends { readonly domainId: string }>(
  setting: Setting,
  word: string,
  own: readonly T[],
  byId: (id: string) => readonly T[],
): Found<T> {
  const named = byId(word);
  const foreign = named[0]?.domainId;
  if (foreign === undefined || named.some(({ domainId }) => domainId === setting.home.domainId)) {
    return { candidates: own, how: "within the domain" };
  }
  const answer = crossing(setting, foreign);
  const candidates = answer === "allowed" ? named : byId(standIn(setting, foreign, word));
  return { candidates, how: `${answer} by the domain's policy` };
}

function answersTo({ attributeId, terms }: CanonicalAttribute, word: string): boolean {
  return word === attributeId || word === attributeId.slice(attributeId.indexOf("/") + 1) || terms.includes(word);
}

function canonicalReference(setting: Setting, word: string): Reference {
  const { registry, home } = setting;
  const own = registry.attributes.filter((each) => each.domainId === home.domainId && answersTo(each, word));
  own.sort((a, b) => (a.attributeId > b.attributeId ? 1 : -1));
  const one = (id: string): readonly CanonicalAttribute[] =>
    [canonicalBy(setting, id)].filter((each) => each !== undefined);
  const { candidates, how } = found(setting, word, own, one);
  const kept = candidates.filter(isMet);
  const left = candidates.filter((each) => !isMet(each));
  const reached = kept.map((each) => follow(setting, each)).filter((each) => each !== undefined);
  const standing = [...new Map(reached.map((each) => [each.attributeId, each])).values()];
  const { attributeId, valueType } = note(setting, word, {
    candidates: candidates.map((each) => each.attributeId),
    kept: kept.map((each) => each.attributeId),
    left: left.map((each) => ({ candidate: each.attributeId, reason: each.status })),
    standing,
    idOfOne: (each) => each.attributeId,
    unfit: [],
    how,
  });
  return { term: word, attributeId, valueType };
}

/** Goes from successor to successor to the one that stands today; undefined where the way ends nowhere or in a circle. */
function follow(setting: Setting, start: CanonicalAttribute): CanonicalAttribute | undefined {
  let at: CanonicalAttribute | undefined = start;
  for (let left = setting.registry.attributes.length; at?.status === "superseded"; left--) {
    if (left < 0 || at.successor === null) return undefined;
    at = canonicalBy(setting, at.successor);
  }
  return at !== undefined && isMet(at) ? at : undefined;
}

/** What the steps for one word came to. */
type Course<T> = {
  readonly candidates: readonly string[];
  readonly kept: readonly string[];
  readonly left: Turned;
  readonly standing: readonly T[];
  readonly idOfOne: (each: T) => string;
  readonly unfit: Turned;
  readonly how: string;
};

/** Writes the steps of a word down and gives the one thing it means. */
function note<T>({ steps }: Setting, term: string, course: Course<T>): T {
  const { candidates, kept, left, standing, idOfOne, unfit, how } = course;
  const standingIds = standing.map(idOfOne);
  steps.push(
    { step: "candidates", term, outcome: `${candidates.length} found`, kept: [...candidates], refused: [] },
    { step: "lifecycle", term, outcome: `${kept.length} eligible`, kept: [...kept], refused: [...left] },
    { step: "compatibility", term, outcome: `${standing.length} standing`, kept: standingIds, refused: [...unfit] },
  );
  const [only] = standing;
  if (only === undefined) throw new Refused("POLICY_ATTRIBUTE_UNRESOLVED");
  if (standing.length > 1) throw new Refused("POLICY_ATTRIBUTE_AMBIGUOUS");
  steps.push({ step: "references", term, outcome: how, kept: standingIds, refused: [] });
  return only;
}

const withheld = "not for this submitter or scope";

/** Why a query attribute may not be used by whoever asks; undefined where it may (ATTR-06). */
function barred({ submitter, scope }: Setting, { status, allowedUsageScope }: QueryAttribute): string | undefined {
  if (!["active", "deprecated", "restricted"].includes(status)) return status;
  const { actors, scopes } = allowedUsageScope;
  const isNamed = actors.some((actor) => actor === submitter) || scopes.includes(scope);
  const isOpen = status !== "restricted" && actors.length + scopes.length === 0;
  return isNamed || isOpen ? undefined : withheld;
}

/** What a rule makes of values of a type; undefined where it is not for them. */
function derivedType({ kind }: QueryAttribute["derivationRule"], source: ValueType): ValueType | undefined {
  if (kind === "presence") return { kind: "text" };
  return (source.kind === "text") === (kind === "bucket") ? undefined : source;
}

/** The source of a query attribute with its projected type, or why it derives nothing. */
function derived(setting: Setting, { domainId, derivationRule }: QueryAttribute): Omit<Reference, "term"> | string {
  const source = canonicalBy(setting, derivationRule.source);
  if (source?.domainId !== domainId) return "its source is not in its domain";
  if (source.status !== "active" && source.status !== "deprecated") return `its source is ${source.status}`;
  const valueType = derivedType(derivationRule, source.valueType);
  return valueType === undefined
    ? "its rule is not for values of its source's type"
    : { attributeId: source.attributeId, valueType };
}

function queryReference(setting: Setting, word: string): Reference {
  const byId = (id: string): readonly QueryAttribute[] =>
    setting.registry.queryAttributes.filter(({ queryAttributeId }) => queryAttributeId === id);
  const own = byId(word).filter(({ domainId }) => domainId === setting.home.domainId);
  const { candidates, how } = found(setting, word, own, byId);
  const left = candidates.flatMap((each) => {
    const reason = barred(setting, each);
    return reason === undefined ? [] : [{ candidate: each.queryAttributeId, reason }];
  });
  const kept = candidates.filter((each) => barred(setting, each) === undefined);
  if (kept.length === 0 && left.some(({ reason }) => reason === withheld)) {
    throw new Refused("POLICY_QUERY_ATTRIBUTE_RESTRICTED");
  }
  const sources = kept.map((each) => ({ each, source: derived(setting, each) }));
  const { each, source } = note(setting, word, {
    candidates: candidates.map(({ queryAttributeId }) => queryAttributeId),
    kept: kept.map(({ queryAttributeId }) => queryAttributeId),
    left,
    standing: sources.flatMap(({ each, source }) => (typeof source === "string" ? [] : [{ each, source }])),
    idOfOne: (standing) => standing.each.queryAttributeId,
    unfit: sources.flatMap(({ each, source }) =>
      typeof source === "string" ? [{ candidate: each.queryAttributeId, reason: source }] : [],
    ),
    how,
  });
  const { queryAttributeId, derivationRule, derivationRuleRef, queryGranularity } = each;
  const { minimumRecords } = queryGranularity;
  return { term: word, ...source, projection: { queryAttributeId, derivationRule, derivationRuleRef, minimumRecords } };
}
