// Messages of challenges: what a challenger signs, evidence that replays, reviews, and the penalties that follow.
import { Type, type Static } from "typebox";
import { Address, Amount, Bytes32, closed, Count, Name, Signature, Version } from "./primitives.ts";
import {
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
  VerificationDecision,
} from "./execution.ts";
import { TaskEnvelope } from "./task.ts";

export const ChallengeStateName = Type.Enum([
  "opened",
  "reviewing",
  "confirmed",
  "not_confirmed",
  "approved",
  "closed_without_penalty",
  "penalty_recorded",
  "reopened",
]);

/** The settlement candidate that a challenge attacks. */
export const ChallengedCandidate = closed({ scope: Name, epoch: Count, revision: Count, root: Bytes32 });

/**
 * What a challenger signs (CHAL-02). Its id is contentId("scs.challenge", statement). `candidate` is null only for a
 * disagreement of verifiers, which no candidate can hold yet; the node alone opens those.
 */
export const ChallengeStatement = closed(
  {
    schemaVersion: Version,
    taskId: Bytes32,
    /** The verification that is attacked. */
    decisionId: Bytes32,
    candidate: Type.Union([ChallengedCandidate, Type.Null()]),
    /** contentId("scs.challenge-evidence", evidence). */
    evidenceHash: Bytes32,
    challenger: Address,
  },
  { $id: "challenge-statement" },
);

/**
 * What a challenge rests on: the whole of what was claimed, and what the challenger got instead. A reviewer runs the same
 * again from this alone, over the records that the assignment's snapshots commit to (CHAL-03).
 */
export const ChallengeEvidence = closed(
  {
    schemaVersion: Version,
    kind: Type.Literal("re_execution"),
    taskId: Bytes32,
    envelope: TaskEnvelope,
    resolution: SemanticResolutionResult,
    assignment: ExecutionAssignment,
    bundle: ExecutionResultBundle,
    bundleSignature: Signature,
    decision: VerificationDecision,
    decisionSignature: Signature,
    /** What the challenger's own execution committed to. */
    recomputedCommitment: Bytes32,
    /** Tells one submission of evidence from another; free words, of nothing private. */
    remark: Type.String({ maxLength: 1024 }),
  },
  { $id: "challenge-evidence" },
);

/** The body that opens a challenge. With a bearer token of the challenger the signature may be left out. */
export const ChallengeSubmission = closed(
  { challenge: ChallengeStatement, evidence: ChallengeEvidence, signature: Type.Optional(Signature) },
  { $id: "challenge-submission" },
);

/** The body that reopens a closed challenge: evidence that no earlier round had (CHAL-06). */
export const ChallengeReopening = closed(
  { evidence: ChallengeEvidence, signature: Type.Optional(Signature) },
  { $id: "challenge-reopening" },
);

/** What a reviewer signs after replaying the evidence. Its id is contentId("scs.challenge-review", review). */
export const ChallengeReview = closed(
  {
    schemaVersion: Version,
    challengeId: Bytes32,
    /** 1 for the first review, one more for each reopening. */
    round: Count,
    evidenceHash: Bytes32,
    reviewer: Address,
    verdict: Type.Enum(["confirmed", "not_confirmed"]),
    /** What the reviewer's execution committed to; null where the evidence fails before anything is executed. */
    recomputedCommitment: Type.Union([Bytes32, Type.Null()]),
    /** The first thing that decided it, in words. */
    finding: Type.String(),
  },
  { $id: "challenge-review" },
);

/** What an account owes for an upheld challenge; a later epoch takes it from what the account earns there (RWRD-04). */
export const PenaltyRecord = closed(
  {
    schemaVersion: Version,
    /** contentId("scs.penalty", { challengeId, round, account, role }). */
    penaltyId: Bytes32,
    challengeId: Bytes32,
    scope: Name,
    account: Address,
    role: Type.Enum(["executor", "verifier"]),
    amount: Amount,
    policyVersion: Version,
  },
  { $id: "penalty-record" },
);

/** A challenge as everybody can read it; evidence names records by commitment only. */
export const ChallengeView = closed(
  {
    challengeId: Bytes32,
    challenge: ChallengeStatement,
    origin: Type.Enum(["api", "chain", "disagreement"]),
    state: ChallengeStateName,
    round: Count,
    openedAt: Type.String(),
    /** The evidence of every round, oldest first. */
    evidenceHashes: Type.Array(Bytes32),
    reviews: Type.Array(ChallengeReview),
    history: Type.Array(
      closed({
        from: Type.Union([ChallengeStateName, Type.Null()]),
        to: ChallengeStateName,
        by: Type.String(),
        why: Type.String(),
        at: Type.String(),
      }),
    ),
    penalties: Type.Array(PenaltyRecord),
  },
  { $id: "challenge-view" },
);

/** Whether a challenge was opened by this request, or before. */
export const ChallengeReceipt = closed(
  { challengeId: Bytes32, repeated: Type.Boolean() },
  { $id: "challenge-receipt" },
);

/** What a live candidate holds of a task: everything that a challenger has to answer to (SETL-07). */
export const CandidateItem = closed(
  {
    candidate: ChallengedCandidate,
    taskId: Bytes32,
    envelope: TaskEnvelope,
    resolution: SemanticResolutionResult,
    assignment: ExecutionAssignment,
    bundle: ExecutionResultBundle,
    bundleSignature: Signature,
    /** Those that accepted the bundle, ascending by verifier. */
    decisions: Type.Array(closed({ decision: VerificationDecision, signature: Signature })),
  },
  { $id: "candidate-item" },
);

export type ChallengedCandidate = Static<typeof ChallengedCandidate>;
export type ChallengeStatement = Static<typeof ChallengeStatement>;
export type ChallengeEvidence = Static<typeof ChallengeEvidence>;
export type CandidateItem = Static<typeof CandidateItem>;
export type ChallengeReceipt = Static<typeof ChallengeReceipt>;
export type ChallengeSubmission = Static<typeof ChallengeSubmission>;
export type ChallengeReview = Static<typeof ChallengeReview>;
export type ChallengeView = Static<typeof ChallengeView>;
export type PenaltyRecord = Static<typeof PenaltyRecord>;
