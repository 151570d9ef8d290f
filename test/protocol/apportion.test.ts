// Exact apportionment: the parts are a split of the whole, fair to the unit, whatever the order of the claims.
import fc from "fast-check";
import { expect, test } from "vitest";
import { apportion, type Weight } from "#protocol/apportion.ts";

const total = fc.oneof(fc.bigInt({ min: 0n, max: 50n }), fc.bigInt({ min: 0n, max: 10n ** 30n }));
const weights = fc
  .array(fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 64n })), { maxLength: 40 })
  .map((values): readonly Weight[] =>
    values.map((weight, at) => ({ key: `key-${String(at).padStart(3, "0")}`, weight })),
  );

const sumOf = (values: readonly bigint[]): bigint => values.reduce((sum, value) => sum + value, 0n);

test("the parts add up to the whole, and each is its exact share rounded up or down [RWRD-02]", () => {
  fc.assert(
    fc.property(total, weights, (whole, claims) => {
      const parts = apportion(whole, claims);
      const all = sumOf(claims.map(({ weight }) => weight));
      expect(parts.length).toBe(claims.length);
      expect(sumOf(parts)).toBe(all === 0n ? 0n : whole);
      for (const [at, { weight }] of claims.entries()) {
        const exact = all === 0n ? 0n : (whole * weight) / all;
        const isExact = all === 0n || (whole * weight) % all === 0n;
        expect([exact, isExact ? exact : exact + 1n]).toContain(parts[at]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("the parts do not depend on the order of the claims, and a larger claim never gets less [RWRD-02]", () => {
  const shuffled = weights.chain((claims) =>
    fc.tuple(fc.constant(claims), fc.shuffledSubarray([...claims], { minLength: claims.length })),
  );
  fc.assert(
    fc.property(total, shuffled, (whole, [claims, others]) => {
      const byKey = (list: readonly Weight[]) => {
        const parts = apportion(whole, list);
        return new Map(list.map(({ key }, at) => [key, parts[at]]));
      };
      expect(byKey(others)).toEqual(byKey([...others].sort((a, b) => (a.key < b.key ? -1 : 1))));
      expect(byKey(others)).toEqual(byKey(claims));
      const parts = byKey(claims);
      for (const a of claims) {
        for (const b of claims) {
          if (a.weight > b.weight) expect((parts.get(a.key) ?? 0n) >= (parts.get(b.key) ?? 0n)).toBe(true);
        }
      }
    }),
  );
});

test("what is left over goes to the largest remainders, and among equal ones to the smaller key [RWRD-02]", () => {
  expect(
    apportion(10n, [
      { key: "a", weight: 1n },
      { key: "b", weight: 1n },
      { key: "c", weight: 1n },
    ]),
  ).toEqual([4n, 3n, 3n]);
  expect(
    apportion(10n, [
      { key: "c", weight: 1n },
      { key: "b", weight: 1n },
      { key: "a", weight: 1n },
    ]),
  ).toEqual([3n, 3n, 4n]);
  // 7/10 · 3 = 2.1, 7/10 · 4 = 2.8, 7/10 · 3 = 2.1: the middle one has the largest remainder.
  expect(
    apportion(7n, [
      { key: "a", weight: 3n },
      { key: "b", weight: 4n },
      { key: "c", weight: 3n },
    ]),
  ).toEqual([2n, 3n, 2n]);
});

test("a negative amount or weight is a programmer's error", () => {
  expect(() => apportion(-1n, [])).toThrow("not negative");
  expect(() => apportion(1n, [{ key: "a", weight: -1n }])).toThrow("not negative");
});
