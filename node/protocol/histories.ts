// A task's canonical history: what its epoch's journal sub-root commits to, without times or process names.
import { canonicalText } from "./canonical.ts";
import type { TaskState } from "./lifecycles.ts";

/** One move of a task as every honest node records it. */
export type CanonicalMove = {
  readonly from: TaskState | null;
  readonly to: TaskState;
  readonly by: string;
  readonly why: string;
};

/**
 * The bytes of one move. Times differ between honest nodes and are left out; they are in the node's own journal.
 */
export function canonicalMove(taskId: string, step: number, { from, to, by, why }: CanonicalMove): string {
  return canonicalText({ taskId, step, from, to, by, why });
}

/** Folds a history to the state it ends in (TASK-08); undefined when a move does not start where the last one ended. */
export function foldHistory(moves: readonly Pick<CanonicalMove, "from" | "to">[]): TaskState | undefined {
  let state: TaskState | null = null;
  for (const { from, to } of moves) {
    if (from !== state) return undefined;
    state = to;
  }
  return state ?? undefined;
}
