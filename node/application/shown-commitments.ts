// Who is shown commitments to answers, and when: one to an answer with few possible values tells it to whoever tries them all.
import type { ChallengeView } from "#protocol/schemas/challenge.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskView } from "#protocol/schemas/task.ts";
import { hasScope } from "./identity.ts";
import type { Caller } from "./scopes.ts";

/**
 * A challenge as anybody may see it: without what its reviewers' executions committed to. The id of the decision it is against stays,
 * since it is part of what the challenger signed.
 */
export function withoutCommitments(view: ChallengeView): ChallengeView {
  return { ...view, reviews: view.reviews.map((review) => ({ ...review, recomputedCommitment: null })) };
}

/** A challenge as a caller may see it; auditors and challengers see the whole. */
export function challengeShownTo(caller: Caller, view: ChallengeView): ChallengeView {
  return hasScope(caller, "audit:read", "challenge:write") ? view : withoutCommitments(view);
}

/**
 * A commitment to a task's answer, or an id that is a hash over one: shown while the answer itself is, and null otherwise. All else
 * that such an id is made of can be known from an archive that reads the same snapshots.
 */
export function shownWithResult({ result }: Pick<TaskView, "result">, commitment: Hex): Hex | null {
  return result === null ? null : commitment;
}
