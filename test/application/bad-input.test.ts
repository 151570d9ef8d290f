// Bad input end to end: over HTTP to a server that listens, each refused with its own code, nothing left behind, nothing repeated.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MessageDomain } from "#protocol/messages.ts";
import { bytesToHex } from "#protocol/hash.ts";
import type { TaskEnvelope, TaskSubmission } from "#protocol/schemas/task.ts";
import { revokeToken, tokenDigest } from "#storage/tokens.ts";
import { expectProblem, send, type Answered, type Request } from "./calling.ts";
import { envelopeOf, signedBy, soonSeconds } from "./envelopes.ts";
import { actor, domain, openTestApplication, policy, startOfTests, type Opened } from "./opened.ts";

const alice = actor(1);
const mallory = actor(2);
const stranger = actor(3);
const auditor = actor(4);
const poor = actor(5);
const busy = actor(6);
const nowSeconds = startOfTests.getTime() / 1000;
const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

let opened: Opened;
let origin = "";

beforeAll(async () => {
  opened = await openTestApplication({ policy: { ...policy, quota: { tasksPerWindow: 4, windowSeconds: 3_600 } } });
  origin = await opened.app.listen({ host: "127.0.0.1", port: 0 });
  for (const { address } of [alice, mallory, busy]) await opened.enrol(address, ["task_submitter"], 1_000_000n);
  await opened.enrol(poor.address, ["task_submitter"], 1_500n);
  await opened.enrol(auditor.address, ["auditor", "executor", "verifier", "governance", "treasury"]);
});
afterAll(async () => await opened.close());

const submit = async (request: Request): Promise<Answered> => await send(origin, "POST", "/v1/tasks", request);

async function countTasks(): Promise<number> {
  const { rows } = await opened.database.query<{ tasks: bigint }>("SELECT count(*) AS tasks FROM ledger.task");
  return Number(rows[0]?.tasks);
}

/** Sends what must be refused, and expects that no task came of it. */
async function expectRefused(request: Request, code: string): Promise<Record<string, unknown>> {
  const before = await countTasks();
  const problem = expectProblem(await submit(request), code);
  expect(await countTasks()).toBe(before);
  return problem.detail;
}

/** A good submission, changed before it is signed. */
const signed = (change: Partial<TaskEnvelope> = {}, place?: MessageDomain): TaskSubmission =>
  signedBy(alice, envelopeOf(alice.address, { idempotencyKey: "never-admitted", ...change }), place);

const good = JSON.stringify(signed());
const { envelope, signature = "0x" } = signed();
const highS = (text: string): string => {
  const s = order - BigInt(`0x${text.slice(66, 130)}`);
  return `${text.slice(0, 66)}${s.toString(16).padStart(64, "0")}${text.endsWith("1b") ? "1c" : "1b"}`;
};

test.each([
  ["an unknown field", { ...signed(), extra: 1 }],
  ["an unknown field inside", { envelope: { ...envelope, priority: 9 }, signature }],
  ["an unknown field deep inside", signed({ program: { ...envelope.program, sql: "x" } as TaskEnvelope["program"] })],
  ["a number where text belongs", { envelope: { ...envelope, feeLimit: 1000 }, signature }],
  ["text where a number belongs", { envelope: { ...envelope, expiresAtSeconds: String(soonSeconds) }, signature }],
  ["a fraction where a whole number belongs", { envelope: { ...envelope, expiresAtSeconds: 1.5 }, signature }],
  ["a list where an object belongs", [signed()]],
  ["null for the whole", null],
  ["null for a part", { envelope: null }],
  ["a part that is missing", { envelope: { ...envelope, seed: undefined }, signature }],
  ["an address with capitals", { envelope: { ...envelope, submitter: envelope.submitter.toUpperCase() }, signature }],
  ["a program of another kind", { envelope: { ...envelope, program: { kind: "script" } }, signature }],
  ["a signature that is not hexadecimal", { envelope, signature: `0x${"g".repeat(130)}` }],
  ["a signature that is too long", { envelope, signature: `${signature}00` }],
])("%s: SCHEMA_INVALID [LAYR-01]", async (_, body) => {
  await expectRefused({ body }, "SCHEMA_INVALID");
});

