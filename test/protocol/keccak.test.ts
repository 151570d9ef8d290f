// Keccak-256 in WebAssembly against another implementation, at every length and batch size where it could go wrong.
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { keccak256 as viemKeccak } from "viem";
import { keccak256, keccakHex, keccakMessages, keccakPairs, keccakText } from "#protocol/keccak.ts";

const expected = (message: Uint8Array): string => Buffer.from(viemKeccak(message, "bytes")).toString("hex");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the published digests of nothing and of abc", () => {
  expect(keccakHex(new Uint8Array())).toBe("0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  expect(text(keccakText("abc"))).toBe("4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
});

test("every length up to five blocks", () => {
  const bytes = randomBytes(5 * 136 + 1);
  for (let length = 0; length <= bytes.length; length++) {
    expect(text(keccak256(bytes.subarray(0, length))), `${length} bytes`).toBe(expected(bytes.subarray(0, length)));
  }
});

test("messages larger than the program's memory, around its edges and those of a block", () => {
  const input = 174_080;
  const bytes = randomBytes(2 * input + 200);
  for (const length of [input - 1, input, input + 1, input + 135, input + 136, input + 137, 2 * input, bytes.length]) {
    expect(text(keccak256(bytes.subarray(0, length))), `${length} bytes`).toBe(expected(bytes.subarray(0, length)));
  }
});

test("any message, and its text", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), (message) => {
      expect(keccakHex(message)).toBe(`0x${expected(message)}`);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (message) => {
      expect(text(keccakText(message))).toBe(expected(Buffer.from(message)));
    }),
  );
});

test.each([1, 7, 8, 31, 32, 64, 128, 135, 136, 137, 160, 256, 272, 273])("batches of messages of %i bytes", (size) => {
  for (const count of [0, 1, 2, 3, 4, 5, 17, 64]) {
    const messages = randomBytes(size * count);
    const digests = new Uint8Array(32 * count + 8).fill(0xee);
    keccakMessages(messages, size, digests, 4);
    for (let n = 0; n < count; n++) {
      expect(text(digests.subarray(4 + 32 * n, 36 + 32 * n))).toBe(
        expected(messages.subarray(n * size, (n + 1) * size)),
      );
    }
    expect(text(digests.subarray(0, 4)) + text(digests.subarray(4 + 32 * count))).toBe("ee".repeat(8));
  }
});

test("batches that fill the program's memory more than once, also in place", () => {
  const messages = randomBytes(32 * 6001);
  const digests = new Uint8Array(messages.length);
  keccakMessages(messages, 32, digests);
  for (const n of [0, 1, 2719, 2720, 2721, 5439, 5440, 5441, 5999, 6000]) {
    expect(text(digests.subarray(32 * n, 32 * n + 32))).toBe(expected(messages.subarray(32 * n, 32 * n + 32)));
  }
  keccakMessages(messages, 32, messages);
  expect(Buffer.compare(messages, digests)).toBe(0);
});

test("messages too large for a batch are hashed one by one", () => {
  const messages = randomBytes(2 * 180_000);
  const digests = new Uint8Array(64);
  keccakMessages(messages, 180_000, digests);
  expect(text(digests.subarray(32))).toBe(expected(messages.subarray(180_000)));
});

test("a message that does not divide the memory, or room that is too small, is refused", () => {
  expect(() => keccakMessages(new Uint8Array(65), 32, new Uint8Array(96))).toThrow();
  expect(() => keccakMessages(new Uint8Array(64), 32, new Uint8Array(63))).toThrow();
  expect(() => keccakMessages(new Uint8Array(64), 0, new Uint8Array(64))).toThrow();
  expect(() => keccakPairs(new Uint8Array(96), new Uint8Array(64))).toThrow();
  expect(() => keccakPairs(new Uint8Array(128), new Uint8Array(64), 1)).toThrow();
});

const parentOf = (left: Uint8Array, right: Uint8Array): string =>
  expected(Buffer.concat(Buffer.compare(left, right) <= 0 ? [left, right] : [right, left]));

test("pairs: the smaller node first, whatever byte the two differ in", () => {
  for (let byte = 0; byte < 32; byte++) {
    for (const bit of [0, 3, 7]) {
      const left = randomBytes(32);
      const right = Buffer.from(left);
      right[byte] = (right[byte] ?? 0) ^ (1 << bit);
      const parents = new Uint8Array(64);
      keccakPairs(Buffer.concat([left, right, right, left]), parents);
      expect(text(parents.subarray(0, 32)), `byte ${byte}, bit ${bit}`).toBe(parentOf(left, right));
      expect(text(parents.subarray(32))).toBe(parentOf(left, right));
    }
  }
});

test("pairs of equal nodes, and batches of every small size and beyond the program's memory", () => {
  const same = randomBytes(32);
  const one = new Uint8Array(32);
  keccakPairs(Buffer.concat([same, same]), one);
  expect(text(one)).toBe(parentOf(same, same));
  for (const count of [0, 1, 2, 3, 4, 5, 63, 64, 2719, 2720, 2721]) {
    const nodes = randomBytes(64 * count);
    const parents = new Uint8Array(32 * count + 1).fill(0xee);
    keccakPairs(nodes, parents);
    for (const n of new Set([0, 1, 2, 3, 4, 61, 62, count - 2, count - 1].filter((n) => n >= 0 && n < count))) {
      expect(text(parents.subarray(32 * n, 32 * n + 32)), `${n} of ${count}`).toBe(
        parentOf(nodes.subarray(64 * n, 64 * n + 32), nodes.subarray(64 * n + 32, 64 * n + 64)),
      );
    }
    expect(parents[32 * count]).toBe(0xee);
  }
});

test("calls leave nothing behind for the next: any order of them gives the same digests", () => {
  const call = fc.oneof(
    fc.record({ kind: fc.constant("one"), size: fc.nat(400) }),
    fc.record({ kind: fc.constant("messages"), size: fc.integer({ min: 1, max: 300 }) }),
    fc.record({ kind: fc.constant("pairs"), size: fc.constant(64) }),
  );
  fc.assert(
    fc.property(fc.array(call, { maxLength: 8 }), (calls) => {
      for (const { kind, size } of calls) {
        const message = randomBytes(size);
        const digest = new Uint8Array(32);
        if (kind === "pairs") keccakPairs(message, digest);
        else if (kind === "messages") keccakMessages(message, size, digest);
        else digest.set(keccak256(message));
        expect(text(digest)).toBe(
          kind === "pairs" ? parentOf(message.subarray(0, 32), message.subarray(32)) : expected(message),
        );
      }
    }),
  );
});
