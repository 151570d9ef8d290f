// The closed table of token scopes: each means something, and nothing outside it is one.
import { expect, test } from "vitest";
import { anonymous, isTokenScope, tokenScopes } from "#application/scopes.ts";
import { routes } from "#application/routes.ts";

test("only names of the table are scopes", () => {
  for (const scope of Object.keys(tokenScopes)) expect(isTokenScope(scope)).toBe(true);
  for (const other of ["", "task:Submit", "constructor", "toString", "__proto__", "*", "task:submit "]) {
    expect(isTokenScope(other)).toBe(false);
  }
});

test("every scope opens an operation, and every operation with a token names scopes of the table", () => {
  const required = routes.flatMap(({ access }) => (access.kind === "token" ? access.scopes : []));
  for (const scope of required) expect(isTokenScope(scope)).toBe(true);
  // Signed operations take a token in a signature's place.
  expect(new Set([...required, "task:submit", "governance:write"])).toEqual(new Set(Object.keys(tokenScopes)));
});

test("nobody is known without a token", () => {
  expect(anonymous).toEqual({ kind: "anonymous" });
});
