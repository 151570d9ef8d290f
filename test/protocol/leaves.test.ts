// Leaves against vectors that viem, merkletreejs and OpenZeppelin made, and their separation from one another.
import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import {
  emptyRoot,
  leafDomain,
  leafFields,
  leafHashes,
  leafTree,
  scopeId,
  type LeafContext,
  type LeafKind,
} from "#protocol/leaves.ts";
import { proofOf, proofOfNode, rootOf, subtreeNode } from "#protocol/merkle.ts";
import { candidateOf, contextOf, evidenceOf, payoutOf, resultOf, rewardOf } from "#test/vectors/settlement-items.ts";
import openzeppelin from "#test/vectors/openzeppelin-tree.json" with { type: "json" };
import vectors from "#test/vectors/settlement-tree.json" with { type: "json" };

const kinds = Object.keys(leafFields) as LeafKind[];
const context = contextOf(vectors.epoch);
const leaves = (hashes: Uint8Array): Hex[] =>
  Array.from({ length: hashes.length / 32 }, (_, n) => bytesToHex(hashes.subarray(32 * n, 32 * n + 32)));
const published = (items: readonly { readonly leaf: string }[]): string[] => items.map(({ leaf }) => leaf);

test("a scope's id is the keccak256 of its name", () => {
  expect(scopeId(vectors.scopeName)).toBe(vectors.scopeId);
});

test.each(kinds)("domain and empty root of %s", (kind) => {
  expect(leafDomain(kind, context)).toBe(vectors.domains[kind]);
  expect(emptyRoot(kind, context)).toBe(vectors.emptyRoots[kind]);
  if (kind !== "header") expect(rootOf(leafTree(kind, context, []))).toBe(vectors.emptyRoots[kind]);
});

test("leaves of every kind", () => {
  const { result, evidence, reward, payout, candidate } = vectors.items;
  expect(leaves(leafHashes("result", context, result.map(resultOf)))).toEqual(published(result));
  expect(leaves(leafHashes("evidence", context, evidence.map(evidenceOf)))).toEqual(published(evidence));
  expect(leaves(leafHashes("reward", context, reward.map(rewardOf)))).toEqual(published(reward));
  expect(leaves(leafHashes("payout", context, payout.map(payoutOf)))).toEqual(published(payout));
  expect(leaves(leafHashes("candidate", context, candidate.map(candidateOf)))).toEqual(published(candidate));
});

test.each(vectors.payoutTrees)("the sub-tree of $count payouts, its proofs and its aligned ranges", (expected) => {
  const tree = leafTree("payout", context, vectors.items.payout.slice(0, expected.count).map(payoutOf));
  expect(rootOf(tree)).toBe(expected.root);
  for (const { index, leaf, proof } of expected.proofs) {
    expect(subtreeNode(tree, 0, index)).toBe(leaf);
    expect(proofOf(tree, index)).toEqual(proof);
  }
  for (const { level, index, node, proof } of expected.ranges) {
    expect(subtreeNode(tree, level, index)).toBe(node);
    expect(proofOfNode(tree, level, index)).toEqual(proof);
  }
});

test("a payout leaf is what OpenZeppelin's StandardMerkleTree makes of the domain and the fields", () => {
  const payouts = vectors.items.payout.slice(0, openzeppelin.standard.leaves.length).map(payoutOf);
  expect(leaves(leafHashes("payout", context, payouts))).toEqual(openzeppelin.standard.leaves);
});

test("leaves do not depend on how many are encoded together", () => {
  const items = Array.from({ length: 2500 }, (_, n) => ({
    index: BigInt(n),
    account: `0x${n.toString(16).padStart(40, "0")}` as const,
    amount: BigInt(n) ** 6n,
  }));
  const together = leaves(leafHashes("payout", context, items));
  for (const n of [0, 1, 1023, 1024, 1025, 2047, 2048, 2499]) {
    expect(leaves(leafHashes("payout", context, items.slice(n, n + 1)))).toEqual([together[n]]);
  }
});

test("SETL-05: a leaf of one kind, chain, contract, scope or epoch is no leaf of another", () => {
  const word = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
  const contexts: LeafContext[] = [
    context,
    { ...context, chainId: context.chainId + 1n },
    { ...context, anchor: `0x${"1".repeat(40)}` },
    { ...context, scopeId: word(1) },
    { ...context, epoch: context.epoch + 1n },
  ];
  const evidence = { taskId: word(2), evidenceHash: word(3) };
  const candidate = { candidateId: word(2), contentHash: word(3) };
  const all = contexts.flatMap((one) => [
    ...leaves(leafHashes("evidence", one, [evidence])),
    ...leaves(leafHashes("candidate", one, [candidate])),
    ...kinds.map((kind) => emptyRoot(kind, one)),
  ]);
  expect(new Set(all).size).toBe(all.length);
});

test("amounts over the whole range of 256 bits are told apart", () => {
  const item = (amount: bigint) => ({ index: 0n, account: context.anchor, amount });
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.nat(255), (amount, bit) => {
      const [one, other] = leaves(leafHashes("payout", context, [item(amount), item(amount ^ (1n << BigInt(bit)))]));
      expect(one).not.toBe(other);
    }),
  );
});

test("fields that do not fit their type, or are missing, are refused", () => {
  const item = { index: 0n, account: context.anchor, amount: 1n };
  const bad: unknown[] = [
    { ...item, amount: -1n },
    { ...item, amount: 2n ** 256n },
    { ...item, amount: "1" },
    { ...item, amount: 1.5 },
    { ...item, amount: 2 ** 53 },
    { ...item, account: `${context.anchor}00` },
    { ...item, account: context.anchor.slice(0, -2) },
    { ...item, account: context.scopeId },
    { ...item, account: `${context.anchor.slice(0, -1)}g` },
    { index: 0n, amount: 1n },
  ];
  for (const one of bad) expect(() => leafHashes("payout", context, [one as typeof item])).toThrow();
  expect(() => leafDomain("payout", { ...context, epoch: 2n ** 64n })).toThrow(RangeError);
});