test.each([["schemaVersion", "semanticVersion", "policyVersion", "program", "inputs", "seed", "scope"]] as const)(
  "a task that lacks a part of its replay tuple is not admitted [LAYR-02]",
  async (...parts) => {
    const token = await opened.token(alice.address, "task:submit");
    for (const part of parts) {
      await expectRefused({ body: { envelope: { ...envelope, [part]: undefined } }, token }, "SCHEMA_INVALID");
    }
  },
);

test.each([
  ["a name twice", good.replace('"seed":', '"seed":"0x","seed":'), "SCHEMA_DUPLICATE_KEY"],
  ["a name twice, spelled in two ways", good.replace('"seed":', '"\\u0073eed":"0x","seed":'), "SCHEMA_DUPLICATE_KEY"],
  ["a number beyond 2^53", good.replace(`${soonSeconds}`, "9007199254740993"), "SCHEMA_NUMBER_RANGE"],
  ["a number beyond every double", good.replace(`${soonSeconds}`, "1e999"), "SCHEMA_NUMBER_RANGE"],
  ["a text cut off", good.slice(0, -1), "SCHEMA_MALFORMED_JSON"],
  ["nothing", "", "SCHEMA_MALFORMED_JSON"],
  ["bytes that are not UTF-8", Buffer.concat([Buffer.from(good), Buffer.from([0xff])]), "SCHEMA_MALFORMED_JSON"],
  ["a lone surrogate", good.replace('"LAX"', '"\\ud800"'), "SCHEMA_MALFORMED_JSON"],
  ["a name that reaches the prototype", good.replace('"seed":', '"__proto__":{},"seed":'), "SCHEMA_INVALID"],
  ["too many levels", "[".repeat(40) + "]".repeat(40), "SCHEMA_INVALID"],
  ["a body that is too large", " ".repeat(256 * 1024) + good, "SCHEMA_BODY_TOO_LARGE"],
])("%s is refused before anything is made of it [LAYR-01]", async (_, text, code) => {
  await expectRefused({ text }, code);
});

test("another media type is refused", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
    await expectRefused({ text: good, headers: { "content-type": type } }, "SCHEMA_MEDIA_TYPE");
  }
});

test.each([
  ["64 bytes", signature.slice(0, -2), "AUTH_SIGNATURE_MALFORMED"],
  ["no bytes", "0x", "AUTH_SIGNATURE_MALFORMED"],
  ["v of 0", `${signature.slice(0, -2)}00`, "AUTH_SIGNATURE_MALFORMED"],
  ["v of 29", `${signature.slice(0, -2)}1d`, "AUTH_SIGNATURE_MALFORMED"],
  ["a high s", highS(signature), "AUTH_SIGNATURE_MALFORMED"],
  ["zeros", `0x${"00".repeat(64)}1b`, "AUTH_SIGNATURE_MALFORMED"],
  ["the other v", signature.slice(0, -1) + (signature.endsWith("b") ? "c" : "b"), "AUTH_SIGNATURE_INVALID"],
  ["another chain id", signed({}, { ...domain, chainId: 1n }).signature, "AUTH_SIGNATURE_INVALID"],
  ["another anchor", signed({}, { ...domain, anchor: `0x${"a2".repeat(20)}` }).signature, "AUTH_SIGNATURE_INVALID"],
  ["another actor's", signedBy(mallory, envelope).signature, "AUTH_SIGNATURE_INVALID"],
  ["that of other content", signed({ feeLimit: "1001" }).signature, "AUTH_SIGNATURE_INVALID"],
])("a signature of %s is refused, also with a token [LAYR-02]", async (_, wrong, code) => {
  await expectRefused({ body: { envelope, signature: wrong } }, code);
  const token = await opened.token(alice.address, "task:submit");
  await expectRefused({ body: { envelope, signature: wrong }, token }, code);
});

