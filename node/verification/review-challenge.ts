// The review of one challenge: its evidence checked, executed again from itself alone, and what was found, signed.
import { canonicalText } from "#protocol/canonical.ts";
import { decideReview, findingBeforeReplay, type Finding } from "#protocol/challenges.ts";
import { refuse } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { challengeReviewDigest, type MessageDomain } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeReview } from "#protocol/schemas/challenge.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { ReviewCase } from "#storage/challenge-reviews.ts";
import type { AccessOutcome, OpenCollections, Verifier } from "./ports.ts";
import { recompute, type Assigned, type Recomputation } from "./recompute.ts";
import { accessesOf } from "./verify-batch.ts";

/** What a replay is given besides the evidence. */
export type ReplayDeps = { readonly domain: MessageDomain; readonly openCollections: OpenCollections };

/** The assignment as the evidence has it: nothing else is executed. */
function assignedOf({ envelope, assignment, resolution }: ChallengeEvidence, policy: Policy): Assigned {
  return { program: envelope.program, assignment, resolution, resolutionText: canonicalText(resolution), policy };
}

/**
 * Replays a challenge's evidence for a reviewer (CHAL-03): what it holds has to be what was admitted, every signature in it has to
 * be its signer's, and the execution, done again from it over the records that its snapshots commit to, says whether the claimed
 * output is the true one. Whoever replays it again finds the same.
 * @throws what the vaults throw while they cannot be read: that says nothing about the evidence
 */
export async function replay(
  { domain, openCollections }: ReplayDeps,
  { evidence, admitted }: Pick<ReviewCase, "evidence" | "admitted">,
  { policy, reviewer }: { readonly policy: Policy; readonly reviewer: Hex },
): Promise<Finding> {
  const early = findingBeforeReplay(domain, evidence, admitted);
  if (early !== undefined) return early;
  const assigned = assignedOf(evidence, policy);
  const opened = await openCollections(accessesOf(assigned), { by: reviewer, purpose: "verification" });
  const recomputed = executeAgain(assigned, opened);
  if (recomputed.kind === "recomputed") return decideReview(evidence, recomputed.expected.outputCommitment);
  const { code } = recomputed.refusal;
  return {
    verdict: "not_confirmed",
    finding: `the execution cannot be done again: ${code}`,
    recomputedCommitment: null,
  };
}

/** An assignment that nothing can be executed from shows nothing. */
function executeAgain(assigned: Assigned, opened: readonly AccessOutcome[]): Recomputation {
  try {
    return recompute(assigned, opened);
  } catch {
    return { kind: "refused", refusal: refuse("EXECUTION_CONTEXT_MISSING", { part: "assignment" }) };
  }
}

/** A finding as a reviewer's signed statement about one round of a challenge. */
export function signReview(
  domain: MessageDomain,
  reviewer: Verifier,
  about: { readonly challengeId: Hex; readonly round: number; readonly evidenceHash: Hex; readonly finding: Finding },
): { readonly review: ChallengeReview; readonly signature: Hex } {
  const { challengeId, round, evidenceHash, finding } = about;
  const review: ChallengeReview = {
    schemaVersion: "1.0",
    challengeId,
    round,
    evidenceHash,
    reviewer: reviewer.address,
    ...finding,
  };
  return { review, signature: reviewer.sign(challengeReviewDigest(domain, review)) };
}
