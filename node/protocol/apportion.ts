// Exact apportionment of an integer amount by weights: the parts always add up to the whole.
import { strict as assert } from "node:assert";

/** A claim on a part of an amount. `key` decides ties and must be unique. */
export type Weight = { readonly key: string; readonly weight: bigint };

/**
 * Splits `total` base units in proportion to the weights by largest remainder; ties go to the smaller key (RWRD-02).
 * The parts are in the order of the weights and add up to `total`. With no positive weight nothing can be
 * apportioned and every part is zero: the caller decides where the amount goes instead.
 */
export function apportion(total: bigint, weights: readonly Weight[]): bigint[] {
  assert(total >= 0n, "an amount to apportion is not negative");
  let sum = 0n;
  for (const { weight } of weights) {
    assert(weight >= 0n, "a weight is not negative");
    sum += weight;
  }
  if (sum === 0n) return weights.map(() => 0n);
  const parts: bigint[] = [];
  const remainders: { index: number; remainder: bigint; key: string }[] = [];
  let left = total;
  for (const [index, { key, weight }] of weights.entries()) {
    const product = total * weight;
    const part = product / sum;
    parts.push(part);
    left -= part;
    remainders.push({ index, remainder: product % sum, key });
  }
  remainders.sort((a, b) =>
    a.remainder === b.remainder ? (a.key < b.key ? -1 : 1) : a.remainder > b.remainder ? -1 : 1,
  );
  for (const { index } of remainders.slice(0, Number(left))) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}
