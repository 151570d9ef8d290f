// The computed constants of Keccak-f against those printed in the Keccak reference.
import { expect, test } from "vitest";
import { lane, rotations, roundConstantBytes } from "#protocol/keccak/constants.ts";

/** Rotation offsets by row y, each for x = 0 … 4: The Keccak reference 3.0, table 2.1, modulo 64. */
const printedRotations = [
  [0, 1, 62, 28, 27],
  [36, 44, 6, 55, 20],
  [3, 10, 43, 25, 39],
  [41, 45, 15, 21, 8],
  [18, 2, 61, 56, 14],
];

/** Round constants: The Keccak reference 3.0, table 2.2. */
const printedRoundConstants = [
  "0000000000000001",
  "0000000000008082",
  "800000000000808a",
  "8000000080008000",
  "000000000000808b",
  "0000000080000001",
  "8000000080008081",
  "8000000000008009",
  "000000000000008a",
  "0000000000000088",
  "0000000080008009",
  "000000008000000a",
  "000000008000808b",
  "800000000000008b",
  "8000000000008089",
  "8000000000008003",
  "8000000000008002",
  "8000000000000080",
  "000000000000800a",
  "800000008000000a",
  "8000000080008081",
  "8000000000008080",
  "0000000080000001",
  "8000000080008008",
];

test("rotation offsets", () => {
  expect(rotations()).toEqual(printedRotations.flat());
});

test("round constants, least significant byte first", () => {
  const bytes = Buffer.from(roundConstantBytes());
  const words = Array.from({ length: 24 }, (_, round) =>
    bytes
      .readBigUInt64LE(round * 8)
      .toString(16)
      .padStart(16, "0"),
  );
  expect(bytes.length).toBe(24 * 8);
  expect(words).toEqual(printedRoundConstants);
});

test("lanes are counted row by row, coordinates modulo 5", () => {
  expect([lane(0, 0), lane(4, 0), lane(0, 1), lane(4, 4), lane(6, 7)]).toEqual([0, 4, 5, 24, 11]);
});
