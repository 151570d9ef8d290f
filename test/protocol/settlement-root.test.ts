// SettlementRoots and whole proofs against vectors made by viem and merkletreejs.
import { SimpleMerkleTree } from "@openzeppelin/merkle-tree";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { leafTree } from "#protocol/leaves.ts";
import { rootOf, subtreeNode, verifyProof } from "#protocol/merkle.ts";
import {
  proofToRoot,
  settlementRoot,
  settlementTree,
  subRootProof,
  type Header,
  type SubRoots,
} from "#protocol/settlement-root.ts";
import {
  candidateOf,
  contextOf,
  evidenceOf,
  headerOf,
  journalOf,
  payoutOf,
  place,
  resultOf,
  rewardOf,
  subRootsOf,
} from "#test/vectors/settlement-items.ts";
import vectors from "#test/vectors/settlement-tree.json" with { type: "json" };

const { items, settlements } = vectors;

/** The sub-trees of a settlement of the vectors, rebuilt from its items. */
function subTreesOf(settlement: (typeof settlements)[number]) {
  const context = contextOf(settlement.header.epoch);
  const payouts = items.payout.slice(0, Number(settlement.header.payoutCount)).map(payoutOf);
  const all = <T>(list: readonly T[]): readonly T[] => (payouts.length === 0 ? [] : list);
  return {
    result: leafTree("result", context, all(items.result.map(resultOf))),
    evidence: leafTree("evidence", context, all(items.evidence.map(evidenceOf))),
    reward: leafTree("reward", context, all(items.reward.map(rewardOf))),
    payout: leafTree("payout", context, payouts),
    candidate: leafTree("candidate", context, all(items.candidate.map(candidateOf))),
    journal: leafTree("journal", context, [journalOf(settlement)]),
  };
}

test.each(settlements)("$name: sub-roots, header leaf, SettlementRoot and whole proofs", (settlement) => {
  const subTrees = subTreesOf(settlement);
  const subRoots = {
    results: rootOf(subTrees.result),
    evidence: rootOf(subTrees.evidence),
    rewards: rootOf(subTrees.reward),
    payouts: rootOf(subTrees.payout),
    candidates: rootOf(subTrees.candidate),
    journal: rootOf(subTrees.journal),
  };
  expect(subRoots).toEqual(settlement.subRoots);
  const tree = settlementTree(place, headerOf(settlement), subRoots);
  expect(subtreeNode(tree, 0, 0)).toBe(settlement.headerLeaf);
  expect(settlementRoot(place, headerOf(settlement), subRoots)).toBe(settlement.root);
  for (const { kind, index, leaf, proof } of settlement.proofs) {
    const ours =
      kind === "header"
        ? subRootProof(tree, "header")
        : proofToRoot(tree, kind as keyof typeof subTrees, subTrees[kind as keyof typeof subTrees], index);
    expect(ours).toEqual(proof);
    expect(verifyProof(leaf as Hex, ours, settlement.root as Hex)).toBe(true);
    expect(SimpleMerkleTree.verify(settlement.root, leaf, ours)).toBe(true);
  }
});

test("SETL-08: each root of the vectors names the one before it", () => {
  const previous = settlements.map(({ header }) => header.previousRoot);
  expect(previous).toEqual([`0x${"0".repeat(64)}`, ...settlements.slice(0, -1).map(({ root }) => root)]);
});

const word = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes): Hex => `0x${Buffer.from(bytes).toString("hex")}`);
const unsigned = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const anyHeader: fc.Arbitrary<Header> = fc.record({
  scope: word,
  epoch: unsigned(64),
  revision: fc.nat(2 ** 32 - 1),
  previousRoot: word,
  ruleset: word,
  archive: word,
  itemCount: unsigned(64),
  payoutCount: unsigned(64),
  payoutTotal: unsigned(128),
});
const anySubRoots: fc.Arbitrary<SubRoots> = fc.record({
  results: word,
  evidence: word,
  rewards: word,
  payouts: word,
  candidates: word,
  journal: word,
});

test("SETL-04: the root changes with every field of the header, every sub-root, the chain and the contract", () => {
  fc.assert(
    fc.property(anyHeader, anyHeader, anySubRoots, anySubRoots, (header, otherHeader, subRoots, otherSubRoots) => {
      const roots = [
        settlementRoot(place, header, subRoots),
        settlementRoot({ ...place, chainId: place.chainId + 1n }, header, subRoots),
        settlementRoot({ ...place, anchor: `0x${"2".repeat(40)}` }, header, subRoots),
        ...(Object.keys(header) as (keyof Header)[])
          .filter((key) => header[key] !== otherHeader[key])
          .map((key) => settlementRoot(place, { ...header, [key]: otherHeader[key] }, subRoots)),
        ...(Object.keys(subRoots) as (keyof SubRoots)[])
          .filter((key) => subRoots[key] !== otherSubRoots[key])
          .map((key) => settlementRoot(place, header, { ...subRoots, [key]: otherSubRoots[key] })),
      ];
      expect(new Set(roots).size).toBe(roots.length);
    }),
  );
});

test("a proof of one kind does not hold for the item of another kind at the same place", () => {
  const [settlement] = settlements.slice(-1);
  const leaves = new Map(settlement?.proofs.filter(({ index }) => index === 0).map((proof) => [proof.kind, proof]));
  expect(leaves.size).toBe(7);
  for (const [kind, { proof }] of leaves) {
    for (const [otherKind, { leaf }] of leaves) {
      expect(verifyProof(leaf as Hex, proof as Hex[], settlement?.root as Hex)).toBe(kind === otherKind);
    }
  }
});

test("a header or sub-root out of its type's range is refused", () => {
  const [settlement] = settlements;
  if (settlement === undefined) throw new Error("no vectors");
  const [header, subRoots] = [headerOf(settlement), subRootsOf(settlement)];
  expect(() => settlementRoot(place, { ...header, revision: 2 ** 32 }, subRoots)).toThrow(RangeError);
  expect(() => settlementRoot(place, { ...header, payoutTotal: 2n ** 128n }, subRoots)).toThrow(RangeError);
  expect(() => settlementRoot(place, { ...header, itemCount: -1n }, subRoots)).toThrow(RangeError);
  expect(() => settlementRoot(place, header, { ...subRoots, journal: "0x00" })).toThrow(TypeError);
});
