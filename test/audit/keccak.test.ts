// The second opinion's own Keccak-256 is that of everybody else, at every length around a block's.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { keccak256 as reference } from "viem";
import { hexOf } from "#audit/digests.ts";
import { keccak256 } from "#audit/keccak.ts";

test("messages of every length up to three blocks, and long ones, have the digest that another implementation gives", () => {
  const lengths = [...Array.from({ length: 3 * 136 + 2 }, (_, length) => length), 10_000, 65_537];
  for (const length of lengths) {
    const message = createHash("shake256", { outputLength: length }).update(`message ${length}`).digest();
    expect(hexOf(keccak256(message)), `${length} bytes`).toBe(reference(message));
  }
});

test("the digest of nothing is the published one, and what was hashed before leaves no trace", () => {
  const nothing = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
  expect(hexOf(keccak256(new Uint8Array()))).toBe(nothing);
  keccak256(Buffer.alloc(500, 0xff));
  expect(hexOf(keccak256(new Uint8Array()))).toBe(nothing);
});
