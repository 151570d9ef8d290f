// Ranges: the aligned blocks of an epoch's payouts that one transaction pays, each with one proof.
import { strict as assert } from "node:assert";
import type { PayoutLeaf } from "#chain/treasury.ts";
import { payoutRangeLimit } from "#protocol/limits.ts";
import { leafTree, scopeId, type LeafContext } from "#protocol/leaves.ts";
import { proofOfNode, rootOf } from "#protocol/merkle.ts";
import { settlementTree, subRootProof, type AnchorPlace, type Header } from "#protocol/settlement-root.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { SettlementHeader, SettlementSubRoots } from "#protocol/schemas/settlement.ts";

/** A block of leaves with the proof of the node above them: the arguments of `payRange`. */
export type Range = {
  readonly firstIndex: number;
  readonly leaves: readonly PayoutLeaf[];
  readonly proof: readonly Hex[];
};

/** The first index of the range that holds an index. */
export function rangeStart(index: number): number {
  return index - (index % payoutRangeLimit);
}

/** An epoch's ranges, its leaves given by index; proofs lead to the settlement's root. */
export type EpochRanges = { readonly root: Hex; readonly ranges: readonly Range[] };

/**
 * Builds every range of a finalized epoch and the root that its leaves lead to. The caller compares that root with the
 * chain's: leaves that lead elsewhere are never paid.
 */
export function epochRanges(
  place: AnchorPlace,
  scope: string,
  header: SettlementHeader,
  subRoots: SettlementSubRoots,
  leaves: readonly PayoutLeaf[],
): EpochRanges {
  assert(leaves.length > 0, "an epoch that pays has leaves");
  const context: LeafContext = { ...place, scopeId: scopeId(scope), epoch: BigInt(header.epoch) };
  const payouts = leafTree("payout", context, leaves);
  const settlement = settlementTree(place, headerOf(header), { ...subRoots, payouts: rootOf(payouts) });
  const upper = subRootProof(settlement, "payout");
  const ranges: Range[] = [];
  for (let firstIndex = 0; firstIndex < leaves.length; firstIndex += payoutRangeLimit) {
    const block = leaves.slice(firstIndex, firstIndex + payoutRangeLimit);
    const level = Math.ceil(Math.log2(block.length));
    const proof = [...proofOfNode(payouts, level, firstIndex / 2 ** level), ...upper];
    ranges.push({ firstIndex, leaves: block, proof });
  }
  return { root: rootOf(settlement), ranges };
}

/** The stored header as the tree takes it. */
export function headerOf(header: SettlementHeader): Header {
  return {
    ...header,
    epoch: BigInt(header.epoch),
    itemCount: BigInt(header.itemCount),
    payoutCount: BigInt(header.payoutCount),
    payoutTotal: BigInt(header.payoutTotal),
  };
}
