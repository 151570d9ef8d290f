// Actors, budgets and sessions: deposits once each, logins once each, and sessions that read and do nothing else.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { loginDigest } from "#protocol/messages.ts";
import { sign } from "#protocol/signature.ts";
import { call, expectProblem } from "../calling.ts";
import { envelopeOf } from "../envelopes.ts";
import { actor, domain, openTestApplication, startOfTests, type Actor, type Opened } from "../opened.ts";

const [alice, auditor, stranger] = [actor(1), actor(2), actor(3)];
const nowSeconds = startOfTests.getTime() / 1000;
let opened: Opened;
let treasurer = "";

beforeAll(async () => {
  opened = await openTestApplication();
  await opened.enrol(alice.address, ["task_submitter"], 5_000n);
  await opened.enrol(auditor.address, ["auditor"]);
  treasurer = await opened.token("treasury", "budget:write");
});
afterAll(async () => await opened.close());

/** What an actor signs to log in. */
function loginOf({ address, key }: Actor, expiresAtSeconds: number, signedFor: Hex = address) {
  return { account: address, expiresAtSeconds, signature: sign(loginDigest(domain, signedFor, expiresAtSeconds), key) };
}

const login = async (body: unknown) => await call(opened, "POST", "/v1/sessions", { body });

test("a signed login becomes a token that reads the account's own things until then, and does nothing else", async () => {
  const response = await login(loginOf(alice, nowSeconds + 600));
  expect(response.statusCode).toBe(201);
  const { token, scopes } = response.json<{ token: string; scopes: string[] }>();
  expect(scopes).toEqual(["own:read"]);
  expect((await call(opened, "GET", `/v1/budgets/${alice.address}`, { token })).statusCode).toBe(200);
  expectProblem(await call(opened, "GET", `/v1/budgets/${auditor.address}`, { token }), "AUTH_ROLE");
  const envelope = envelopeOf(alice.address);
  expectProblem(await call(opened, "POST", "/v1/tasks", { body: { envelope }, token }), "AUTH_ROLE");
  expect(opened.logged.join("")).not.toContain(token);
  opened.clock.now = new Date((nowSeconds + 600) * 1000);
  expectProblem(await call(opened, "GET", "/v1/tasks", { token }), "AUTH_EXPIRED");
  opened.clock.now = startOfTests;
});

test("an auditor's session reads what others own", async () => {
  const { token } = (await login(loginOf(auditor, nowSeconds + 600))).json<{ token: string }>();
  expect((await call(opened, "GET", `/v1/budgets/${alice.address}`, { token })).statusCode).toBe(200);
  expect((await call(opened, "GET", `/v1/tasks?submitter=${alice.address}`, { token })).statusCode).toBe(200);
});

test("one login opens one session, also when it comes many times at once", async () => {
  const body = loginOf(alice, nowSeconds + 601);
  const responses = await Promise.all(Array.from({ length: 8 }, async () => await login(body)));
  expect(responses.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
  for (const response of responses) if (response.statusCode !== 201) expectProblem(response, "AUTH_REPLAYED");
});

test.each([
  ["by another key", { ...loginOf(alice, nowSeconds + 60), account: auditor.address }, "AUTH_SIGNATURE_INVALID"],
  ["for another account", loginOf(alice, nowSeconds + 60, auditor.address), "AUTH_SIGNATURE_INVALID"],
  ["without a signature", { ...loginOf(alice, nowSeconds + 60), signature: "0x" }, "AUTH_SIGNATURE_MALFORMED"],
  ["that has expired", loginOf(alice, nowSeconds), "AUTH_EXPIRED"],
  ["for longer than an hour", loginOf(alice, nowSeconds + 3_601), "AUTH_LIFETIME"],
  ["of nobody", loginOf(stranger, nowSeconds + 60), "AUTH_ACTOR_UNKNOWN"],
])("a login %s is refused", async (_, body, code) => {
  expectProblem(await login(body), code);
});

test("a deposit counts once for its reference; another amount under it is refused", async () => {
  const before = (await call(opened, "GET", `/v1/budgets/${alice.address}`, { token: treasurer })).json<{
    available: string;
  }>();
  const body = { account: alice.address, amount: "250", reference: "invoice-1" };
  const send = async (change = {}) =>
    await call(opened, "POST", "/v1/budgets", { body: { ...body, ...change }, token: treasurer });
  const responses = await Promise.all(Array.from({ length: 5 }, async () => await send()));
  const made = responses.filter(({ statusCode }) => statusCode === 201);
  expect([made.length, responses.length]).toEqual([1, 5]);
  expect((await send()).json()).toMatchObject({ available: String(BigInt(before.available) + 250n) });
  expectProblem(await send({ amount: "251" }), "POLICY_IDEMPOTENCY_CONFLICT");
});

test("what a balance cannot hold is refused, and so is a reference that no text of the database can be", async () => {
  const deposit = async (amount: string, reference: string) =>
    await call(opened, "POST", "/v1/budgets", {
      body: { account: alice.address, amount, reference },
      token: treasurer,
    });
  expectProblem(await deposit("9".repeat(38), "all the money"), "GOVERNANCE_ACT_REFUSED");
  expect(expectProblem(await deposit("1", "a\0b"), "SCHEMA_INVALID").errors).toHaveLength(1);
});

test("[OPER-08] registering an actor gives exactly the roles named", async () => {
  const token = await opened.token("governance", "actor:write");
  const roles = async (...named: string[]) =>
    await call(opened, "POST", "/v1/actors", { body: { address: stranger.address, roles: named }, token });
  await roles("verifier", "executor");
  await roles("executor", "challenger");
  const { rows } = await opened.database.query<{ role: string }>(
    `SELECT role FROM ledger.actor WHERE address = $1 AND held ORDER BY role`,
    [Buffer.from(stranger.address.slice(2), "hex")],
  );
  expect(rows.map(({ role }) => role)).toEqual(["challenger", "executor"]);
  expectProblem(await roles("emperor"), "SCHEMA_INVALID");
});
