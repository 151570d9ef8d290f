// The lifecycles of the protocol: one table each, and the one total function that reads them.
import { attributeLifecycle, domainLifecycle, queryAttributeLifecycle } from "./lifecycles/meaning.ts";
import { move, type Lifecycle } from "./lifecycles/table.ts";

/** States of a task (TASK-01, scp-core-spec "Task Lifecycle"). */
export type TaskState =
  | "accepted"
  | "resolving"
  | "dispatched"
  | "verifying"
  | "awaiting_settlement"
  | "completed"
  | "challenged"
  | "rejected"
  | "timed_out";

export const taskLifecycle: Lifecycle<TaskState> = {
  name: "task",
  states: {
    accepted: "Admitted: envelope checked, budget reserved, durable.",
    resolving: "Its terms are being resolved under its semantic_version.",
    dispatched: "Resolved; waits for, or is in, an authorized execution.",
    verifying: "A result bundle exists; verifiers check it.",
    awaiting_settlement: "Accepted by verification; waits for its epoch's settlement to finalize.",
    completed: "Contained in a finalized settlement.",
    challenged: "A challenge is open against its result.",
    rejected: "Ended without settlement: refused by meaning, by execution, by verification, or by an upheld challenge.",
    timed_out: "Ended without settlement: a stage passed its deadline.",
  },
  initial: "accepted",
  transitions: [
    move("accepted", "resolving", "coordination", "handed to the semantic layer"),
    move("resolving", "dispatched", "semantic", "domain, attributes and references resolved"),
    move("dispatched", "verifying", "execution", "a result bundle was admitted"),
    move("verifying", "awaiting_settlement", "verification", "enough verifiers accepted"),
    move("awaiting_settlement", "completed", "settlement", "its settlement finalized"),
    move("accepted", "rejected", "coordination", "withdrawn by policy before resolution"),
    move("resolving", "rejected", "semantic", "unresolved, ambiguous or incompatible"),
    move("dispatched", "rejected", "execution", "refused by the runtime, or retries used up"),
    move("verifying", "rejected", "verification", "the verifiers rejected it"),
    move("accepted", "timed_out", "coordination", "deadline passed"),
    move("resolving", "timed_out", "coordination", "deadline passed"),
    move("dispatched", "timed_out", "coordination", "deadline passed"),
    move("verifying", "timed_out", "coordination", "deadline passed"),
    move("verifying", "challenged", "verification", "verifiers disagree, or a challenge was opened"),
    move("awaiting_settlement", "challenged", "coordination", "a challenge was opened"),
    move("challenged", "verifying", "coordination", "not upheld: back where it stood"),
    move("challenged", "awaiting_settlement", "coordination", "not upheld: back where it stood"),
    move("challenged", "rejected", "coordination", "upheld"),
  ],
};

/** States of a challenge (CHAL-01). */
export type ChallengeState =
  | "opened"
  | "reviewing"
  | "confirmed"
  | "not_confirmed"
  | "approved"
  | "closed_without_penalty"
  | "penalty_recorded"
  | "reopened";

export const challengeLifecycle: Lifecycle<ChallengeState> = {
  name: "challenge",
  states: {
    opened: "Names its task, verification, candidate and the hash of its evidence.",
    reviewing: "Its evidence is being replayed.",
    confirmed: "The replay shows the fault.",
    not_confirmed: "The replay does not show the fault.",
    approved: "Governance approved a penalty.",
    closed_without_penalty: "Ended without a penalty.",
    penalty_recorded: "The penalty is a record that a later epoch applies.",
    reopened: "New evidence was brought against a closed challenge.",
  },
  initial: "opened",
  transitions: [
    move("opened", "reviewing", "verification", "a reviewer took it up"),
    move("reviewing", "confirmed", "verification", "the replay shows the fault"),
    move("reviewing", "not_confirmed", "verification", "the replay does not show the fault"),
    move("confirmed", "approved", "governance", "a penalty was approved"),
    move("approved", "penalty_recorded", "settlement", "the penalty record was written"),
    move("confirmed", "closed_without_penalty", "governance", "no penalty is due"),
    move("not_confirmed", "closed_without_penalty", "governance", "nothing to penalize"),
    move("closed_without_penalty", "reopened", "challenger", "new evidence only"),
    move("reopened", "reviewing", "verification", "a reviewer took it up again"),
  ],
};

/** States of a settlement (SETL-01). */
export type SettlementState =
  "collecting" | "verifying_inputs" | "candidate_ready" | "finalizing" | "finalized" | "failed";

export const settlementLifecycle: Lifecycle<SettlementState> = {
  name: "settlement",
  states: {
    collecting: "The closed epoch's items are being gathered.",
    verifying_inputs: "Each item is checked again before the root is built.",
    candidate_ready: "The root is built, agreed by the second opinion, and public while it can be challenged.",
    finalizing: "The challenge window has passed; finalization is on its way.",
    finalized: "Final, for ever.",
    failed: "Ended without a root; a new revision may follow.",
  },
  initial: "collecting",
  transitions: [
    move("collecting", "verifying_inputs", "settlement", "the epoch is closed and its items are frozen"),
    move("verifying_inputs", "candidate_ready", "settlement", "every input holds and two builders agree on the root"),
    move("candidate_ready", "finalizing", "settlement", "the challenge window passed with no open challenge"),
    move("finalizing", "finalized", "settlement", "the chain shows the finalized root deep enough"),
    move("verifying_inputs", "failed", "settlement", "an input does not hold, or the second opinion differs"),
    move("candidate_ready", "failed", "settlement", "a challenge was upheld"),
    move("finalizing", "failed", "settlement", "the chain rejected the candidate"),
  ],
};

