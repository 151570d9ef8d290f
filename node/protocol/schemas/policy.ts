// Policy: every number that governance decides, published whole under one policy_version.
import { Type, type Static } from "typebox";
import { epochItemLimit } from "../limits.ts";
import { Address, Amount, closed, Count, DomainId, Version } from "./primitives.ts";

const Stage = closed({
  /** How long a task may stay in the stage before it becomes timed_out (TASK-05). */
  deadlineSeconds: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
  /** How often a transient failure is tried again (TASK-06). */
  maximumAttempts: Type.Integer({ minimum: 1, maximum: 100 }),
  /** Delay before the second attempt; it doubles with each further one. */
  backoffMilliseconds: Type.Integer({ minimum: 1, maximum: 3_600_000 }),
});

/** Shares in basis points; together exactly 10,000 (RWRD-03). */
const Shares = closed({
  producers: Type.Integer({ minimum: 0, maximum: 10_000 }),
  vaults: Type.Integer({ minimum: 0, maximum: 10_000 }),
  executors: Type.Integer({ minimum: 0, maximum: 10_000 }),
  verifiers: Type.Integer({ minimum: 0, maximum: 10_000 }),
  treasury: Type.Integer({ minimum: 0, maximum: 10_000 }),
});

const BasisPoints = Type.Integer({ minimum: 0, maximum: 10_000 });

/**
 * When and how vaults' local attributes are aggregated (ATTR-10, ATTR-12). A count leaves a vault as a noisy count by the
 * two-sided geometric mechanism, and only at or above the threshold that epsilon, delta and `minimumRecords` give. What one
 * record can change is bounded by `localAttributesPerRecord` of protocol/limits.ts.
 */
const LocalAggregation = closed({
  windowEpochs: Type.Integer({ minimum: 1, maximum: 1_000 }),
  /** For the domains named beside it; a scope aggregates at the shorter of the windows that its vaults' domains have. */
  highActivityWindowEpochs: Type.Integer({ minimum: 1, maximum: 1_000 }),
  highActivityDomains: Type.Array(DomainId, { maxItems: 256, uniqueItems: true }),
  privacy: closed({
    /** Epsilon of one window's release, in thousandths. */
    epsilonThousandths: Type.Integer({ minimum: 1, maximum: 10_000 }),
    /** Delta of one window's release is 10 to the minus this. */
    deltaExponent: Type.Integer({ minimum: 1, maximum: 15 }),
    /** However small the noise, fewer records than this are never spoken of. */
    minimumRecords: Type.Integer({ minimum: 2, maximum: 1_000_000 }),
  }),
  promotion: closed({
    minimumVaults: Type.Integer({ minimum: 1, maximum: 10_000 }),
    minimumFrequency: BasisPoints,
    minimumStability: BasisPoints,
    /** Windows that it must have been observed in. */
    minimumWindows: Type.Integer({ minimum: 1, maximum: 1_000 }),
  }),
});

export const Policy = closed(
  {
    policyVersion: Version,
    stages: closed({ accepted: Stage, resolving: Stage, dispatched: Stage, verifying: Stage }),
    /** Fee of a task = base + perThousandRecords · ⌈records scanned / 1000⌉, in base units. */
    fees: closed({ base: Amount, perThousandRecords: Amount }),
    /** Groups smaller than this are never described, whatever a task asks for. */
    minimumGroupSize: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
    /** How many verifiers must agree (LAYR-16). */
    verifiers: Type.Integer({ minimum: 1, maximum: 16 }),
    quota: closed({
      tasksPerWindow: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
      windowSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
    }),
    /** An open epoch closes at whichever comes first (EPOC-04). It has one settlement, which needs no bound of its own. */
    epochs: closed({
      maximumSeconds: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
      maximumTasks: Type.Integer({ minimum: 1, maximum: epochItemLimit }),
      /** Accepting decisions of its members' verifiers; without it only their number counts. */
      maximumVerifications: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 * epochItemLimit })),
      /** Records that vaults' pools counted in the window, if it ends one; without it they never close an epoch. */
      maximumAggregationEntries: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
    }),
    rewards: closed({
      shares: Shares,
      /** Added to the fees of every epoch that holds at least one task. */
      subsidy: Amount,
      treasuryAccount: Address,
    }),
    /** What an upheld challenge costs whoever made, and whoever accepted, the wrong result; in base units. */
    penalties: closed({ executor: Amount, verifier: Amount }),
    aggregation: LocalAggregation,
    /** How long an envelope may be valid ahead of its submission. */
    envelopeLifetimeSeconds: Type.Integer({ minimum: 1, maximum: 2_592_000 }),
  },
  { $id: "policy" },
);

/** What a triple (epoch_id, semantic_version, policy_version) resolves to (EPOC-09). */
export const EpochParameters = closed(
  {
    epochId: Type.String(),
    semanticVersion: Version,
    policyVersion: Version,
    policy: Policy,
    registryDigest: Type.String(),
    policyDigest: Type.String(),
    sequence: Count,
  },
  { $id: "epoch-parameters" },
);

export type Policy = Static<typeof Policy>;
export type Shares = Static<typeof Shares>;
export type EpochParameters = Static<typeof EpochParameters>;
export type StageName = keyof Policy["stages"];
