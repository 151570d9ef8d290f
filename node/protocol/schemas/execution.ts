// Messages between meaning, execution and verification: resolutions, result bundles, decisions.
import { Type, type Static } from "typebox";
import {
  Address,
  Amount,
  AttributeId,
  Bytes32,
  closed,
  Count,
  DomainId,
  Name,
  QueryAttributeId,
  Term,
  Version,
} from "./primitives.ts";
import { DerivationRule, ValueType } from "./registry.ts";

/** One of the six steps of resolution, with the candidates it turned down and why (ATTR-03). */
export const ResolutionStep = closed({
  step: Type.Enum(["domain", "eligibility", "candidates", "lifecycle", "compatibility", "references"]),
  term: Type.Union([Term, Type.Null()]),
  outcome: Type.String(),
  kept: Type.Array(Type.String()),
  refused: Type.Array(closed({ candidate: Type.String(), reason: Type.String() })),
});

/** A query attribute as a task uses it: which, derived how, and how coarse (ATTR-07). */
export const Projection = closed({
  queryAttributeId: QueryAttributeId,
  derivationRule: DerivationRule,
  derivationRuleRef: Bytes32,
  minimumRecords: Count,
});

/** What each term of a task means; a function of its program, submitter and scope and of the registry alone (ATTR-05). */
export const SemanticResolutionResult = closed(
  {
    schemaVersion: Version,
    semanticVersion: Version,
    registryDigest: Bytes32,
    domain: DomainId,
    references: Type.Array(
      closed({
        term: Term,
        attributeId: AttributeId,
        valueType: ValueType,
        /** Given where the term is a query attribute: `attributeId` is then its source, `valueType` that of the projection. */
        projection: Type.Optional(Projection),
      }),
    ),
    steps: Type.Array(ResolutionStep),
  },
  { $id: "semantic-resolution-result" },
);

/** The frozen view of a collection that a task reads: its first `size` records, committed to by `digest`. */
export const Snapshot = closed({ vault: Name, collection: Name, size: Count, digest: Bytes32 });

/** What a resolved task may read: one entry per source (LAYR-07, LAYR-11). */
export const Binding = closed({
  grantId: Bytes32,
  snapshot: Snapshot,
  /** Field of the vault's canonical record for each resolved attribute. */
  fields: Type.Record(AttributeId, Type.String()),
});

/** Everything execution needs, and all it may use. `resolutionId` commits to the resolution and the bindings. */
export const ExecutionAssignment = closed(
  {
    schemaVersion: Version,
    taskId: Bytes32,
    resolutionId: Bytes32,
    fee: Amount,
    bindings: Type.Array(Binding),
  },
  { $id: "execution-assignment" },
);

/** One group of an answer. `value` is exact: an integer in units of 10^−scale. */
export const QueryGroup = closed({
  key: Type.Union([Type.String(), Type.Null()]),
  count: Count,
  value: Type.Union([Type.String({ pattern: "^-?[0-9]+$" }), Type.Null()]),
  /** Records per bin; null where fewer than the minimum fell into it. */
  bins: Type.Union([Type.Array(Type.Union([Count, Type.Null()])), Type.Null()]),
});

/** The answer to a protected query. Groups below the minimum size are left out and only counted. */
export const QueryResult = closed({
  kind: Type.Literal("protected_query"),
  scale: Type.Integer({ minimum: 0, maximum: 15 }),
  groups: Type.Array(QueryGroup),
  suppressedGroups: Count,
});

/** The result of an execution with its auditable context (LAYR-13). Its id is contentId("scs.bundle", bundle). */
export const ExecutionResultBundle = closed(
  {
    schemaVersion: Version,
    taskId: Bytes32,
    executor: Address,
    resolutionId: Bytes32,
    /** SHA-256 of the JCS bytes of the result. */
    outputCommitment: Bytes32,
    /** contentId("scs.transcript", transcript). */
    transcriptId: Bytes32,
    /** contentId("scs.access-log", accessLog). */
    accessLogId: Bytes32,
    proofs: Type.Array(Bytes32, { maxItems: 16 }),
    units: closed({ records: Count, vaults: Type.Array(closed({ vault: Name, records: Count })) }),
    fee: Amount,
  },
  { $id: "execution-result-bundle" },
);

export const Transcript = closed({
  taskId: Bytes32,
  resolutionId: Bytes32,
  runtime: Type.String(),
  steps: Type.Array(
    closed({
      vault: Name,
      collection: Name,
      size: Count,
      digest: Bytes32,
      /** Rules of the projections that the vault derived from this snapshot, ascending (ATTR-07). */
      projections: Type.Optional(Type.Array(Bytes32, { minItems: 1 })),
    }),
  ),
  outputCommitment: Bytes32,
});

export const AccessLog = closed({
  taskId: Bytes32,
  accesses: Type.Array(closed({ vault: Name, collection: Name, grantId: Bytes32, size: Count, digest: Bytes32 })),
});

/** A signed verdict on one bundle (LAYR-15). Its id is contentId("scs.decision", decision). */
export const VerificationDecision = closed(
  {
    schemaVersion: Version,
    taskId: Bytes32,
    bundleId: Bytes32,
    verifier: Address,
    verdict: Type.Enum(["accepted", "rejected", "challenged"]),
    method: Type.Literal("re_execution"),
    /** What the verifier's own execution committed to. */
    recomputedCommitment: Bytes32,
    /** contentId("scs.evidence", evidence). */
    evidenceHash: Bytes32,
  },
  { $id: "verification-decision" },
);

/** What a verdict rests on; enough to run the check again. */
export const VerificationEvidence = closed({
  taskId: Bytes32,
  bundleId: Bytes32,
  resolutionId: Bytes32,
  claimedCommitment: Bytes32,
  recomputedCommitment: Bytes32,
  transcriptId: Bytes32,
  recomputedTranscriptId: Bytes32,
});

export type Projection = Static<typeof Projection>;
export type SemanticResolutionResult = Static<typeof SemanticResolutionResult>;
export type ResolutionStep = Static<typeof ResolutionStep>;
export type Snapshot = Static<typeof Snapshot>;
export type Binding = Static<typeof Binding>;
export type ExecutionAssignment = Static<typeof ExecutionAssignment>;
export type QueryResult = Static<typeof QueryResult>;
export type QueryGroup = Static<typeof QueryGroup>;
export type ExecutionResultBundle = Static<typeof ExecutionResultBundle>;
export type Transcript = Static<typeof Transcript>;
export type AccessLog = Static<typeof AccessLog>;
export type VerificationDecision = Static<typeof VerificationDecision>;
export type VerificationEvidence = Static<typeof VerificationEvidence>;
