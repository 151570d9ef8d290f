// Who had a role when: the last change up to then decides.
import { expect, test } from "vitest";
import { roleLookup } from "#settlement/actor-roles.ts";

const a = `0x${"aa".repeat(20)}` as const;
const day = (number: number): Date => new Date(Date.UTC(2026, 0, number));

test("a role is held from the change that gave it to the change that took it", () => {
  const held = roleLookup([
    { account: a, role: "executor", held: true, at: day(2) },
    { account: a, role: "executor", held: false, at: day(4) },
    { account: a, role: "executor", held: true, at: day(6) },
  ]);
  expect([1, 2, 3, 4, 5, 6, 7].map((number) => held(a, "executor", day(number)))).toEqual([
    false,
    true,
    true,
    false,
    false,
    true,
    true,
  ]);
  expect(held(a, "verifier", day(3))).toBe(false);
  expect(held(`0x${"bb".repeat(20)}`, "executor", day(3))).toBe(false);
});
