// Merkle trees over 32-byte nodes in one flat memory: sorted pairs, last odd node promoted; and their proofs.
import assert from "node:assert";
import type { Hex } from "./hash.ts";
import { keccakPairs } from "./keccak.ts";

const NODE_BYTES = 32;

/**
 * Leaves one tree may have. The tree then takes 256 MiB, and a proof 22 nodes; more payees than that in one epoch
 * could not be paid on a chain anyway.
 */
export const MAX_LEAVES = 2 ** 22;

/** Nodes a proof may have before it is refused unread: far above any tree here, far below what costs time. */
const MAX_PROOF_NODES = 64;

/** A level of a tree: its nodes lie side by side, the first one at node number `start` of the flat memory. */
type Level = { readonly start: number; readonly size: number };

/** A whole tree. Level 0 holds the leaves in their order, the last level the root alone. */
export type Tree = { readonly nodes: Uint8Array; readonly levels: readonly Level[] };

/** Proofs side by side: that of the i-th leaf asked for is the nodes numbered `starts[i]` to `starts[i + 1]`. */
export type PackedProofs = { readonly nodes: Uint8Array; readonly starts: Uint32Array };

/**
 * SETL-05: the tree over leaves in their given order: a parent is keccak256(min ‖ max) of its children, a last node
 * without a partner rises unchanged. What merkletreejs builds with `{ sortPairs: true }`.
 * @param leaves 32 bytes a leaf, 1 to {@link MAX_LEAVES} of them; copied.
 */
export function buildTree(leaves: Uint8Array): Tree {
  const leafCount = leaves.length / NODE_BYTES;
  assert(Number.isInteger(leafCount), "leaves are 32 bytes each");
  assert(leafCount >= 1 && leafCount <= MAX_LEAVES, "a tree has 1 to 2^22 leaves");
  const levels = levelsOf(leafCount);
  const nodes = new Uint8Array(levels.reduce((sum, { size }) => sum + size, 0) * NODE_BYTES);
  nodes.set(leaves);
  for (const { start, size } of levels.slice(0, -1)) {
    const parents = (start + size) * NODE_BYTES;
    const paired = (start + size - (size % 2)) * NODE_BYTES;
    keccakPairs(nodes.subarray(start * NODE_BYTES, paired), nodes, parents);
    if (size % 2 === 1) nodes.copyWithin(parents + ((size - 1) / 2) * NODE_BYTES, paired, parents);
  }
  return { nodes, levels };
}

function levelsOf(leafCount: number): Level[] {
  const levels = [{ start: 0, size: leafCount }];
  for (let size = leafCount, start = 0; size > 1;) {
    start += size;
    size = Math.ceil(size / 2);
    levels.push({ start, size });
  }
  return levels;
}

const level = (tree: Tree, number: number): Level => {
  const found = tree.levels[number];
  assert(found, "the tree has this level");
  return found;
};

/** Number of leaves. */
export function leafCount(tree: Tree): number {
  return level(tree, 0).size;
}

/** The root as text. */
export function rootOf(tree: Tree): Hex {
  return subtreeNode(tree, tree.levels.length - 1, 0);
}

/**
 * The node that stands for the aligned range of leaves from `index · 2^levelNumber` to `(index + 1) · 2^levelNumber`,
 * or to the last leaf if the tree ends before: the root of a tree over these leaves alone.
 */
export function subtreeNode(tree: Tree, levelNumber: number, index: number): Hex {
  const { start, size } = level(tree, levelNumber);
  assert(Number.isInteger(index) && index >= 0 && index < size, "the level has this node");
  return nodeText(bufferOver(tree.nodes), start + index);
}

const bufferOver = ({ buffer, byteOffset, length }: Uint8Array): Buffer => Buffer.from(buffer, byteOffset, length);
const nodeText = (nodes: Buffer, number: number): Hex =>
  `0x${nodes.toString("hex", number * NODE_BYTES, (number + 1) * NODE_BYTES)}`;

/** The proof of a leaf: the siblings from the bottom up. A level where the node has no sibling gives none. */
export function proofOf(tree: Tree, index: number): Hex[] {
  return proofOfNode(tree, 0, index);
}

/** The proof of the node that {@link subtreeNode} gives. */
export function proofOfNode(tree: Tree, levelNumber: number, index: number): Hex[] {
  assert(Number.isInteger(index) && index >= 0 && index < level(tree, levelNumber).size, "the level has this node");
  const nodes = bufferOver(tree.nodes);
  const proof: Hex[] = [];
  let position = index;
  for (const { start, size } of tree.levels.slice(levelNumber)) {
    const sibling = position ^ 1;
    if (sibling < size) proof.push(nodeText(nodes, start + sibling));
    position >>>= 1;
  }
  return proof;
}

/** How {@link writeProofs} writes: how to put node `number` at a position, and how to end the proof of a leaf. */
type ProofWriter = {
  readonly out: Uint8Array;
  readonly nodeBytes: number;
  readonly node: (position: number, number: number) => void;
  /** Takes where the proof's nodes begin and end; gives where the next proof's nodes begin. */
  readonly end: (begin: number, end: number, index: number) => number;
};

/**
 * Writes the proofs of leaves `from` to `to`, the first node at `position`; gives the position after the last. Above
 * the level where a leaf parts from the one before, both have the same proof, which is copied in one piece.
 */
