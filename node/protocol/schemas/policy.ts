// Policy: every number that governance decides, published whole under one policy_version.
import { Type, type Static } from "typebox";
import { epochItemLimit } from "../limits.ts";
import { Address, Amount, closed, Count, Version } from "./primitives.ts";

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
    /** An open epoch closes at whichever comes first (EPOC-04). */
    epochs: closed({
      maximumSeconds: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
      maximumTasks: Type.Integer({ minimum: 1, maximum: epochItemLimit }),
    }),
    rewards: closed({
      shares: Shares,
      /** Added to the fees of every epoch that holds at least one task. */
      subsidy: Amount,
      treasuryAccount: Address,
    }),
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
