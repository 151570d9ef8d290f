// A candidate is a function of its items: in whatever pieces they come, its bytes are the same, and its parts add up.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { emptyRoot, leafTree } from "#protocol/leaves.ts";
import { rootOf } from "#protocol/merkle.ts";
import type { OutstandingPenalty } from "#protocol/schemas/settlement.ts";
import {
  addItems,
  adjustmentLeafItem,
  leafContextOf,
  openDraft,
  payoutLeafItem,
  rewardLeafItem,
  rewardPolicy,
} from "#settlement/candidate.ts";
import { archiveOf, settledItems, versions } from "./archived-epoch.ts";
import { executors, finishedTask, place, policy, scope, treasuryAccount } from "./finished-tasks.ts";

const items = settledItems(Array.from({ length: 60 }, (_, number) => finishedTask(number)));
const whole = archiveOf(items, { pieceItems: 60, partItems: 60 });

test("the pieces in which items are added change nothing [SETL-03]", () => {
  const seed = 20260201;
  console.error(`[seed] candidate pieces ${seed}`);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 61 }), (pieceItems) => {
      const { candidate } = archiveOf(items, { pieceItems, partItems: 60 });
      expect(candidate).toEqual(whole.candidate);
    }),
    { numRuns: 20, seed },
  );
});

test("items out of order are a mistake of the caller", () => {
  expect(() => addItems(openDraft(place, scope, 1), items.toReversed())).toThrow(/order of their ids/);
});

test("rewards and payouts add up to the pot, to the last unit [RWRD-02]", () => {
  const { pot, rewards, payouts, header } = whole.candidate;
  const fees = items.reduce((sum, { contribution }) => sum + contribution.fee, 0n);
  expect(pot).toBe(fees + BigInt(policy.rewards.subsidy));
  expect(rewards.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(pot);
  expect(payouts.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(pot);
  expect(header.payoutTotal).toBe(String(pot));
  expect(payouts.map(({ account }) => account)).toEqual(payouts.map(({ account }) => account).toSorted());
});

test("the header names what the root commits to, and the sub-roots are those of the recorded lists [SETL-04]", () => {
  const { header, subRoots, manifestBytes, rewards, payouts } = whole.candidate;
  const context = leafContextOf(place, scope, 1);
  expect(header.archive).toBe(sha256Hex(manifestBytes));
  expect(subRoots.rewards).toBe(rootOf(leafTree("reward", context, rewards.map(rewardLeafItem))));
  expect(subRoots.payouts).toBe(rootOf(leafTree("payout", context, payouts.map(payoutLeafItem))));
  expect(subRoots.candidates).toBe(emptyRoot("candidate", context));
  const elsewhere = archiveOf(settledItems([finishedTask(1)]));
  const same = archiveOf(settledItems([finishedTask(1)]), { partItems: 1 });
  expect(same.candidate.root).toBe(elsewhere.candidate.root);
});

test("an epoch without items has empty sub-trees and pays nobody", () => {
  const { candidate } = archiveOf([]);
  expect(candidate).toMatchObject({ pot: 0n, rewards: [], payouts: [] });
  expect(candidate.subRoots.results).toBe(emptyRoot("result", leafContextOf(place, scope, 1)));
});

test("the policy of the highest version shares out the pot [RWRD-03]", () => {
  const newer = { ...policy, policyVersion: "2.0" };
  const both = {
    ...versions,
    policy: [...versions.policy, { version: "2.0", digest: versions.policy[0]?.digest ?? "0x" }],
  } as const;
  expect(
    rewardPolicy(
      both,
      new Map([
        ["1.0", policy],
        ["2.0", newer],
      ]),
    ),
  ).toBe(newer);
});

const owing = (digit: number, account: Hex, remaining: string): OutstandingPenalty => ({
  penaltyId: `0x${String(digit).repeat(64)}`,
  challengeId: `0x${"ab".repeat(32)}`,
  account,
  remaining,
});

test("penalties move payouts and nothing else: their leaves follow the rewards, and the pot stays whole [RWRD-04] [SETL-04]", () => {
  const [executor = "0x"] = executors;
  const penalties = [owing(1, executor, "11"), owing(2, treasuryAccount, "5"), owing(3, executor, "1")];
  const { candidate } = archiveOf(items, { penalties });
  const { rewards, adjustments, payouts, header, subRoots, manifest, pot } = candidate;
  expect(rewards).toEqual(whole.candidate.rewards);
  expect(adjustments.map(({ account, amount }) => [account, amount])).toEqual([
    [executor, "11"],
    [executor, "1"],
  ]);
  const paid = (to: Hex, of: typeof payouts): bigint => BigInt(of.find(({ account }) => account === to)?.amount ?? "0");
  expect(paid(executor, payouts)).toBe(paid(executor, whole.candidate.payouts) - 12n);
  expect(paid(treasuryAccount, payouts)).toBe(paid(treasuryAccount, whole.candidate.payouts) + 12n);
  expect(header).toMatchObject({ payoutTotal: String(pot), payoutCount: payouts.length });
  const leaves = [...rewards.map(rewardLeafItem), ...adjustments.map(adjustmentLeafItem)];
  expect(subRoots.rewards).toBe(rootOf(leafTree("reward", leafContextOf(place, scope, 1), leaves)));
  expect(manifest.penalties).toEqual(penalties);
});

test("an account that owes all it earned has no payout, and the header counts those that are left", () => {
  const [executor = "0x"] = executors;
  const { candidate } = archiveOf(items, { penalties: [owing(1, executor, "99999999999")] });
  expect(candidate.payouts.some(({ account }) => account === executor)).toBe(false);
  expect(candidate.header).toMatchObject({
    payoutCount: whole.candidate.payouts.length - 1,
    payoutTotal: whole.candidate.header.payoutTotal,
  });
  expect(candidate.payouts.map(({ index }) => index)).toEqual(candidate.payouts.map((_, at) => at));
});
