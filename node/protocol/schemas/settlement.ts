// Messages of epochs, settlements, proofs, rewards and payouts, and the artifacts an epoch's archive is made of.
import { Type, type Static } from "typebox";
import { epochPenaltyLimit } from "../limits.ts";
import { Address, Amount, Bytes32, closed, Count, Name, Version } from "./primitives.ts";
import { Policy } from "./policy.ts";
import {
  AccessLog,
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
  Transcript,
  VerificationDecision,
  VerificationEvidence,
} from "./execution.ts";
import { Aggregation } from "./local-attribute.ts";
import { TaskEnvelope } from "./task.ts";

export const EpochView = closed(
  {
    epochId: Type.String(),
    scope: Name,
    epoch: Count,
    status: Type.Enum(["open", "closing", "closed"]),
    openAt: Type.String(),
    closeAt: Type.Union([Type.String(), Type.Null()]),
    trigger: Type.Union([Type.Enum(["time", "volume", "order"]), Type.Null()]),
    semanticVersionSet: Type.Array(Version),
    policyVersionSet: Type.Array(Version),
    settlementScope: closed({ tasks: Count, deferred: Count }),
    rewardScope: closed({ tasks: Count, penalties: Count }),
    /** `windowFrom` is the first epoch of the window that this one ends; null where it ends none. */
    aggregationScope: closed({ entries: Count, windowFrom: Type.Union([Count, Type.Null()]) }),
  },
  { $id: "epoch-view" },
);

export const SettlementStateName = Type.Enum([
  "collecting",
  "verifying_inputs",
  "candidate_ready",
  "finalizing",
  "finalized",
  "failed",
]);

/** The header of a SettlementRoot, as the anchor contract takes it (SETL-04). */
export const SettlementHeader = closed({
  scope: Bytes32,
  epoch: Count,
  revision: Count,
  previousRoot: Bytes32,
  ruleset: Bytes32,
  archive: Bytes32,
  itemCount: Count,
  payoutCount: Count,
  payoutTotal: Amount,
});

export const SettlementSubRoots = closed({
  results: Bytes32,
  evidence: Bytes32,
  rewards: Bytes32,
  payouts: Bytes32,
  candidates: Bytes32,
  journal: Bytes32,
});

export const SettlementView = closed(
  {
    scope: Name,
    epoch: Count,
    revision: Count,
    state: SettlementStateName,
    root: Type.Union([Bytes32, Type.Null()]),
    header: Type.Union([SettlementHeader, Type.Null()]),
    subRoots: Type.Union([SettlementSubRoots, Type.Null()]),
    failure: Type.Union([Type.String(), Type.Null()]),
    transactions: Type.Array(closed({ act: Type.String(), hash: Bytes32, gasUsed: Type.Union([Amount, Type.Null()]) })),
  },
  { $id: "settlement-view" },
);

export const LeafKind = Type.Enum(["result", "evidence", "reward", "payout", "candidate", "journal"]);

/** All a stranger needs, besides a chain endpoint, to check one item against the anchored root (SETL-11). */
export const InclusionProof = closed(
  {
    schemaVersion: Version,
    kind: LeafKind,
    chainId: Count,
    anchor: Address,
    scope: Name,
    scopeId: Bytes32,
    epoch: Count,
    /** The leaf's fields in the order of its kind, each as a 32-byte word. */
    fields: Type.Array(Bytes32),
    /** The record the fields stand for, where there is one: a result, a reward record, a payout. */
    content: Type.Unknown(),
    leaf: Bytes32,
    proof: Type.Array(Bytes32, { maxItems: 64 }),
    root: Bytes32,
  },
  { $id: "inclusion-proof" },
);

export const RewardRole = Type.Enum(["producer", "vault", "executor", "verifier", "treasury"]);

/** Why an account earned an amount in an epoch (RWRD-01). Its hash is contentId("scs.reward-record", record). */
export const RewardRecord = closed(
  {
    schemaVersion: Version,
    rewardId: Bytes32,
    scope: Name,
    epoch: Count,
    account: Address,
    role: RewardRole,
    amount: Amount,
    /** The role's part of the pot, and this account's part of the role's metered units. */
    basis: closed({ pot: Amount, rolePool: Amount, units: Amount, totalUnits: Amount, policyVersion: Version }),
  },
  { $id: "reward-record" },
);

/** One payment of an epoch: the sum of an account's rewards (PAYO-01). */
export const PayoutInstruction = closed(
  {
    payoutId: Bytes32,
    scope: Name,
    epoch: Count,
    index: Count,
    account: Address,
    amount: Amount,
  },
  { $id: "payout-instruction" },
);

export const PayoutView = closed(
  {
    payoutId: Bytes32,
    scope: Name,
    epoch: Count,
    index: Count,
    account: Address,
    amount: Amount,
    state: Type.Enum(["prepared", "authorized", "submitted", "confirmed", "reconciled", "failed", "mismatched"]),
    transactionHash: Type.Union([Bytes32, Type.Null()]),
  },
  { $id: "payout-view" },
);

