// SHA-256 ids and commitments against node:crypto and published values; hexadecimal text there and back.
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesToHex, commitment, contentId, hexToBytes, sha256, sha256Hex } from "#protocol/hash.ts";

test("SHA-256 of the published messages (FIPS 180-4 examples)", () => {
  expect(sha256Hex("")).toBe("0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(sha256Hex("abc")).toBe("0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(bytesToHex(sha256(Buffer.from("abc")))).toBe(sha256Hex("abc"));
});

test("LAYR-08: a commitment is the SHA-256 of the canonical serialization, whatever the order of keys", () => {
  // printf '{"a":1,"b":"\xc3\xb6"}' | sha256sum
  const expected = "0xcce68f0eebb8d17d0885b548767f18c3da95acb812b1ffa9aa8c1b089daee6c4";
  expect(commitment({ b: "ö", a: 1 })).toBe(expected);
  expect(commitment({ a: 1, b: "ö" })).toBe(expected);
});

test("an id is the SHA-256 of tag, a zero byte and the canonical bytes", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9.-]{1,32}$/), fc.string({ unit: "grapheme" }), (tag, value) => {
      const bytes = Buffer.concat([Buffer.from(tag), Buffer.of(0), Buffer.from(JSON.stringify([value]))]);
      expect(contentId(tag, [value])).toBe(`0x${createHash("sha256").update(bytes).digest("hex")}`);
    }),
  );
});

test("no two kinds share an id, and a tag cannot reach into the content", () => {
  expect(contentId("task", [1])).not.toBe(contentId("run", [1]));
  expect(contentId("task", [1])).not.toBe(commitment([1]));
  expect(() => contentId("task\0", [1])).toThrow();
  expect(() => contentId("\ud800", [1])).toThrow();
});

test("bytes and text lead to each other", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const hex = bytesToHex(bytes);
      expect(hex).toBe(`0x${Buffer.from(bytes).toString("hex")}`);
      expect(Buffer.compare(hexToBytes(hex), bytes)).toBe(0);
      expect(Buffer.compare(hexToBytes(`0x${hex.slice(2).toUpperCase()}`, bytes.length), bytes)).toBe(0);
    }),
  );
});

test("a view into larger memory gives its own bytes alone", () => {
  expect(bytesToHex(Uint8Array.of(1, 2, 3, 4).subarray(1, 3))).toBe("0x0203");
});

test.each(["", "0x0", "0xzz", "0x0g", "00", "x00", "0X00", "0x00 ", " 0x00", "0x00\n", "0x0ö"])(
  "%j is not hexadecimal bytes",
  (text) => {
    expect(() => hexToBytes(text)).toThrow(TypeError);
  },
);

test("another length than asked for is refused, without repeating the text", () => {
  expect(() => hexToBytes("0xabcd", 32)).toThrow(/^not 32 bytes in hexadecimal$/);
  expect(() => hexToBytes("0xabcd", 1)).toThrow(TypeError);
});
