// The query engine against a naive one over bigint: exact, the same in any order, and silent about small groups.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnOf, type Column } from "#protocol/columns.ts";
import { runProtectedQuery, type QuerySource } from "#protocol/protected-query.ts";
import type { ValueType } from "#protocol/schemas/registry.ts";
import type { Condition, Measure, ProtectedQuery } from "#protocol/schemas/task.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import { naiveQuery } from "./naive-query.ts";

const types: Readonly<Record<string, ValueType>> = {
  amount: { kind: "decimal", scale: 2 },
  pieces: { kind: "integer" },
  shop: { kind: "text" },
  rate: { kind: "decimal", scale: 1 },
};

function sourceOf(records: readonly CanonicalRecord[]): QuerySource {
  const columns = new Map<string, Column>();
  for (const [field, type] of Object.entries(types)) columns.set(field, columnOf(records, field, type));
  return { size: records.length, columns };
}

const query = (measure: Measure, more: Partial<ProtectedQuery> = {}): ProtectedQuery => ({
  kind: "protected_query",
  domain: "trade.sales",
  measure,
  ...more,
});

const extreme = fc.constantFrom(
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER - 1,
  2 ** 52,
  -(2 ** 52),
);
const pieces = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: -9, max: 9 }) }, { weight: 1, arbitrary: extreme });
const amount = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -500, max: 500 }).map((cents) => (cents / 100).toFixed(2)) },
  { weight: 1, arbitrary: fc.constantFrom(null, "90071992547409.91", "-90071992547409.9", "1.234", "many", "0", "-0") },
);
const shop = fc.constantFrom("a", "b", "c", "ä", "", null);
const rate = fc.constantFrom("1.5", "1.50", "2", "-2.0", "-0.5", null, "x");
const record: fc.Arbitrary<CanonicalRecord> = fc.record({ amount, pieces, shop, rate });

const comparand = fc.oneof(fc.constantFrom("a", "b", "ä", "1.5", "-1.00", "3"), fc.integer({ min: -5, max: 5 }));
const attribute = fc.constantFrom("amount", "pieces", "shop", "rate");
const operator = fc.constantFrom("equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal");
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ attribute, operator, value: comparand }),
  fc.record({
    attribute,
    operator: fc.constant("one_of" as const),
    values: fc.array(comparand, { minLength: 1, maxLength: 3 }),
  }),
);
const measured = fc.constantFrom("amount", "pieces");
const bins = fc.record({
  origin: fc.integer({ min: -20, max: 5 }),
  width: fc.integer({ min: 1, max: 9 }),
  count: fc.integer({ min: 1, max: 6 }),
});
const measure: fc.Arbitrary<Measure> = fc.oneof(
  fc.constant({ function: "count" } as const),
  fc.record({ function: fc.constantFrom("sum", "mean"), attribute: measured }),
  fc.record({ function: fc.constant("histogram"), attribute: measured, bins }),
);
const program: fc.Arbitrary<ProtectedQuery> = fc
  .record(
    {
      measure,
      conditions: fc.array(condition, { maxLength: 2 }),
      groupBy: fc.constantFrom("shop", "rate", "pieces"),
      minimumGroupSize: fc.integer({ min: 1, max: 6 }),
    },
    { requiredKeys: ["measure"] },
  )
  .map(({ measure: what, ...more }) => query(what, more));

const records = fc.array(record, { maxLength: 60 });

test("the answer is the naive one's, to the last digit [LAYR-12, LAYR-14]", () => {
  fc.assert(
    fc.property(
      program,
      fc.array(records, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 4 }),
      (what, sources, minimum) => {
        const outcome = runProtectedQuery(what, sources.map(sourceOf), minimum);
        const expected = naiveQuery(what, sources.flat(), types, minimum);
        if (expected === undefined)
          expect(outcome).toMatchObject({ kind: "refused", refusal: { code: "EXECUTION_GROUP_TOO_SMALL" } });
        else expect(outcome).toMatchObject({ kind: "answered", result: expected });
      },
    ),
    { numRuns: 3_000 },
  );
});

