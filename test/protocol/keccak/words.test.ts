// ABI words against viem's encoder, and the values that do not fit.
import fc from "fast-check";
import { encodeAbiParameters } from "viem";
import { expect, test } from "vitest";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { allocateWords, isWordType, writeWord, type WordType, type WordValue } from "#protocol/keccak/words.ts";

const hexOf = (length: number): fc.Arbitrary<Hex> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(bytesToHex);
const unsigned = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const values = {
  bytes32: hexOf(32),
  address: hexOf(20),
  bool: fc.boolean(),
  uint8: unsigned(8),
  uint32: unsigned(32),
  uint64: unsigned(64),
  uint128: unsigned(128),
  uint256: unsigned(256),
} satisfies Record<WordType, fc.Arbitrary<WordValue>>;
const types = Object.keys(values) as WordType[];
const anyWord = fc
  .constantFrom(...types)
  .chain((type) => (values[type] as fc.Arbitrary<WordValue>).map((value) => ({ type, value })));

test("any row of words is what abi.encode gives, also over memory that was used before", () => {
  fc.assert(
    fc.property(fc.array(anyWord, { minLength: 1, maxLength: 10 }), (row) => {
      const words = allocateWords(row.length);
      words.bytes.fill(0xee);
      row.forEach(({ type, value }, n) => writeWord(words, n * 32, type, value));
      const expected = encodeAbiParameters(
        row.map(({ type }) => ({ type })),
        row.map(({ value }) => value),
      );
      expect(bytesToHex(words.bytes)).toBe(expected);
    }),
  );
});

test("the largest value of each width, and an exact number in place of a bigint", () => {
  for (const [type, bits] of [
    ["uint8", 8],
    ["uint32", 32],
    ["uint64", 64],
    ["uint128", 128],
    ["uint256", 256],
  ] as const) {
    const words = allocateWords(1);
    writeWord(words, 0, type, 2n ** BigInt(bits) - 1n);
    expect(bytesToHex(words.bytes)).toBe(`0x${"f".repeat(bits / 4).padStart(64, "0")}`);
    expect(() => writeWord(words, 0, type, 2n ** BigInt(bits))).toThrow(RangeError);
    expect(() => writeWord(words, 0, type, -1n)).toThrow(RangeError);
    writeWord(words, 0, type, 7);
    expect(bytesToHex(words.bytes)).toBe(`0x${"7".padStart(64, "0")}`);
  }
});

test.each<[WordType, unknown]>([
  ["uint256", 2 ** 53],
  ["uint256", 0.5],
  ["uint256", "1"],
  ["uint256", "0x01"],
  ["uint256", true],
  ["uint256", undefined],
  ["bool", 1n],
  ["bool", "0x01"],
  ["bytes32", 1n],
  ["bytes32", "0x"],
  ["bytes32", `0x${"0".repeat(63)}`],
  ["bytes32", `0x${"0".repeat(66)}`],
  ["bytes32", `0x${"0".repeat(63)}g`],
  ["bytes32", `00${"0".repeat(64)}`],
  ["address", `0x${"0".repeat(64)}`],
  ["address", `0x${"0".repeat(39)}g`],
])("%s does not take %s", (type, value) => {
  expect(() => writeWord(allocateWords(1), 0, type, value as WordValue)).toThrow(TypeError);
});

test("a word beyond the memory is refused", () => {
  expect(() => writeWord(allocateWords(1), 32, "uint256", 1n)).toThrow(RangeError);
  expect(() => writeWord(allocateWords(1), 8, "bytes32", `0x${"0".repeat(64)}`)).toThrow("the word has room");
});

test("only types of one word are words", () => {
  expect(types.every(isWordType)).toBe(true);
  for (const type of ["string", "bytes", "bytes31", "uint", "uint7", "int256", "toString"]) {
    expect(isWordType(type)).toBe(false);
  }
});
