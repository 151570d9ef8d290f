// Explanations: why a task, a reward or an epoch is as it is, from what was journalled, recorded and archived.
import { Type, type Static } from "typebox";
import { ChallengeView } from "./challenge.ts";
import { ResolutionStep, SemanticResolutionResult, VerificationDecision } from "./execution.ts";
import { Address, Amount, Bytes32, closed, Count, Name, Version } from "./primitives.ts";
import { AdjustmentRecord, EpochView, RewardView, SettlementStateName, SettlementView } from "./settlement.ts";
import { TaskStateName, TaskTransition, TaskView } from "./task.ts";

/** Items of one list of an explanation: an answer stays below a megabyte; counts beside the lists say how many there are. */
export const explainedItems = 500;

/** What a task's words came to, and the steps on the way; a refused task has the steps up to its refusal (ATTR-03). */
const ExplainedResolution = closed({
  semanticVersion: Version,
  outcome: Type.Enum(["resolved", "refused"]),
  domain: Type.Union([Type.String(), Type.Null()]),
  references: SemanticResolutionResult.properties.references,
  steps: Type.Array(ResolutionStep),
});

/** A hash that the result could be guessed from: null while there is no result to be shown. */
const ShownWithResult = Type.Union([Bytes32, Type.Null()]);

/** Why a task is where it is. Names what it read, and none of the fields that vaults keep it in. */
export const TaskExplanation = closed(
  {
    taskId: Bytes32,
    scope: Name,
    submitter: Address,
    state: TaskStateName,
    transitions: Type.Array(TaskTransition),
    /** Null where the task never came to be resolved, or its words are no longer known. */
    resolution: Type.Union([ExplainedResolution, Type.Null()]),
    /** What it was bound to read, and under which consent. */
    sources: Type.Array(closed({ vault: Name, collection: Name, records: Count, grantId: Bytes32 })),
    execution: Type.Union([
      closed({
        bundleId: ShownWithResult,
        executor: Address,
        outputCommitment: ShownWithResult,
        records: Count,
        fee: Amount,
      }),
      Type.Null(),
    ]),
    decisions: Type.Array(
      closed({ decisionId: ShownWithResult, verifier: Address, verdict: VerificationDecision.properties.verdict }),
    ),
    /** Every epoch it was a member of, the first one first, and why it was left for a later one. */
    epochs: Type.Array(closed({ epoch: Count, deferredFor: Type.Union([Type.String(), Type.Null()]) })),
    /** The newest candidate that holds it. */
    settlement: Type.Union([
      closed({ epoch: Count, revision: Count, state: SettlementStateName, root: Bytes32 }),
      Type.Null(),
    ]),
    result: TaskView.properties.result,
    refusal: TaskView.properties.refusal,
    challenges: Type.Array(ChallengeView, { maxItems: explainedItems }),
  },
  { $id: "task-explanation" },
);

/** From a reward's amount back to the pot, the policy's share, the metered units, and the tasks that gave them. */
export const RewardExplanation = closed(
  {
    record: RewardView.properties.record,
    state: RewardView.properties.state,
    revision: Count,
    /** The archive all of it can be worked out from again. */
    archive: Bytes32,
    /** The pot: fees of the epoch's settled tasks, and what the policy adds. */
    fees: Amount,
    subsidy: Amount,
    policyVersion: Version,
    /** The role's share by that policy, of 10,000; a role without units leaves its share to the treasury. */
    shareBasisPoints: Count,
    /** Tasks that were metered for the account in this role; their units add up to those of the record. */
    taskCount: Count,
    tasks: Type.Array(closed({ taskId: Bytes32, units: Amount, fee: Amount }), { maxItems: explainedItems }),
    /** What the same revision took from the account, or gave to it, for penalties (RWRD-04). */
    adjustments: Type.Array(AdjustmentRecord, { maxItems: explainedItems }),
  },
  { $id: "reward-explanation" },
);

/** Why an epoch opened, closed and was settled as it was. */
export const EpochExplanation = closed(
  {
    epoch: EpochView,
    /** Why it closed, in words; null while it is open. */
    closedBecause: Type.Union([Type.String(), Type.Null()]),
    memberCount: Count,
    deferredCount: Count,
    /** Members left for a later epoch, ascending, each with its reason (EPOC-05). */
    deferred: Type.Array(closed({ taskId: Bytes32, reason: Type.String() }), { maxItems: explainedItems }),
    /** What was done to the epoch and its settlement, in order; members that were assigned are only counted. */
    acts: Type.Array(
      closed({
        at: Type.String(),
        about: Type.Enum(["epoch", "settlement"]),
        act: Type.String(),
        by: Type.String(),
        facts: Type.Record(Type.String(), Type.Unknown()),
      }),
      { maxItems: explainedItems },
    ),
    /** Every revision of its settlement with what failed and the anchor's transactions (SETL-10). */
    revisions: Type.Array(SettlementView),
  },
  { $id: "epoch-explanation" },
);

export type TaskExplanation = Static<typeof TaskExplanation>;
export type RewardExplanation = Static<typeof RewardExplanation>;
export type EpochExplanation = Static<typeof EpochExplanation>;
