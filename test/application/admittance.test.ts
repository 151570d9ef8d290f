// Before a request is read: whose it is, and how often an address may ask or fail.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { call, expectProblem } from "./calling.ts";
import { envelopeOf, signedBy } from "./envelopes.ts";
import { actor, openTestApplication, type Opened } from "./opened.ts";

const allowance = 5;
const alice = actor(1);
let opened: Opened;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  opened = await openTestApplication({ limits: { anonymousRequestsPerSecond: allowance } });
  await opened.enrol(alice.address, ["task_submitter"], 1_000_000n);
});
afterAll(async () => {
  vi.useRealTimers();
  await opened.close();
});

/** The statuses of requests one after the other. */
async function statuses(
  count: number,
  request: () => Promise<{ readonly statusCode: number }>,
): Promise<readonly number[]> {
  const seen: number[] = [];
  for (let at = 0; at < count; at++) seen.push((await request()).statusCode);
  return seen;
}

/** The limiter runs on the machine's own clock, which stands still in these tests but for this. */
const nextWindow = (): void => void vi.setSystemTime(Date.now() + 1_001);

test("anonymous reads of one address have an allowance; beyond it the answer says how long to wait", async () => {
  nextWindow();
  const seen = await statuses(30, async () => await call(opened, "GET", "/v1/epochs"));
  expect(seen).toEqual(Array.from({ length: 30 }, (_, at) => (at < allowance ? 200 : 429)));
  const refused = await call(opened, "GET", "/v1/epochs");
  expectProblem(refused, "POLICY_RATE_LIMITED");
  expect(refused.headers["retry-after"]).toBe("1");
});

test("probes and whoever shows a token that holds have no such allowance", async () => {
  const token = await opened.token(alice.address, "own:read");
  expect(new Set(await statuses(20, async () => await call(opened, "GET", "/healthz")))).toEqual(new Set([200]));
  expect(new Set(await statuses(20, async () => await call(opened, "GET", "/v1/epochs", { token })))).toEqual(
    new Set([200]),
  );
});

test("signed submissions are not limited as long as they hold", async () => {
  nextWindow();
  const sent = Array.from({ length: 20 }, async (_, at) => {
    const body = signedBy(alice, envelopeOf(alice.address, { idempotencyKey: `k${at}` }));
    return (await call(opened, "POST", "/v1/tasks", { body })).statusCode;
  });
  expect(new Set(await Promise.all(sent))).toEqual(new Set([201]));
});

test("failed authentications of one address have an allowance, by signature and by token together", async () => {
  nextWindow();
  const body = { ...signedBy(alice, envelopeOf(alice.address)), signature: "0x00" };
  const bySignature = await statuses(4, async () => await call(opened, "POST", "/v1/tasks", { body }));
  const byToken = await statuses(20, async () => await call(opened, "GET", "/v1/tasks", { token: "x".repeat(20) }));
  expect(bySignature).toEqual([401, 401, 401, 401]);
  // The one that uses up the allowance is still told what is wrong with it.
  expect(byToken).toEqual(Array.from({ length: 20 }, (_, at) => (at < 2 ? 401 : 429)));
  const good = await opened.token(alice.address, "own:read");
  nextWindow();
  expect((await call(opened, "GET", "/v1/tasks", { token: good })).statusCode).toBe(200);
});

test("[OPER-08] an operation with a token is refused before its body is read", async () => {
  nextWindow();
  expectProblem(await call(opened, "POST", "/v1/actors", { text: "not json" }), "AUTH_REQUIRED");
  const token = await opened.token("ops", "budget:write");
  const refused = await call(opened, "POST", "/v1/actors", { text: "not json", token });
  expect(expectProblem(refused, "AUTH_ROLE").detail).toEqual({ required: ["actor:write"] });
  expectProblem(await call(opened, "POST", "/v1/budgets", { text: "not json", token }), "SCHEMA_MALFORMED_JSON");
});
