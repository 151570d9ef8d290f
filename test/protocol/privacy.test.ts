// The privacy mechanism under attack: its noise is what the textbook says, and no release tells one record from none.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { localAttributesPerRecord } from "#protocol/limits.ts";
import { chanceOf, mechanismOf, releasedCount, twoSidedGeometric, type Chance } from "#protocol/privacy.ts";
import type { Policy } from "#protocol/schemas/policy.ts";

type Privacy = Policy["aggregation"]["privacy"];

const privacy = (more: Partial<Privacy> = {}): Privacy => ({
  epsilonThousandths: 1_000,
  deltaExponent: 6,
  minimumRecords: 25,
  ...more,
});

/** Bytes that look random and are the same in every run. */
function seeded(seed: string): (size: number) => Uint8Array {
  let counter = 0;
  return (size) => {
    const blocks = Array.from({ length: Math.ceil(size / 32) }, () =>
      createHash("sha256").update(`${seed}/${counter++}`).digest(),
    );
    return Buffer.concat(blocks).subarray(0, size);
  };
}

/** P(noise = x) by the textbook: (1 − a) / (1 + a) · a^|x|. */
function mass(x: number, { numerator, denominator }: { readonly numerator: number; readonly denominator: number }) {
  const ratio = Math.exp(-numerator / denominator);
  return ((1 - ratio) / (1 + ratio)) * ratio ** Math.abs(x);
}

/** The tree of everything that can happen to a sampler, cut where a branch is less likely than `least`. */
function distribution(sample: (chance: Chance) => number, least: number) {
  const outcomes = new Map<number, number>();
  let cut = 0;
  const open: (readonly number[])[] = [[]];
  class Cut extends Error {}
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    let depth = 0;
    let probability = 1;
    const choices: number[] = [];
    const choose = (weights: readonly number[]): number => {
      const known = path[depth++];
      const choice = known ?? weights.findIndex((weight) => weight > 0);
      if (known === undefined) {
        weights.forEach((weight, other) => {
          if (other > choice && weight > 0) open.push([...choices, other]);
        });
      }
      choices.push(choice);
      probability *= weights[choice] ?? 0;
      if (probability < least) throw new Cut();
      return choice;
    };
    try {
      const outcome = sample({
        below: (bound) => choose(Array.from({ length: bound }, () => 1 / bound)),
        coin: (numerator, denominator) => choose([numerator / denominator, 1 - numerator / denominator]) === 0,
      });
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + probability);
    } catch (error) {
      if (!(error instanceof Cut)) throw error;
      cut += probability;
    }
  }
  return { outcomes, cut };
}

test.for([
  { numerator: 1, denominator: 2 },
  { numerator: 2, denominator: 3 },
  { numerator: 3, denominator: 2 },
])("the sampler's exact probabilities are those of the two-sided geometric distribution: %o [ATTR-12]", (rate) => {
  const { outcomes, cut } = distribution((chance) => twoSidedGeometric(rate, chance), 1e-6);
  const total = [...outcomes.values()].reduce((sum, each) => sum + each, cut);
  expect(total).toBeCloseTo(1, 9);
  expect(cut).toBeLessThan(0.07);
  for (let x = -6; x <= 6; x++) {
    const found = outcomes.get(x) ?? 0;
    // What was cut may belong to any outcome, and takes nothing away from one.
    expect(found).toBeLessThanOrEqual(mass(x, rate) + 1e-9);
    expect(found).toBeGreaterThan(mass(x, rate) - cut);
    expect(outcomes.get(-x) ?? 0).toBeCloseTo(found, 3);
  }
});

test("integers of chance are exactly uniform: what would favour small ones is drawn again", () => {
  const source = (values: readonly number[]) => {
    const chunk = new Uint8Array(4096);
    values.forEach((value, at) => new DataView(chunk.buffer).setUint32(4 * at, value));
    return chanceOf(() => chunk);
  };
  // 2^32 = 3 · 1,431,655,765 + 1: the last word alone has no partners.
  expect(source([2 ** 32 - 1, 5]).below(3)).toBe(2);
  expect(source([2 ** 32 - 2]).below(3)).toBe(2);
  expect(source([0]).below(2 ** 32)).toBe(0);
  expect(() => source([0]).below(0)).toThrow("32-bit");
  expect(() => chanceOf(() => new Uint8Array(3)).below(2)).toThrow("as many bytes");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.nat(2 ** 32 - 1), (bound, word) => {
      if (word < 2 ** 32 - (2 ** 32 % bound)) expect(source([word]).below(bound)).toBe(word % bound);
    }),
  );
});

