// What must hold for every decision about a transaction, whatever the record and whatever is seen.
import fc from "fast-check";
import { expect, test } from "vitest";
import { replacementFees } from "#chain/gas-fees.ts";
import { attemptLimit } from "#chain/limits.ts";
import { decideSubmission, type NonceUse, type Observation } from "#chain/submission-decision.ts";
import { foreign, minedAt, policy, superseded } from "./support/submission-states.ts";

const block = fc.bigInt({ min: 80n, max: 105n });
const anyMined = fc.record({
  at: block,
  reverted: fc.boolean(),
  hash: fc.constantFrom("0xb1" as const, "0xb2" as const),
});
const anyOutcome = fc.oneof(
  fc.constant(null),
  fc.constant(superseded),
  anyMined.map(({ at, reverted, hash }) => minedAt(at, { reverted, blockHash: hash })),
);
const anyState = fc.record({
  attempts: fc.integer({ min: 1, max: attemptLimit }),
  newestHash: fc.constant("0xaa" as const),
  newestSignedAtSeconds: fc.integer({ min: 900, max: 1_100 }),
  newestFees: fc.record({
    maxFeePerGas: fc.bigInt({ min: 100n, max: 1_200n }),
    maxPriorityFeePerGas: fc.bigInt({ min: 0n, max: 100n }),
  }),
  outcome: anyOutcome,
});
const anyNonce: fc.Arbitrary<NonceUse> = fc.oneof(
  fc.constantFrom<NonceUse>({ kind: "unused" }, { kind: "unknown" }, { kind: "own" }),
  block.map(foreign),
);
const anySeen = fc
  .record({
    kind: fc.constant("seen" as const),
    nowSeconds: fc.integer({ min: 1_000, max: 1_300 }),
    headNumber: fc.constant(100n),
    mined: fc.option(anyMined.map(({ at, reverted, hash }) => minedAt(at, { reverted, blockHash: hash }))),
    nonce: anyNonce,
    pooled: fc.boolean(),
    market: fc.record({
      baseFeePerGas: fc.bigInt({ min: 1n, max: 2_000n }),
      priorityFeePerGas: fc.bigInt({ min: 0n, max: 50n }),
    }),
  })
  .filter(({ mined }) => mined === null || mined.blockNumber <= 100n);
const anyObservation: fc.Arbitrary<Observation> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: "unknown" as const, reason: "away" }) },
  { weight: 9, arbitrary: anySeen },
);

test("nothing is sent, settled or reopened on what is unknown, nor once the nonce is used", () => {
  fc.assert(
    fc.property(anyState, anyObservation, (given, observation) => {
      const action = decideSubmission(given, observation, policy);
      if (observation.kind === "unknown") expect(action.kind).toBe("wait");
      else if (observation.mined !== null || observation.nonce.kind !== "unused") {
        expect(["replace", "rebroadcast"]).not.toContain(action.kind);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("settled only on what lies deep enough, and exactly as it was seen", () => {
  fc.assert(
    fc.property(anyState, anySeen, (given, observation) => {
      const action = decideSubmission(given, observation, policy);
      if (action.kind !== "settle") return;
      expect(observation.headNumber - action.outcome.blockNumber + 1n).toBeGreaterThanOrEqual(policy.confirmations);
      if (action.outcome.kind === "mined") expect(action.outcome).toEqual(observation.mined);
      else expect(observation).toMatchObject({ mined: null, nonce: { kind: "foreign", hash: action.outcome.byHash } });
    }),
    { numRuns: 2_000 },
  );
});

test("a replacement stays within the ceiling, raises both fees, and only ever replaces a live transaction", () => {
  fc.assert(
    fc.property(anyState, anySeen, (given, observation) => {
      const action = decideSubmission(given, observation, policy);
      if (action.kind !== "replace") return;
      expect(given.outcome).toBeNull();
      expect(given.attempts).toBeLessThan(attemptLimit);
      expect(action.fees).toEqual(replacementFees(given.newestFees, observation.market, policy.ceiling));
      expect(action.fees.maxFeePerGas).toBeLessThanOrEqual(policy.ceiling.maxFeePerGas);
    }),
    { numRuns: 2_000 },
  );
});

test("a live transaction whose nonce is free and which no pool holds is always sent, in one form or the other", () => {
  fc.assert(
    fc.property(anyState, anySeen, (given, observation) => {
      const lost = { ...observation, mined: null, nonce: { kind: "unused" as const }, pooled: false };
      const action = decideSubmission({ ...given, outcome: null }, lost, policy);
      expect(["rebroadcast", "replace"]).toContain(action.kind);
    }),
  );
});

test("what was settled is kept when the same is seen again: repeating a step changes nothing", () => {
  fc.assert(
    fc.property(anyState, anySeen, (given, observation) => {
      const action = decideSubmission(given, observation, policy);
      if (action.kind !== "settle") return;
      expect(decideSubmission({ ...given, outcome: action.outcome }, observation, policy)).toEqual({ kind: "keep" });
    }),
    { numRuns: 2_000 },
  );
});