/** States of an epoch (EPOC-02). */
export type EpochState = "open" | "closing" | "closed";

export const epochLifecycle: Lifecycle<EpochState> = {
  name: "epoch",
  states: {
    open: "The active window of its scope: new items are assigned to it.",
    closing: "A trigger was met; scopes are being frozen.",
    closed: "Membership is fixed for ever.",
  },
  initial: "open",
  transitions: [
    move("open", "closing", "settlement", "time, volume, or a governance order"),
    move("closing", "closed", "settlement", "settlement, reward and aggregation scopes are frozen"),
  ],
};

/** States of a reward. */
export type RewardState = "pending_input" | "eligible" | "calculated" | "finalized" | "blocked" | "adjusted";

export const rewardLifecycle: Lifecycle<RewardState> = {
  name: "reward",
  states: {
    pending_input: "Work was verified; its epoch is not closed.",
    eligible: "In a closed epoch's reward scope.",
    calculated: "Part of a candidate's root; can be challenged with it.",
    finalized: "Part of a finalized root; never changed.",
    blocked: "Taken out by an upheld challenge or by policy.",
    adjusted: "A correcting record of a later epoch.",
  },
  initial: "pending_input",
  transitions: [
    move("pending_input", "eligible", "settlement", "its epoch closed"),
    move("eligible", "calculated", "settlement", "the candidate was built"),
    move("calculated", "finalized", "settlement", "the settlement finalized"),
    move("eligible", "blocked", "settlement", "its item was taken out"),
    move("calculated", "blocked", "settlement", "its candidate failed"),
  ],
};

/** States of a payout (PAYO-04). */
export type PayoutState =
  "prepared" | "authorized" | "submitted" | "confirmed" | "reconciled" | "failed" | "mismatched";

export const payoutLifecycle: Lifecycle<PayoutState> = {
  name: "payout",
  states: {
    prepared: "An instruction made from a finalized reward.",
    authorized: "The payout policy allows it.",
    submitted: "In a signed, persisted transaction.",
    confirmed: "Its transaction is mined deep enough.",
    reconciled: "The treasury's event matches the instruction.",
    failed: "The attempt is provably dead.",
    mismatched: "Chain and node disagree; both sides are named.",
  },
  initial: "prepared",
  transitions: [
    move("prepared", "authorized", "payout", "policy allows it"),
    move("authorized", "submitted", "payout", "signed and persisted"),
    move("submitted", "confirmed", "payout", "receipt and nonce agree"),
    move("confirmed", "reconciled", "payout", "the event matches"),
    move("submitted", "failed", "payout", "reverted, or replaced by another transaction"),
    move("confirmed", "failed", "payout", "its recipient refused it"),
    move("failed", "authorized", "payout", "the old attempt is provably dead"),
    move("prepared", "reconciled", "payout", "the recipient claimed it"),
    move("authorized", "reconciled", "payout", "the recipient claimed it"),
    move("failed", "reconciled", "payout", "the recipient claimed it"),
    move("submitted", "reconciled", "payout", "paid by a claim or a range before its receipt was seen"),
    move("prepared", "mismatched", "payout", "the chain shows something else"),
    move("authorized", "mismatched", "payout", "the chain shows something else"),
    move("submitted", "mismatched", "payout", "the chain shows something else"),
    move("confirmed", "mismatched", "payout", "the chain shows something else"),
    move("reconciled", "mismatched", "payout", "the chain shows something else"),
    move("failed", "mismatched", "payout", "the chain shows something else"),
    move("mismatched", "reconciled", "payout", "both sides agree again"),
    move("mismatched", "authorized", "payout", "the chain shows it unpaid, and the old attempt is provably dead"),
  ],
};

/** Every lifecycle by name: the source of types, SQL CHECKs, documentation and tests. */
export const lifecycles = {
  task: taskLifecycle,
  challenge: challengeLifecycle,
  settlement: settlementLifecycle,
  epoch: epochLifecycle,
  reward: rewardLifecycle,
  payout: payoutLifecycle,
  domain: domainLifecycle,
  attribute: attributeLifecycle,
  query_attribute: queryAttributeLifecycle,
} as const;

/** Whether the table allows the move; total over all pairs of states (TASK-02, CHAL-01, SETL-01, EPOC-02, PAYO-04). */
export function allows<S extends string>(lifecycle: Lifecycle<S>, from: S, to: S): boolean {
  return lifecycle.transitions.some((each) => each.from === from && each.to === to);
}

/** The states in which nothing more can happen. */
export function terminalStates<S extends string>(lifecycle: Lifecycle<S>): readonly S[] {
  const states = Object.keys(lifecycle.states) as S[];
  return states.filter((state) => !lifecycle.transitions.some((each) => each.from === state));
}
