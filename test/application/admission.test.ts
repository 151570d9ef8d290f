// The pure decision on a batch: what is admitted, what is repeated, what is refused and with which facts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import type { Hex } from "#protocol/hash.ts";
import { taskIdOf } from "#protocol/messages.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import {
  admit,
  hopefulFacts,
  isRefusal,
  refusalError,
  windowOf,
  type Candidate,
  type Published,
} from "#application/admission.ts";
import { keyText, windowText } from "#storage/admission-rows.ts";
import type { SubmitterFacts } from "#storage/intake.ts";
import { envelopeOf, soonSeconds } from "./envelopes.ts";
import { policy as usual, startOfTests } from "./opened.ts";

const alice: Hex = `0x${"aa".repeat(20)}`;
const bob: Hex = `0x${"bb".repeat(20)}`;

const candidateOf = (envelope: TaskEnvelope): Candidate => ({
  taskId: taskIdOf(envelope),
  envelope,
  envelopeText: canonicalText(envelope),
  signature: null,
});

const publishedUnder = (policy: Policy = usual): Published => ({
  now: startOfTests,
  versions: new Map([["main", { semantic: ["2026.1"], policy: [policy.policyVersion] }]]),
  policies: new Map([[policy.policyVersion, policy]]),
});

const factsOf = (change: Partial<SubmitterFacts> = {}): SubmitterFacts => ({
  known: new Map(),
  available: new Map([
    [alice, 10_000n],
    [bob, 10_000n],
  ]),
  used: new Map(),
  ...change,
});

/** What becomes of envelopes of one batch, briefly. */
function decide(envelopes: readonly TaskEnvelope[], facts = factsOf(), published = publishedUnder()) {
  return admit(envelopes.map(candidateOf), facts, published);
}

test("a good envelope is admitted with its deadline, versions and window", () => {
  const envelope = envelopeOf(alice);
  const { outcomes, admissions } = decide([envelope]);
  expect(outcomes).toEqual([{ taskId: taskIdOf(envelope), state: "accepted", repeated: false }]);
  expect(admissions).toEqual([
    {
      taskId: taskIdOf(envelope),
      scope: "main",
      submitter: alice,
      idempotencyKey: "key-1",
      envelopeText: canonicalText(envelope),
      signature: null,
      feeLimit: 1000n,
      versions: { schema: "1.0", semantic: "2026.1", policy: "1" },
      deadlineAt: new Date(startOfTests.getTime() + 600_000),
      window: { submitter: alice, startSeconds: startOfTests.getTime() / 1000 },
      tasksPerWindow: 100_000,
    },
  ]);
});

test("[TASK-07] the same envelope answers with the first task, known before or earlier in the batch, also when it has expired", () => {
  const envelope = envelopeOf(alice);
  const expired = envelopeOf(alice, { idempotencyKey: "old", expiresAtSeconds: 1 });
  const known = new Map([[keyText(expired), { taskId: taskIdOf(expired), state: "completed" as const }]]);
  const { outcomes, admissions } = decide([envelope, envelope, expired], factsOf({ known }));
  expect(outcomes).toEqual([
    { taskId: taskIdOf(envelope), state: "accepted", repeated: false },
    { taskId: taskIdOf(envelope), state: "accepted", repeated: true },
    { taskId: taskIdOf(expired), state: "completed", repeated: true },
  ]);
  expect(admissions).toHaveLength(1);
});

test("[TASK-07] the same key with other content is refused and names the first task; another submitter's key is its own", () => {
  const first = envelopeOf(alice);
  const other = envelopeOf(alice, { seed: `0x${"22".repeat(32)}` });
  const { outcomes } = decide([first, other, envelopeOf(bob)]);
  expect(outcomes[1]).toEqual({ code: "POLICY_IDEMPOTENCY_CONFLICT", detail: { taskId: taskIdOf(first) } });
  expect(outcomes[2]).toMatchObject({ repeated: false });
});

test.each([
  [{ schemaVersion: "2.0" }, "VERSION_SCHEMA_UNKNOWN", ["1.0"]],
  [{ semanticVersion: "2025.9" }, "VERSION_SEMANTIC_UNKNOWN", ["2026.1"]],
  [{ policyVersion: "7" }, "VERSION_POLICY_UNKNOWN", ["1"]],
  [{ scope: "elsewhere" }, "VERSION_SEMANTIC_UNKNOWN", []],
] as const)("[LAYR-02] versions that are not live are refused: %j", (change, code, supported) => {
  expect(decide([envelopeOf(alice, change)]).outcomes).toEqual([{ code, detail: { supported } }]);
});

test.each([
  [{ expiresAtSeconds: soonSeconds - 3_600 }, "AUTH_EXPIRED"],
  [{ expiresAtSeconds: soonSeconds - 3_600 + 86_401 }, "AUTH_LIFETIME"],
  [{ feeLimit: "99" }, "POLICY_FEE_TOO_LOW"],
] as const)("times and fee are held to the policy: %j", (change, code) => {
  const { outcomes, admissions } = decide([envelopeOf(alice, change)]);
  expect(outcomes).toMatchObject([{ code }]);
  expect(admissions).toEqual([]);
});

test("[LAYR-03] a budget is used up within the batch, and the refusal says what is left and what was asked", () => {
  const batch = [1, 2, 3].map((at) => envelopeOf(alice, { idempotencyKey: `k${at}`, feeLimit: "4000" }));
  const { outcomes } = decide(batch);
  expect(outcomes[1]).toMatchObject({ state: "accepted" });
  expect(outcomes[2]).toEqual({ code: "POLICY_BUDGET_EXCEEDED", detail: { available: "2000", required: "4000" } });
});

