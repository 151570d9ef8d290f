// What a caller is shown of a challenge: everything but commitments from which an answer could be guessed.
import type { ChallengeView } from "#protocol/schemas/challenge.ts";
import { hasScope } from "./identity.ts";
import type { Caller } from "./scopes.ts";

/** What anybody may see: a commitment to an answer with few possible values would tell the answer, so it is left out. */
export function challengeShownTo(caller: Caller, view: ChallengeView): ChallengeView {
  if (hasScope(caller, "audit:read", "challenge:write")) return view;
  return { ...view, reviews: view.reviews.map((review) => ({ ...review, recomputedCommitment: null })) };
}
