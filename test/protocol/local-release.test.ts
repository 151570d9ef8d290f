// What leaves pools: never a rare name, one draw of noise for a collection's records, and every collection before any's next.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { releasePools, type LocalPool } from "#protocol/local-release.ts";
import { chanceOf, mechanismOf } from "#protocol/privacy.ts";

const mechanism = mechanismOf({ epsilonThousandths: 2_000, deltaExponent: 6, minimumRecords: 20 });
const chance = (seed: string) => {
  let counter = 0;
  return chanceOf((size) => {
    const block = createHash("sha256").update(`${seed}/${counter++}`).digest();
    return Buffer.concat(
      Array.from({ length: size / block.length }, (_, at) =>
        createHash("sha256").update(block).update(String(at)).digest(),
      ),
    );
  });
};

const poolOf = (vault: string, occurrences: Readonly<Record<string, number>>, records = 1_000): LocalPool => ({
  vault,
  collection: "things",
  records,
  counts: Object.entries(occurrences).map(([name, count]) => ({ name, valueKind: "text", occurrences: count })),
});

test("a name that identifies, seen in a few records, does not leave; a common one does [ATTR-12]", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 19 }), fc.nat(), (few, seed) => {
      const released = releasePools(
        [poolOf("a", { "alice-smith": few, engine: 900 })],
        mechanism,
        chance(String(seed)),
      );
      expect(released.map(({ name }) => name)).toEqual(["engine"]);
      expect(released.every(({ noisyOccurrences }) => noisyOccurrences >= mechanism.threshold)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("all summaries of a collection carry one noisy number of records: several could be averaged [ATTR-12]", () => {
  const names = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`n${at}`, 800]));
  const released = releasePools([poolOf("a", names)], mechanism, chance("one draw"));
  expect(released).toHaveLength(50);
  expect(new Set(released.map(({ noisyRecords }) => noisyRecords)).size).toBe(1);
  expect(new Set(released.map(({ noisyOccurrences }) => noisyOccurrences)).size).toBeGreaterThan(5);
});

test("a record without local attributes changes nothing but the noisy number of records; without pools nothing leaves", () => {
  expect(releasePools([], mechanism, chance("none"))).toEqual([]);
  expect(releasePools([poolOf("a", {})], mechanism, chance("none"))).toEqual([]);
  const empty = releasePools([poolOf("a", { n: 300 }, 0)], mechanism, chance("floor"));
  expect(empty[0]?.noisyRecords).toBeGreaterThanOrEqual(0);
});

test("where a window is full, each collection's most frequent comes first: a flood of names crowds nobody out", () => {
  const flood = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`flood${at}`, 5_000]));
  const pools = [poolOf("a", flood), poolOf("b", { modest: 400, rarer: 300 })];
  const released = releasePools(pools, mechanism, chance("flood"), 10);
  expect(released).toHaveLength(10);
  expect(released.filter(({ vault }) => vault === "b").map(({ name }) => name)).toEqual(["modest", "rarer"]);
});
