// The second way to share out a pot comes to the same as the first, for any epoch.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { payoutsOf } from "#audit/adjustments.ts";
import { earningsOf, emptyLedger, meterItem, splitWhole, addLedger } from "#audit/shares.ts";
import { apportion } from "#protocol/apportion.ts";
import { contributionOf, payoutInstructions, meteredOf, rewardRecords } from "#protocol/rewards.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import { policy } from "#test/settlement/finished-tasks.ts";

const seed = 4711;
const account = fc.integer({ min: 1, max: 9 }).map((digit) => `0x${String(digit).repeat(40)}` as const);
const records = fc.integer({ min: 0, max: 5000 });

const item = fc
  .record({
    fee: fc.bigInt({ min: 0n, max: 10n ** 24n }),
    executor: account,
    verifiers: fc.uniqueArray(account, { minLength: 1, maxLength: 3 }),
    vaults: fc.array(
      fc.record({ operator: account, producers: fc.array(fc.record({ account, records }), { maxLength: 4 }) }),
      { maxLength: 3 },
    ),
  })
  .map(({ fee, executor, verifiers, vaults }) => {
    const contributions = vaults.map(({ operator, producers }) => ({
      vault: "v",
      operator,
      producers,
      records: producers.reduce((sum, each) => sum + each.records, 0),
    }));
    const total = contributions.reduce((sum, each) => sum + each.records, 0);
    const decisions = verifiers.map((verifier) => ({ decision: { verifier } }));
    // Only what rewards are computed from.
    return {
      bundle: { fee: String(fee), executor, units: { records: total } },
      decisions,
      contributions,
    } as object as ArchivedItem;
  });

const points = fc
  .tuple(...[1, 2, 3, 4].map(() => fc.integer({ min: 0, max: 2500 })))
  .map(([producers = 0, vaults = 0, executors = 0, verifiers = 0]) => ({
    producers,
    vaults,
    executors,
    verifiers,
    treasury: 10_000 - producers - vaults - executors - verifiers,
  }));

test("rewards and payouts are the same both ways, and add up to the pot [RWRD-01] [RWRD-02]", () => {
  console.error(`[seed] shares ${seed}`);
  fc.assert(
    fc.property(
      fc.array(item, { maxLength: 8 }),
      points,
      fc.bigInt({ min: 0n, max: 10n ** 20n }),
      (items, shares, subsidy) => {
        const used = { ...policy, rewards: { ...policy.rewards, shares, subsidy: String(subsidy) } };
        const [first, second] = [emptyLedger(), emptyLedger()];
        items.forEach((each, at) => meterItem(at % 2 === 0 ? first : second, each));
        addLedger(first, second);
        const { pot, rewards } = earningsOf("films", 7, used, first);
        const payouts = payoutsOf("films", 7, rewards, []);
        const expected = rewardRecords("films", 7, used, meteredOf(items.map(contributionOf)));
        expect({ pot, records: rewards }).toEqual(expected);
        expect(payouts).toEqual(payoutInstructions("films", 7, expected.records));
        expect(payouts.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(pot);
      },
    ),
    { seed, numRuns: 300 },
  );
});

test("a whole is split alike both ways, ties to the smaller name", () => {
  const weights = fc.uniqueArray(
    fc.record({
      key: fc.string({ minLength: 1, maxLength: 3, unit: "grapheme-ascii" }),
      weight: fc.bigInt({ min: 0n, max: 20n }),
    }),
    {
      selector: ({ key }) => key,
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 1000n }), weights, (total, given) => {
      const parts = splitWhole(
        total,
        given.map(({ key, weight }) => ({ name: key, weight })),
      );
      expect(given.map(({ key }) => parts.get(key))).toEqual(apportion(total, given));
    }),
    { seed, numRuns: 500 },
  );
});
