// Acts of governance as pure decisions: what an act is about, and what a semantic version becomes by it.
import { refuse, type Refusal } from "./errors.ts";
import { allows } from "./lifecycles.ts";
import { attributeLifecycle, domainLifecycle, queryAttributeLifecycle } from "./lifecycles/meaning.ts";
import { epochIdOf } from "./parameters.ts";
import type { GovernanceOrder } from "./schemas/governance.ts";
import type { CanonicalAttribute, Domain, QueryAttribute, Registry } from "./schemas/registry.ts";

/** The orders that amend an opened semantic version. */
const amendmentKinds = [
  "propose_domain",
  "move_domain",
  "propose_attribute",
  "move_attribute",
  "propose_query_attribute",
  "move_query_attribute",
  "promote_candidate",
] as const;

export type OrderKind = GovernanceOrder["kind"];
type Order<Kind extends OrderKind> = Extract<GovernanceOrder, { kind: Kind }>;
export type Amendment = Order<(typeof amendmentKinds)[number]>;

/** Whether an order amends an opened semantic version. */
export function isAmendment(order: GovernanceOrder): order is Amendment {
  return amendmentKinds.some((kind) => kind === order.kind);
}

/** What an order is about, as the history is asked for it: a domain, an attribute, a version, a scope, an epoch, a challenge. */
export function subjectOf(order: GovernanceOrder): string {
  switch (order.kind) {
    case "open_version":
    case "publish_version":
      return order.semanticVersion;
    case "publish_registry":
      return order.registry.semanticVersion;
    case "publish_policy":
      return order.policy.policyVersion;
    case "propose_domain":
      return order.domain.domainId;
    case "move_domain":
      return order.domainId;
    case "propose_attribute":
    case "promote_candidate":
      return order.attribute.attributeId;
    case "move_attribute":
      return order.attributeId;
    case "propose_query_attribute":
      return order.queryAttribute.queryAttributeId;
    case "move_query_attribute":
      return order.queryAttributeId;
    case "roll_out":
      return order.scope;
    case "close_epoch":
    case "order_aggregation":
      return epochIdOf(order.scope, order.epoch);
    case "decide_challenge":
      return order.challengeId;
  }
}

/** The semantic version that an order is bound to (ATTR-02); null for one that changes no meaning. */
export function semanticVersionOf(order: GovernanceOrder): string | null {
  if (order.kind === "publish_registry") return order.registry.semanticVersion;
  return "semanticVersion" in order ? order.semanticVersion : null;
}

/** A published registry as the beginning of another semantic version: everything in it is bound to that one. */
export function draftOf(base: Registry, semanticVersion: string): Registry {
  const bound = <T extends object>(entity: T) => ({ ...entity, semanticVersion });
  return {
    semanticVersion,
    domains: base.domains.map(bound),
    attributes: base.attributes.map(bound),
    queryAttributes: base.queryAttributes.map(bound),
  };
}

/**
 * What an opened version becomes by an order: the lifecycles alone say which moves there are (DOMN-02, ATTR-02, ATTR-06).
 * Refuses with GOVERNANCE_TRANSITION_REFUSED what the tables do not allow, and with GOVERNANCE_ACT_REFUSED what names nothing.
 */
export function applyOrder(draft: Registry, order: Amendment): Registry | Refusal {
  switch (order.kind) {
    case "propose_domain":
      return proposed(draft, "domains", order.domain);
    case "move_domain":
      return moveDomain(draft, order);
    case "propose_attribute":
      return proposeAttribute(draft, order.attribute);
    case "move_attribute":
      return moveAttribute(draft, order);
    case "propose_query_attribute":
      return proposed(draft, "queryAttributes", order.queryAttribute);
    case "move_query_attribute":
      return moveQueryAttribute(draft, order);
    case "promote_candidate":
      return promote(draft, order);
  }
}

/** Whether what an order came to is a refusal. */
export function isRefusal(outcome: Registry | Refusal): outcome is Refusal {
  return "code" in outcome;
}

type Entities = { domains: Domain; attributes: CanonicalAttribute; queryAttributes: QueryAttribute };

/** The id of anything in a registry. */
export function idOf(entity: Domain | CanonicalAttribute | QueryAttribute): string {
  if ("queryAttributeId" in entity) return entity.queryAttributeId;
  return "attributeId" in entity ? entity.attributeId : entity.domainId;
}

const refused = (subject: string, reason: string): Refusal => refuse("GOVERNANCE_ACT_REFUSED", { subject, reason });

/** The registry with an entity in the place of the one with its id, or at the end. */
function withEntity<K extends keyof Entities>(draft: Registry, list: K, entity: Entities[K]): Registry {
  const entities: readonly Entities[keyof Entities][] = draft[list];
  const at = entities.findIndex((each) => idOf(each) === idOf(entity));
  return { ...draft, [list]: at < 0 ? [...entities, entity] : entities.with(at, entity) };
}