test("noise from bytes follows the distribution, for a fixed seed (chi-square) [ATTR-12]", () => {
  const mechanism = mechanismOf(privacy({ epsilonThousandths: 9_000 }));
  const chance = chanceOf(seeded("noise"));
  const draws = 20_000;
  const counts = new Map<number, number>();
  for (let at = 0; at < draws; at++) {
    const x = Math.max(-6, Math.min(6, twoSidedGeometric(mechanism, chance)));
    counts.set(x, (counts.get(x) ?? 0) + 1);
  }
  const ratio = Math.exp(-mechanism.numerator / mechanism.denominator);
  let distance = 0;
  for (let x = -6; x <= 6; x++) {
    const expected = draws * (Math.abs(x) === 6 ? ratio ** 6 / (1 + ratio) : mass(x, mechanism));
    distance += ((counts.get(x) ?? 0) - expected) ** 2 / expected;
  }
  // 12 degrees of freedom: larger than 40 in one of ten thousand runs, and this one is always the same.
  expect(distance).toBeLessThan(40);
});

/** P(released as `noisy`) for a count; `noisy` null: not released. */
function outcomesOf(count: number, settings: Privacy): ReadonlyMap<number | null, number> {
  const mechanism = mechanismOf(settings);
  const outcomes = new Map<number | null, number>();
  if (count < mechanism.minimumRecords) return new Map([[null, 1]]);
  const reach = Math.ceil((60 * mechanism.denominator) / mechanism.numerator);
  let released = 0;
  for (let noisy = mechanism.threshold; noisy <= count + reach; noisy++) {
    const probability = mass(noisy - count, mechanism);
    outcomes.set(noisy, probability);
    released += probability;
  }
  return outcomes.set(null, Math.max(0, 1 - released));
}

/** The least delta for which no outcome's probability is more than e^epsilon times the other's, plus delta. */
function excess(one: ReadonlyMap<number | null, number>, other: ReadonlyMap<number | null, number>, epsilon: number) {
  let delta = 0;
  for (const [outcome, probability] of one) {
    delta += Math.max(0, probability - Math.exp(epsilon) * (other.get(outcome) ?? 0));
  }
  return delta;
}

const settings = fc.record({
  epsilonThousandths: fc.constantFrom(100, 500, 1_000, 2_000, 10_000),
  deltaExponent: fc.integer({ min: 1, max: 9 }),
  minimumRecords: fc.integer({ min: 2, max: 60 }),
});

test("two databases that differ in one record: releases differ by e^epsilon and delta at most, exactly [ATTR-12]", () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: -3, max: 400 }), (chosen, away) => {
      const count = Math.max(0, chosen.minimumRecords + away);
      const own = chosen.epsilonThousandths / 1_000 / (localAttributesPerRecord + 1);
      const delta = 10 ** -chosen.deltaExponent / localAttributesPerRecord;
      const [without, withIt] = [outcomesOf(count, chosen), outcomesOf(count + 1, chosen)];
      // Floating point of the test: the tail beyond its reach is 10^-26.
      const slack = 1e-9;
      const epsilon = own + 1e-9;
      expect(excess(without, withIt, epsilon)).toBeLessThanOrEqual(delta * (1 + 1e-6) + slack);
      expect(excess(withIt, without, epsilon)).toBeLessThanOrEqual(delta * (1 + 1e-6) + slack);
      // Away from the minimum there is no delta at all.
      if (away >= 0) expect(excess(withIt, without, epsilon)).toBeLessThanOrEqual(slack);
    }),
    { numRuns: 300 },
  );
});

