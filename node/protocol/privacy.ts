// What may be said about counts of a vault: two-sided geometric noise, drawn exactly in integers, and a threshold below it.
import assert from "node:assert";
import { localAttributesPerRecord } from "./limits.ts";
import type { Policy } from "./schemas/policy.ts";

/** Chance as an input: exact integers from a stream of random bytes. */
export type Chance = {
  /** One of the integers from 0 to `bound` (exclusive), each as likely as the others. */
  readonly below: (bound: number) => number;
  /** True with the probability numerator / denominator. */
  readonly coin: (numerator: number, denominator: number) => boolean;
};

/** How counts of one window are released. Noise x has a probability in proportion to exp(−|x| · numerator / denominator). */
export type Mechanism = {
  readonly numerator: number;
  readonly denominator: number;
  /** Counts below it are never spoken of, whatever the noise. */
  readonly minimumRecords: number;
  /** Noisy counts below it are not released. */
  readonly threshold: number;
};

/** Random bytes fetched at once: some hundred draws. */
const chunkBytes = 4096;
const words = 2 ** 32;

/** Chance from a source of independent, uniform bytes. */
export function chanceOf(bytes: (size: number) => Uint8Array): Chance {
  let chunk: DataView = new DataView(new ArrayBuffer(0));
  let at = 0;
  const word = (): number => {
    if (at + 4 > chunk.byteLength) {
      const fresh = bytes(chunkBytes);
      assert(fresh.length === chunkBytes, "a source of chance gives as many bytes as it is asked for");
      chunk = new DataView(fresh.buffer, fresh.byteOffset, fresh.length);
      at = 0;
    }
    at += 4;
    return chunk.getUint32(at - 4);
  };
  const below = (bound: number): number => {
    assert(Number.isSafeInteger(bound) && bound > 0 && bound <= words, "a bound of chance is a 32-bit integer");
    // Words of the last, incomplete run of the bound are drawn again; they would favour small numbers.
    const end = words - (words % bound);
    for (;;) {
      const drawn = word();
      if (drawn < end) return drawn % bound;
    }
  };
  return { below, coin: (numerator, denominator) => below(denominator) < numerator };
}

/** True with the probability exp(−numerator / denominator), for a ratio of at most 1. */
function exponentialCoin(numerator: number, denominator: number, chance: Chance): boolean {
  let round = 1;
  while (chance.coin(numerator, denominator * round)) round++;
  return round % 2 === 1;
}

/**
 * An integer with two-sided geometric distribution, P(x) in proportion to exp(−|x| · numerator / denominator): the sampler of
 * Canonne, Kamath and Steinke (2020, algorithm 2), which decides everything by exact coins. Floating point would leak through
 * the gaps between its numbers (Mironov 2012).
 */
export function twoSidedGeometric(
  { numerator, denominator }: Pick<Mechanism, "numerator" | "denominator">,
  chance: Chance,
): number {
  for (;;) {
    const rest = chance.below(denominator);
    if (!exponentialCoin(rest, denominator, chance)) continue;
    let whole = 0;
    while (exponentialCoin(1, 1, chance)) whole++;
    const drawn = rest + denominator * whole;
    const magnitude = (drawn - (drawn % numerator)) / numerator;
    const isNegative = chance.coin(1, 2);
    // Zero has one sign only; else it would be twice as likely as it may be.
    if (!isNegative) return magnitude;
    if (magnitude > 0) return -magnitude;
  }
}

/** Upper bounds of natural logarithms, in millionths: a threshold may be too high, never too low. */
const logTenMicros = 2_302_586;
const logTwoMicros = 693_148;

/**
 * The mechanism of a policy (ATTR-12). One record changes the number of records by one and at most `localAttributesPerRecord`
 * counts by one each, so each of these shares epsilon equally. A count that a single record lifts to `minimumRecords` passes the
 * threshold with a probability of at most delta / `localAttributesPerRecord`.
 */
export function mechanismOf({
  epsilonThousandths,
  deltaExponent,
  minimumRecords,
}: Policy["aggregation"]["privacy"]): Mechanism {
  const numerator = epsilonThousandths;
  const denominator = 1_000 * (localAttributesPerRecord + 1);
  // P(noise ≥ t) ≤ exp(−t · numerator / denominator), which is at most delta / attributes from this t on.
  const logTwoOf = 32 - Math.clz32(localAttributesPerRecord - 1);
  const logMicros = BigInt(deltaExponent * logTenMicros + logTwoOf * logTwoMicros);
  const margin = ceilingOf(logMicros * BigInt(denominator), BigInt(numerator) * 1_000_000n);
  return { numerator, denominator, minimumRecords, threshold: minimumRecords + margin };
}

function ceilingOf(dividend: bigint, divisor: bigint): number {
  return Number((dividend + divisor - 1n) / divisor);
}

/** The noisy count that may leave a vault; undefined where nothing may (ATTR-12). Draw once for one count and keep it. */
export function releasedCount(count: number, mechanism: Mechanism, chance: Chance): number | undefined {
  if (count < mechanism.minimumRecords) return undefined;
  const noisy = count + twoSidedGeometric(mechanism, chance);
  return noisy >= mechanism.threshold ? noisy : undefined;
}
