// The REST surface as a whole: every answer as described, bad input refused with its code, and nothing of it repeated.
import assert from "node:assert";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { errorTable, ProtocolError } from "#protocol/errors.ts";
import type { Problem } from "#protocol/schemas/problem.ts";
import { routes } from "#application/routes.ts";
import { call, expectDescribed, expectProblem } from "./calling.ts";
import { envelopeOf, signedBy } from "./envelopes.ts";
import { actor, openTestApplication, type Opened } from "./opened.ts";

const secret = "planted-secret-4711";
const alice = actor(1);
let opened: Opened;

beforeAll(async () => {
  opened = await openTestApplication();
  await opened.enrol(alice.address, ["task_submitter"], 1_000_000n);
});
afterAll(async () => await opened.close());

test("an address that is not there is no operation, whatever comes with it", async () => {
  for (const url of ["/", "/v1", "/v1/task", "/v1/tasks/%zz", `/v1/${"x".repeat(5_000)}`, "/../etc/passwd"]) {
    expectProblem(await call(opened, "GET", url), "SCHEMA_NOT_FOUND");
  }
  expectProblem(await call(opened, "POST", "/v1/nothing", { text: "not json" }), "SCHEMA_NOT_FOUND");
});

test("an address tells which methods it takes", async () => {
  const response = await call(opened, "PUT", "/v1/tasks", { text: "not json" });
  expectProblem(response, "SCHEMA_METHOD_NOT_ALLOWED");
  expect(response.headers["allow"]).toBe("POST, GET, HEAD");
  expectProblem(await call(opened, "DELETE", "/healthz"), "SCHEMA_METHOD_NOT_ALLOWED");
  expect((await opened.app.inject({ method: "HEAD", url: "/healthz" })).statusCode).toBe(200);
});

test("[CONT-03] every answer has a request id; an error's is in the problem, and no two are the same", async () => {
  const fine = await call(opened, "GET", "/healthz");
  const wrong = await call(opened, "GET", "/nowhere");
  expect(fine.headers["x-request-id"]).toMatch(/^[\w-]{8}-[0-9a-z]+$/);
  expect(wrong.json<Problem>().requestId).toBe(wrong.headers["x-request-id"]);
  expect(wrong.headers["x-request-id"]).not.toBe(fine.headers["x-request-id"]);
  expect(fine.headers["cache-control"]).toBe("no-store");
});

test("[CONT-03] what nobody foresaw is INTERNAL_UNEXPECTED: logged with its place, without its message, and told to nobody", async () => {
  const metrics = (): never => {
    throw new TypeError(`cannot read ${secret}`, { cause: new ProtocolError("SCHEMA_INVALID") });
  };
  const failing = await openTestApplication({ ports: { metrics } });
  const response = await call(failing, "GET", "/metrics");
  const problem = expectProblem(response, "INTERNAL_UNEXPECTED");
  expect(response.headers["retry-after"]).toBe("5");
  const logged = failing.logged.join("");
  expect(logged).toContain(problem.requestId);
  expect(logged).toContain("server.test.ts");
  expect(response.body + logged).not.toContain(secret);
  await failing.close();
});

test("a database that does not answer is said to be so, and waiting is suggested", async () => {
  const failing = await openTestApplication();
  await failing.database.close();
  for (const [method, url] of [
    ["GET", "/v1/epochs"],
    ["GET", "/readyz"],
  ] as const) {
    const response = await call(failing, method, url);
    expect(response.statusCode).toBeGreaterThanOrEqual(500);
    expect(errorTable).toHaveProperty(response.json<Problem>().code);
  }
  await failing.app.close();
  await failing.testDatabase.drop();
});

test("closing waits for what was taken in", async () => {
  const closing = await openTestApplication();
  await closing.enrol(alice.address, ["task_submitter"], 1_000_000n);
  const submitted = Array.from({ length: 20 }, async (_, at) => {
    const body = signedBy(alice, envelopeOf(alice.address, { idempotencyKey: `closing-${at}` }));
    return await call(closing, "POST", "/v1/tasks", { body });
  });
  await Promise.all([closing.app.close(), ...submitted]);
  for (const response of await Promise.all(submitted)) expect(response.statusCode).toBe(201);
  await closing.database.close();
  await closing.testDatabase.drop();
});

test("[LAYR-01] no operation fails on anything that is put into its address or its query", async () => {
  const token = await opened.token(
    alice.address,
    "own:read",
    "audit:read",
    "record:write",
    "grant:write",
    "budget:write",
  );
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("main", "1", "%00", "..", "'", "0x", "-1", "1e3"),
    fc.constantFrom(secret, "1"),
  );
  const gets = routes.filter(({ method, operationId }) => method !== "POST" && operationId !== "getProof");
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(part, { minLength: 8, maxLength: 8 }), async (number, parts) => {
      const each = gets[number % gets.length];
      assert(each);
      const path = each.path.replaceAll(/:\w+/g, () => encodeURIComponent(parts.pop()?.toWellFormed() ?? ""));
      const names = ["after", "limit", "scope", "account", "submitter"];
      const query = names.map((name) => `${name}=${encodeURIComponent(parts.pop()?.toWellFormed() ?? "")}`).join("&");
      const response = await opened.app.inject({
        method: each.method === "DELETE" ? "DELETE" : "GET",
        url: parts.length % 2 === 0 ? path : `${path}?${query}`,
        headers: { authorization: `Bearer ${token}` },
      });
      expectDescribed(each.method, path, response);
      expect(response.statusCode).toBeLessThan(500);
      if (response.statusCode >= 400) expect(response.body).not.toContain(secret);
    }),
    { numRuns: 600 },
  );
});

test("what is observed counts answers and refusals by operation, and names nobody", () => {
  const seen = JSON.stringify(opened.observed);
  expect(opened.observed).toContainEqual({ kind: "refusal", route: "/v1/tasks", code: "SCHEMA_METHOD_NOT_ALLOWED" });
  expect(
    opened.observed.some((each) => each.kind === "answer" && each.route === "/healthz" && each.status === 200),
  ).toBe(true);
  expect(seen).not.toContain(alice.address);
});
