// Penalties are taken from what accounts earn in the same way by both implementations, and the money stays as much as it was.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { adjustmentsOf, payoutsOf } from "#audit/adjustments.ts";
import { adjustmentRecords } from "#protocol/adjustments.ts";
import { contentId, type Hex } from "#protocol/hash.ts";
import { payoutInstructions } from "#protocol/rewards.ts";
import type { OutstandingPenalty, RewardRecord } from "#protocol/schemas/settlement.ts";

const seed = 5150;
const treasury: Hex = `0x${"9".repeat(40)}`;
const account = fc.integer({ min: 6, max: 9 }).map((digit): Hex => `0x${String(digit).repeat(40)}`);
const amount = fc.bigInt({ min: 1n, max: 1_000n }).map(String);

const rewards = fc.array(fc.record({ account, amount }), { maxLength: 10 }).map((list) =>
  list.map((each, at): RewardRecord => ({
    schemaVersion: "1.0",
    rewardId: contentId("test.reward", at),
    scope: "films",
    epoch: 7,
    role: "executor",
    basis: { pot: "0", rolePool: "0", units: "0", totalUnits: "0", policyVersion: "1.0" },
    ...each,
  })),
);

const penalties = fc.array(fc.record({ account, remaining: amount }), { maxLength: 6 }).map((list) =>
  list
    .map((each, at): OutstandingPenalty => {
      return { penaltyId: contentId("test.penalty", at), challengeId: contentId("test.challenge", at), ...each };
    })
    .sort((a, b) => (a.penaltyId < b.penaltyId ? -1 : 1)),
);

const total = (list: readonly { readonly amount: string }[]): bigint =>
  list.reduce((sum, each) => sum + BigInt(each.amount), 0n);

test("adjustments and payouts are the same both ways, and nothing is lost or made [RWRD-04] [RWRD-02]", () => {
  console.error(`[seed] adjustments ${seed}`);
  fc.assert(
    fc.property(rewards, penalties, (earned, owed) => {
      const made = adjustmentsOf({ scope: "films", epoch: 7, treasury }, earned, owed);
      expect(made).toEqual(adjustmentRecords({ scope: "films", epoch: 7, beneficiary: treasury }, earned, owed));
      const paid = payoutsOf("films", 7, earned, made);
      expect(paid).toEqual(payoutInstructions("films", 7, earned, made));
      expect(total(paid)).toBe(total(earned));
      expect(paid.every((each) => BigInt(each.amount) > 0n)).toBe(true);
    }),
    { seed, numRuns: 500 },
  );
});

test("an account pays from what it earned here and no more, penalty by penalty; the treasury pays itself nothing", () => {
  const reward = (to: Hex, of: string): RewardRecord => ({
    schemaVersion: "1.0",
    rewardId: contentId("test.reward", of),
    scope: "films",
    epoch: 7,
    account: to,
    role: "verifier",
    amount: of,
    basis: { pot: of, rolePool: of, units: "1", totalUnits: "1", policyVersion: "1.0" },
  });
  const debtor: Hex = `0x${"6".repeat(40)}`;
  const owed = (name: number, by: Hex, remaining: string): OutstandingPenalty => ({
    penaltyId: `0x${String(name).repeat(64)}`,
    challengeId: contentId("test.challenge", name),
    account: by,
    remaining,
  });
  const made = adjustmentsOf(
    { scope: "films", epoch: 7, treasury },
    [reward(debtor, "100"), reward(treasury, "50")],
    [owed(1, debtor, "70"), owed(2, treasury, "40"), owed(3, debtor, "70"), owed(4, debtor, "1")],
  );
  expect(made.map((each) => [each.penaltyId[2], each.amount, each.remaining])).toEqual([
    ["1", "70", "0"],
    ["3", "30", "40"],
  ]);
  expect(payoutsOf("films", 7, [reward(debtor, "100"), reward(treasury, "50")], made)).toMatchObject([
    { account: treasury, amount: "150", index: 0 },
  ]);
});
