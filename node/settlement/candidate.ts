// Builds a candidate from settled items: leaves, trees, rewards, manifest, header and the SettlementRoot. Pure.
import assert from "node:assert/strict";
import { aggregate } from "#protocol/aggregation.ts";
import { canonicalBytes } from "#protocol/canonical.ts";
import { bytesToHex, contentId, hexToBytes, sha256Hex } from "#protocol/hash.ts";
import { appendLeaves, emptyFrontier, frontierRoot, journalLeaf, type Frontier } from "#protocol/journal-tree.ts";
import {
  emptyRoot,
  leafHashes,
  leafTree,
  scopeId,
  type LeafContext,
  type LeafItem,
  type LeafKind,
} from "#protocol/leaves.ts";
import { buildTree, rootOf, type Tree } from "#protocol/merkle.ts";
import { rulesetId, type VersionSet } from "#protocol/parameters.ts";
import { adjustmentRecords } from "#protocol/adjustments.ts";
import { meter, openMetered, payoutInstructions, rewardRecords, type Metered } from "#protocol/rewards.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type {
  AdjustmentRecord,
  ArchiveManifest,
  OutstandingPenalty,
  PayoutInstruction,
  RewardRecord,
  SettlementHeader,
  SettlementSubRoots,
} from "#protocol/schemas/settlement.ts";
import { settlementRoot, type AnchorPlace, type Header } from "#protocol/settlement-root.ts";
import type { Deferral } from "#storage/epoch-closing.ts";
import type { SettledItem } from "./settled-item.ts";

/** A candidate as far as its items were added: what is kept of each is its leaves and what it brings in. */
export type Draft = {
  readonly place: AnchorPlace;
  readonly scope: string;
  readonly epoch: number;
  readonly taskIds: Hex[];
  readonly results: Uint8Array[];
  readonly evidence: Uint8Array[];
  readonly metered: Metered;
  journal: Frontier;
};

/** What a candidate says besides its items. */
export type CandidateTerms = {
  readonly revision: number;
  readonly previousRoot: Hex;
  readonly versions: VersionSet;
  /** Shares out the pot. */
  readonly policy: Policy;
  /** That of the highest semantic version: candidates for attributes are held against it. */
  readonly registry: Registry;
  readonly parts: ArchiveManifest["parts"];
  readonly documents: ArchiveManifest["documents"];
  /** Ascending by task. */
  readonly excluded: readonly Deferral[];
  /** What the epoch froze, ascending by penalty. */
  readonly penalties: readonly OutstandingPenalty[];
  readonly aggregation: ArchiveManifest["aggregation"];
};

/** A built candidate. */
export type Candidate = {
  readonly manifest: ArchiveManifest;
  /** Its canonical bytes; their SHA-256 is the header's `archive`. */
  readonly manifestBytes: Uint8Array;
  readonly header: SettlementHeader;
  readonly subRoots: SettlementSubRoots;
  readonly root: Hex;
  readonly pot: bigint;
  readonly taskIds: readonly Hex[];
  readonly rewards: readonly RewardRecord[];
  readonly adjustments: readonly AdjustmentRecord[];
  readonly payouts: readonly PayoutInstruction[];
  /** Ascending by candidate id. */
  readonly localCandidates: readonly LocalAttributeCandidate[];
};

/** What precedes the first epoch of a scope. */
export const noRoot: Hex = `0x${"00".repeat(32)}`;

/** Where the leaves of an epoch count. */
export function leafContextOf(place: AnchorPlace, scope: string, epoch: number): LeafContext {
  return { ...place, scopeId: scopeId(scope), epoch: BigInt(epoch) };
}

/** A candidate without items yet. */
export function openDraft(place: AnchorPlace, scope: string, epoch: number): Draft {
  const none = { taskIds: [], results: [], evidence: [], metered: openMetered() };
  return { place, scope, epoch, ...none, journal: emptyFrontier };
}

/** Adds items, whose ids continue the ascending order. */
export function addItems(draft: Draft, items: readonly SettledItem[]): void {
  if (items.length === 0) return;
  const context = leafContextOf(draft.place, draft.scope, draft.epoch);
  for (const { taskId, contribution, history } of items) {
    assert(taskId > (draft.taskIds.at(-1) ?? ""), "items come in the order of their ids");
    draft.taskIds.push(taskId);
    meter(draft.metered, contribution);
    draft.journal = appendLeaves(draft.journal, history.map(journalLeaf));
  }
  draft.results.push(
    leafHashes(
      "result",
      context,
      items.map(({ result }) => result),
    ),
  );
  draft.evidence.push(
    leafHashes(
      "evidence",
      context,
      items.flatMap(({ evidence }) => evidence),
    ),
  );
}

/** The tree over leaves that were hashed in pieces. */
function treeOver(kind: LeafKind, context: LeafContext, pieces: readonly Uint8Array[]): Tree {
  return buildTree(pieces.length === 0 ? hexToBytes(emptyRoot(kind, context)) : Buffer.concat(pieces));
}

/** The fields of a reward record's leaf. */
export function rewardLeafItem(record: RewardRecord): LeafItem<"reward"> {
  const { rewardId, account, amount } = record;
  return { rewardId, account, amount: BigInt(amount), recordHash: contentId("scs.reward-record", record) };
}

/** The fields of an adjustment's leaf, which stands among the rewards: who pays, and how much. */
export function adjustmentLeafItem(record: AdjustmentRecord): LeafItem<"reward"> {
  const { adjustmentId, account, amount } = record;
  const recordHash = contentId("scs.adjustment-record", record);
  return { rewardId: adjustmentId, account, amount: BigInt(amount), recordHash };
}