/** A proposal is taken as it is written; as long as it is one, it may be made again in other words. */
function proposed<K extends keyof Entities>(draft: Registry, list: K, entity: Entities[K]): Registry | Refusal {
  const subject = idOf(entity);
  const entities: readonly Entities[keyof Entities][] = draft[list];
  const known = entities.find((each) => idOf(each) === subject);
  if (known !== undefined && known.status !== "proposed") return refused(subject, "it is there already");
  if (entity.status !== "proposed") return refused(subject, "a proposal has the status proposed");
  if (entity.semanticVersion !== draft.semanticVersion) {
    return refused(subject, "a proposal names the semantic version that it is made in");
  }
  return withEntity(draft, list, entity);
}

function proposeAttribute(draft: Registry, attribute: CanonicalAttribute): Registry | Refusal {
  if (attribute.effectiveFrom !== draft.semanticVersion) {
    return refused(attribute.attributeId, "a proposal is effective from no other version than its own");
  }
  return proposed(draft, "attributes", attribute);
}

function transition(subject: string, from: string, to: string): Refusal {
  return refuse("GOVERNANCE_TRANSITION_REFUSED", { subject, from, to });
}

function moveDomain(draft: Registry, { domainId, to }: Order<"move_domain">): Registry | Refusal {
  const domain = draft.domains.find((each) => each.domainId === domainId);
  if (domain === undefined) return refused(domainId, "no such domain");
  if (!allows(domainLifecycle, domain.status, to)) return transition(domainId, domain.status, to);
  return withEntity(draft, "domains", { ...domain, status: to, domainVersion: draft.semanticVersion });
}

function moveAttribute(draft: Registry, order: Order<"move_attribute">): Registry | Refusal {
  const { attributeId, to, successor } = order;
  const attribute = draft.attributes.find((each) => each.attributeId === attributeId);
  if (attribute === undefined) return refused(attributeId, "no such attribute");
  const { status: from } = attribute;
  if (!allows(attributeLifecycle, from, to)) return transition(attributeId, from, to);
  if ((to === "superseded") !== (successor !== undefined)) {
    return refused(attributeId, "a successor is named when an attribute is superseded, and only then");
  }
  const unfit = successor === undefined ? undefined : unfitSuccessor(draft, attribute, successor);
  if (unfit !== undefined) return refused(attributeId, unfit);
  const { semanticVersion } = draft;
  return withEntity(draft, "attributes", {
    ...attribute,
    status: to,
    effectiveFrom: from === "registered" && to === "active" ? semanticVersion : attribute.effectiveFrom,
    deprecatedFrom: to === "deprecated" ? semanticVersion : to === "active" ? null : attribute.deprecatedFrom,
    retiredFrom: to === "retired" ? semanticVersion : null,
    successor: successor ?? null,
  });
}

/** Only an active attribute takes over; it has no successor itself, so that successors never lead in a circle. */
function unfitSuccessor(draft: Registry, attribute: CanonicalAttribute, id: string): string | undefined {
  const successor = draft.attributes.find(({ attributeId }) => attributeId === id);
  if (successor === undefined) return `its successor ${id} does not exist`;
  if (id === attribute.attributeId) return "it cannot succeed itself";
  if (successor.domainId !== attribute.domainId) return `its successor ${id} is in another domain`;
  return successor.status === "active" ? undefined : `its successor ${id} is ${successor.status}`;
}

function moveQueryAttribute(draft: Registry, order: Order<"move_query_attribute">): Registry | Refusal {
  const { queryAttributeId, to, allowedUsageScope } = order;
  const attribute = draft.queryAttributes.find((each) => each.queryAttributeId === queryAttributeId);
  if (attribute === undefined) return refused(queryAttributeId, "no such query attribute");
  const { status: from } = attribute;
  if (!allows(queryAttributeLifecycle, from, to)) return transition(queryAttributeId, from, to);
  if ((to === "restricted") !== (allowedUsageScope !== undefined)) {
    return refused(queryAttributeId, "who may use it is named when it is restricted, and only then");
  }
  const isReopened = from === "restricted" && to === "active";
  const kept = isReopened ? { actors: [], scopes: [] } : attribute.allowedUsageScope;
  return withEntity(draft, "queryAttributes", {
    ...attribute,
    status: to,
    allowedUsageScope: allowedUsageScope ?? kept,
  });
}

/** Adds the proposed attribute and nothing more: whether the candidate is ripe is decided by promotion.ts (ATTR-11). */
function promote(draft: Registry, { attribute, declaration }: Order<"promote_candidate">): Registry | Refusal {
  const ids = new Set(draft.attributes.map(({ attributeId }) => attributeId));
  if (ids.has(attribute.attributeId)) return refused(attribute.attributeId, "it is there already");
  if (declaration !== undefined && !ids.has(declaration.attributeId)) {
    return refused(attribute.attributeId, `the declared ${declaration.attributeId} does not exist`);
  }
  return proposeAttribute(draft, attribute);
}
