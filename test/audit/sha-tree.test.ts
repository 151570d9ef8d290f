// The second way to grow an RFC 9162 tree gives the same roots as the first.
import { expect, test } from "vitest";
import { emptyTree, grow, shaLeaf, shaRoot } from "#audit/sha-tree.ts";
import { appendLeaves, emptyFrontier, frontierRoot, journalLeaf } from "#protocol/journal-tree.ts";

test("roots of every size up to 70 are the same", () => {
  const tree = emptyTree();
  let frontier = emptyFrontier;
  for (let size = 0; size <= 70; size++) {
    expect(shaRoot(tree).equals(frontierRoot(frontier)), `size ${size}`).toBe(true);
    const text = `leaf ${size}`;
    grow(tree, shaLeaf(text));
    frontier = appendLeaves(frontier, [journalLeaf(Buffer.from(text, "utf8"))]);
  }
});
