// Trees and proofs against merkletreejs and OpenZeppelin's library; whatever is not a proof must fail.
import { randomBytes } from "node:crypto";
import { SimpleMerkleTree } from "@openzeppelin/merkle-tree";
import fc from "fast-check";
import { MerkleTree } from "merkletreejs";
import { keccak256 } from "viem";
import { expect, test } from "vitest";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import {
  buildTree,
  leafCount,
  MAX_LEAVES,
  packedProofs,
  proofOf,
  proofOfNode,
  proofsJson,
  rootOf,
  subtreeNode,
  verifyProof,
} from "#protocol/merkle.ts";
import vectors from "#test/vectors/openzeppelin-tree.json" with { type: "json" };

const leafOf = (leaves: Uint8Array, index: number): Buffer => Buffer.from(leaves.subarray(32 * index, 32 * index + 32));
const reference = (leaves: Uint8Array): MerkleTree =>
  new MerkleTree(
    Array.from({ length: leaves.length / 32 }, (_, index) => leafOf(leaves, index)),
    (data: Buffer) => Buffer.from(keccak256(data, "bytes")),
    { sortPairs: true },
  );
const referenceProof = (tree: MerkleTree, index: number): string[] => tree.getHexProof(tree.getLeaf(index), index);
const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());
const listOf = ({ nodes, starts }: ReturnType<typeof packedProofs>): Hex[][] =>
  Array.from({ length: starts.length - 1 }, (_, n) =>
    Array.from({ length: (starts[n + 1] ?? 0) - (starts[n] ?? 0) }, (_none, step) =>
      bytesToHex(nodes.subarray(32 * ((starts[n] ?? 0) + step), 32 * ((starts[n] ?? 0) + step + 1))),
    ),
  );

test("root and every proof, in every form, are those of merkletreejs for 1 to 300 leaves", () => {
  for (let count = 1; count <= 300; count++) {
    const leaves = randomBytes(32 * count);
    const tree = buildTree(leaves);
    const expected = reference(leaves);
    const proofs = Array.from({ length: count }, (_, index) => referenceProof(expected, index));
    expect(rootOf(tree), `${count} leaves`).toBe(expected.getHexRoot());
    expect(leafCount(tree)).toBe(count);
    expect(
      proofs.map((_, index) => proofOf(tree, index)),
      `${count} leaves`,
    ).toEqual(proofs);
    expect(jsonOf(proofsJson(tree)), `${count} leaves`).toEqual(proofs);
    expect(listOf(packedProofs(tree)), `${count} leaves`).toEqual(proofs);
  }
});

test.each([4095, 4096, 4097, 10_007, 65_537])("root and proofs are those of merkletreejs for %i leaves", (count) => {
  const leaves = randomBytes(32 * count);
  const tree = buildTree(leaves);
  const expected = reference(leaves);
  expect(rootOf(tree)).toBe(expected.getHexRoot());
  const proofs = jsonOf(proofsJson(tree)) as string[][];
  expect(listOf(packedProofs(tree))).toEqual(proofs);
  for (const index of [0, 1, 2, count >> 1, count - 3, count - 2, count - 1]) {
    expect(proofs[index], `leaf ${index}`).toEqual(referenceProof(expected, index));
    expect(expected.verify(proofs[index] ?? [], expected.getLeaf(index), expected.getRoot())).toBe(true);
  }
});

const anyLeaves = fc.integer({ min: 1, max: 600 }).map((count) => randomBytes(32 * count));
const treeAndIndex = anyLeaves.chain((leaves) =>
  fc.record({ leaves: fc.constant(leaves), index: fc.nat(leaves.length / 32 - 1) }),
);

test("proofs of a part are that part of all proofs", () => {
  fc.assert(
    fc.property(treeAndIndex, fc.nat(50), ({ leaves, index }, more) => {
      const tree = buildTree(leaves);
      const to = Math.min(index + more, leafCount(tree));
      const part = Array.from({ length: to - index }, (_, n) => proofOf(tree, index + n));
      expect(Buffer.from(proofsJson(tree, index, to)).toString()).toBe(JSON.stringify(part));
      expect(listOf(packedProofs(tree, index, to))).toEqual(part);
    }),
  );
});

test("SETL-05: every proof verifies here, with merkletreejs and by OpenZeppelin's rule", () => {
  fc.assert(
    fc.property(treeAndIndex, ({ leaves, index }) => {
      const tree = buildTree(leaves);
      const [leaf, proof, root] = [leafOf(leaves, index), proofOf(tree, index), rootOf(tree)];
      expect(verifyProof(bytesToHex(leaf), proof, root)).toBe(true);
      expect(reference(leaves).verify(proof, leaf, root)).toBe(true);
      expect(SimpleMerkleTree.verify(root, bytesToHex(leaf), proof)).toBe(true);
    }),
  );
});

