// When an open epoch closes, by age and by each of its volumes.
import { expect, test } from "vitest";
import { decideClosing, roomIn } from "#settlement/epoch-decision.ts";

const policy = { maximumSeconds: 60, maximumTasks: 3 };
const openAt = new Date("2026-02-01T00:00:00.000Z");
const after = (seconds: number): Date => new Date(openAt.getTime() + seconds * 1000);
const empty = { openAt, members: 0, verifications: 0, aggregationEntries: 0 };

test.each([
  [0, 1_000_000, undefined],
  [1, 59.9, undefined],
  [1, 60, { trigger: "time" }],
  [2, 600, { trigger: "time" }],
  [3, 0, { trigger: "volume", measure: "tasks" }],
  [3, 600, { trigger: "volume", measure: "tasks" }],
] as const)("with %i members after %i seconds: %o [EPOC-04]", (members, seconds, closing) => {
  expect(decideClosing({ ...empty, members, verifications: 2 * members }, policy, after(seconds))).toEqual(closing);
});

const bounded = { ...policy, maximumVerifications: 4, maximumAggregationEntries: 1_000 };

test.each([
  [{ members: 2, verifications: 3 }, undefined],
  [{ members: 2, verifications: 4 }, "verifications"],
  [{ members: 1, verifications: 7 }, "verifications"],
  [{ members: 3, verifications: 6, aggregationEntries: 1_000 }, "tasks"],
  [{ members: 2, verifications: 6, aggregationEntries: 1_000 }, "verifications"],
  [{ members: 1, aggregationEntries: 999 }, undefined],
  [{ aggregationEntries: 1_000 }, "aggregation_entries"],
] as const)("what it holds, %o, closes it for its volume of %s [EPOC-04]", (held, measure) => {
  const closing = measure === undefined ? undefined : { trigger: "volume", measure };
  expect(decideClosing({ ...empty, ...held }, bounded, openAt)).toEqual(closing);
  // Without a bound they never do.
  const unbounded = measure === "tasks" ? closing : undefined;
  expect(decideClosing({ ...empty, ...held }, policy, openAt)).toEqual(unbounded);
});

test("an epoch has room up to its bounds and never less than none", () => {
  const room = (members: number, verifications: number, of: Parameters<typeof roomIn>[1]) =>
    roomIn({ members, verifications }, of, 3);
  expect([0, 2, 3, 9].map((members) => room(members, 3 * members, policy))).toEqual([3, 1, 0, 0]);
  expect([0, 1, 2, 3].map((members) => room(members, 3 * members, bounded))).toEqual([2, 1, 0, 0]);
  expect(room(0, 0, { ...bounded, maximumVerifications: 1 })).toBe(1);
});
