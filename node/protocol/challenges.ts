// Challenges as pure decisions: what may be attacked, what a review finds, what a verdict does, what it costs.
import { contentId, type Hex } from "./hash.ts";
import { refuse, type Refusal } from "./errors.ts";
import { challengeLifecycle, type ChallengeState, type SettlementState } from "./lifecycles.ts";
import {
  bundleDigest,
  bundleIdOf,
  challengeEvidenceHashOf,
  decisionDigest,
  decisionIdOf,
  resolutionIdOf,
  taskIdOf,
  type MessageDomain,
} from "./messages.ts";
import type { ChallengeEvidence, ChallengeReview, ChallengeStatement, PenaltyRecord } from "./schemas/challenge.ts";
import type { Policy } from "./schemas/policy.ts";
import { recover } from "./signature.ts";

/** What is known of the things that a challenge names; undefined where there is no such thing. */
export type OpeningFacts = {
  readonly decision: { readonly taskId: Hex; readonly verdict: string } | undefined;
  /** The named revision. `holdsTask` says whether the named task is one of its items. */
  readonly candidate: { readonly root: Hex; readonly state: SettlementState; readonly holdsTask: boolean } | undefined;
};

const refused = (reason: string): Refusal => refuse("VERIFY_CHALLENGE_REFUSED", { reason });

/** Why a challenge cannot be opened (CHAL-02); undefined when it can. */
export function checkOpening(
  statement: ChallengeStatement,
  evidence: ChallengeEvidence,
  { decision, candidate }: OpeningFacts,
): Refusal | undefined {
  const fault = checkEvidence(statement, evidence);
  if (fault !== undefined) return fault;
  if (statement.evidenceHash !== challengeEvidenceHashOf(evidence)) {
    return refuse("VERIFY_EVIDENCE_INVALID", { part: "evidenceHash" });
  }
  if (statement.candidate === null) return refused("it names no candidate");
  if (candidate === undefined || candidate.root !== statement.candidate.root) return refused("no such candidate");
  if (!candidate.holdsTask) return refused("the candidate does not hold the task");
  if (candidate.state === "finalized") return refused("the candidate is final");
  if (candidate.state === "failed") return refused("the candidate has failed");
  if (decision?.taskId !== statement.taskId) return refused("no such decision about the task");
  return decision.verdict === "accepted" ? undefined : refused("the decision does not accept the result");
}

/** Why evidence is not about what a challenge names; undefined when it is. */
export function checkEvidence(
  { taskId, decisionId }: Pick<ChallengeStatement, "taskId" | "decisionId">,
  evidence: ChallengeEvidence,
): Refusal | undefined {
  if (evidence.taskId !== taskId) return refuse("VERIFY_EVIDENCE_INVALID", { part: "taskId" });
  if (decisionIdOf(evidence.decision) !== decisionId) return refuse("VERIFY_EVIDENCE_INVALID", { part: "decision" });
  return undefined;
}

/** What was admitted of a task, for comparison with what evidence says was. */
export type Admitted = {
  readonly taskId: Hex;
  readonly resolutionId: Hex;
  readonly bundleId: Hex;
  readonly bundleSignature: Hex;
  /** Of the decision that the evidence holds; undefined when no such decision was admitted. */
  readonly decisionSignature: Hex | undefined;
};

/** What a review comes to: everything of it that is signed but who signs, about which challenge. */
export type Finding = Pick<ChallengeReview, "verdict" | "finding" | "recomputedCommitment">;

const notConfirmed = (finding: string, recomputedCommitment: Hex | null = null): Finding => ({
  verdict: "not_confirmed",
  finding,
  recomputedCommitment,
});
const confirmed = (finding: string, recomputedCommitment: Hex | null = null): Finding => ({
  verdict: "confirmed",
  finding,
  recomputedCommitment,
});

/** What can be found without executing anything: evidence of something else, or a signature that does not hold. */
export function findingBeforeReplay(
  domain: MessageDomain,
  evidence: ChallengeEvidence,
  admitted: Admitted,
): Finding | undefined {
  const { taskId, envelope, resolution, assignment, bundle, decision } = evidence;
  const other = (part: string): Finding => notConfirmed(`the evidence's ${part} is not the one that was admitted`);
  if (taskIdOf(envelope) !== taskId || taskId !== admitted.taskId) return other("envelope");
  const { bindings, fee, resolutionId } = assignment;
  const isResolved = resolutionIdOf({ resolution, bindings, fee }) === resolutionId;
  if (!isResolved || resolutionId !== admitted.resolutionId || assignment.taskId !== taskId) return other("assignment");
  const bundleId = bundleIdOf(bundle);
  if (bundleId !== admitted.bundleId || evidence.bundleSignature !== admitted.bundleSignature) return other("bundle");
  if (evidence.decisionSignature !== admitted.decisionSignature) return other("decision");
  if (recover(bundleDigest(domain, taskId, bundleId), evidence.bundleSignature) !== bundle.executor) {
    return confirmed("the bundle's signature is not its executor's");
  }
  const decisionId = decisionIdOf(decision);
  const digest = decisionDigest(domain, { taskId, bundleId: decision.bundleId, decisionId, verdict: decision.verdict });
  if (recover(digest, evidence.decisionSignature) !== decision.verifier) {
    return confirmed("the decision's signature is not its verifier's");
  }
  const isOfTask = bundle.taskId === taskId && bundle.resolutionId === resolutionId;
  const isOfBundle = decision.taskId === taskId && decision.bundleId === bundleId;
  return isOfTask && isOfBundle ? undefined : confirmed("bundle or decision is about something else");
}