test("the order of records, and how they lie in sources, change nothing [LAYR-12]", () => {
  const split = records.chain((all) =>
    fc.tuple(
      fc.constant(all),
      fc.shuffledSubarray(all, { minLength: all.length }),
      fc.nat(all.length),
      fc.nat(all.length),
    ),
  );
  fc.assert(
    fc.property(program, split, (what, [all, shuffled, a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const parts = [shuffled.slice(from, to), shuffled.slice(to), shuffled.slice(0, from)];
      const whole = runProtectedQuery(what, [sourceOf(all)], 2);
      const pieced = runProtectedQuery(what, parts.map(sourceOf), 2);
      expect(pieced.kind).toBe(whole.kind);
      if (whole.kind !== "answered" || pieced.kind !== "answered") return;
      expect(pieced.result).toEqual(whole.result);
    }),
    { numRuns: 1_000 },
  );
});

test("no group and no bin below the minimum is described, whatever a task asks for [LAYR-14]", () => {
  fc.assert(
    fc.property(program, records, fc.integer({ min: 1, max: 8 }), (what, all, byPolicy) => {
      const outcome = runProtectedQuery(what, [sourceOf(all)], byPolicy);
      if (outcome.kind === "refused") return;
      const minimum = Math.max(byPolicy, what.minimumGroupSize ?? 1);
      for (const group of outcome.result.groups) {
        expect(group.count).toBeGreaterThanOrEqual(minimum);
        for (const bin of group.bins ?? []) expect(bin === null || bin === 0 || bin >= minimum).toBe(true);
      }
    }),
    { numRuns: 1_000 },
  );
});

describe("small groups", () => {
  const sales = (shops: readonly string[]): QuerySource =>
    sourceOf(shops.map((name) => ({ shop: name, pieces: 1, amount: null, rate: null })));

  test("a smaller minimum than the policy's counts for nothing, a larger one counts", () => {
    const few = [sales(["a", "a", "a"])];
    expect(runProtectedQuery(query({ function: "count" }, { minimumGroupSize: 1 }), few, 4).kind).toBe("refused");
    expect(runProtectedQuery(query({ function: "count" }, { minimumGroupSize: 4 }), few, 1).kind).toBe("refused");
    expect(runProtectedQuery(query({ function: "count" }, { minimumGroupSize: 3 }), few, 1).kind).toBe("answered");
  });

  test("suppressed groups are counted, and the refusal says how large a group has to be", () => {
    const outcome = runProtectedQuery(
      query({ function: "count" }, { groupBy: "shop" }),
      [sales(["a", "a", "b"]), sales(["c", "a"])],
      3,
    );
    expect(outcome).toEqual({
      kind: "answered",
      result: {
        kind: "protected_query",
        scale: 0,
        groups: [{ key: "a", count: 3, value: "3", bins: null }],
        suppressedGroups: 2,
      },
    });
    const refused = runProtectedQuery(query({ function: "count" }, { groupBy: "shop" }), [sales(["a", "b"])], 3);
    expect(refused).toEqual({
      kind: "refused",
      refusal: { code: "EXECUTION_GROUP_TOO_SMALL", detail: { minimumGroupSize: 3 } },
    });
  });

  test("a bin below the minimum is null, and its records are not in the group's count", () => {
    const source = sourceOf([1, 1, 1, 2, 9].map((count) => ({ pieces: count, shop: "a", amount: null, rate: null })));
    const histogram = query({ function: "histogram", attribute: "pieces", bins: { origin: 1, width: 1, count: 3 } });
    const outcome = runProtectedQuery(histogram, [source], 2);
    expect(outcome).toMatchObject({
      kind: "answered",
      result: { groups: [{ key: null, count: 3, bins: [3, null, 0] }] },
    });
  });
});

test("sums stay exact far beyond what a double holds", () => {
  const source = sourceOf(
    Array.from({ length: 1_001 }, (_, at) => ({
      pieces: at % 2 === 0 ? Number.MAX_SAFE_INTEGER : Number.MAX_SAFE_INTEGER - 2,
    })),
  );
  const outcome = runProtectedQuery(query({ function: "sum", attribute: "pieces" }), [source], 1);
  const expected = 501n * BigInt(Number.MAX_SAFE_INTEGER) + 500n * (BigInt(Number.MAX_SAFE_INTEGER) - 2n);
  expect(outcome).toMatchObject({ result: { groups: [{ value: String(expected) }] } });
});

test("a mean keeps six digits more and rounds half to even, also below zero", () => {
  const mean = (...values: readonly number[]) => {
    const outcome = runProtectedQuery(
      query({ function: "mean", attribute: "pieces" }),
      [sourceOf(values.map((value) => ({ pieces: value })))],
      1,
    );
    return outcome.kind === "answered" ? [outcome.result.scale, outcome.result.groups[0]?.value] : outcome;
  };
  expect(mean(1, 2)).toEqual([6, "1500000"]);
  expect(mean(1, 1, 0)).toEqual([6, "666667"]);
  expect(mean(-1, -1, 0)).toEqual([6, "-666667"]);
  // 1/128 = 0.0078125: the half goes to the even digit. 3/128 = 0.0234375.
  expect(mean(1, ...new Array<number>(127).fill(0))).toEqual([6, "7812"]);
  expect(mean(3, ...new Array<number>(127).fill(0))).toEqual([6, "23438"]);
  expect(mean(-1, ...new Array<number>(127).fill(0))).toEqual([6, "-7812"]);
});

test("more groups than the limit are refused instead of filling the memory", () => {
  const source = sourceOf(Array.from({ length: 10_001 }, (_, at) => ({ shop: `shop ${at}`, pieces: 1 })));
  const outcome = runProtectedQuery(query({ function: "count" }, { groupBy: "shop" }), [source], 1);
  expect(outcome).toMatchObject({ kind: "refused", refusal: { code: "EXECUTION_FAILED", detail: { limit: 10_000 } } });
});

test("a value falls into its bin exactly, also where value and origin are far apart", () => {
  const width = (2 ** 53 + 1) / 3;
  const bins = { origin: -(2 ** 53 - 999), width: Math.floor(width), count: 4 };
  const column = { kind: "number" as const, scale: 0, values: Float64Array.of(1000, 1000) };
  const source = { size: 2, columns: new Map([["n", column]]) };
  const measure = { function: "histogram" as const, attribute: "n", bins };
  const outcome = runProtectedQuery({ kind: "protected_query", domain: "d", measure }, [source], 1);
  const expected = Number((1000n - BigInt(bins.origin)) / BigInt(bins.width));
  expect(outcome).toMatchObject({ kind: "answered" });
  expect(outcome.kind === "answered" && outcome.result.groups[0]?.bins?.indexOf(2)).toBe(expected);
});
