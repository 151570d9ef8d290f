// The journal's tree: RFC 9162 Merkle tree hashes over SHA-256, grown by appending, with inclusion and consistency proofs.
import assert from "node:assert";
import { sha256 } from "./hash.ts";

/**
 * A tree as far as it is needed to append to it: the roots of the complete subtrees that its size breaks down into,
 * largest (leftmost) first, one for each 1 in the binary form of `size`.
 */
export type Frontier = { readonly size: number; readonly roots: readonly Uint8Array[] };

/** Gives the hash of the complete subtree over leaves from `index · 2^level` to `(index + 1) · 2^level`. */
export type NodeReader = (level: number, index: number) => Uint8Array;

export const emptyFrontier: Frontier = { size: 0, roots: [] };

/** The hash of an entry, bytes or the text whose UTF-8 they are: SHA-256(0x00 ‖ entry). */
export function journalLeaf(entry: Uint8Array | string): Uint8Array {
  return sha256(typeof entry === "string" ? `\0${entry}` : Buffer.concat([Uint8Array.of(0x00), entry]));
}

/** Where the two sides of a node are put together; nothing stays in it. */
const pair = Buffer.alloc(65, 0x01);

/** The hash of two subtrees: SHA-256(0x01 ‖ left ‖ right). */
function parent(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1);
  pair.set(right, 33);
  return sha256(pair);
}

/**
 * Appends leaves in order; costs as many hashes as there are leaves, whatever the size of the tree.
 * @param completed is told each complete subtree as it comes to be, leaves (level 0) among them: what a
 * {@link NodeReader} gives back later.
 */
export function appendLeaves(
  frontier: Frontier,
  leaves: Iterable<Uint8Array>,
  completed: (level: number, index: number, hash: Uint8Array) => void = () => {},
): Frontier {
  const roots = [...frontier.roots];
  let { size } = frontier;
  for (const leaf of leaves) {
    assert(leaf.length === 32, "a leaf is a hash");
    let hash = leaf;
    let index = size;
    completed(0, index, hash);
    for (let level = 1; index % 2 === 1; level++) {
      const left = roots.pop();
      assert(left, "a frontier has one root for each 1 in its size");
      hash = parent(left, hash);
      index = (index - 1) / 2;
      completed(level, index, hash);
    }
    roots.push(hash);
    size++;
    assert(Number.isSafeInteger(size));
  }
  return { size, roots };
}

/** The tree hash MTH (RFC 9162 §2.1.1); of no leaves, SHA-256 of nothing. */
export function frontierRoot({ roots }: Frontier): Uint8Array {
  return roots.length === 0 ? sha256("") : roots.reduceRight((right, left) => parent(left, right));
}

/** Reads nodes from leaves held in memory, hashing all complete subtrees once. */
export function nodesOf(leaves: Iterable<Uint8Array>): NodeReader {
  const nodes = new Map<string, Uint8Array>();
  appendLeaves(emptyFrontier, leaves, (level, index, hash) => nodes.set(`${level}/${index}`, hash));
  return (level, index) => {
    const node = nodes.get(`${level}/${index}`);
    assert(node, "the subtree is complete");
    return node;
  };
}

/** The largest power of two below `size` (at least 2): where RFC 9162 splits a tree. */
function split(size: number): number {
  let half = 1;
  while (half * 2 < size) half *= 2;
  return half;
}

/** The hash of leaves `begin` to `end`, a range that the splits of a tree lead to; its left parts are complete. */
function rangeHash(read: NodeReader, begin: number, end: number): Uint8Array {
  const size = end - begin;
  if (size === 1) return read(0, begin);
  const half = split(size);
  if (half * 2 === size) return read(Math.log2(size), begin / size);
  return parent(rangeHash(read, begin, begin + half), rangeHash(read, begin + half, end));
}

/**
 * The proof that leaf `index` is in the tree of the first `size` leaves: PATH of RFC 9162 §2.1.3.1, bottom up.
 * @param read knows the complete subtrees of at least those leaves.
 */
export function inclusionProof(read: NodeReader, index: number, size: number): Uint8Array[] {
  assert(Number.isSafeInteger(size) && Number.isInteger(index) && index >= 0 && index < size, "the tree has this leaf");
  const path = (begin: number, end: number): Uint8Array[] => {
    if (end - begin === 1) return [];
    const middle = begin + split(end - begin);
    return index < middle
      ? [...path(begin, middle), rangeHash(read, middle, end)]
      : [...path(middle, end), rangeHash(read, begin, middle)];
  };
  return path(0, size);
}

/**
 * The proof that the tree of the first `oldSize` leaves is a beginning of that of the first `size`: PROOF of RFC 9162
 * §2.1.4.1.
 * @param read knows the complete subtrees of at least the first `size` leaves.
 */
export function consistencyProof(read: NodeReader, oldSize: number, size: number): Uint8Array[] {
  assert(Number.isSafeInteger(size) && Number.isInteger(oldSize) && oldSize >= 1 && oldSize <= size, "sizes grow");
  const subproof = (begin: number, end: number, whole: boolean): Uint8Array[] => {
    if (end === oldSize) return whole ? [] : [rangeHash(read, begin, end)];
    const middle = begin + split(end - begin);
    return oldSize <= middle
      ? [...subproof(begin, middle, whole), rangeHash(read, middle, end)]
      : [...subproof(middle, end, false), rangeHash(read, begin, middle)];
  };
  return subproof(0, size, true);
}

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
/** Whether all are hashes. With other lengths, bytes could move from one side of a node to the other unnoticed. */
const areHashes = (values: readonly Uint8Array[]): boolean => values.every(({ length }) => length === 32);
const equal = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0;

/** Whether a proof shows the leaf at `index` of the tree with this size and root (RFC 9162 §2.1.3.2). */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, ...proof])) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = parent(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = parent(hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(hash, root);
}

/**
 * Whether a proof shows that the tree with `oldSize` and `oldRoot` is a beginning of that with `size` and `root`
 * (RFC 9162 §2.1.4.2). Of an empty tree nothing can be shown.
 */
export function verifyConsistency(
  oldSize: number,
  size: number,
  oldRoot: Uint8Array,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!isSize(oldSize) || !isSize(size) || oldSize === 0 || oldSize > size) return false;
  if (oldSize === size) return proof.length === 0 && equal(oldRoot, root);
  if (!areHashes([oldRoot, ...proof])) return false;
  let node = oldSize - 1;
  let last = size - 1;
  while (node % 2 === 1) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  // A complete old tree is its own first node, and the proof leaves it out.
  const [first, ...rest] = node === 0 ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let oldHash = first;
  let hash = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldHash = parent(sibling, oldHash);
      hash = parent(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = parent(hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(oldHash, oldRoot) && equal(hash, root);
}