export const RewardView = closed(
  {
    record: RewardRecord,
    state: Type.Enum(["pending_input", "eligible", "calculated", "finalized", "blocked", "adjusted"]),
    revision: Count,
  },
  { $id: "reward-view" },
);

/**
 * A correction in a later epoch (RWRD-04): a penalty, or what is left of it, taken from what an account earned there and given
 * to the policy's treasury. Its hash is contentId("scs.adjustment-record", record); it is a leaf among the rewards, after them.
 */
export const AdjustmentRecord = closed(
  {
    schemaVersion: Version,
    /** contentId("scs.adjustment", { scope, epoch, penaltyId }). */
    adjustmentId: Bytes32,
    scope: Name,
    epoch: Count,
    /** Who pays it. */
    account: Address,
    beneficiary: Address,
    amount: Amount,
    penaltyId: Bytes32,
    challengeId: Bytes32,
    /** What is still owed after this. */
    remaining: Amount,
  },
  { $id: "adjustment-record" },
);

export const AdjustmentView = closed(
  { record: AdjustmentRecord, state: Type.Enum(["calculated", "adjusted", "blocked"]), revision: Count },
  { $id: "adjustment-view" },
);

/** A penalty as far as it is not taken yet when an epoch closes; frozen with the epoch. */
export const OutstandingPenalty = closed({
  penaltyId: Bytes32,
  challengeId: Bytes32,
  account: Address,
  remaining: Amount,
});

/** A settled task as its epoch's archive holds it: everything its leaves and rewards are computed from. */
export const ArchivedItem = closed({
  taskId: Bytes32,
  envelope: TaskEnvelope,
  /** The submitter's; null where a bearer token stood for it. */
  envelopeSignature: Type.Union([Type.String(), Type.Null()]),
  resolution: SemanticResolutionResult,
  assignment: ExecutionAssignment,
  result: Type.Unknown(),
  bundle: ExecutionResultBundle,
  bundleSignature: Type.String(),
  transcript: Transcript,
  accessLog: AccessLog,
  decisions: Type.Array(
    closed({ decision: VerificationDecision, evidence: VerificationEvidence, signature: Type.String() }),
    { minItems: 1 },
  ),
  /** Who the task's units are owed to: vault operators and producers with their parts of the records read. */
  contributions: Type.Array(
    closed({
      vault: Name,
      operator: Address,
      producers: Type.Array(closed({ account: Address, records: Count })),
      records: Count,
    }),
  ),
  /** The task's canonical history: its transitions in order, without times. */
  history: Type.Array(Type.String()),
});

/** What an archive says about itself. Its SHA-256 over JCS bytes is the header's `archive`. */
export const ArchiveManifest = closed(
  {
    schemaVersion: Version,
    chainId: Count,
    anchor: Address,
    scope: Name,
    epoch: Count,
    revision: Count,
    previousRoot: Bytes32,
    versions: closed({
      schema: Type.Array(Version),
      semantic: Type.Array(closed({ version: Version, digest: Bytes32 })),
      policy: Type.Array(closed({ version: Version, digest: Bytes32 })),
    }),
    /** The policy whose rules share out the epoch's pot. */
    policy: Policy,
    itemCount: Count,
    /** SHA-256 of each part's bytes, in order; a part holds items as JCS lines sorted by taskId. */
    parts: Type.Array(closed({ digest: Bytes32, items: Count })),
    excluded: Type.Array(closed({ taskId: Bytes32, reason: Type.String() })),
    /** Registries and policies of the versions, each the object with this SHA-256 of its canonical bytes. */
    documents: Type.Array(closed({ kind: Type.Enum(["registry", "policy"]), version: Version, object: Bytes32 })),
    /** Ascending by penaltyId. */
    penalties: Type.Array(OutstandingPenalty, { maxItems: epochPenaltyLimit }),
    /** Null where the epoch ends no window. */
    aggregation: Type.Union([Aggregation, Type.Null()]),
  },
  { $id: "archive-manifest" },
);

export type EpochView = Static<typeof EpochView>;
export type SettlementView = Static<typeof SettlementView>;
export type SettlementHeader = Static<typeof SettlementHeader>;
export type SettlementSubRoots = Static<typeof SettlementSubRoots>;
export type InclusionProof = Static<typeof InclusionProof>;
export type RewardRecord = Static<typeof RewardRecord>;
export type RewardRole = Static<typeof RewardRole>;
export type RewardView = Static<typeof RewardView>;
export type PayoutInstruction = Static<typeof PayoutInstruction>;
export type PayoutView = Static<typeof PayoutView>;
export type AdjustmentRecord = Static<typeof AdjustmentRecord>;
export type AdjustmentView = Static<typeof AdjustmentView>;
export type OutstandingPenalty = Static<typeof OutstandingPenalty>;
export type ArchivedItem = Static<typeof ArchivedItem>;
export type ArchiveManifest = Static<typeof ArchiveManifest>;