test("an envelope counts for a while that is neither over nor too long", async () => {
  await expectRefused({ body: signed({ expiresAtSeconds: nowSeconds }) }, "AUTH_EXPIRED");
  const long = { expiresAtSeconds: nowSeconds + policy.envelopeLifetimeSeconds + 1 };
  expect(await expectRefused({ body: signed(long) }, "AUTH_LIFETIME")).toEqual({
    maximumSeconds: policy.envelopeLifetimeSeconds,
  });
});

test("unknown versions are refused with those that are live [LAYR-02]", async () => {
  const refused = async (change: Partial<TaskEnvelope>, code: string, supported: readonly string[]): Promise<void> =>
    expect(await expectRefused({ body: signed(change) }, code)).toEqual({ supported });
  await refused({ schemaVersion: "9.9" }, "VERSION_SCHEMA_UNKNOWN", ["1.0"]);
  await refused({ semanticVersion: "1999.1" }, "VERSION_SEMANTIC_UNKNOWN", ["2026.1"]);
  await refused({ policyVersion: "77" }, "VERSION_POLICY_UNKNOWN", ["1"]);
});

test("who is not registered, or holds other roles only, submits nothing [LAYR-02] [OPER-08]", async () => {
  const own = envelopeOf(stranger.address);
  expect(await expectRefused({ body: signedBy(stranger, own) }, "AUTH_ACTOR_UNKNOWN")).toEqual({
    address: stranger.address,
  });
  const others = envelopeOf(auditor.address);
  expect(await expectRefused({ body: signedBy(auditor, others) }, "AUTH_ROLE")).toEqual({
    required: ["task_submitter"],
  });
});

test("a token stands only for its subject, its scopes and its time [LAYR-02] [OPER-08]", async () => {
  const unsigned = { envelope };
  await expectRefused({ body: unsigned }, "AUTH_REQUIRED");
  await expectRefused({ body: unsigned, token: await opened.token(mallory.address, "task:submit") }, "AUTH_ROLE");
  await expectRefused(
    { body: unsigned, token: await opened.token(alice.address, "own:read", "audit:read") },
    "AUTH_ROLE",
  );
  await expectRefused({ body: signed(), token: await opened.token(mallory.address, "task:submit") }, "AUTH_ROLE");
  await expectRefused({ body: unsigned, token: `scs_${randomBytes(32).toString("base64url")}` }, "AUTH_TOKEN_INVALID");
  await expectRefused({ body: unsigned, headers: { authorization: "Basic YTpi" } }, "AUTH_TOKEN_INVALID");
  const revoked = await opened.token(alice.address, "task:submit");
  await revokeToken(opened.database, tokenDigest(revoked), startOfTests);
  await expectRefused({ body: unsigned, token: revoked }, "AUTH_TOKEN_INVALID");
  const short = await opened.token(alice.address, "task:submit");
  opened.clock.now = new Date(startOfTests.getTime() + 86_400_000);
  await expectRefused({ body: unsigned, token: short }, "AUTH_EXPIRED");
  opened.clock.now = startOfTests;
});

