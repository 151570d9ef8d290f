// Pages of lists: what a query may ask for, and where it is refused.
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { closed } from "#protocol/schemas/primitives.ts";
import { defaultPageRows, mostPageRows } from "#application/messages.ts";
import { countAfter, epochAfter, itemAfter, pageQuery, pageRequest } from "#application/paging.ts";

const takes = (after: typeof countAfter, query: object): boolean =>
  new Ajv2020({ strict: true }).validate(closed(pageQuery(after)), query);

test("without a limit a page has the default length", () => {
  expect(pageRequest({})).toEqual({ after: undefined, limit: defaultPageRows });
  expect(pageRequest({ after: "7", limit: 3 })).toEqual({ after: "7", limit: 3 });
});

test("a limit is at least one and at most what an answer holds", () => {
  for (const limit of [1, mostPageRows]) expect(takes(countAfter, { limit })).toBe(true);
  for (const limit of [0, -1, mostPageRows + 1, 1.5, "x"]) expect(takes(countAfter, { limit })).toBe(false);
  expect(takes(countAfter, { other: 1 })).toBe(false);
});

test.each([
  [countAfter, ["0", "12", "9".repeat(18)], ["", "-1", "9".repeat(19), "1 OR 1=1", "1\n"]],
  [epochAfter, ["main/1", "a-b/0"], ["main", "main/", "/1", "Main/1", "main/x", "main/1/1", `main/${"9".repeat(16)}`]],
  [itemAfter, ["main/1/1/0"], ["main/1", "main/1/1", "main/1/1/x", "main/1/1/1/1", `main/1/1/${"9".repeat(10)}`]],
] as const)("the beginning of a page is only what a page before answered", (after, good, bad) => {
  for (const text of good) expect(takes(after, { after: text }), text).toBe(true);
  for (const text of bad) expect(takes(after, { after: text }), text).toBe(false);
});
