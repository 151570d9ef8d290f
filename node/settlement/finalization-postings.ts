// The money that a final settlement moves, as postings: pure, so that it can be folded without a database.
import assert from "node:assert/strict";
import { epochIdOf } from "#protocol/parameters.ts";
import { accountNames, type Posting } from "#storage/accounts.ts";
import type { AdjustmentAmount, RewardAmount, SubmitterTotal } from "#storage/finalizations.ts";

/** The epoch whose pot is filled and emptied. */
export type PaidEpoch = { readonly scope: string; readonly epoch: number };

/** Fills an epoch's pot: each submitter's fees are spent and the rest of what was reserved goes back; policy adds its subsidy. */
export function feePostings(
  { scope, epoch }: PaidEpoch,
  pot: bigint,
  totals: readonly SubmitterTotal[],
): readonly Posting[] {
  const reference = epochIdOf(scope, epoch);
  const potAccount = accountNames.pot(scope, epoch);
  const spent = totals.flatMap(({ submitter, fees, reserved }): Posting[] => {
    const debit = accountNames.reserved(submitter);
    return [
      { kind: "spend", debit, credit: potAccount, amount: fees, reference },
      { kind: "release", debit, credit: accountNames.budget(submitter), amount: reserved - fees, reference },
    ];
  });
  const fees = totals.reduce((sum, total) => sum + total.fees, 0n);
  assert(pot >= fees, "a pot holds the fees of its epoch");
  return [
    ...spent,
    { kind: "subsidy", debit: accountNames.subsidy, credit: potAccount, amount: pot - fees, reference },
  ];
}

/** Empties the pot: every reward is credited to whoever earned it (RWRD-02). */
export function rewardPostings({ scope, epoch }: PaidEpoch, rewards: readonly RewardAmount[]): readonly Posting[] {
  const debit = accountNames.pot(scope, epoch);
  return rewards.map(({ rewardId, account, amount }) => ({
    kind: "reward",
    debit,
    credit: accountNames.earned(account),
    amount,
    reference: rewardId,
  }));
}

/** Moves what penalties take, from what was earned to the beneficiary's earnings; to follow the rewards (RWRD-04). */
export function penaltyPostings(adjustments: readonly AdjustmentAmount[]): readonly Posting[] {
  return adjustments.map(({ adjustmentId, account, beneficiary, amount }) => ({
    kind: "penalty",
    debit: accountNames.earned(account),
    credit: accountNames.earned(beneficiary),
    amount,
    reference: adjustmentId,
  }));
}
