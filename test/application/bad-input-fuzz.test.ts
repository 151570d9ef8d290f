// Good submissions changed at random, with a secret planted in them: never a fault, never an echo in an answer or in the log.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Problem } from "#protocol/schemas/problem.ts";
import { errorTable } from "#protocol/errors.ts";
import { send, type Answered } from "./calling.ts";
import { envelopeOf, signedBy } from "./envelopes.ts";
import { actor, openTestApplication, type Opened } from "./opened.ts";

const seed = 20261121;
const secret = "planted-secret-5283";
const alice = actor(1);

let opened: Opened;
let origin = "";
let token = "";

beforeAll(async () => {
  opened = await openTestApplication();
  origin = await opened.app.listen({ host: "127.0.0.1", port: 0 });
  await opened.enrol(alice.address, ["task_submitter", "vault_operator", "data_producer", "governance"], 10n ** 12n);
  token = await opened.token(
    alice.address,
    "task:submit",
    "record:write",
    "grant:write",
    "budget:write",
    "actor:write",
    "governance:write",
  );
});
afterAll(async () => await opened.close());

const good = signedBy(
  alice,
  envelopeOf(alice.address, {
    idempotencyKey: secret,
    program: {
      kind: "protected_query",
      domain: "mobility.aviation",
      measure: { function: "sum", attribute: secret },
      conditions: [
        { attribute: secret, operator: "equal", value: secret },
        { attribute: "origin", operator: "one_of", values: [secret, 7] },
      ],
      groupBy: secret,
    },
  }),
);

/** Paths to every place of a value. */
function placesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, member]) => placesOf(member, [...path, key]))];
}

/** A copy of a value with another one at a place; undefined leaves the place out. */
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value))
    return value.map((item, at) => (String(at) === key ? changed(item, rest, to) : (item as unknown)));
  const object = value as Record<string, unknown>;
  return { ...object, [key]: changed(object[key], rest, to) };
}

const hostile = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, "", 0, -1, 2 ** 53, 1e308, [], {}, secret, [secret], {
    [secret]: secret,
  }),
  fc.constantFrom<unknown>(
    `${secret}\u0000`,
    secret.repeat(5_000),
    `0x${"00".repeat(32)}`,
    "9".repeat(38),
    `"${secret}`,
  ),
  fc.constantFrom<unknown>(
    "1.0",
    "2026.1",
    "main",
    "'; DROP TABLE work.task; --",
    "\u2028",
    "\ud83d\ude00",
    "constructor",
  ),
  fc.string({ unit: "binary" }).map((text) => text + secret),
  fc.jsonValue(),
  fc.maxSafeInteger(),
);

/** Several changes of a value at random places, then perhaps one of its text. */
const changesOf = (value: unknown): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.constantFrom(...placesOf(value)), hostile), { minLength: 1, maxLength: 3 }),
      fc.option(
        fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom("", '"', "{", "}", ",", "\\", "1e999", `"${secret}":1,`)),
        { freq: 4 },
      ),
    )
    .map(([changes, cut]) => {
      const whole = JSON.stringify(
        changes.reduce((each: unknown, [place, to]) => {
          const isThere = placesOf(each).some((known) => known.join("/") === place.join("/"));
          return isThere ? changed(each, place, to) : each;
        }, value),
      );
      if (cut === null || whole === undefined) return whole ?? "";
      const at = cut[0] % (whole.length + 1);
      return whole.slice(0, at) + cut[2] + whole.slice(at + cut[1]);
    });

/** Nothing is at fault, nothing is repeated, and a refusal is one of the table. */
function expectSafe(answer: Answered): void {
  expect(answer.statusCode, answer.body).toBeLessThan(500);
  expect(answer.body + JSON.stringify(answer.headers)).not.toContain(secret);
  if (answer.statusCode >= 400) expect(errorTable).toHaveProperty(answer.json<Problem>().code);
  expect(opened.logged.join("")).not.toContain(secret);
}

test("the submission before any change is admitted, and its answer does not repeat it either [LAYR-01]", async () => {
  const answer = await send(origin, "POST", "/v1/tasks", { body: good });
  expect(answer.statusCode).toBe(201);
  expectSafe(answer);
});

