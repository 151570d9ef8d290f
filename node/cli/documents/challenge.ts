// Evidence and statements of challenges, put together from what a live candidate holds of a task.
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { challengeEvidenceHashOf, decisionIdOf } from "#protocol/messages.ts";
import type { CandidateItem, ChallengeEvidence, ChallengeStatement } from "#protocol/schemas/challenge.ts";

/**
 * The evidence of whoever executed a task again and came to another output.
 * @throws ProtocolError VERIFY_CHALLENGE_REFUSED when the item has no such decision
 */
export function evidenceOf(
  item: CandidateItem,
  own: { readonly recomputedCommitment: Hex; readonly decisionId: Hex | undefined; readonly remark: string },
): ChallengeEvidence {
  const { taskId, envelope, resolution, assignment, bundle, bundleSignature, decisions } = item;
  const { recomputedCommitment, decisionId, remark } = own;
  const decided = decisions.find(({ decision }) => decisionId === undefined || decisionIdOf(decision) === decisionId);
  if (decided === undefined) {
    throw new ProtocolError("VERIFY_CHALLENGE_REFUSED", { reason: "no such decision about the task" });
  }
  return {
    schemaVersion: "1.0",
    kind: "re_execution",
    taskId,
    envelope,
    resolution,
    assignment,
    bundle,
    bundleSignature,
    decision: decided.decision,
    decisionSignature: decided.signature,
    recomputedCommitment,
    remark,
  };
}

/** The statement that attacks the live candidate of a task with some evidence. */
export function statementOf(
  { candidate }: Pick<CandidateItem, "candidate">,
  evidence: ChallengeEvidence,
  challenger: Hex,
): ChallengeStatement {
  return {
    schemaVersion: "1.0",
    taskId: evidence.taskId,
    decisionId: decisionIdOf(evidence.decision),
    candidate,
    evidenceHash: challengeEvidenceHashOf(evidence),
    challenger,
  };
}
