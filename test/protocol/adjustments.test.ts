// Adjustments: penalties are taken in order, from what was earned in the epoch, and from nobody for himself.
import { expect, test } from "vitest";
import { adjustmentRecords } from "#protocol/adjustments.ts";
import { contentId } from "#protocol/hash.ts";
import { payoutInstructions } from "#protocol/rewards.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { OutstandingPenalty } from "#protocol/schemas/settlement.ts";

const account = (digit: number): Hex => `0x${String(digit).repeat(40)}`;
const [worker, verifier, treasury, stranger] = [account(1), account(2), account(3), account(4)];
const hash = (digit: number): Hex => `0x${String(digit).repeat(64)}`;
const owes = (digit: number, of: Hex, remaining: string): OutstandingPenalty => ({
  penaltyId: hash(digit),
  challengeId: hash(9),
  account: of,
  remaining,
});
const adjusting = { scope: "trade", epoch: 4, beneficiary: treasury };
const rewards = [
  { account: worker, amount: "60" },
  { account: worker, amount: "40" },
  { account: verifier, amount: "30" },
  { account: treasury, amount: "5" },
];

test("what an account earned in all roles is there to be taken, once, in the order of penalties [RWRD-04]", () => {
  const records = adjustmentRecords(adjusting, rewards, [
    owes(1, worker, "70"),
    owes(2, verifier, "30"),
    owes(3, worker, "50"),
  ]);
  expect(records).toEqual([
    {
      schemaVersion: "1.0",
      adjustmentId: contentId("scs.adjustment", { scope: "trade", epoch: 4, penaltyId: hash(1) }),
      scope: "trade",
      epoch: 4,
      account: worker,
      beneficiary: treasury,
      amount: "70",
      penaltyId: hash(1),
      challengeId: hash(9),
      remaining: "0",
    },
    expect.objectContaining({ penaltyId: hash(2), account: verifier, amount: "30", remaining: "0" }),
    expect.objectContaining({ penaltyId: hash(3), account: worker, amount: "30", remaining: "20" }),
  ]);
  const payouts = payoutInstructions("trade", 4, rewards, records);
  expect(payouts.map(({ account: to, amount, index }) => [index, to, amount])).toEqual([[0, treasury, "135"]]);
});

test("whoever earned nothing, and the treasury itself, give nothing; there are no records of nothing [RWRD-04]", () => {
  const penalties = [owes(1, stranger, "70"), owes(2, treasury, "3"), owes(3, verifier, "30"), owes(4, verifier, "1")];
  const records = adjustmentRecords(adjusting, rewards, penalties);
  expect(records.map(({ penaltyId, amount }) => [penaltyId, amount])).toEqual([[hash(3), "30"]]);
  expect(adjustmentRecords(adjusting, [], penalties)).toEqual([]);
});

test("a treasury that earned nothing itself is paid what is taken", () => {
  const earned = [{ account: worker, amount: "9" }];
  const payouts = payoutInstructions("trade", 4, earned, adjustmentRecords(adjusting, earned, [owes(1, worker, "4")]));
  expect(payouts.map(({ account: to, amount }) => [to, amount])).toEqual([
    [worker, "5"],
    [treasury, "4"],
  ]);
});
