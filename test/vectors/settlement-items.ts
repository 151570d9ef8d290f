// Reads the items of settlement-tree.json, where numbers are text, as the product's own types.
import type { Hex } from "#protocol/hash.ts";
import type { LeafContext, LeafItem } from "#protocol/leaves.ts";
import type { Header, SubRoots } from "#protocol/settlement-root.ts";
import vectors from "./settlement-tree.json" with { type: "json" };

const { items, settlements } = vectors;

export const place = { chainId: BigInt(vectors.place.chainId), anchor: vectors.place.anchor as Hex };

export function contextOf(epoch: string): LeafContext {
  return { ...place, scopeId: vectors.scopeId as Hex, epoch: BigInt(epoch) };
}

export function resultOf(item: (typeof items.result)[number]): LeafItem<"result"> {
  return {
    taskId: item.taskId as Hex,
    resultCommitment: item.resultCommitment as Hex,
    bundleId: item.bundleId as Hex,
    decisionId: item.decisionId as Hex,
  };
}

export function evidenceOf(item: (typeof items.evidence)[number]): LeafItem<"evidence"> {
  return { taskId: item.taskId as Hex, evidenceHash: item.evidenceHash as Hex };
}

export function rewardOf(item: (typeof items.reward)[number]): LeafItem<"reward"> {
  return {
    rewardId: item.rewardId as Hex,
    account: item.account as Hex,
    amount: BigInt(item.amount),
    recordHash: item.recordHash as Hex,
  };
}

export function payoutOf(item: (typeof items.payout)[number]): LeafItem<"payout"> {
  return { index: BigInt(item.index), account: item.account as Hex, amount: BigInt(item.amount) };
}

export function candidateOf(item: (typeof items.candidate)[number]): LeafItem<"candidate"> {
  return { candidateId: item.candidateId as Hex, contentHash: item.contentHash as Hex };
}

export function journalOf({ journal }: (typeof settlements)[number]): LeafItem<"journal"> {
  return { treeSize: BigInt(journal.treeSize), journalRoot: journal.journalRoot as Hex };
}

export function headerOf({ header }: (typeof settlements)[number]): Header {
  return {
    scope: header.scope as Hex,
    epoch: BigInt(header.epoch),
    revision: header.revision,
    previousRoot: header.previousRoot as Hex,
    ruleset: header.ruleset as Hex,
    archive: header.archive as Hex,
    itemCount: BigInt(header.itemCount),
    payoutCount: BigInt(header.payoutCount),
    payoutTotal: BigInt(header.payoutTotal),
  };
}

export function subRootsOf({ subRoots }: (typeof settlements)[number]): SubRoots {
  return {
    results: subRoots.results as Hex,
    evidence: subRoots.evidence as Hex,
    rewards: subRoots.rewards as Hex,
    payouts: subRoots.payouts as Hex,
    candidates: subRoots.candidates as Hex,
    journal: subRoots.journal as Hex,
  };
}