/** The fields of the leaf of a candidate for an attribute. */
export function candidateLeafItem(candidate: LocalAttributeCandidate): LeafItem<"candidate"> {
  const { candidateId } = candidate;
  return { candidateId, contentHash: contentId("scs.local-candidate-content", candidate) };
}

/** The fields of a payout's leaf. */
export function payoutLeafItem({ index, account, amount }: PayoutInstruction): LeafItem<"payout"> {
  return { index: BigInt(index), account, amount: BigInt(amount) };
}

/** The fields of the leaf that commits to all items' histories. */
export function journalLeafItem(journal: Frontier): LeafItem<"journal"> {
  return { treeSize: BigInt(journal.size), journalRoot: bytesToHex(frontierRoot(journal)) };
}

/** A header in the form that is hashed. */
export function headerOf(header: SettlementHeader): Header {
  return {
    ...header,
    epoch: BigInt(header.epoch),
    itemCount: BigInt(header.itemCount),
    payoutCount: BigInt(header.payoutCount),
    payoutTotal: BigInt(header.payoutTotal),
  };
}

/** The document of the highest of an epoch's versions. */
function highest<T>(versions: VersionSet["policy"], documents: ReadonlyMap<string, T>): T {
  const found = documents.get(versions.at(-1)?.version ?? "");
  assert(found !== undefined, "an epoch has a document of its highest version");
  return found;
}

/** The policy that shares out an epoch's pot: that of the highest version it holds (RWRD-03). */
export function rewardPolicy(versions: VersionSet, policies: ReadonlyMap<string, Policy>): Policy {
  return highest(versions.policy, policies);
}

/** The registry that candidates for attributes are held against: that of the highest version. */
export function candidateRegistry(versions: VersionSet, registries: ReadonlyMap<string, Registry>): Registry {
  return highest(versions.semantic, registries);
}

/**
 * Ends a draft: shares out the pot, takes what penalties are due, and commits to everything with one root (SETL-03, SETL-04,
 * RWRD-01). The same items and terms give the same bytes, in whatever pieces the items were added.
 */
export function sealDraft(draft: Draft, terms: CandidateTerms): Candidate {
  const { place, scope, epoch, taskIds, metered } = draft;
  const { revision, previousRoot, versions, policy, registry, aggregation } = terms;
  const context = leafContextOf(place, scope, epoch);
  const { pot, records: rewards } = rewardRecords(scope, epoch, policy, metered);
  const beneficiary = policy.rewards.treasuryAccount;
  const adjustments = adjustmentRecords({ scope, epoch, beneficiary }, rewards, terms.penalties);
  const payouts = payoutInstructions(scope, epoch, rewards, adjustments);
  const total = payouts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  assert.equal(total, pot, "the payouts of an epoch add up to its pot");
  const localCandidates = localCandidatesOf(scope, epoch, registry, aggregation);
  const manifest = manifestOf(draft, terms);
  const manifestBytes = canonicalBytes(manifest);
  const earned = [...rewards.map(rewardLeafItem), ...adjustments.map(adjustmentLeafItem)];
  const subRoots: SettlementSubRoots = {
    results: rootOf(treeOver("result", context, draft.results)),
    evidence: rootOf(treeOver("evidence", context, draft.evidence)),
    rewards: rootOf(leafTree("reward", context, earned)),
    payouts: rootOf(leafTree("payout", context, payouts.map(payoutLeafItem))),
    candidates: rootOf(leafTree("candidate", context, localCandidates.map(candidateLeafItem))),
    journal: rootOf(leafTree("journal", context, [journalLeafItem(draft.journal)])),
  };
  const header: SettlementHeader = {
    scope: context.scopeId,
    epoch,
    revision,
    previousRoot,
    ruleset: rulesetId(versions),
    archive: sha256Hex(manifestBytes),
    itemCount: taskIds.length,
    payoutCount: payouts.length,
    payoutTotal: String(total),
  };
  const root = settlementRoot(place, headerOf(header), subRoots);
  const lists = { taskIds, rewards, adjustments, payouts, localCandidates };
  return { manifest, manifestBytes, header, subRoots, root, pot, ...lists };
}

function localCandidatesOf(
  scope: string,
  epoch: number,
  registry: Registry,
  aggregation: ArchiveManifest["aggregation"],
): readonly LocalAttributeCandidate[] {
  if (aggregation === null) return [];
  const { windowFrom, summaries } = aggregation;
  return aggregate({ scope, epoch, windowFrom, summaries, registry });
}

/** An epoch's versions as its manifest lists them. */
export function listed({ schema, semantic, policy }: VersionSet): ArchiveManifest["versions"] {
  return { schema: [...schema], semantic: [...semantic], policy: [...policy] };
}

function manifestOf({ place, scope, epoch, taskIds }: Draft, terms: CandidateTerms): ArchiveManifest {
  const { revision, previousRoot, versions, policy, parts, excluded, documents, penalties, aggregation } = terms;
  return {
    schemaVersion: "1.0",
    chainId: Number(place.chainId),
    anchor: place.anchor,
    scope,
    epoch,
    revision,
    previousRoot,
    versions: listed(versions),
    policy,
    itemCount: taskIds.length,
    parts,
    excluded: [...excluded],
    documents,
    penalties: [...penalties],
    aggregation,
  };
}
