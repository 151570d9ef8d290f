// Moves of tasks in the words of the published table, and what an ending brings along: the reserved fee limit is given back.
import assert from "node:assert/strict";
import type { Refusal } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { taskLifecycle, type TaskState } from "#protocol/lifecycles.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { accountNames, post } from "./accounts.ts";
import type { Queryable } from "./database.ts";
import { moveTasks, type Claim, type Move } from "./tasks.ts";

/** Where a task goes next: with its policy, for the new stage's deadline, and with the reason where it is refused. */
export type Outcome = {
  readonly claim: Claim;
  readonly to: TaskState;
  /** Undefined where the version is not published: only a task that ends can do without. */
  readonly policy: Policy | undefined;
  readonly refusal?: Refusal;
};

const stages: ReadonlySet<string> = new Set(["accepted", "resolving", "dispatched", "verifying"]);
const isStage = (state: TaskState): state is keyof Policy["stages"] => stages.has(state);

/** An outcome as a move: who and why are the table's own words, the deadline is the policy's (TASK-03, TASK-05). */
export function moveOf({ claim, to, policy, refusal }: Outcome, now: Date): Move {
  const row = taskLifecycle.transitions.find((each) => each.from === claim.state && each.to === to);
  assert(row, `the table has a move from ${claim.state} to ${to}`);
  const { by, why } = row;
  const detail = refusal && { code: refusal.code, detail: refusal.detail };
  return { claim, to, by, why, deadlineAt: deadlineOf(to, policy, now), ...(detail && { detail }) };
}

function deadlineOf(to: TaskState, policy: Policy | undefined, now: Date): Date | null {
  if (!isStage(to)) return null;
  assert(policy, "a task that goes on has a policy");
  return new Date(now.getTime() + policy.stages[to].deadlineSeconds * 1000);
}

/**
 * {@link moveTasks}, and for each task that came to `rejected` or `timed_out` the release of its fee limit, in the same
 * transaction. Answers the ids that moved.
 */
export async function commitMoves(
  transaction: Queryable,
  moves: readonly Move[],
  now: Date,
): Promise<ReadonlySet<Hex>> {
  const moved = await moveTasks(transaction, moves, now);
  const ended = moves.filter(({ claim, to }) => (to === "rejected" || to === "timed_out") && moved.has(claim.taskId));
  const releases = ended.map(({ claim: { taskId, envelope } }) => ({
    kind: "release" as const,
    debit: accountNames.reserved(envelope.submitter),
    credit: accountNames.budget(envelope.submitter),
    amount: BigInt(envelope.feeLimit),
    reference: taskId,
  }));
  await post(transaction, releases, now);
  return moved;
}

/** A claim that took longer than this is cut: by then half of its lease is left for the commit. */
const longBatchMs = 15_000;

/**
 * How many tasks to claim next, so that a batch ends well within its lease: half as many after a batch that took long, twice as
 * many after a full one that did not.
 */
export function nextBatchLimit(
  limit: number,
  last: { readonly taken: number; readonly milliseconds: number },
  most: number,
) {
  if (last.milliseconds > longBatchMs) return Math.max(1, Math.floor(limit / 2));
  return last.taken < limit || last.milliseconds > longBatchMs / 4 ? limit : Math.min(most, limit * 2);
}
