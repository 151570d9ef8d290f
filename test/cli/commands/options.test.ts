// Options: what people type is taken in one form or refused with a wish.
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAddress, parseAmount, parseHash, parseName, several, wholeNumber } from "#cli/commands/options.ts";

test("addresses and hashes are taken in any case and kept in lower case", () => {
  expect(parseAddress(`0x${"aB".repeat(20)}`)).toBe(`0x${"ab".repeat(20)}`);
  expect(parseHash(`0x${"Ab".repeat(32)}`)).toBe(`0x${"ab".repeat(32)}`);
});

test.each([
  [parseAddress, `0x${"ab".repeat(19)}`],
  [parseAddress, "ab".repeat(20)],
  [parseHash, `0x${"ab".repeat(33)}`],
  [parseHash, `0x${"zz".repeat(32)}`],
  [parseAmount, "-1"],
  [parseAmount, "01"],
  [parseAmount, "1.5"],
  [parseAmount, "1e3"],
  [parseAmount, "1".repeat(39)],
  [parseName, "Main"],
  [parseName, "-a"],
  [parseName, ""],
])("%o refuses %j", (parse, text) => {
  expect(() => parse(text)).toThrow("Wanted: ");
});

test("whole numbers are those within their bounds, written in digits", () => {
  const parse = wholeNumber(1, 1_000);
  fc.assert(
    fc.property(fc.integer({ min: -10, max: 2_000 }), (value) => {
      if (value >= 1 && value <= 1_000) expect(parse(String(value))).toBe(value);
      else expect(() => parse(String(value))).toThrow("Wanted: ");
    }),
  );
  for (const text of ["", "1.0", "0x1", " 1", "1e2", "99999999999999999"])
    expect(() => parse(text)).toThrow("Wanted: ");
});

test("an option given several times keeps the order", () => {
  const parse = several(wholeNumber(0));
  expect(parse("2", parse("1"))).toEqual([1, 2]);
});
