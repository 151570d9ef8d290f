// The payout policy: what may be paid now, decided before any key is touched.
import { recordAmountLimit } from "#chain/treasury.ts";
import { refuse, type Refusal } from "#protocol/errors.ts";

/** Limits set by the treasurer, in base units. */
export type PayoutLimits = {
  /** Most that is ever paid for one epoch. */
  readonly epochCap: bigint;
  /** Most that is authorized within an hour. */
  readonly hourlyCap: bigint;
};

/** An epoch's standing with the treasury contract: what its finalized root committed to pay, and what it was given. */
export type EpochFunds = { readonly committed: bigint; readonly funded: bigint; readonly finalized: boolean };

/** A block of payouts that one transaction would pay: the sum of those that are due, and the largest of them. */
export type RangeAmount = { readonly firstIndex: number; readonly amount: bigint; readonly largest: bigint };

/** Which ranges are authorized, in order, and what holds the rest back. */
export type Authorization = {
  readonly authorized: readonly number[];
  readonly held: Refusal | null;
};

/**
 * Decides which ranges of an epoch may be paid now (PAYO-01, PAYO-03): only of a finalized root, only when the whole committed
 * total is funded, never past the epoch's cap, and no faster than the hourly cap. Ranges are taken in order, so what is
 * held back today is what comes next. Two kinds of range wait by themselves and hold nothing else up: one with a payout that no
 * transaction for a range can hold (it has to be claimed), and one above the hourly cap, which no hour lets through: whoever
 * set the cap is told both numbers, and no range is cut up to slip below it. What time does not cure is named first.
 */
export function authorize(
  limits: PayoutLimits,
  funds: EpochFunds,
  ranges: readonly RangeAmount[],
  authorizedThisHour: bigint,
): Authorization {
  if (!funds.finalized) return { authorized: [], held: refuse("REWARD_NOT_FINAL") };
  if (funds.committed > limits.epochCap) {
    const detail = { limit: "epoch cap", cap: String(limits.epochCap), committed: String(funds.committed) };
    return { authorized: [], held: refuse("PAYOUT_POLICY_REFUSED", detail) };
  }
  if (funds.funded < funds.committed) {
    const detail = { committed: String(funds.committed), funded: String(funds.funded) };
    return { authorized: [], held: refuse("PAYOUT_NOT_FUNDED", detail) };
  }
  const authorized: number[] = [];
  let lasting: Refusal | null = null;
  let spent = authorizedThisHour;
  for (const { firstIndex, amount, largest } of ranges) {
    if (largest > recordAmountLimit) {
      const detail = { limit: "range record", cap: String(recordAmountLimit), amount: String(largest) };
      lasting ??= refuse("PAYOUT_POLICY_REFUSED", detail);
      continue;
    }
    const [cap, amountText] = [String(limits.hourlyCap), String(amount)];
    if (amount > limits.hourlyCap) {
      const detail = { limit: "hourly cap below one range", cap, range: firstIndex, amount: amountText };
      lasting ??= refuse("PAYOUT_POLICY_REFUSED", detail);
      continue;
    }
    if (spent + amount > limits.hourlyCap) {
      const detail = { limit: "hourly cap", cap, authorized: String(spent), range: firstIndex, amount: amountText };
      return { authorized, held: lasting ?? refuse("PAYOUT_POLICY_REFUSED", detail) };
    }
    spent += amount;
    authorized.push(firstIndex);
  }
  return { authorized, held: lasting };
}
