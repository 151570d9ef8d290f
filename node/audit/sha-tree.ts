// The RFC 9162 tree of an epoch's histories, folded as it grows.
import { hash } from "node:crypto";

/** Complete subtrees, largest first: how many leaves each has, and its hash. */
type Peak = { readonly leaves: number; readonly hash: Buffer };

/** A tree that only grows. */
export type ShaTree = { size: number; readonly peaks: Peak[] };

/** Where the two sides of a node are put together; nothing stays in it. */
const pair = Buffer.alloc(65, 1);

export function emptyTree(): ShaTree {
  return { size: 0, peaks: [] };
}

/** The hash of a text as a leaf. */
export function shaLeaf(text: string): Buffer {
  return hash("sha256", `\u0000${text}`, "buffer");
}

function joined(left: Buffer, right: Buffer): Buffer {
  pair.set(left, 1);
  pair.set(right, 33);
  return hash("sha256", pair, "buffer");
}

/** Adds a leaf; equal neighbours merge. */
export function grow(tree: ShaTree, leaf: Buffer): void {
  let peak: Peak = { leaves: 1, hash: leaf };
  for (let left = tree.peaks.at(-1); left?.leaves === peak.leaves; left = tree.peaks.at(-1)) {
    tree.peaks.pop();
    peak = { leaves: left.leaves * 2, hash: joined(left.hash, peak.hash) };
  }
  tree.peaks.push(peak);
  tree.size++;
}

/** The root: peaks joined from the smallest to the largest; of nothing, the hash of nothing. */
export function shaRoot({ peaks }: ShaTree): Buffer {
  let root: Buffer | undefined;
  for (const peak of peaks.toReversed()) root = root === undefined ? peak.hash : joined(peak.hash, root);
  return root ?? hash("sha256", "", "buffer");
}