test("[LAYR-03] a quota counts what was admitted before and in the batch; the refusal says until when", () => {
  const policy = { ...usual, quota: { tasksPerWindow: 3, windowSeconds: 600 } };
  const used = new Map([[windowText(windowOf(alice, policy, startOfTests)), 2]]);
  const batch = [1, 2].map((at) => envelopeOf(alice, { idempotencyKey: `k${at}` }));
  const { outcomes } = decide([...batch, envelopeOf(bob)], factsOf({ used }), publishedUnder(policy));
  expect(outcomes[0]).toMatchObject({ state: "accepted" });
  expect(outcomes[1]).toEqual({
    code: "POLICY_QUOTA_EXCEEDED",
    detail: { until: "2026-11-21T12:10:00.000Z", tasksPerWindow: 3, windowSeconds: 600 },
  });
  expect(outcomes[2]).toMatchObject({ state: "accepted" });
  const later = new Date(startOfTests.getTime() + 599_001);
  const refusal = outcomes[1];
  expect(refusal && isRefusal(refusal) && refusalError(refusal, later).detail["retryAfterSeconds"]).toBe(1);
});

test("windows begin at multiples of their length", () => {
  const policy = { ...usual, quota: { tasksPerWindow: 1, windowSeconds: 7 } };
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true }), (now) => {
      const { startSeconds } = windowOf(alice, policy, now);
      expect(startSeconds % 7).toBe(0);
      expect(now.getTime() / 1000 - startSeconds).toBeGreaterThanOrEqual(0);
      expect(now.getTime() / 1000 - startSeconds).toBeLessThan(7);
    }),
  );
});

test("whatever the batch, nobody spends more than the budget or the quota, and every submission has its outcome", () => {
  const policy = { ...usual, quota: { tasksPerWindow: 5, windowSeconds: 600 } };
  const submission = fc.record({
    submitter: fc.constantFrom(alice, bob),
    idempotencyKey: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
    feeLimit: fc.constantFrom("100", "1000", "3000", "9000"),
  });
  fc.assert(
    fc.property(fc.array(submission, { maxLength: 30 }), (changes) => {
      const batch = changes.map(({ submitter, ...change }) => envelopeOf(submitter, change));
      const { outcomes, admissions } = decide(batch, factsOf(), publishedUnder(policy));
      expect(outcomes).toHaveLength(batch.length);
      for (const submitter of [alice, bob]) {
        const own = admissions.filter((each) => each.submitter === submitter);
        expect(own.length).toBeLessThanOrEqual(5);
        expect(own.reduce((sum, each) => sum + each.feeLimit, 0n)).toBeLessThanOrEqual(10_000n);
        expect(new Set(own.map((each) => each.idempotencyKey)).size).toBe(own.length);
      }
      const admitted = outcomes.filter((outcome) => !isRefusal(outcome) && !outcome.repeated);
      expect(admitted).toHaveLength(admissions.length);
    }),
    { numRuns: 300 },
  );
});

test("a batch cut anywhere ends as it does whole", () => {
  const keys = fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(keys, fc.nat(12), (names, cut) => {
      const batch = names.map((idempotencyKey) => envelopeOf(alice, { idempotencyKey, feeLimit: "3000" }));
      const whole = decide(batch);
      const head = decide(batch.slice(0, cut));
      const known = new Map(
        head.admissions.map((each) => [keyText(each), { taskId: each.taskId, state: "accepted" as const }]),
      );
      const available = new Map([[alice, 10_000n - head.admissions.reduce((sum, each) => sum + each.feeLimit, 0n)]]);
      const tail = decide(batch.slice(cut), factsOf({ known, available }));
      expect([...head.outcomes, ...tail.outcomes]).toEqual(whole.outcomes);
    }),
  );
});

test("what is decided in hope is what is decided on facts that bear the hope out", () => {
  const tight: Policy = { ...usual, quota: { tasksPerWindow: 3, windowSeconds: 3_600 } };
  const envelope = fc
    .record({
      submitter: fc.constantFrom(alice, bob),
      idempotencyKey: fc.constantFrom("k1", "k2", "k3", "k4", "k5"),
      feeLimit: fc.constantFrom("1", "1000", "2000"),
      expiresAtSeconds: fc.constantFrom(1, soonSeconds),
      semanticVersion: fc.constantFrom("2026.1", "2026.1", "1999.1"),
    })
    .map((change) => envelopeOf(change.submitter, change));
  fc.assert(
    fc.property(fc.array(envelope, { maxLength: 12 }), fc.bigInt(0n, 9_000n), fc.nat(3), (batch, budget, count) => {
      const published = publishedUnder(tight);
      const candidates = batch.map(candidateOf);
      const hoped = admit(candidates, hopefulFacts(candidates), published);
      const window = windowOf(alice, tight, startOfTests);
      const total = (submitter: Hex): bigint =>
        hoped.admissions.reduce((sum, each) => (each.submitter === submitter ? sum + each.feeLimit : sum), 0n);
      const counted = hoped.admissions.filter(({ submitter }) => submitter === alice).length;
      fc.pre(total(alice) <= budget && count + counted <= tight.quota.tasksPerWindow);
      const available = new Map([
        [alice, budget],
        [bob, total(bob)],
      ]);
      const facts = factsOf({ available, used: new Map([[windowText(window), count]]) });
      const decided = admit(candidates, facts, published);
      expect(decided.admissions).toEqual(hoped.admissions);
      expect(decided.outcomes.filter((outcome) => !isRefusal(outcome))).toEqual(
        hoped.outcomes.filter((outcome) => !isRefusal(outcome)),
      );
    }),
    { numRuns: 500 },
  );
});