test("another leaf, one flipped bit, one node more or less: no proof, and OpenZeppelin agrees", () => {
  fc.assert(
    fc.property(treeAndIndex, fc.nat(), ({ leaves, index }, bit) => {
      const tree = buildTree(leaves);
      const [leaf, proof, root] = [bytesToHex(leafOf(leaves, index)), proofOf(tree, index), rootOf(tree)];
      const flip = (hex: Hex): Hex => {
        const bytes = hexToBytes(hex);
        bytes[(bit >> 3) % 32] = (bytes[(bit >> 3) % 32] ?? 0) ^ (1 << (bit & 7));
        return bytesToHex(bytes);
      };
      const wrong: [Hex, Hex[], Hex][] = [
        [flip(leaf), proof, root],
        [leaf, proof, flip(root)],
        [leaf, [...proof, leaf], root],
        ...proof.map((node, n): [Hex, Hex[], Hex] => [leaf, proof.with(n, flip(node)), root]),
        ...(proof.length > 0 ? [[leaf, proof.slice(1), root] as [Hex, Hex[], Hex]] : []),
      ];
      for (const [oneLeaf, oneProof, oneRoot] of wrong) {
        expect(verifyProof(oneLeaf, oneProof, oneRoot)).toBe(false);
        expect(SimpleMerkleTree.verify(oneRoot, oneLeaf, oneProof)).toBe(false);
      }
    }),
    { numRuns: 30 },
  );
});

test.each(vectors.cases)("OpenZeppelin's verdict on a proof in a tree of $size: $valid", (one) => {
  expect(verifyProof(one.leaf as Hex, one.proof as Hex[], one.root as Hex)).toBe(one.valid);
});

test("whatever is malformed is no proof, even where its readable part is right", () => {
  const tree = buildTree(randomBytes(64));
  const [leaf, sibling, root] = [subtreeNode(tree, 0, 0), subtreeNode(tree, 0, 1), rootOf(tree)];
  const upper = (hex: Hex): Hex => `0x${hex.slice(2).toUpperCase()}`;
  expect(verifyProof(leaf, [sibling], root)).toBe(true);
  expect(verifyProof(upper(leaf), [upper(sibling)], upper(root))).toBe(true);
  const spoilt = (hex: Hex): Hex[] =>
    ["", "0x", hex.slice(2), `${hex}00`, `${hex.slice(0, -1)}g`, hex.slice(0, -2), `1x${hex.slice(2)}`] as Hex[];
  for (const bad of spoilt(leaf)) expect(verifyProof(bad, [sibling], root)).toBe(false);
  for (const bad of spoilt(sibling)) expect(verifyProof(leaf, [bad], root)).toBe(false);
  for (const bad of spoilt(root)) expect(verifyProof(leaf, [sibling], bad)).toBe(false);
});

test("a proof of more than 64 nodes is refused unread, though each of them is right", () => {
  const nodes = Array.from({ length: 65 }, () => bytesToHex(randomBytes(32)));
  let root = bytesToHex(randomBytes(32));
  const leaf = root;
  for (const [index, node] of nodes.entries()) {
    root = rootOf(buildTree(Buffer.concat([hexToBytes(root), hexToBytes(node)])));
    expect(verifyProof(leaf, nodes.slice(0, index + 1), root)).toBe(index < 64);
  }
});

test("an aligned range's node is the root over its leaves alone, and its proof leads to the root", () => {
  fc.assert(
    fc.property(treeAndIndex, fc.nat(10), ({ leaves, index }, wanted) => {
      const tree = buildTree(leaves);
      const level = Math.min(wanted, tree.levels.length - 1);
      const block = index >> level;
      const range = leaves.subarray(32 * (block << level), 32 * ((block + 1) << level));
      const node = subtreeNode(tree, level, block);
      expect(node).toBe(rootOf(buildTree(range)));
      expect(verifyProof(node, proofOfNode(tree, level, block), rootOf(tree))).toBe(true);
    }),
  );
});

test("the order of leaves matters, unless it only swaps the two of a pair", () => {
  const anyOrder = fc
    .integer({ min: 3, max: 64 })
    .chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count }));
  fc.assert(
    fc.property(anyOrder, (order) => {
      const leaves = randomBytes(32 * order.length);
      const shuffled = Buffer.concat(order.map((index) => leafOf(leaves, index)));
      expect(rootOf(buildTree(shuffled))).toBe(reference(shuffled).getHexRoot());
      const swapped = Buffer.concat([leafOf(leaves, 1), leafOf(leaves, 0), leaves.subarray(64)]);
      expect(rootOf(buildTree(swapped))).toBe(rootOf(buildTree(leaves)));
      const moved = Buffer.concat([leafOf(leaves, 2), leafOf(leaves, 1), leafOf(leaves, 0), leaves.subarray(96)]);
      expect(rootOf(buildTree(moved))).not.toBe(rootOf(buildTree(leaves)));
    }),
  );
});

test("the tree keeps its own copy of the leaves", () => {
  const leaves = randomBytes(64);
  const tree = buildTree(leaves);
  const first = subtreeNode(tree, 0, 0);
  leaves.fill(0);
  expect(subtreeNode(tree, 0, 0)).toBe(first);
});

test("no leaves, too many, half a leaf, and places that the tree does not have are refused", () => {
  expect(() => buildTree(new Uint8Array())).toThrow();
  expect(() => buildTree(new Uint8Array(33))).toThrow();
  expect(() => buildTree(new Uint8Array(32 * (MAX_LEAVES + 1)))).toThrow("2^22");
  const tree = buildTree(randomBytes(32 * 5));
  for (const index of [-1, 5, 0.5, NaN]) expect(() => proofOf(tree, index)).toThrow();
  expect(() => subtreeNode(tree, 3, 1)).toThrow();
  expect(() => subtreeNode(tree, 4, 0)).toThrow();
  expect(() => proofOfNode(tree, -1, 0)).toThrow();
  expect(() => proofsJson(tree, 0, 6)).toThrow();
  expect(() => packedProofs(tree, 3, 2)).toThrow();
});
