// A task's canonical history: what its epoch's journal sub-root commits to, without times or process names.
import { canonicalText } from "./canonical.ts";
import type { TaskState } from "./lifecycles.ts";
import type { Hex } from "./schemas/primitives.ts";

/** One move of a task as every honest node records it. */
export type CanonicalMove = {
  readonly from: TaskState | null;
  readonly to: TaskState;
  readonly by: string;
  readonly why: string;
};

/** What stands before and behind the task's id in moves already written: most tasks of an epoch go the same way. */
const written = new Map<string, readonly [before: string, behind: string]>();
const writtenKept = 1_000;

/**
 * The bytes of one move. Times differ between honest nodes and are left out; they are in the node's own journal.
 */
export function canonicalMove(taskId: Hex, step: number, { from, to, by, why }: CanonicalMove): string {
  const key = [step, from, to, by, why].join("\0");
  let around = written.get(key);
  if (around === undefined) {
    const [before = "", behind = ""] = canonicalText({ taskId: "", step, from, to, by, why }).split(`"taskId":""`);
    around = [`${before}"taskId":"`, `"${behind}`];
    if (written.size >= writtenKept) written.clear();
    written.set(key, around);
  }
  return around[0] + taskId + around[1];
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
