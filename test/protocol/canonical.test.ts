// RFC 8785: the published vectors, an independent implementation, and everything that has no canonical form.
import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalBytes, canonicalText, jcsText, type Json } from "#protocol/canonical.ts";
import { jsonDepthLimit } from "#protocol/limits.ts";
import vectors from "#test/vectors/jcs.json" with { type: "json" };

const doubleOf = (bits: string): number => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
};

test.each(vectors.documents)("the published document $name has its published bytes", ({ input, outputHex }) => {
  expect(Buffer.from(jcsText(JSON.parse(input) as Json)).toString("hex")).toBe(outputHex);
});

test.each(vectors.numbers)("RFC 8785, appendix B: $bits is $text", ({ bits, text }) => {
  const value = doubleOf(bits);
  if (text === null) {
    expect(() => jcsText(value)).toThrow(TypeError);
    return;
  }
  expect(jcsText(value)).toBe(text);
  // The protocol's own rule is narrower: nothing beyond ±(2^53−1).
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) expect(canonicalText(value)).toBe(text);
  else expect(() => canonicalText(value)).toThrow(TypeError);
});

/** The published sequence of doubles; see the vectors' "about". */
function* sequence(): Generator<number> {
  const { fixed, serialFrom, serialCount } = vectors.sequence;
  yield* fixed.map(doubleOf);
  for (let n = 0n; n < serialCount; n++) yield doubleOf((BigInt(`0x${serialFrom}`) + n).toString(16));
  for (let block = hash("sha256", Buffer.alloc(32), "buffer"); ; block = hash("sha256", block, "buffer")) {
    for (const at of [0, 8, 16, 24]) {
      const value = block.readDoubleLE(at);
      if (value !== 0 && Number.isFinite(value)) yield value;
    }
  }
}

test.each(vectors.sequence.checksums)("the first $lines numbers of the published sequence", ({ lines, sha256 }) => {
  const view = new DataView(new ArrayBuffer(8));
  const text = sequence()
    .take(lines)
    .map((value) => {
      view.setFloat64(0, value);
      return `${view.getBigUint64(0).toString(16)},${jcsText(value)}\n`;
    })
    .toArray()
    .join("");
  expect(hash("sha256", text, "hex")).toBe(sha256);
});

const json = fc.jsonValue({ stringUnit: fc.nat(0x10ffff).map(characterOf), maxDepth: 6 }) as fc.Arbitrary<Json>;

function characterOf(codePoint: number): string {
  return codePoint >= 0xd800 && codePoint <= 0xdfff ? "\u0000" : String.fromCodePoint(codePoint);
}

test("any JSON value has the same text as from the npm package canonicalize", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(jcsText(value)).toBe(canonicalize(value));
    }),
  );
});

test("objects whose keys look like array indexes are sorted as text", () => {
  const keys = fc.uniqueArray(fc.oneof(fc.nat(2 ** 32).map(String), fc.string({ unit: "binary" })));
  fc.assert(
    fc.property(keys, (names) => {
      const value = Object.fromEntries(names.map((name, index) => [name, index]));
      expect(jcsText(value)).toBe(canonicalize(value));
    }),
  );
});

/** All of a list, in any order. */
const shuffled = <T>(list: T[]): fc.Arbitrary<T[]> => fc.shuffledSubarray(list, { minLength: list.length });

test("the order of keys in memory does not matter, and the text reads back as the value", () => {
  const entries = fc.array(fc.tuple(fc.string(), fc.integer()));
  const twoOrders = entries
    .map((list) => Object.entries(Object.fromEntries(list)))
    .chain((list) => fc.tuple(fc.constant(list), shuffled(list)));
  fc.assert(
    fc.property(twoOrders, ([one, other]) => {
      const text = canonicalText(Object.fromEntries(one));
      expect(canonicalText(Object.fromEntries(other))).toBe(text);
      expect(JSON.parse(text)).toEqual(Object.fromEntries(one));
    }),
  );
});

test("bytes are the text in UTF-8", () => {
  expect(Buffer.from(canonicalBytes({ ö: "€😂" })).toString("hex")).toBe("7b22c3b6223a22e282acf09f9882227d");
});

test("minus zero is zero, and __proto__ is a key like any other", () => {
  expect(canonicalText([-0, 0])).toBe("[0,0]");
  expect(canonicalText(JSON.parse('{"b":1,"__proto__":{"a":2}}') as Json)).toBe('{"__proto__":{"a":2},"b":1}');
});

const cyclic: Record<string, unknown> = {};
cyclic["self"] = [cyclic];
const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });

test.each<[string, unknown, string]>([
  ["undefined", undefined, "undefined at $"],
  ["undefined in an object", { a: { b: undefined } }, "undefined at $.a.b"],
  ["a hole in an array", [1, , 2], "undefined at $[1]"], // eslint-disable-line no-sparse-arrays
  ["a function", { a: () => 1 }, "function at $.a"],
  ["a symbol", [Symbol("s")], "symbol at $[0]"],
  ["a bigint", { a: [1n] }, "bigint at $.a[0]"],
  ["NaN", [NaN], "the number NaN at $[0]"],
  ["infinity", -Infinity, "the number -Infinity at $"],
  ["2^53", [2 ** 53], "the number 9007199254740992 at $[0]"],
  ["-2^53", [-(2 ** 53)], "the number -9007199254740992 at $[0]"],
  ["a large double", [1e30], "the number 1e+30 at $[0]"],
  ["a lone high surrogate", { a: "x\ud800" }, "a lone surrogate at $.a"],
  ["a lone low surrogate", ["\udc00x"], "a lone surrogate at $[0]"],
  ["a key with a lone surrogate", { "\ud800": 1 }, "a lone surrogate at $.\ufffd"],
  ["a date", { at: new Date(0) }, "an instance of a class at $.at"],
  ["a map", new Map(), "an instance of a class at $"],
  ["bytes", [Uint8Array.of(1)], "an instance of a class at $[0]"],
  ["a boxed string", [Object("a")], "an instance of a class at $[0]"],
  ["an object with toJSON", { toJSON: () => 1 }, "function at $.toJSON"],
  ["a cycle", cyclic, "a cycle or too deep nesting at $.self[0].self[0]"],
  ["one level too many", deep(jsonDepthLimit + 1), "a cycle or too deep nesting at $.a.a"],
])("%s is refused", (_name, value, message) => {
  expect(() => canonicalText(value as Json)).toThrow(TypeError);
  expect(() => canonicalText(value as Json)).toThrow(`not canonical JSON: ${message}`);
});

test("the largest exact integers and the deepest nesting are taken", () => {
  expect(canonicalText([2 ** 53 - 1, -(2 ** 53 - 1)])).toBe("[9007199254740991,-9007199254740991]");
  expect(canonicalText(deep(jsonDepthLimit) as Json)).toBe(JSON.stringify(deep(jsonDepthLimit)));
});
