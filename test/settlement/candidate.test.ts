// A candidate is a function of its items: in whatever pieces they come, its bytes are the same, and its parts add up.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sha256Hex } from "#protocol/hash.ts";
import { emptyRoot, leafTree } from "#protocol/leaves.ts";
import { rootOf } from "#protocol/merkle.ts";
import {
  addItems,
  leafContextOf,
  openDraft,
  payoutLeafItem,
  rewardLeafItem,
  rewardPolicy,
} from "#settlement/candidate.ts";
import { archiveOf, settledItems, versions } from "./archived-epoch.ts";
import { finishedTask, place, policy, scope } from "./finished-tasks.ts";

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
