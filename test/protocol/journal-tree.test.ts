// The journal's tree against Certificate Transparency's reference vectors, and against the definition in RFC 9162.
import fc from "fast-check";
import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import {
  appendLeaves,
  consistencyProof,
  emptyFrontier,
  frontierRoot,
  inclusionProof,
  journalLeaf,
  nodesOf,
  verifyConsistency,
  verifyInclusion,
} from "#protocol/journal-tree.ts";
import vectors from "#test/vectors/journal-tree.json" with { type: "json" };

const bytesOf = (list: readonly string[]): Uint8Array[] => list.map((hex) => hexToBytes(hex));
const entries = bytesOf(vectors.entries).map(journalLeaf);
const rootOf = (leaves: readonly Uint8Array[]): Uint8Array => frontierRoot(appendLeaves(emptyFrontier, leaves));

test("the roots of the published entries, one after another and all at once", () => {
  expect(bytesToHex(frontierRoot(emptyFrontier))).toBe(vectors.emptyRoot);
  let frontier = emptyFrontier;
  entries.forEach((entry, n) => {
    frontier = appendLeaves(frontier, [entry]);
    expect(bytesToHex(frontierRoot(frontier))).toBe(vectors.roots[n]);
    expect(bytesToHex(rootOf(entries.slice(0, n + 1)))).toBe(vectors.roots[n]);
  });
});

test.each(vectors.inclusion)("inclusion, $name: $valid", ({ leaf, index, size, proof, root, valid }) => {
  expect(verifyInclusion(hexToBytes(leaf), index, size, bytesOf(proof), hexToBytes(root))).toBe(valid);
});

test.each(vectors.consistency)("consistency, $name: $valid", ({ oldSize, size, oldRoot, root, proof, valid }) => {
  expect(verifyConsistency(oldSize, size, hexToBytes(oldRoot), hexToBytes(root), bytesOf(proof))).toBe(valid);
});

test("the proofs made for the published entries are the published ones", () => {
  const read = nodesOf(entries);
  const inclusion = vectors.inclusion.filter(({ name, size }) => name.endsWith("happy-path") && size <= 8);
  const consistency = vectors.consistency.filter(({ name, size }) => name.endsWith("happy-path") && size <= 8);
  expect([inclusion.length, consistency.length]).toEqual([5, 5]);
  for (const { index, size, proof } of inclusion) {
    expect(inclusionProof(read, index, size).map(bytesToHex)).toEqual(proof);
  }
  for (const { oldSize, size, proof } of consistency) {
    expect(consistencyProof(read, oldSize, size).map(bytesToHex)).toEqual(proof);
  }
});

