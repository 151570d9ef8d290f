// Whether a transient failure is tried again, and when: a pure decision over the stage's policy.
import type { Policy } from "#protocol/schemas/policy.ts";

/** What follows a failed attempt. */
export type Retry = { readonly kind: "again"; readonly dueAt: Date } | { readonly kind: "used_up" };

/** The longest pause: a stage that comes back is used within the hour. */
const longestPauseMs = 3_600_000;

/**
 * Decides on a failed attempt (TASK-06): the pause doubles with each, from the stage's own, until its attempts are used up.
 * @param attempt attempts at this stage before the one that failed.
 */
export function decideRetry(stage: Policy["stages"]["dispatched"], attempt: number, now: Date): Retry {
  if (attempt + 1 >= stage.maximumAttempts) return { kind: "used_up" };
  const pauseMs = Math.min(stage.backoffMilliseconds * 2 ** attempt, longestPauseMs);
  return { kind: "again", dueAt: new Date(now.getTime() + pauseMs) };
}
