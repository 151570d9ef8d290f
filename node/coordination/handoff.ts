// Hands admitted tasks to the semantic layer.
import type { Metrics } from "#observability/metrics.ts";
import { refuse } from "#protocol/errors.ts";
import { stepBatchLimit } from "#protocol/limits.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Database } from "#storage/database.ts";
import { commitMoves, moveOf } from "#storage/moves.ts";
import type { Documents } from "#storage/registry.ts";
import { takeTasks, type Claim, type Move } from "#storage/tasks.ts";
import type { Step } from "./loop.ts";

export type HandoffDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  readonly metrics: Metrics;
  readonly documents: Documents;
  /** Tasks at once; the default is in protocol/limits.ts. */
  readonly batchLimit?: number;
};

/** accepted → resolving, in batches (LAYR-04). */
export function handoffStep({ database, clock, metrics, documents, batchLimit = stepBatchLimit }: HandoffDeps): Step {
  const run = async (): Promise<number> => {
    const moves = await database.transaction(async (transaction) => {
      const now = clock();
      const claims = await takeTasks(transaction, { state: "accepted", limit: batchLimit, now });
      if (claims.length === 0) return [];
      const policies = await documents.policies(
        transaction,
        claims.map(({ versions }) => versions.policy),
      );
      const decided = claims.map((claim) => handOver(claim, policies.get(claim.versions.policy), now));
      await commitMoves(transaction, decided, now);
      return decided;
    });
    for (const [to, { length }] of Map.groupBy(moves, (move) => move.to)) {
      metrics.count("scs_task_transitions_total", length, { from: "accepted", to });
    }
    return moves.length;
  };
  return { name: "handoff", run };
}

/** A task whose policy is not published cannot go on: nothing says how long it may take. */
export function handOver(claim: Claim, policy: Policy | undefined, now: Date): Move {
  if (policy !== undefined) return moveOf({ claim, to: "resolving", policy }, now);
  const refusal = refuse("VERSION_POLICY_UNKNOWN", { version: claim.versions.policy });
  return moveOf({ claim, to: "rejected", policy, refusal }, now);
}
