// Operations as data: what each kind may refuse follows from what it takes and who may call it.
import { Type } from "typebox";
import { expect, test } from "vitest";
import { errorTable } from "#protocol/errors.ts";
import { Address, closed } from "#protocol/schemas/primitives.ts";
import { refusalsOf, route, type Access } from "#application/route.ts";
import { routes } from "#application/routes.ts";

const described = {
  method: "POST",
  path: "/x/:account",
  operationId: "x",
  tag: "tasks",
  summary: "",
  description: "",
  successes: {},
  refusals: ["POLICY_OVERLOADED"],
} as const;

const withAccess = (access: Access) => route({ ...described, access, handle: () => Promise.resolve({ status: 200 }) });

test("a handler's arguments have the types of its schemas", async () => {
  const typed = route({
    ...described,
    access: { kind: "public" },
    params: closed({ account: Address }),
    body: closed({ count: Type.Integer() }),
    handle: (_, { params, body }) => Promise.resolve({ status: body.count, body: params.account.slice(2) }),
  });
  const call = {
    params: { account: "0xab" },
    body: { count: 7 },
    query: {},
    caller: { kind: "anonymous" },
    now: new Date(0),
  } as const;
  expect(await typed.handle({} as never, call)).toEqual({ status: 7, body: "ab" });
});

test("every operation may say that the node is at fault; only one with input that the input is wrong", () => {
  const open = refusalsOf(withAccess({ kind: "open" }));
  expect(open).toEqual(["POLICY_OVERLOADED", "INTERNAL_DATABASE_UNAVAILABLE", "INTERNAL_UNEXPECTED"]);
  const body = closed({});
  expect(refusalsOf({ ...withAccess({ kind: "open" }), body })).toContain("SCHEMA_DUPLICATE_KEY");
  expect(refusalsOf({ ...withAccess({ kind: "open" }), query: body })).not.toContain("SCHEMA_DUPLICATE_KEY");
});

test("what is behind a token may refuse a caller without one, or with another", () => {
  expect(refusalsOf(withAccess({ kind: "public" }))).not.toContain("AUTH_REQUIRED");
  expect(refusalsOf(withAccess({ kind: "signed" }))).toContain("AUTH_REQUIRED");
  const scoped = refusalsOf(withAccess({ kind: "token", scopes: ["audit:read"] }));
  expect(scoped).toEqual(expect.arrayContaining(["AUTH_REQUIRED", "AUTH_ROLE", "AUTH_EXPIRED"]));
});

test("the surface has no two operations at one address and method, and no code twice", () => {
  expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
  for (const each of routes) {
    const codes = refusalsOf(each);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.every((code) => Object.hasOwn(errorTable, code))).toBe(true);
  }
});