/** What a reviewer's own execution says of the claimed output (CHAL-03); the same replay gives the same finding. */
export function decideReview({ bundle }: ChallengeEvidence, recomputedCommitment: Hex): Finding {
  return bundle.outputCommitment === recomputedCommitment
    ? notConfirmed("the re-execution comes to the claimed output", recomputedCommitment)
    : confirmed("the re-execution comes to another output than was claimed", recomputedCommitment);
}

/** Who decides: governance by an act, or the adjudicator of the anchor on which the candidate stands. */
export type Judge = "governance" | "anchor";

/** A verdict on a reviewed challenge. */
export type Verdict = { readonly judge: Judge; readonly upheld: boolean; readonly penalty: boolean };

/**
 * How far the anchor has the candidate that holds the task: not at all, standing there, or standing there under a challenge
 * with this very evidence.
 */
export type Standing = "nowhere" | "standing" | "challenged";

/** Where a verdict takes a challenge: state after state, the last of which is its end. */
export type Course = readonly ChallengeState[];

/**
 * The states that a verdict leads through, or why it is refused (CHAL-05, CHAL-06). Governance decides as the review found. A
 * candidate that stands on the anchor fails by the anchor's word alone; governance closes only what nobody put before the anchor,
 * so that a challenge without a bond cannot hold a settlement up for ever. The anchor's word is followed, and costs something
 * only where the review found the fault. `isOwed` says whether policy asks anything of anybody.
 */
export function decideVerdict(
  state: ChallengeState,
  { judge, upheld, penalty }: Verdict,
  standing: Standing,
  isOwed: boolean,
): Course | Refusal {
  if (state !== "confirmed" && state !== "not_confirmed") {
    return refuse("GOVERNANCE_TRANSITION_REFUSED", { from: state, to: upheld ? "approved" : "closed_without_penalty" });
  }
  if (judge === "governance") {
    const isAnchors = standing === "challenged" || (standing === "standing" && upheld);
    if (isAnchors) return refuse("GOVERNANCE_ACT_REFUSED", { reason: "the anchor decides" });
    if (upheld && state === "not_confirmed") {
      return refuse("GOVERNANCE_ACT_REFUSED", { reason: "the review did not confirm the challenge" });
    }
    if (!upheld && state === "confirmed") {
      return refuse("GOVERNANCE_ACT_REFUSED", { reason: "the review confirmed the challenge" });
    }
  }
  if (penalty && !upheld) return refuse("GOVERNANCE_ACT_REFUSED", { reason: "a penalty needs an upheld challenge" });
  return upheld && penalty && isOwed && state === "confirmed"
    ? ["approved", "penalty_recorded"]
    : ["closed_without_penalty"];
}

/** The words of the published table for a move of a challenge; undefined where it allows none. */
export function challengeMove(from: ChallengeState, to: ChallengeState) {
  return challengeLifecycle.transitions.find((each) => each.from === from && each.to === to);
}

/** Who is answerable for a result: whoever made it, and every verifier whose accepted decision it has. */
export type Answerable = { readonly executor: Hex; readonly verifiers: readonly Hex[] };

/** What an upheld challenge costs, executor first, then verifiers in ascending order; a penalty of zero is none (RWRD-04). */
export function penaltiesOf(
  challenge: { readonly challengeId: Hex; readonly round: number; readonly scope: string },
  { policyVersion, penalties }: Pick<Policy, "policyVersion" | "penalties">,
  { executor, verifiers }: Answerable,
): readonly PenaltyRecord[] {
  const { challengeId, round, scope } = challenge;
  const recordOf = (account: Hex, role: PenaltyRecord["role"]): PenaltyRecord => ({
    schemaVersion: "1.0",
    penaltyId: contentId("scs.penalty", { challengeId, round, account, role }),
    challengeId,
    scope,
    account,
    role,
    amount: penalties[role],
    policyVersion,
  });
  const owed = [recordOf(executor, "executor"), ...[...verifiers].sort().map((each) => recordOf(each, "verifier"))];
  return owed.filter(({ amount }) => BigInt(amount) > 0n);
}