test("a record with as many new names as count spends epsilon and delta, all of its coordinates together [ATTR-12]", () => {
  fc.assert(
    fc.property(settings, (chosen) => {
      const { numerator, denominator, minimumRecords, threshold } = mechanismOf(chosen);
      // Every count it changes, and the number of records, cost the same; together they cost epsilon.
      const coordinates = localAttributesPerRecord + 1;
      expect((coordinates * numerator) / denominator).toBeCloseTo(chosen.epsilonThousandths / 1_000, 12);
      // Without it none of its names is ever released; with it any is with delta at most.
      const ratio = Math.exp(-numerator / denominator);
      const one = ratio ** (threshold - minimumRecords) / (1 + ratio);
      expect(1 - (1 - one) ** localAttributesPerRecord).toBeLessThanOrEqual(10 ** -chosen.deltaExponent);
    }),
  );
});

test("the bound is not idle: a threshold one margin lower would break delta, and half the noise would break epsilon", () => {
  const chosen = privacy({ deltaExponent: 4 });
  const mechanism = mechanismOf(chosen);
  const atMinimum = (threshold: number): number => {
    const ratio = Math.exp(-mechanism.numerator / mechanism.denominator);
    return ratio ** (threshold - mechanism.minimumRecords) / (1 + ratio);
  };
  const delta = 1e-4 / localAttributesPerRecord;
  expect(atMinimum(mechanism.threshold)).toBeLessThanOrEqual(delta);
  // The margin is rounded up, by less than what half the scale of the noise gives away.
  expect(atMinimum(mechanism.threshold - localAttributesPerRecord)).toBeGreaterThan(delta);
  const loud = outcomesOf(300, privacy({ epsilonThousandths: 2_000 }));
  const beside = outcomesOf(301, privacy({ epsilonThousandths: 2_000 }));
  expect(excess(beside, loud, 1 / (localAttributesPerRecord + 1))).toBeGreaterThan(0.01);
});

test("a count of one record, or of fewer than the minimum, is never released, whatever the noise [ATTR-12]", () => {
  const chance = chanceOf(seeded("rare"));
  const loudest = mechanismOf(privacy({ epsilonThousandths: 1, deltaExponent: 1, minimumRecords: 2 }));
  for (let at = 0; at < 3_000; at++) expect(releasedCount(1, loudest, chance)).toBeUndefined();
  fc.assert(
    fc.property(settings, fc.nat(60), (chosen, count) => {
      const mechanism = mechanismOf(chosen);
      expect(mechanism.threshold).toBeGreaterThan(mechanism.minimumRecords);
      const released = releasedCount(count, mechanism, chance);
      if (count < mechanism.minimumRecords) expect(released).toBeUndefined();
      else if (released !== undefined) expect(released).toBeGreaterThanOrEqual(mechanism.threshold);
    }),
  );
});

test("an attacker that sees releases for one record more or less guesses hardly better than a coin [ATTR-12]", () => {
  // The attacker knows everything but one record, and sees the noisy count of 400 or 401 records again and again.
  const mechanism = mechanismOf(privacy());
  const chance = chanceOf(seeded("attack"));
  const games = 4_000;
  let right = 0;
  for (let game = 0; game < games; game++) {
    const isThere = game % 2 === 0;
    const seen = releasedCount(isThere ? 401 : 400, mechanism, chance);
    const guess = (seen ?? 0) >= 401;
    if (guess === isThere) right++;
  }
  // e^(1/9) allows 0.5277; four standard deviations of 4,000 games are 0.032.
  expect(right / games).toBeLessThan(0.56);
  expect(right / games).toBeGreaterThan(0.44);
});

test("thresholds for published parameters: rounded up, in integers alone", () => {
  // 9 · (6 · ln 10 + ln 8) = 143.05…; worked out elsewhere.
  expect(mechanismOf(privacy())).toEqual({ numerator: 1_000, denominator: 9_000, minimumRecords: 25, threshold: 169 });
  expect(mechanismOf(privacy({ epsilonThousandths: 10_000 })).threshold).toBe(25 + 15);
  expect(mechanismOf(privacy({ epsilonThousandths: 1, deltaExponent: 15 })).threshold).toBe(25 + 329_565);
  fc.assert(
    fc.property(settings, (chosen) => {
      const { threshold, minimumRecords, numerator, denominator } = mechanismOf(chosen);
      const exact = (denominator / numerator) * Math.log(localAttributesPerRecord * 10 ** chosen.deltaExponent);
      expect(threshold - minimumRecords).toBeGreaterThanOrEqual(exact);
      expect(threshold - minimumRecords).toBeLessThan(exact * 1.001 + 1);
    }),
  );
});
