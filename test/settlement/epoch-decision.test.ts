// When an open epoch closes, by age and by volume.
import { expect, test } from "vitest";
import { decideClosing, roomIn } from "#settlement/epoch-decision.ts";

const policy = { maximumSeconds: 60, maximumTasks: 3 };
const openAt = new Date("2026-02-01T00:00:00.000Z");
const after = (seconds: number): Date => new Date(openAt.getTime() + seconds * 1000);

test.each([
  [0, 1_000_000, undefined],
  [1, 59.9, undefined],
  [1, 60, "time"],
  [2, 600, "time"],
  [3, 0, "volume"],
  [3, 600, "volume"],
] as const)("with %i members after %i seconds: %s [EPOC-04]", (members, seconds, trigger) => {
  expect(decideClosing({ openAt, members }, policy, after(seconds))).toBe(trigger);
});

test("an epoch has room up to its bound and never less than none", () => {
  expect([0, 2, 3, 9].map((members) => roomIn({ openAt, members }, policy))).toEqual([3, 1, 0, 0]);
});
