// Two values are compared member by member, and the first place where they part is named with both values.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { firstDifference } from "#audit/first-difference.ts";

const seed = 90210;

test.each([
  ["one member", { a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] } }, ["b.c[1]", "2", "3"]],
  ["a shorter list", { a: [1] }, { a: [1, 2] }, ["a.length", "1", "2"]],
  ["a missing member", {}, { a: null }, ["a", "nothing", "null"]],
  ["a member too many", { a: 1, z: { y: 2 } }, { a: 1 }, ["z", '{"y":2}', "nothing"]],
  ["another type", "1", 1, ["", "1", "1"]],
  ["a list for a record", { a: [] }, { a: {} }, ["a", "[]", "{}"]],
  ["null for a record", { a: null }, { a: { b: 1 } }, ["a", "null", '{"b":1}']],
  ["an amount", { pot: 5n }, { pot: 6n }, ["pot", "5", "6"]],
])("%s is named with both values", (_, claimed, recomputed, [field, first, second]) => {
  expect(firstDifference(claimed, recomputed)).toEqual({ field, claimed: first, recomputed: second });
});

test("the first of several differences is the one that stands first in what was recomputed", () => {
  expect(firstDifference({ b: 0, a: 0 }, { a: 1, b: 1 })).toMatchObject({ field: "a" });
  expect(firstDifference({ z: 1, a: 0 }, { a: 1 })).toMatchObject({ field: "a" });
});

test("long values are cut, so that a difference can be read", () => {
  const { claimed = "" } = firstDifference({ a: "x".repeat(5_000).split("") }, { a: null }) ?? {};
  expect(claimed.length).toBeLessThan(1_100);
  expect(claimed.endsWith("…")).toBe(true);
});

test("any value is equal to its copy, and differs where one of its leaves is changed", () => {
  console.error(`[seed] first difference ${seed}`);
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (value, choice) => {
      const copy = structuredClone(value);
      expect(firstDifference(value, copy)).toBeUndefined();
      const holder = { value: copy };
      const path = changeLeaf(holder, choice);
      const found = firstDifference({ value }, holder);
      expect(found?.field).toBe(path);
    }),
    { seed, numRuns: 500 },
  );
});

/** Changes one leaf of what is below a holder; gives its path. */
function changeLeaf(holder: { value: unknown }, choice: number): string {
  const leaves: { readonly path: string; readonly set: () => void }[] = [];
  const visit = (value: unknown, path: string, set: (to: unknown) => void): void => {
    if (Array.isArray(value) && value.length > 0) {
      value.forEach((each, at) => visit(each, `${path}[${at}]`, (to) => void (value[at] = to)));
    } else if (typeof value === "object" && value !== null && Object.keys(value).length > 0) {
      const members = value as Record<string, unknown>;
      for (const name of Object.keys(members))
        visit(members[name], `${path}.${name}`, (to) => void (members[name] = to));
    } else {
      leaves.push({ path, set: () => set("another") });
    }
  };
  visit(holder.value, "value", (to) => void (holder.value = to));
  const chosen = leaves[choice % leaves.length];
  chosen?.set();
  return chosen?.path ?? "";
}