function writeProofs(tree: Tree, from: number, to: number, position: number, writer: ProofWriter): number {
  const { out, nodeBytes } = writer;
  /** Bytes of a proof from each level up, for the leaf written last; and where its nodes ended. */
  const fromLevelUp = tree.levels.map(() => 0).concat(0);
  let previousEnd = position;
  for (let index = from; index < to; index++) {
    const begin = position;
    const parting = index === from ? tree.levels.length : Math.min(32 - Math.clz32(index & -index), tree.levels.length);
    const shared = fromLevelUp[parting] ?? 0;
    for (let number = 0; number < parting; number++) {
      const { start, size } = level(tree, number);
      const sibling = (index >>> number) ^ 1;
      if (sibling >= size) continue;
      writer.node(position, start + sibling);
      position += nodeBytes;
    }
    out.copyWithin(position, previousEnd - shared, previousEnd);
    position += shared;
    for (let number = parting - 1; number >= 0; number--) {
      const exists = ((index >>> number) ^ 1) < level(tree, number).size;
      fromLevelUp[number] = (fromLevelUp[number + 1] ?? 0) + (exists ? nodeBytes : 0);
    }
    previousEnd = position;
    position = writer.end(begin, position, index);
  }
  return position;
}

const checkRange = (tree: Tree, from: number, to: number): void =>
  assert(0 <= from && from <= to && to <= leafCount(tree), "the tree has these leaves");

/**
 * The proofs of leaves `from` (inclusive) to `to` (exclusive), as bytes. Takes up to 32 bytes a level and leaf: a
 * caller with very many leaves asks for a part at a time.
 */
export function packedProofs(tree: Tree, from = 0, to = leafCount(tree)): PackedProofs {
  checkRange(tree, from, to);
  const nodes = new Uint8Array((to - from) * (tree.levels.length - 1) * NODE_BYTES);
  const starts = new Uint32Array(to - from + 1);
  const length = writeProofs(tree, from, to, 0, {
    out: nodes,
    nodeBytes: NODE_BYTES,
    node: (position, number) => {
      const at = number * NODE_BYTES;
      for (let byte = 0; byte < NODE_BYTES; byte++) nodes[position + byte] = tree.nodes[at + byte] ?? 0;
    },
    end: (_begin, end, index) => {
      starts[index - from + 1] = end / NODE_BYTES;
      return end;
    },
  });
  return { nodes: nodes.subarray(0, length), starts };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const digits = Buffer.from("0123456789abcdef");
/** Bytes of `,"0x`, 64 digits, `"`. */
const QUOTED_BYTES = 69;

/**
 * The proofs of leaves `from` (inclusive) to `to` (exclusive) as the bytes of a JSON text: an array with, for each
 * leaf, what {@link proofOf} gives. About 1.2 kB a leaf at 100,000 leaves: a part at a time for very many.
 */
export function proofsJson(tree: Tree, from = 0, to = leafCount(tree)): Uint8Array {
  checkRange(tree, from, to);
  const out = new Uint8Array((to - from) * ((tree.levels.length - 1) * QUOTED_BYTES + 3) + 2);
  out[0] = OPEN;
  const end = writeProofs(tree, from, to, 1, {
    out,
    nodeBytes: QUOTED_BYTES,
    node: (position, number) => writeQuoted(out, position, tree.nodes, number * NODE_BYTES),
    end: (begin, end) => {
      // A proof's first comma becomes its bracket. No later proof copies that node: it is the leaf's own sibling.
      out[begin] = OPEN;
      const close = Math.max(end, begin + 1);
      out[close] = CLOSE;
      out[close + 1] = COMMA;
      return close + 2;
    },
  });
  const last = from === to ? end : end - 1;
  out[last] = CLOSE;
  return out.subarray(0, last + 1);
}

/** Writes a node as `,"0x…"`. */
function writeQuoted(out: Uint8Array, position: number, nodes: Uint8Array, at: number): void {
  out[position] = COMMA;
  out[position + 1] = QUOTE;
  out[position + 2] = 0x30;
  out[position + 3] = 0x78;
  for (let byte = 0; byte < NODE_BYTES; byte++) {
    const value = nodes[at + byte] ?? 0;
    out[position + 4 + 2 * byte] = digits[value >> 4] ?? 0;
    out[position + 5 + 2 * byte] = digits[value & 15] ?? 0;
  }
  out[position + 68] = QUOTE;
}

/**
 * Whether a proof leads from a leaf (or a node) to the root, by the rule of OpenZeppelin's MerkleProof: hash with each
 * sibling in turn, the smaller first. Anything malformed is no proof.
 */
export function verifyProof(leaf: Hex, proof: readonly Hex[], root: Hex): boolean {
  const pair = Buffer.alloc(2 * NODE_BYTES);
  if (proof.length > MAX_PROOF_NODES || !readNode(root, pair, 0) || !readNode(leaf, pair, 0)) return false;
  for (const sibling of proof) {
    if (!readNode(sibling, pair, NODE_BYTES)) return false;
    keccakPairs(pair, pair);
  }
  return nodeText(pair, 0) === root.toLowerCase();
}

/** Reads 32 bytes in hexadecimal; false if the text is anything else. */
function readNode(text: unknown, into: Buffer, at: number): boolean {
  if (typeof text !== "string" || text.length !== 2 + 2 * NODE_BYTES || !text.startsWith("0x")) return false;
  return into.write(text.slice(2), at, NODE_BYTES, "hex") === NODE_BYTES;
}
