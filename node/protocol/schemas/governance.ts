// Acts of governance: every change of meaning, policy and order, signed, bound to a version, and kept for ever.
import { Type, type Static } from "typebox";
import {
  Address,
  AttributeId,
  Bytes32,
  closed,
  Count,
  Name,
  QueryAttributeId,
  Signature,
  Version,
  DomainId,
} from "./primitives.ts";
import { Policy } from "./policy.ts";
import {
  AttributeStatus,
  CanonicalAttribute,
  Domain,
  DomainStatus,
  QueryAttribute,
  QueryAttributeStatus,
  Registry,
  UsageScope,
} from "./registry.ts";

const Epoch = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** Begins a semantic version as a copy of a published one; it can be amended until it is published. */
const OpenVersion = closed({ kind: Type.Literal("open_version"), semanticVersion: Version, base: Version });
/** Publishes an opened version, for ever (ATTR-05). */
const PublishVersion = closed({ kind: Type.Literal("publish_version"), semanticVersion: Version });
/**
 * Publishes a registry that was written elsewhere. The first of a node may be anything sound; each later one may differ from the
 * one published before only by moves of the lifecycles.
 */
const PublishRegistry = closed({ kind: Type.Literal("publish_registry"), registry: Registry });
const PublishPolicy = closed({ kind: Type.Literal("publish_policy"), policy: Policy });

const ProposeDomain = closed({ kind: Type.Literal("propose_domain"), semanticVersion: Version, domain: Domain });
const MoveDomain = closed({
  kind: Type.Literal("move_domain"),
  semanticVersion: Version,
  domainId: DomainId,
  to: DomainStatus,
});
const ProposeAttribute = closed({
  kind: Type.Literal("propose_attribute"),
  semanticVersion: Version,
  attribute: CanonicalAttribute,
});
const MoveAttribute = closed({
  kind: Type.Literal("move_attribute"),
  semanticVersion: Version,
  attributeId: AttributeId,
  to: AttributeStatus,
  /** Given when `to` is superseded, and only then (ATTR-04). */
  successor: Type.Optional(AttributeId),
});
const ProposeQueryAttribute = closed({
  kind: Type.Literal("propose_query_attribute"),
  semanticVersion: Version,
  queryAttribute: QueryAttribute,
});
const MoveQueryAttribute = closed({
  kind: Type.Literal("move_query_attribute"),
  semanticVersion: Version,
  queryAttributeId: QueryAttributeId,
  to: QueryAttributeStatus,
  /** Given when `to` is restricted, and only then: who may still use it (ATTR-06). */
  allowedUsageScope: Type.Optional(UsageScope),
});

/** Takes a LocalAttributeCandidate into an opened version as a proposed attribute (ATTR-11). */
const PromoteCandidate = closed({
  kind: Type.Literal("promote_candidate"),
  semanticVersion: Version,
  candidateId: Bytes32,
  attribute: CanonicalAttribute,
  /** Why it is promoted although too few vaults have it; recorded. */
  coverageException: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  /** Settles a conflict: the attribute is an alias of this one, or replaces it. */
  declaration: Type.Optional(closed({ relation: Type.Enum(["alias", "replacement"]), attributeId: AttributeId })),
});

/** Which versions a scope takes and settles tasks under, from an epoch on that is not decided yet (OPER-03). */
const RollOut = closed({
  kind: Type.Literal("roll_out"),
  scope: Name,
  fromEpoch: Epoch,
  semanticVersions: Type.Array(Version, { minItems: 1, maxItems: 16, uniqueItems: true }),
  policyVersions: Type.Array(Version, { minItems: 1, maxItems: 16, uniqueItems: true }),
  /** Of these, versions that no new task is taken under; once what was taken has ended, another roll-out may leave them out. */
  retiring: Type.Optional(
    closed({
      semanticVersions: Type.Array(Version, { maxItems: 16, uniqueItems: true }),
      policyVersions: Type.Array(Version, { maxItems: 16, uniqueItems: true }),
    }),
  ),
});
/** Orders an open epoch to close (EPOC-04). */
const CloseEpoch = closed({ kind: Type.Literal("close_epoch"), scope: Name, epoch: Epoch });
/** Orders the open epoch to end an aggregation window when it closes (ATTR-10). */
const OrderAggregation = closed({ kind: Type.Literal("order_aggregation"), scope: Name, epoch: Epoch });
/** Decides a reviewed challenge: whether it is upheld, and whether its penalty is due (CHAL-05, CHAL-06). */
const DecideChallenge = closed({
  kind: Type.Literal("decide_challenge"),
  challengeId: Bytes32,
  round: Count,
  upheld: Type.Boolean(),
  penalty: Type.Boolean(),
});

/** What an act does. */
export const GovernanceOrder = Type.Union([
  OpenVersion,
  PublishVersion,
  PublishRegistry,
  PublishPolicy,
  ProposeDomain,
  MoveDomain,
  ProposeAttribute,
  MoveAttribute,
  ProposeQueryAttribute,
  MoveQueryAttribute,
  PromoteCandidate,
  RollOut,
  CloseEpoch,
  OrderAggregation,
  DecideChallenge,
]);

/** An act as it is signed. Its id is contentId("scs.governance-act", act): the same act again is the same act. */
export const GovernanceAct = closed(
  {
    schemaVersion: Version,
    by: Address,
    /** Why, for whoever reads the history. */
    reason: Type.String({ minLength: 1, maxLength: 1024 }),
    order: GovernanceOrder,
    /** Tells two acts with the same content apart. */
    nonce: Type.String({ minLength: 1, maxLength: 64 }),
  },
  { $id: "governance-act" },
);

/** The body that submits an act. With a bearer token for governance the signature may be left out. */
export const GovernanceSubmission = closed(
  { act: GovernanceAct, signature: Type.Optional(Signature) },
  { $id: "governance-submission" },
);

export const GovernanceReceipt = closed(
  { actId: Bytes32, sequence: Count, repeated: Type.Boolean() },
  { $id: "governance-receipt" },
);

/** An act as the history shows it. */
export const GovernanceActView = closed(
  {
    actId: Bytes32,
    sequence: Count,
    /** What it is about: an id of a domain, an attribute, a version, a scope, a challenge. */
    subject: Type.String(),
    semanticVersion: Type.Union([Version, Type.Null()]),
    act: GovernanceAct,
    isSigned: Type.Boolean(),
    at: Type.String(),
  },
  { $id: "governance-act-view" },
);

export type GovernanceOrder = Static<typeof GovernanceOrder>;
export type GovernanceAct = Static<typeof GovernanceAct>;
export type GovernanceSubmission = Static<typeof GovernanceSubmission>;
export type GovernanceReceipt = Static<typeof GovernanceReceipt>;
export type GovernanceActView = Static<typeof GovernanceActView>;
