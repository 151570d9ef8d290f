// What penalties take from what accounts earn in an epoch, and what is paid in the end, worked out a second time.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type {
  AdjustmentRecord,
  OutstandingPenalty,
  PayoutInstruction,
  RewardRecord,
} from "#protocol/schemas/settlement.ts";
import { idOf, jcs } from "./digests.ts";

const total = (amounts: readonly { readonly amount: string }[]): bigint =>
  amounts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);

/**
 * The adjustments of an epoch (RWRD-04): penalty by penalty in the order given, as much as is owed and as its account has left of
 * what it earned here. Whoever it would be given to pays nothing.
 */
export function adjustmentsOf(
  { scope, epoch, treasury }: { readonly scope: string; readonly epoch: number; readonly treasury: Hex },
  rewards: readonly RewardRecord[],
  penalties: readonly OutstandingPenalty[],
): readonly AdjustmentRecord[] {
  const made: AdjustmentRecord[] = [];
  for (const { penaltyId, challengeId, account, remaining } of penalties) {
    if (account === treasury) continue;
    const earned = total(rewards.filter((reward) => reward.account === account));
    const fund = earned - total(made.filter((before) => before.account === account));
    const amount = fund < BigInt(remaining) ? fund : BigInt(remaining);
    if (amount <= 0n) continue;
    made.push({
      schemaVersion: "1.0",
      adjustmentId: idOf("scs.adjustment", jcs({ scope, epoch, penaltyId })),
      scope,
      epoch,
      account,
      beneficiary: treasury,
      amount: `${amount}`,
      penaltyId,
      challengeId,
      remaining: `${BigInt(remaining) - amount}`,
    });
  }
  return made;
}

/** One payout an account, ascending: its rewards, less what it pays, and what it is given; nothing for whom nothing is left. */
export function payoutsOf(
  scope: string,
  epoch: number,
  rewards: readonly RewardRecord[],
  adjustments: readonly AdjustmentRecord[],
): readonly PayoutInstruction[] {
  const due = new Map<Hex, bigint>();
  const give = (account: Hex, amount: bigint): void => void due.set(account, (due.get(account) ?? 0n) + amount);
  for (const { account, amount } of rewards) give(account, BigInt(amount));
  for (const { account, beneficiary, amount } of adjustments) {
    give(account, -BigInt(amount));
    give(beneficiary, BigInt(amount));
  }
  const paid = [...due.keys()].filter((account) => due.get(account) !== 0n).sort();
  return paid.map((account, index) => {
    const payoutId = idOf("scs.payout", jcs({ scope, epoch, account }));
    return { payoutId, scope, epoch, index, account, amount: `${due.get(account)}` };
  });
}
