// Rewards: a pure function of the settled items and the policy, whose parts are the pot to the last unit.
import fc from "fast-check";
import { expect, test } from "vitest";
import { payoutInstructions, meteredOf, rewardRecords, type Contribution } from "#protocol/rewards.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { policyOf } from "#test/layers/documents.ts";

const account = fc.integer({ min: 1, max: 12 }).map((n): Hex => `0x${n.toString(16).padStart(40, "0")}`);
const treasury = policyOf().rewards.treasuryAccount;

const contribution: fc.Arbitrary<Contribution> = fc
  .record({
    fee: fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.bigInt({ min: 0n, max: 10n ** 24n })),
    executor: account,
    verifiers: fc.uniqueArray(account, { minLength: 1, maxLength: 3 }),
    vaults: fc.array(
      fc.record({
        operator: account,
        producers: fc.array(fc.record({ account, records: fc.nat(2_000) }), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(({ vaults, ...rest }) => {
    const metered = vaults.map(({ operator, producers }) => ({
      operator,
      producers,
      records: producers.reduce((sum, { records }) => sum + records, 0),
    }));
    return { ...rest, vaults: metered, records: metered.reduce((sum, { records }) => sum + records, 0) };
  });

const shares = fc.array(fc.nat(10_000), { minLength: 4, maxLength: 4 }).map((cuts) => {
  const [a = 0, b = 0, c = 0, d = 0] = cuts.toSorted((x, y) => x - y);
  return { producers: a, vaults: b - a, executors: c - b, verifiers: d - c, treasury: 10_000 - d };
});
const policy: fc.Arbitrary<Policy> = fc
  .tuple(shares, fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: 0n, max: 10n ** 24n })))
  .map(([parts, subsidy]) =>
    policyOf({ rewards: { shares: parts, subsidy: String(subsidy), treasuryAccount: treasury } }),
  );
const contributions = fc.array(contribution, { maxLength: 8 });

const sumOf = (amounts: readonly string[]): bigint => amounts.reduce((sum, amount) => sum + BigInt(amount), 0n);

test("the parts of an epoch add up to its pot: fees and subsidy, to the last unit [RWRD-02]", () => {
  fc.assert(
    fc.property(policy, contributions, (rules, items) => {
      const { pot, records } = rewardRecords("trade", 1, rules, meteredOf(items));
      const fees = items.reduce((sum, { fee }) => sum + fee, 0n);
      expect(pot).toBe(items.length === 0 ? 0n : fees + BigInt(rules.rewards.subsidy));
      expect(sumOf(records.map(({ amount }) => amount))).toBe(pot);
      expect(records.every(({ amount }) => BigInt(amount) > 0n)).toBe(true);
      expect(sumOf(payoutInstructions("trade", 1, records).map(({ amount }) => amount))).toBe(pot);
    }),
    { numRuns: 3_000 },
  );
});

test("the same items in any order, calculated again, give the same records [RWRD-01]", () => {
  const shuffled = contributions.chain((items) =>
    fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })),
  );
  fc.assert(
    fc.property(policy, shuffled, (rules, [items, others]) => {
      expect(rewardRecords("trade", 1, rules, meteredOf(others))).toEqual(
        rewardRecords("trade", 1, rules, meteredOf(items)),
      );
    }),
    { numRuns: 500 },
  );
});

test("each role has its share of the pot to a unit, and one without units leaves it to the treasury [RWRD-03]", () => {
  fc.assert(
    fc.property(
      policy,
      contributions.filter((items) => items.length > 0),
      (rules, items) => {
        const { pot, records } = rewardRecords("trade", 1, rules, meteredOf(items));
        const part = (share: number): bigint => (pot * BigInt(share)) / 10_000n;
        const { producers, vaults, executors, verifiers } = rules.rewards.shares;
        const hasRecords = items.some(({ records: read }) => read > 0);
        const expected = {
          producer: hasRecords ? producers : 0,
          vault: hasRecords ? vaults : 0,
          executor: executors,
          verifier: verifiers,
        };
        for (const [role, share] of Object.entries(expected)) {
          const paid = sumOf(records.filter((each) => each.role === role).map(({ amount }) => amount));
          expect([part(share), part(share) + 1n]).toContain(paid);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("a role's part goes by metered units: records read, and one more for each item worked on [RWRD-01, RWRD-03]", () => {
  const [a, b, c, d]: readonly Hex[] = ["1", "2", "3", "4"].map((digit): Hex => `0x${digit.padStart(40, "0")}`);
  if (!a || !b || !c || !d) throw new Error("four accounts");
  const rules = policyOf({
    rewards: {
      shares: { producers: 5_000, vaults: 0, executors: 5_000, verifiers: 0, treasury: 0 },
      subsidy: "0",
      treasuryAccount: treasury,
    },
  });
  const items: readonly Contribution[] = [
    {
      fee: 60n,
      executor: a,
      verifiers: [d],
      records: 9,
      vaults: [
        {
          operator: d,
          records: 9,
          producers: [
            { account: b, records: 6 },
            { account: c, records: 3 },
          ],
        },
      ],
    },
    {
      fee: 40n,
      executor: b,
      verifiers: [d],
      records: 29,
      vaults: [{ operator: d, records: 29, producers: [{ account: c, records: 29 }] }],
    },
  ];
  const { records } = rewardRecords("trade", 3, rules, meteredOf(items));
  // Producers: b 6, c 32 of 38 units; executors: a 10, b 30 of 40. 50 each: 7.89 and 42.1; 12.5 and 37.5, the tie to the smaller account.
  expect(records.map(({ role, account: to, amount }) => [role, to, amount])).toEqual([
    ["producer", b, "8"],
    ["producer", c, "42"],
    ["executor", a, "13"],
    ["executor", b, "37"],
  ]);
  expect(records[0]?.basis).toEqual({ pot: "100", rolePool: "50", units: "6", totalUnits: "38", policyVersion: "1" });
});

test("records and payouts have one id each, by scope, epoch, role and account [RWRD-01, PAYO-01]", () => {
  fc.assert(
    fc.property(
      contributions.filter((items) => items.length > 0),
      (items) => {
        const { records } = rewardRecords("trade", 1, policyOf(), meteredOf(items));
        const elsewhere = [
          ...rewardRecords("trade", 2, policyOf(), meteredOf(items)).records,
          ...rewardRecords("health", 1, policyOf(), meteredOf(items)).records,
        ];
        expect(new Set([...records, ...elsewhere].map(({ rewardId }) => rewardId)).size).toBe(
          records.length + elsewhere.length,
        );
        const payouts = payoutInstructions("trade", 1, records);
        expect(payouts.map(({ index }) => index)).toEqual(payouts.map((_, at) => at));
        const accounts = payouts.map((payout) => payout.account);
        expect(accounts).toEqual([...new Set(records.map((each) => each.account))].sort());
        expect(payoutInstructions("trade", 1, [...records].reverse())).toEqual(payouts);
        const payoutIds = [...payouts, ...payoutInstructions("trade", 2, records)].map(({ payoutId }) => payoutId);
        expect(new Set(payoutIds).size).toBe(payouts.length * 2);
      },
    ),
    { numRuns: 200 },
  );
});
