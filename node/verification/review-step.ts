// The step that reviews challenges: takes what was opened or reopened, replays its evidence, and leaves a signed review.
import type { Logger } from "#observability/log.ts";
import { strict as assert } from "node:assert";
import type { Policy } from "#protocol/schemas/policy.ts";
import { claimChallenges, releaseChallenge, type Challenge } from "#storage/challenges.ts";
import { commitReview, readReviewCases, type ReviewCase } from "#storage/challenge-reviews.ts";
import type { Database } from "#storage/database.ts";
import type { Documents } from "#storage/registry.ts";
import type { Verifier } from "./ports.ts";
import { replay, signReview, type ReplayDeps } from "./review-challenge.ts";
import { holdersOf } from "./verify-batch.ts";

export type ReviewDeps = ReplayDeps & {
  readonly database: Database;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly documents: Documents;
  /** Names this process: no two have the same. */
  readonly holder: string;
  /** The verifiers of this process; one of them reviews. */
  readonly verifiers: readonly Verifier[];
};

/** Challenges at once: they are rare, and each is one execution. */
const batchLimit = 8;
/** The longest pause before a review that failed for reasons of its own is tried again. */
const longestPauseMs = 600_000;

/** Reviews challenges, one after the other (CHAL-03). What keeps a review from being done is tried again for ever. */
export function reviewStep(deps: ReviewDeps): { readonly name: string; readonly run: () => Promise<number> } {
  const { database, clock, holder } = deps;
  const run = async (): Promise<number> => {
    const addresses = deps.verifiers.map(({ address }) => address);
    const holders = await holdersOf(database, "verifier", addresses);
    const reviewers = deps.verifiers.filter(({ address }) => holders.has(address));
    if (reviewers.length === 0) return 0;
    const claimed = await database.transaction((transaction) =>
      claimChallenges(transaction, { holder, limit: batchLimit, now: clock() }),
    );
    if (claimed.length === 0) return 0;
    const cases = await readReviewCases(database, claimed);
    const versions = [...cases.values()].map(({ policyVersion }) => policyVersion);
    const policies = await deps.documents.policies(database, versions);
    for (const challenge of claimed) {
      const about = cases.get(challenge.challengeId);
      const policy = about && policies.get(about.policyVersion);
      assert(about && policy, "a challenged task was verified under a policy");
      await reviewOne(deps, challenge, { about, policy, reviewers });
    }
    return claimed.length;
  };
  return { name: "review", run };
}

type Reviewing = {
  readonly about: ReviewCase;
  readonly policy: Policy;
  readonly reviewers: readonly Verifier[];
};

async function reviewOne(deps: ReviewDeps, challenge: Challenge, reviewing: Reviewing): Promise<void> {
  const { database, clock, log, domain } = deps;
  const { challengeId, round, attempt } = challenge;
  const { about, policy } = reviewing;
  const reviewer = reviewerOf(reviewing);
  try {
    const finding = await replay(deps, about, { policy, reviewer: reviewer.address });
    const { evidenceHash } = about;
    const signed = signReview(domain, reviewer, { challengeId, round, evidenceHash, finding });
    const isWritten = await database.transaction((transaction) =>
      commitReview(transaction, { challenge, ...signed }, clock()),
    );
    if (isWritten) log.info({ challengeId, round, verdict: finding.verdict, finding: finding.finding }, "reviewed");
  } catch (error) {
    log.warn({ challengeId, round, err: error }, "a review failed; it is tried again");
    const pauseMs = Math.min(policy.stages.verifying.backoffMilliseconds * 2 ** attempt, longestPauseMs);
    await releaseChallenge(database, challenge, new Date(clock().getTime() + pauseMs));
  }
}

/** Who reviews: not the verifier that is attacked, where this process has another. */
function reviewerOf({ about, reviewers }: Reviewing): Verifier {
  const { verifier } = about.evidence.decision;
  const reviewer = reviewers.find(({ address }) => address !== verifier) ?? reviewers[0];
  assert(reviewer, "somebody reviews");
  return reviewer;
}