test("the same envelope again is the first task, whoever sends it; under its key nothing else is [TASK-07]", async () => {
  const own = envelopeOf(alice.address, { idempotencyKey: "twice" });
  const body = signedBy(alice, own);
  const first = await submit({ body });
  expect([first.statusCode, first.json()]).toMatchObject([201, { state: "accepted", repeated: false }]);
  const { taskId } = first.json<{ taskId: string }>();
  const again = { taskId, state: "accepted", repeated: true };
  const reordered = { signature: body.signature, envelope: Object.fromEntries(Object.entries(own).reverse()) };
  for (const each of [
    { body },
    { body: reordered },
    { body: { envelope: own }, token: await opened.token(alice.address, "task:submit") },
  ]) {
    const answer = await submit(each);
    expect([answer.statusCode, answer.json()]).toEqual([200, again]);
  }
  opened.clock.now = new Date((soonSeconds + 1) * 1000);
  expect((await submit({ body })).json()).toEqual(again);
  opened.clock.now = startOfTests;
  const other = signedBy(alice, { ...own, feeLimit: "1001" });
  expect(await expectRefused({ body: other }, "POLICY_IDEMPOTENCY_CONFLICT")).toEqual({ taskId });
  // The signature of one actor is no signature of another; the key is each submitter's own.
  await expectRefused(
    { body: { ...body, envelope: { ...own, submitter: mallory.address } } },
    "AUTH_SIGNATURE_INVALID",
  );
  const same = await submit({ body: signedBy(mallory, { ...own, submitter: mallory.address }) });
  expect(same.statusCode).toBe(201);
});

test("a budget that is too small is refused with what is left [LAYR-03]", async () => {
  const fromPoor = (idempotencyKey: string, feeLimit: string): TaskSubmission =>
    signedBy(poor, envelopeOf(poor.address, { idempotencyKey, feeLimit }));
  expect(await expectRefused({ body: fromPoor("a", "1501") }, "POLICY_BUDGET_EXCEEDED")).toEqual({
    available: "1500",
    required: "1501",
  });
  expect((await submit({ body: fromPoor("b", "1000") })).statusCode).toBe(201);
  const answer = await submit({ body: fromPoor("c", "501") });
  expect(expectProblem(answer, "POLICY_BUDGET_EXCEEDED").detail).toEqual({ available: "500", required: "501" });
  expect(answer.headers["retry-after"]).toBeDefined();
  expect(await expectRefused({ body: fromPoor("d", "99") }, "POLICY_FEE_TOO_LOW")).toEqual({ required: "100" });
  expect((await submit({ body: fromPoor("e", "500") })).statusCode).toBe(201);
});

test("a quota that is used up is refused until its window ends, and counts anew after it [LAYR-03]", async () => {
  const fromBusy = (key: number): TaskSubmission =>
    signedBy(busy, envelopeOf(busy.address, { idempotencyKey: `k${key}`, expiresAtSeconds: nowSeconds + 8_000 }));
  for (let key = 0; key < 4; key++) expect((await submit({ body: fromBusy(key) })).statusCode).toBe(201);
  const answer = await submit({ body: fromBusy(4) });
  const until = new Date((Math.floor(nowSeconds / 3_600) + 1) * 3_600_000);
  const { detail } = expectProblem(answer, "POLICY_QUOTA_EXCEEDED");
  expect(detail).toMatchObject({ until: until.toISOString(), tasksPerWindow: 4, windowSeconds: 3_600 });
  expect(answer.headers["retry-after"]).toBe(String((until.getTime() - startOfTests.getTime()) / 1000));
  expect((await submit({ body: fromBusy(0) })).statusCode).toBe(200);
  opened.clock.now = until;
  expect((await submit({ body: fromBusy(4) })).statusCode).toBe(201);
  opened.clock.now = startOfTests;
});

test("addresses and methods that do not exist are refused", async () => {
  for (const url of ["/v1/nothing", "/v1/tasks/%ff", `/v1/tasks/${"a".repeat(200)}`, "/../etc/passwd"]) {
    expectProblem(await send(origin, "GET", url), "SCHEMA_NOT_FOUND");
  }
  for (const id of ["", "0x12", "%00"]) expectProblem(await send(origin, "GET", `/v1/tasks/${id}`), "SCHEMA_INVALID");
  expectProblem(await send(origin, "GET", `/v1/tasks/${bytesToHex(randomBytes(32))}`), "SCHEMA_NOT_FOUND");
  const refused = await send(origin, "PUT", "/v1/tasks", { text: good });
  expectProblem(refused, "SCHEMA_METHOD_NOT_ALLOWED");
  expect(refused.headers["allow"]).toBe("POST, GET, HEAD");
});
