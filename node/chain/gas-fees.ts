// What a transaction offers for its gas, and how much more its replacement must offer.

/** The fee fields of an EIP-1559 transaction, in wei per unit of gas. */
export type GasFees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint };

/** What the chain asks now, in wei per unit of gas. */
export type FeeMarket = { readonly baseFeePerGas: bigint; readonly priorityFeePerGas: bigint };

/** The most that may be offered, in wei per unit of gas. */
export type FeeCeiling = {
  readonly maxFeePerGas: bigint;
  /** Tip of a first attempt. A pool takes a replacement only with a higher tip, so those may pass it, within `maxFeePerGas`. */
  readonly firstPriorityFeePerGas: bigint;
};

const smaller = (left: bigint, right: bigint): bigint => (left < right ? left : right);
const larger = (left: bigint, right: bigint): bigint => (left > right ? left : right);

/** A pool takes a replacement that offers an eighth more on both fields (geth asks a tenth, others an eighth), and never less than 1 wei. */
const raised = (fee: bigint): bigint => fee + (fee + 8n) / 8n;

/**
 * Fees for a new transaction: twice the base fee, so that it stays valid through six full blocks, plus the asked tip; both
 * within the ceiling. Undefined when the ceiling does not cover the base fee and a tip now.
 */
export function initialFees(market: FeeMarket, ceiling: FeeCeiling): GasFees | undefined {
  const maxPriorityFeePerGas = smaller(market.priorityFeePerGas, ceiling.firstPriorityFeePerGas);
  if (market.baseFeePerGas + maxPriorityFeePerGas > ceiling.maxFeePerGas) return undefined;
  const maxFeePerGas = smaller(2n * market.baseFeePerGas + maxPriorityFeePerGas, ceiling.maxFeePerGas);
  return { maxFeePerGas, maxPriorityFeePerGas };
}

/**
 * Fees for a replacement: an eighth above the old ones, or what a new transaction would offer if that is more. Undefined
 * when the ceiling leaves no room for the eighth, or is below what the chain asks now: then more would buy nothing.
 */
export function replacementFees(old: GasFees, market: FeeMarket, ceiling: FeeCeiling): GasFees | undefined {
  const wanted = initialFees(market, ceiling);
  if (wanted === undefined || raised(old.maxFeePerGas) > ceiling.maxFeePerGas) return undefined;
  const maxFeePerGas = larger(raised(old.maxFeePerGas), wanted.maxFeePerGas);
  const maxPriorityFeePerGas = larger(raised(old.maxPriorityFeePerGas), wanted.maxPriorityFeePerGas);
  return { maxFeePerGas, maxPriorityFeePerGas: smaller(maxPriorityFeePerGas, maxFeePerGas) };
}
