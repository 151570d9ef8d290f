// The closed table of errors: twelve families, a meaning and a remedy for each code, and errors that say no more than that.
import { expect, test } from "vitest";
import { errorFamilies, errorTable, ProtocolError, refuse } from "#protocol/errors.ts";

const entries = Object.entries(errorTable);

test("every code is in one of the twelve families, and every family has one [CONT-03]", () => {
  expect(errorFamilies).toHaveLength(12);
  for (const [code] of entries) expect(errorFamilies.filter((family) => code.startsWith(family))).toHaveLength(1);
  for (const family of errorFamilies) expect(entries.some(([code]) => code.startsWith(family))).toBe(true);
});

test.each(entries)("%s has a meaning and says what to do [CONT-04]", (code, { status, meaning, remedy, retry }) => {
  expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(600);
  expect(meaning).toMatch(/^[A-Z].*\.$/);
  expect(remedy).toMatch(/^[A-Z].*\.$/);
  expect(typeof retry).toBe("boolean");
});

test("no two codes mean the same [CONT-04]", () => {
  expect(new Set(entries.map(([, { meaning }]) => meaning)).size).toBe(entries.length);
});

test("an error on its way carries code and detail, and its message repeats nothing of the detail", () => {
  const cause = new Error("cause");
  const error = new ProtocolError("POLICY_BUDGET_EXCEEDED", { available: "secret amount" }, { cause });
  expect(error).toMatchObject({ name: "ProtocolError", code: "POLICY_BUDGET_EXCEEDED", retry: true, cause });
  expect(error.message).not.toContain("secret amount");
  expect(new ProtocolError("AUTH_ROLE").retry).toBe(false);
  expect(refuse("AUTH_ROLE")).toEqual({ code: "AUTH_ROLE", detail: {} });
});