const sha256 = (...parts: Uint8Array[]): Uint8Array =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
/** MTH, written down from RFC 9162 §2.1.1. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return first;
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha256(Uint8Array.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

const leavesOf = (count: number): Uint8Array[] => Array.from({ length: count }, () => randomBytes(32));

test("roots follow the definition however the leaves are cut into batches", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 12 }), (batches) => {
      const leaves = leavesOf(batches.reduce((sum, size) => sum + size, 0));
      let frontier = emptyFrontier;
      let done = 0;
      for (const size of batches) {
        frontier = appendLeaves(frontier, leaves.slice(done, done + size));
        done += size;
        expect(frontier.size).toBe(done);
        expect(bytesToHex(frontierRoot(frontier))).toBe(bytesToHex(treeHash(leaves.slice(0, done))));
      }
    }),
  );
});

test("appending costs one hash for each leaf, whatever the size of the tree", () => {
  const before = appendLeaves(emptyFrontier, leavesOf(1000));
  const completed: string[] = [];
  const after = appendLeaves(before, leavesOf(24), (level, index) => completed.push(`${level}/${index}`));
  expect(after.roots.length).toBe(1);
  expect(completed.filter((node) => node.startsWith("0/")).length).toBe(24);
  // 1000 has six ones in binary and 1024 one: 24 leaves complete 24 + 6 − 1 subtrees above the leaves.
  expect(completed.length).toBe(24 + 24 + 6 - 1);
  expect(new Set(completed).size).toBe(completed.length);
  expect(completed.at(-1)).toBe("10/0");
});

test("every inclusion and consistency proof of trees up to 40 leaves verifies", () => {
  const leaves = leavesOf(40);
  const read = nodesOf(leaves);
  const roots = Array.from({ length: 41 }, (_, size) => rootOf(leaves.slice(0, size)));
  const root = (size: number): Uint8Array => roots[size] ?? new Uint8Array();
  for (let size = 1; size <= 40; size++) {
    for (const [index, leaf] of leaves.slice(0, size).entries()) {
      const proof = inclusionProof(read, index, size);
      expect(verifyInclusion(leaf, index, size, proof, root(size)), `${index} in ${size}`).toBe(true);
    }
    for (let oldSize = 1; oldSize <= size; oldSize++) {
      const proof = consistencyProof(read, oldSize, size);
      expect(verifyConsistency(oldSize, size, root(oldSize), root(size), proof), `${oldSize} in ${size}`).toBe(true);
    }
  }
});

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[(bit >> 3) % copy.length] = (copy[(bit >> 3) % copy.length] ?? 0) ^ (1 << (bit & 7));
  return copy;
};

test("a proof changed in any place, or for another leaf, index, size or root, fails", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 200 }), fc.nat(), fc.nat(), fc.nat(255), (size, one, two, bit) => {
      const leaves = leavesOf(size);
      const [index, oldSize] = [one % size, 1 + (two % (size - 1))];
      const leaf = leaves[index] ?? new Uint8Array();
      const read = nodesOf(leaves);
      const [root, oldRoot] = [rootOf(leaves), rootOf(leaves.slice(0, oldSize))];
      const inclusion = inclusionProof(read, index, size);
      const consistency = consistencyProof(read, oldSize, size);
      expect(verifyInclusion(flipped(leaf, bit), index, size, inclusion, root)).toBe(false);
      expect(verifyInclusion(leaf, index, size, inclusion, flipped(root, bit))).toBe(false);
      expect(verifyInclusion(leaf, (index + 1) % size, size, inclusion, root)).toBe(false);
      expect(verifyInclusion(leaf, index, size, inclusion.slice(1), root)).toBe(false);
      expect(verifyInclusion(leaf, index, size, [...inclusion, root], root)).toBe(false);
      inclusion.forEach((node, n) =>
        expect(verifyInclusion(leaf, index, size, inclusion.with(n, flipped(node, bit)), root)).toBe(false),
      );
      expect(verifyConsistency(oldSize, size, flipped(oldRoot, bit), root, consistency)).toBe(false);
      expect(verifyConsistency(oldSize, size, oldRoot, flipped(root, bit), consistency)).toBe(false);
      expect(verifyConsistency(oldSize, size, oldRoot, root, consistency.slice(1))).toBe(false);
      expect(verifyConsistency(oldSize, size, oldRoot, root, [...consistency, root])).toBe(false);
      consistency.forEach((node, n) =>
        expect(verifyConsistency(oldSize, size, oldRoot, root, consistency.with(n, flipped(node, bit)))).toBe(false),
      );
    }),
  );
});

test("bytes that move from one side of a node to the other are noticed", () => {
  const [left, right] = [randomBytes(32), randomBytes(32)];
  const root = rootOf([left, right]);
  expect(verifyInclusion(left, 0, 2, [right], root)).toBe(true);
  const both = Buffer.concat([left, right]);
  expect(verifyInclusion(both.subarray(0, 31), 0, 2, [both.subarray(31)], root)).toBe(false);
  expect(verifyConsistency(1, 2, both.subarray(0, 31), root, [both.subarray(31)])).toBe(false);
});

test("sizes and places that no tree has are refused", () => {
  const read = nodesOf(entries);
  expect(() => inclusionProof(read, 8, 8)).toThrow();
  expect(() => inclusionProof(read, -1, 8)).toThrow();
  expect(() => inclusionProof(read, 0, 9)).toThrow();
  expect(() => consistencyProof(read, 0, 8)).toThrow();
  expect(() => consistencyProof(read, 5, 4)).toThrow();
  expect(() => appendLeaves(emptyFrontier, [new Uint8Array(31)])).toThrow();
  expect(() => appendLeaves({ size: 3, roots: [] }, entries)).toThrow();
  const [first = new Uint8Array()] = entries;
  for (const [index, size] of [
    [-1, 1],
    [1, 1],
    [0.5, 1],
    [0, NaN],
    [2 ** 60, 2 ** 61],
  ] as const) {
    expect(verifyInclusion(first, index, size, [], first)).toBe(false);
  }
});
