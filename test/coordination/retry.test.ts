// Retries: the pause doubles from the stage's own, and ends when its attempts are used up.
import { expect, test } from "vitest";
import { decideRetry } from "#coordination/retry.ts";

const now = new Date("2026-03-01T12:00:00Z");
const stage = { deadlineSeconds: 600, maximumAttempts: 4, backoffMilliseconds: 200 };
const pauses = (own: typeof stage, attempts: number): readonly (number | string)[] =>
  Array.from({ length: attempts }, (_, attempt) => {
    const retry = decideRetry(own, attempt, now);
    return retry.kind === "again" ? retry.dueAt.getTime() - now.getTime() : retry.kind;
  });

test("each pause is twice the one before, and the last allowed attempt is the last [TASK-06]", () => {
  expect(pauses(stage, 6)).toEqual([200, 400, 800, "used_up", "used_up", "used_up"]);
  expect(pauses({ ...stage, maximumAttempts: 1 }, 1)).toEqual(["used_up"]);
});

test("no pause is longer than an hour, however many attempts there were [TASK-06]", () => {
  const many = pauses({ ...stage, maximumAttempts: 100, backoffMilliseconds: 3_000_000 }, 99);
  expect(many[0]).toBe(3_000_000);
  expect(new Set(many.slice(1))).toEqual(new Set([3_600_000]));
});
