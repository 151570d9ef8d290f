// Whether a registry may follow another: nothing vanishes, nothing in use changes its meaning, states move along their lifecycles.
import { canonicalText, type Json } from "./canonical.ts";
import { idOf } from "./governance.ts";
import { attributeLifecycle, domainLifecycle, queryAttributeLifecycle } from "./lifecycles/meaning.ts";
import type { Lifecycle } from "./lifecycles/table.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry } from "./schemas/registry.ts";

/** Faults listed in one refusal: enough to mend a document. */
const listedFaultsMax = 32;

/** Statuses that something can have that no version held before, when it comes with a document instead of by acts. */
const newStatuses: ReadonlySet<string> = new Set(["proposed", "registered"]);

type Entity = Domain | CanonicalAttribute | QueryAttribute;

/** What may never change of something that has been taken up: another meaning is another id. */
const lasting = {
  domain: ["parentDomainId", "level"],
  attribute: ["domainId", "scope", "terms", "valueType"],
  "query attribute": ["domainId", "derivationRule", "derivationRuleRef", "queryGranularity", "privacyClass"],
} as const;

const tables = {
  domain: domainLifecycle,
  attribute: attributeLifecycle,
  "query attribute": queryAttributeLifecycle,
} as const;

/**
 * Everything in which a registry does not follow the one published before it (DOMN-01, ATTR-02, ATTR-06), each as a sentence;
 * empty when it does. Several moves may lie between the two. What acts of governance made may hold new things in any status,
 * since each of their moves was an act; a document that was written elsewhere brings them as proposed or registered.
 */
export function followsFrom(
  base: Registry,
  next: Registry,
  { byActs }: { readonly byActs: boolean },
): readonly string[] {
  const version = next.semanticVersion;
  return [
    ...listFaults("domain", base.domains, next.domains, byActs, (before, after) =>
      domainFaults(before, after, version),
    ),
    ...listFaults("attribute", base.attributes, next.attributes, byActs, (before, after) =>
      attributeFaults(before, after, version),
    ),
    ...listFaults("query attribute", base.queryAttributes, next.queryAttributes, byActs, () => []),
  ].slice(0, listedFaultsMax);
}

type Kind = keyof typeof tables;

function listFaults<E extends Entity>(
  kind: Kind,
  base: readonly E[],
  next: readonly E[],
  byActs: boolean,
  more: (before: E, after: E) => readonly string[],
): readonly string[] {
  const afterwards = new Map(next.map((entity) => [idOf(entity), entity]));
  const before = new Set(base.map(idOf));
  const faults: string[] = [];
  for (const entity of base) {
    const id = idOf(entity);
    const after = afterwards.get(id);
    if (after === undefined) faults.push(`${kind} ${id}: it vanished`);
    else
      faults.push(...[...changeFaults(kind, entity, after), ...more(entity, after)].map((f) => `${kind} ${id}: ${f}`));
  }
  for (const entity of next) {
    if (byActs || before.has(idOf(entity)) || newStatuses.has(entity.status)) continue;
    faults.push(`${kind} ${idOf(entity)}: it is new, and ${entity.status} at once`);
  }
  return faults;
}

function changeFaults(kind: Kind, before: Entity, after: Entity): readonly string[] {
  const { status: from } = before;
  if (from === "retired") return sameBut(["semanticVersion"], before, after) ? [] : ["it is retired, and was changed"];
  const faults: string[] = [];
  if (!leadsTo(tables[kind], from, after.status)) faults.push(`no moves lead from ${from} to ${after.status}`);
  if (from === "proposed") return faults;
  for (const field of lasting[kind]) {
    const [was, is] = [before, after].map((entity) => text(entity[field as keyof Entity]));
    if (was !== is) faults.push(`its ${field} was changed`);
  }
  return faults;
}

/** A domain that was changed says so by its version. */
function domainFaults(before: Domain, after: Domain, version: string): readonly string[] {
  if (sameBut(["semanticVersion", "domainVersion"], before, after)) return [];
  if (after.domainVersion !== before.domainVersion || after.domainVersion === version) return [];
  return ["it was changed and kept its domainVersion"];
}

const notInUse: ReadonlySet<string> = new Set(["proposed", "registered"]);

/** Since when an attribute is in use stays; other times are what they were, or the version in which it happened. */
function attributeFaults(before: CanonicalAttribute, after: CanonicalAttribute, version: string): readonly string[] {
  const faults: string[] = [];
  const canBegin = notInUse.has(before.status);
  if (after.effectiveFrom !== before.effectiveFrom && !(canBegin && after.effectiveFrom === version)) {
    faults.push("its effectiveFrom was changed");
  } else if (canBegin && !notInUse.has(after.status) && after.status !== "retired" && after.effectiveFrom !== version) {
    faults.push(`it came into use, and is not effective from ${version}`);
  }
  for (const field of ["deprecatedFrom", "retiredFrom"] as const) {
    if (![before[field], version, null].includes(after[field])) faults.push(`its ${field} is another version's`);
  }
  if (before.successor !== null && after.successor !== null && before.successor !== after.successor) {
    faults.push("its successor was changed");
  }
  return faults;
}

/** Whether one or more moves of the table, or none, lead from a state to another. */
function leadsTo({ transitions }: Lifecycle, from: string, to: string): boolean {
  const reached = new Set([from]);
  // Each state that is reached is looked at in its turn: a set gives what is added while it is walked.
  for (const state of reached) for (const move of transitions) if (move.from === state) reached.add(move.to);
  return reached.has(to);
}

const text = (value: unknown): string => canonicalText((value ?? null) as Json);

function sameBut(fields: readonly string[], before: Entity, after: Entity): boolean {
  const rest = (entity: Entity) =>
    text(Object.fromEntries(Object.entries(entity).filter(([key]) => !fields.includes(key))));
  return rest(before) === rest(after);
}
