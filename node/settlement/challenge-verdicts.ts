// Verdicts on challenges: carried out with what they mean for settlements, and followed from the anchor where it decided.
import { ProtocolError } from "#protocol/errors.ts";
import { resolvedChallenges } from "#storage/challenge-standing.ts";
import { decideChallenge, type ChallengeOrder, type DecidedChallenge } from "#storage/challenge-decisions.ts";
import type { Queryable } from "#storage/database.ts";
import { requireDuty } from "#storage/duties.ts";
import { enqueue } from "#storage/outbox.ts";
import { eventEffect } from "./effects.ts";
import { takeDuty, type Step, type StepDeps } from "./step.ts";

/**
 * Decides a challenge, and publishes the end of the revision that it ended, in the caller's transaction. Throws as
 * `decideChallenge`.
 */
export async function carryOutVerdict(
  transaction: Queryable,
  order: ChallengeOrder,
  now: Date,
): Promise<DecidedChallenge> {
  const decided = await decideChallenge(transaction, order, now);
  if (decided.failed === undefined) return decided;
  const effect = eventEffect({ event: "failed", root: null, archive: null, ...decided.failed });
  await enqueue(transaction, [effect], now);
  return decided;
}

/**
 * The step that has reviewed challenges end as the anchor resolved them (CHAL-07): upheld, with the penalty that the review bears
 * out, or dismissed. What the anchor resolved before the review was done waits for it.
 */
export function challengeVerdictStep(deps: StepDeps): Step {
  return {
    name: "challenge-verdicts",
    run: async () => {
      const resolved = await resolvedChallenges(deps.database, deps.scopes);
      if (resolved.length === 0) return 0;
      const duty = await takeDuty(deps, "challenge-verdicts");
      if (duty === undefined) return 0;
      let decided = 0;
      for (const { challengeId, round, upheld, transactionHash } of resolved) {
        const order = { challengeId, round, upheld, penalty: upheld, by: "anchor", transactionHash };
        try {
          await deps.database.transaction(async (transaction) => {
            await requireDuty(transaction, duty);
            await carryOutVerdict(transaction, order, deps.clock());
          });
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          deps.log.warn({ challengeId, round, code: error.code, detail: error.detail }, "a verdict waits");
          continue;
        }
        deps.log.info({ challengeId, round, upheld }, "the anchor decided a challenge");
        decided++;
      }
      return decided;
    },
  };
}
