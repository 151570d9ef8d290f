// Typed columns: values are exact integers at a scale, or absent; never rounded, never guessed.
import fc from "fast-check";
import { expect, test } from "vitest";
import { columnBytes, columnOf, scaledText, scaledValue, scaleOf } from "#protocol/columns.ts";

test("a decimal text is its exact integer at the scale, and comes back as the same number", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }),
      fc.integer({ min: 0, max: 9 }),
      (units, scale) => {
        const text = scaledText(Number(units), scale);
        expect(scaledValue(text, scale)).toBe(Number(units));
        expect(text).toMatch(/^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/);
      },
    ),
    { numRuns: 1_000 },
  );
});

test.each([
  ["1.50", 2, 150],
  ["1.5", 2, 150],
  ["-0.01", 2, -1],
  ["-0", 0, 0],
  ["0.00", 2, 0],
  [7, 3, 7000],
  ["9007199254740991", 0, Number.MAX_SAFE_INTEGER],
  // More digits than the scale keeps, beyond 2^53−1, or not of the form: absent.
  ["1.505", 2, undefined],
  ["9007199254740992", 0, undefined],
  ["90071992547409.91", 3, undefined],
  ["01", 0, undefined],
  ["1e3", 0, undefined],
  ["+1", 0, undefined],
  [" 1", 0, undefined],
  [".5", 1, undefined],
  ["", 0, undefined],
  [null, 0, undefined],
  [undefined, 0, undefined],
  ["NaN", 0, undefined],
])("%j at scale %i is %j", (raw, scale, expected) => {
  const value = scaledValue(raw, scale);
  expect(value).toBe(expected);
  if (value === 0) expect(Object.is(value, -0)).toBe(false);
});

test("a column holds the records' values in their order, and marks what is absent", () => {
  const records = [{ a: "1.25", b: "x" }, { a: null, b: null }, { a: "no number", b: 5 }, {}];
  const decimal = columnOf(records, "a", { kind: "decimal", scale: 2 });
  expect(decimal).toEqual({
    kind: "number",
    scale: 2,
    values: Float64Array.of(125, Number.NaN, Number.NaN, Number.NaN),
  });
  expect(columnOf(records, "b", { kind: "text" })).toEqual({ kind: "text", values: ["x", null, "5", null] });
  expect(columnOf(records, "b", { kind: "integer" })).toEqual({
    kind: "number",
    scale: 0,
    values: Float64Array.of(Number.NaN, Number.NaN, 5, Number.NaN),
  });
});

test("a type's scale is that of decimals, and a column's bytes grow with what it holds", () => {
  expect([scaleOf({ kind: "text" }), scaleOf({ kind: "integer" }), scaleOf({ kind: "decimal", scale: 4 })]).toEqual([
    0, 0, 4,
  ]);
  expect(columnBytes({ kind: "number", scale: 0, values: new Float64Array(10) })).toBe(80);
  expect(columnBytes({ kind: "text", values: ["ab", null] })).toBe(20);
});
