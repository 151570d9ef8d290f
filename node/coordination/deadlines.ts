// Keeps the deadlines of the stages: a task past its own becomes timed_out, whoever holds it.
import type { Metrics } from "#observability/metrics.ts";
import { refuse } from "#protocol/errors.ts";
import { stepBatchLimit } from "#protocol/limits.ts";
import type { Database } from "#storage/database.ts";
import { commitMoves, moveOf } from "#storage/moves.ts";
import { takeOverdue } from "#storage/tasks.ts";
import type { Step } from "./loop.ts";

export type DeadlineDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  readonly metrics: Metrics;
  /** Tasks at once; the default is in protocol/limits.ts. */
  readonly batchLimit?: number;
};

/** Ends overdue tasks and releases what was reserved for them (TASK-05). The only clock that a deadline is compared with. */
export function deadlineStep({ database, clock, metrics, batchLimit = stepBatchLimit }: DeadlineDeps): Step {
  const run = async (): Promise<number> => {
    const moves = await database.transaction(async (transaction) => {
      const now = clock();
      const claims = await takeOverdue(transaction, { limit: batchLimit, now });
      const ended = claims.map((claim) => {
        const refusal = refuse("VERIFY_TIMED_OUT", { stage: claim.state });
        return moveOf({ claim, to: "timed_out", policy: undefined, refusal }, now);
      });
      await commitMoves(transaction, ended, now);
      return ended;
    });
    for (const [from, { length }] of Map.groupBy(moves, ({ claim }) => claim.state)) {
      metrics.count("scs_task_transitions_total", length, { from, to: "timed_out" });
    }
    return moves.length;
  };
  return { name: "deadlines", run };
}
