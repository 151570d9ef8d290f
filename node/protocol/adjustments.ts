// Adjustments: what an epoch takes from what accounts earn in it, for penalties that were recorded before it closed.
import { contentId } from "./hash.ts";
import type { Hex } from "./schemas/primitives.ts";
import type { AdjustmentRecord, OutstandingPenalty, RewardRecord } from "./schemas/settlement.ts";

/** The epoch that adjusts, and the account that what is taken goes to: its policy's treasury. */
export type AdjustingEpoch = { readonly scope: string; readonly epoch: number; readonly beneficiary: Hex };

/**
 * Takes penalties, in the order of their ids, from what their accounts earned in this epoch and no more than that (RWRD-04):
 * what is left of a penalty is for a later epoch. Nothing is taken from an account for itself, and a record of nothing is not
 * made. Amounts are in base units.
 */
export function adjustmentRecords(
  { scope, epoch, beneficiary }: AdjustingEpoch,
  rewards: readonly Pick<RewardRecord, "account" | "amount">[],
  penalties: readonly OutstandingPenalty[],
): readonly AdjustmentRecord[] {
  const owing = new Set(penalties.map(({ account }) => account));
  const funds = new Map<Hex, bigint>();
  for (const { account, amount } of rewards) {
    if (owing.has(account)) funds.set(account, (funds.get(account) ?? 0n) + BigInt(amount));
  }
  const records: AdjustmentRecord[] = [];
  for (const { penaltyId, challengeId, account, remaining } of penalties) {
    const fund = account === beneficiary ? 0n : (funds.get(account) ?? 0n);
    const owed = BigInt(remaining);
    const taken = owed < fund ? owed : fund;
    if (taken === 0n) continue;
    funds.set(account, fund - taken);
    records.push({
      schemaVersion: "1.0",
      adjustmentId: contentId("scs.adjustment", { scope, epoch, penaltyId }),
      scope,
      epoch,
      account,
      beneficiary,
      amount: String(taken),
      penaltyId,
      challengeId,
      remaining: String(owed - taken),
    });
  }
  return records;
}
