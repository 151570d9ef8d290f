// Ranges: their proofs lead to the root that another implementation builds, for every number of payouts.
import { keccak256, concatHex } from "viem";
import { expect, test } from "vitest";
import { epochRanges, headerOf, rangeStart } from "#payout/ranges.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { verifyProof } from "#protocol/merkle.ts";
import {
  headerLeaf,
  payoutLeaf,
  proofOfBlock,
  rootOf,
  settle,
  topNodes,
  type Settlement,
} from "#test/contracts/support/settlement.ts";

const scope = "films";
const anchor: Hex = `0x${"a1".repeat(20)}`;
const place = { chainId: 31_337n, anchor };

function settlementOver(count: number): Settlement {
  const payments = Array.from({ length: count }, (_, index): { account: Hex; amount: bigint } => ({
    account: `0x${(0xaa0000 + index).toString(16).padStart(40, "0")}`,
    amount: BigInt(1 + index * 7),
  }));
  return settle({ ...place, scope: scopeId(scope), epoch: 3n }, payments);
}

function rangesOf({ header, subRoots, payouts }: Settlement): ReturnType<typeof epochRanges> {
  const stored = {
    ...header,
    epoch: Number(header.epoch),
    itemCount: Number(header.itemCount),
    payoutCount: Number(header.payoutCount),
    payoutTotal: String(header.payoutTotal),
  };
  expect(headerOf(stored)).toEqual(header);
  return epochRanges(place, scope, stored, subRoots, payouts);
}

/** The node above a block of leaves, folded the way the treasury does: pairs sorted, an odd last one promoted. */
function fold(nodes: readonly Hex[]): Hex {
  const [first] = nodes;
  if (nodes.length <= 1 || first === undefined) return first ?? "0x";
  const above: Hex[] = [];
  for (let at = 0; at < nodes.length; at += 2) {
    const [left = "0x", right] = nodes.slice(at, at + 2);
    above.push(right === undefined ? left : keccak256(concatHex(left < right ? [left, right] : [right, left])));
  }
  return fold(above);
}

test("every range of 1 to 600 payouts is aligned, complete, and proven against the root", () => {
  const { payouts: leaves, place: at } = settlementOver(600);
  const hashes = leaves.map((leaf) => payoutLeaf(at, leaf));
  // Accounts and amounts do not depend on the number of payouts, so leaves are hashed once.
  for (let count = 1; count <= 600; count++) {
    const whole = settlementShape(count, leaves, hashes);
    const { root, ranges } = rangesOf(whole);
    expect(root, `${count} payouts`).toBe(whole.root);
    expect(ranges.flatMap((range) => range.leaves)).toEqual(whole.payouts);
    ranges.forEach(({ firstIndex, leaves: block, proof }, position) => {
      expect(firstIndex).toBe(position * 256);
      expect(block.length).toBe(Math.min(256, count - firstIndex));
      const node = fold(hashes.slice(firstIndex, firstIndex + block.length));
      expect(verifyProof(node, proof, root), `${count} payouts, range ${firstIndex}`).toBe(true);
    });
  }
}, 120_000);

/** The settlement over the first `count` leaves; its layers are folded from hashes made before. */
function settlementShape(count: number, leaves: Settlement["payouts"], hashes: readonly Hex[]): Settlement {
  const first = settle({ ...place, scope: scopeId(scope), epoch: 3n }, []);
  const payouts = leaves.slice(0, count);
  const header = {
    ...first.header,
    payoutCount: BigInt(count),
    payoutTotal: payouts.reduce((sum, { amount }) => sum + amount, 0n),
  };
  const subRoots = { ...first.subRoots, payouts: fold(hashes.slice(0, count)) };
  return { ...first, header, subRoots, payouts, root: topOf(header, subRoots) };
}

function topOf(header: Settlement["header"], subRoots: Settlement["subRoots"]): Hex {
  return rootOf(topNodes(headerLeaf({ chainId: place.chainId, anchor }, header), subRoots));
}

test("ranges carry the proofs that another implementation makes", () => {
  for (const count of [1, 2, 3, 255, 256, 257, 384, 511, 512, 513, 600]) {
    const settlement = settlementOver(count);
    const { root, ranges } = rangesOf(settlement);
    expect(root).toBe(settlement.root);
    for (const { firstIndex, leaves, proof } of ranges) {
      const level = Math.ceil(Math.log2(leaves.length));
      expect(proof, `${count} payouts, range ${firstIndex}`).toEqual(proofOfBlock(settlement, firstIndex, level));
    }
  }
});

test("leaves that differ in one amount lead to another root", () => {
  const settlement = settlementOver(5);
  const [first, ...others] = settlement.payouts;
  if (!first) throw new Error("no payouts");
  const altered = rangesOf({ ...settlement, payouts: [{ ...first, amount: first.amount + 1n }, ...others] });
  expect(altered.root).not.toBe(settlement.root);
});

test("a range begins at a multiple of its size", () => {
  expect([0, 1, 255, 256, 257, 511, 512].map(rangeStart)).toEqual([0, 0, 0, 256, 256, 256, 512]);
});
