// ABI words: values as the 32-byte words that on-chain hashes are made of.
import assert from "node:assert";
import type { Hex } from "../hash.ts";

export const WORD_BYTES = 32;

const unsignedBits = { uint8: 8, uint32: 32, uint64: 64, uint128: 128, uint256: 256 } as const;

/** Types that fill one word. */
export type UnsignedType = keyof typeof unsignedBits;
export type WordType = "bytes32" | "address" | "bool" | UnsignedType;

/** What stands for a word in TypeScript. Unsigned values are bigint, or a number where it is exact. */
export type WordValue = Hex | boolean | bigint | number;

/** Memory that words are written to. */
export type Words = { readonly bytes: Buffer; readonly view: DataView };

/** Room for `count` words. */
export function allocateWords(count: number): Words {
  const bytes = Buffer.alloc(count * WORD_BYTES);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

/** Whether values of this type fill one word. */
export function isWordType(type: string): type is WordType {
  return type === "bytes32" || type === "address" || type === "bool" || Object.hasOwn(unsignedBits, type);
}

/**
 * Writes a value as `abi.encode` does: bytes32 as it is, everything else right-aligned. The whole word is written.
 * @param at byte offset of the word.
 * @throws TypeError or RangeError if the value is not of the type; nothing is truncated.
 */
export function writeWord(words: Words, at: number, type: WordType, value: WordValue): void {
  switch (type) {
    case "bytes32":
      writeDigits(words.bytes, at, WORD_BYTES, value);
      return;
    case "address":
      words.view.setBigUint64(at, 0n);
      words.view.setUint32(at + 8, 0);
      writeDigits(words.bytes, at + 12, 20, value);
      return;
    case "bool":
      if (typeof value !== "boolean") throw new TypeError("a bool is true or false");
      writeUnsigned(words.view, at, value ? 1n : 0n);
      return;
    default:
      if (typeof value !== "bigint" && !Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${type}`);
      writeUnsigned(words.view, at, inRange(type, BigInt(value)));
  }
}

function inRange(type: UnsignedType, value: bigint): bigint {
  // A negative value shifts down to −1.
  if (value >> BigInt(unsignedBits[type]) !== 0n) throw new RangeError(`out of range for ${type}`);
  return value;
}

function writeUnsigned(view: DataView, at: number, value: bigint): void {
  // Most values fit the last quarter of the word; setBigUint64 keeps the low 64 bits of what it is given.
  const rest = value >> 64n;
  view.setBigUint64(at, rest >> 128n);
  view.setBigUint64(at + 8, rest >> 64n);
  view.setBigUint64(at + 16, rest);
  view.setBigUint64(at + 24, value);
}

function writeDigits(bytes: Buffer, at: number, length: number, value: WordValue): void {
  assert(at + length <= bytes.length, "the word has room");
  if (
    typeof value !== "string" ||
    value.length !== 2 + 2 * length ||
    !value.startsWith("0x") ||
    bytes.write(value.slice(2), at, length, "hex") !== length
  ) {
    throw new TypeError(`not ${length} bytes in hexadecimal`);
  }
}