test("no change of a submission makes a fault or an echo [LAYR-01]", async () => {
  console.error(`[seed] submissions ${seed}`);
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(changesOf(good), fc.boolean(), async (text, isByToken) => {
      const answer = await send(origin, "POST", "/v1/tasks", { text, ...(isByToken ? { token } : {}) });
      expectSafe(answer);
      statuses.add(answer.statusCode);
    }),
    { numRuns: 400, seed },
  );
  expect(statuses.size).toBeGreaterThan(2);
});

test("no change of an envelope that a token stands for makes a fault or an echo [LAYR-01]", async () => {
  console.error(`[seed] envelopes ${seed}`);
  const { envelope } = good;
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(changesOf(envelope), fc.uuid(), async (text, key) => {
      const named = text.replace(`"idempotencyKey":"${secret}"`, `"idempotencyKey":"${secret}${key}"`);
      const answer = await send(origin, "POST", "/v1/tasks", { text: `{"envelope":${named}}`, token });
      expectSafe(answer);
      statuses.add(answer.statusCode);
    }),
    { numRuns: 400, seed },
  );
  expect(statuses).toContain(201);
});

const others: readonly (readonly [url: string, body: object])[] = [
  [
    "/v1/governance/acts",
    {
      act: {
        schemaVersion: "1.0",
        by: alice.address,
        reason: secret,
        order: { kind: "roll_out", scope: "main", fromEpoch: 9, semanticVersions: ["2026.1"], policyVersions: ["1"] },
        nonce: "n",
      },
    },
  ],
  ["/v1/actors", { address: alice.address, roles: ["task_submitter", "vault_operator", "data_producer"] }],
  ["/v1/budgets", { account: alice.address, amount: "1", reference: secret }],
  [
    "/v1/vaults/vault-a/collections",
    {
      vault: "vault-a",
      collection: "flights",
      operator: alice.address,
      fields: { [secret]: "mobility.aviation/delay" },
    },
  ],
  [
    "/v1/vaults/vault-a/collections/flights/records",
    { producer: alice.address, records: [{ recordId: secret, record: { name: secret, delay: 7, none: null } }] },
  ],
  [
    "/v1/grants",
    {
      grant: {
        vault: "vault-a",
        collection: "flights",
        grantee: alice.address,
        programs: ["protected_query"],
        untilSeconds: 4_000_000_000,
        nonce: "n",
      },
    },
  ],
  ["/v1/sessions", { account: alice.address, expiresAtSeconds: 4_000_000_000, signature: good.signature }],
];

test.each(others)(
  "no change of what goes to %s makes a fault, and nothing of it is in the log [LAYR-01]",
  async (url, body) => {
    console.error(`[seed] ${url} ${seed}`);
    await fc.assert(
      fc.asyncProperty(changesOf(body), async (text) => {
        const answer = await send(origin, "POST", url, { text, token });
        expect(answer.statusCode, answer.body).toBeLessThan(500);
        expect(opened.logged.join("")).not.toContain(secret);
        if (answer.statusCode >= 400) expect(answer.body).not.toContain(secret);
      }),
      { numRuns: 120, seed },
    );
  },
);

test("no address makes a fault or an echo [LAYR-01]", async () => {
  const piece = fc.oneof(
    fc.constantFrom(secret, "%00", "%2e%2e", "..", "%", "0x", "null", `0x${"0".repeat(64)}`, "1"),
    fc.webSegment(),
  );
  const query = fc.constantFrom(
    "",
    `?after=${secret}`,
    "?limit=0",
    "?limit=1&limit=2",
    `?${secret}=1`,
    "?account[]=x",
    "?submitter=",
  );
  const start = fc.constantFrom(
    "/v1/tasks/",
    "/v1/epochs/",
    "/v1/proofs/main/1/",
    "/v1/rewards",
    "/v1/policies/",
    "/schemas/",
    "/",
  );
  console.error(`[seed] addresses ${seed}`);
  await fc.assert(
    fc.asyncProperty(start, fc.array(piece, { maxLength: 3 }), query, async (first, pieces, last) => {
      const answer = await opened.app.inject({ method: "GET", url: `${first}${pieces.join("/")}${last}` });
      expectSafe(answer);
    }),
    { numRuns: 300, seed },
  );
});
