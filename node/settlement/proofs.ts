// Proofs from one item to the anchored word, rebuilt from what is recorded and kept for a while.
import { LRUCache } from "lru-cache";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { appendLeaves, emptyFrontier, journalLeaf } from "#protocol/journal-tree.ts";
import { leafFields, leafTree, scopeId, type LeafContext, type LeafItem } from "#protocol/leaves.ts";
import { leafCount, rootOf, type Tree } from "#protocol/merkle.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { InclusionProof, SettlementSubRoots } from "#protocol/schemas/settlement.ts";
import { proofToRoot, settlementTree, type AnchorPlace } from "#protocol/settlement-root.ts";
import type { Database } from "#storage/database.ts";
import {
  provableRevision,
  readAdjustmentRecords,
  readCandidateLeaves,
  readPayoutLeaves,
  readProvenContent,
  readRewardRecords,
  settledResults,
} from "#storage/proofs.ts";
import { newestSettlement, readCandidate, type SettlementKey, type StoredCandidate } from "#storage/settlements.ts";
import { taskHistories, type HistoryEntry } from "#storage/tasks.ts";
import {
  adjustmentLeafItem,
  candidateLeafItem,
  headerOf,
  journalLeafItem,
  leafContextOf,
  payoutLeafItem,
  rewardLeafItem,
} from "./candidate.ts";
import { settledHistory } from "./settled-item.ts";

/** Kinds of items that a proof can be asked for. */
export type ProvenKind = "result" | "evidence" | "reward" | "payout" | "candidate" | "journal";

/**
 * Which item: a task by its id; a reward, an adjustment (which is of the kind reward) or a candidate for an attribute by its own; a
 * payout by its own or its account; the journal needs none.
 */
export type ProofRequest = {
  readonly scope: string;
  readonly epoch: number;
  readonly kind: ProvenKind;
  readonly id: Hex;
};

/** An item's leaf: its fields, where it stands in its tree, and how what it stands for is read. */
type Leaf = {
  readonly index: number;
  readonly fields: Readonly<Record<string, Hex | bigint | number>>;
  readonly content: () => Promise<unknown>;
};

/** One sub-tree of a candidate, and its leaves by the ids they are asked for. */
type SubTree = { readonly tree: Tree; readonly leaves: ReadonlyMap<string, Leaf> };

/** What proofs are made with; made by {@link openProofs}. */
export type Proofs = {
  readonly database: Database;
  readonly place: AnchorPlace;
  readonly cache: LRUCache<string, SubTree>;
};

/** Leaves of cached trees in all: some hundred bytes each. */
const cachedLeaves = 1_000_000;
/** Rows read at once. */
const pageRows = 5_000;

const subRootOf = {
  result: "results",
  evidence: "evidence",
  reward: "rewards",
  payout: "payouts",
  candidate: "candidates",
  journal: "journal",
} as const satisfies Record<ProvenKind, keyof SettlementSubRoots>;

/** Prepares to make proofs; trees are kept up to a bound. */
export function openProofs(database: Database, place: AnchorPlace): Proofs {
  const sizeCalculation = ({ tree }: SubTree): number => leafCount(tree);
  return { database, place, cache: new LRUCache({ maxSize: cachedLeaves, sizeCalculation }) };
}

/**
 * The proof of one item, from its leaf to the SettlementRoot (SETL-11, RWRD-05).
 * @throws ProtocolError SETTLEMENT_NOT_FOUND, PROOF_NOT_READY before there is a candidate, SCHEMA_NOT_FOUND for an item that is
 * not in it, INTERNAL_OBJECT_CORRUPT when what is recorded does not lead to the recorded root
 */
export async function proofOf(proofs: Proofs, request: ProofRequest): Promise<InclusionProof> {
  const { database, place } = proofs;
  const { scope, epoch, kind, id } = request;
  const revision = await provableRevision(database, scope, epoch);
  if (revision === undefined) {
    const known = await newestSettlement(database, scope, epoch);
    throw new ProtocolError(known ? "PROOF_NOT_READY" : "SETTLEMENT_NOT_FOUND", { scope, epoch });
  }
  const key: SettlementKey = { scope, epoch, revision };
  const candidate = await readCandidate(database, key);
  if (candidate === undefined) throw new ProtocolError("PROOF_NOT_READY", { scope, epoch });
  const { tree, leaves } = await subTreeOf(proofs, key, kind, candidate);
  const leaf = leaves.get(kind === "journal" ? "" : id);
  if (leaf === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { kind, id });
  const settlement = settlementTree(place, headerOf(candidate.header), candidate.subRoots);
  return {
    schemaVersion: "1.0",
    kind,
    chainId: Number(place.chainId),
    anchor: place.anchor,
    scope,
    scopeId: scopeId(scope),
    epoch,
    fields: leafFields[kind].map(({ name }) => wordOf(leaf.fields[name] ?? 0)),
    content: await leaf.content(),
    leaf: bytesToHex(tree.nodes.subarray(leaf.index * 32, leaf.index * 32 + 32)),
    proof: proofToRoot(settlement, kind, tree, leaf.index),
    root: candidate.root,
  };
}

/** A field as the 32-byte word that is hashed. */
function wordOf(value: Hex | bigint | number): Hex {
  const digits = typeof value === "string" ? value.slice(2) : value.toString(16);
  return `0x${digits.padStart(64, "0")}`;
}

async function subTreeOf(
  proofs: Proofs,
  key: SettlementKey,
  kind: ProvenKind,
  candidate: StoredCandidate,
): Promise<SubTree> {
  const name = `${key.scope}/${key.epoch}/${key.revision}/${kind}`;
  const known = proofs.cache.get(name);
  if (known !== undefined) return known;
  const context = leafContextOf(proofs.place, key.scope, key.epoch);
  const built = await builders[kind](proofs, { ...key, builtAt: candidate.builtAt }, context);
  const expected = candidate.subRoots[subRootOf[kind]];
  const found = rootOf(built.tree);
  if (found !== expected) throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { tree: name, expected, found });
  proofs.cache.set(name, built);
  return built;
}

type BuiltKey = SettlementKey & Pick<StoredCandidate, "builtAt">;
type Builder = (proofs: Proofs, key: BuiltKey, context: LeafContext) => Promise<SubTree>;

const builders: Readonly<Record<ProvenKind, Builder>> = {
  result: async ({ database }, key, context) => {
    const items: LeafItem<"result">[] = [];
    const leaves = new Map<string, Leaf>();
    for await (const { taskId, bundleId, resultCommitment, decisions } of resultsOf(database, key)) {
      const decisionId = decisions[0]?.decisionId ?? taskId;
      const fields = { taskId, resultCommitment, bundleId, decisionId };
      const content = async () => parsed((await readProvenContent(database, taskId, decisionId))?.result);
      leaves.set(taskId, { index: items.length, fields, content });
      items.push(fields);
    }
    return { tree: leafTree("result", context, items), leaves };
  },
  evidence: async ({ database }, key, context) => {
    const items: LeafItem<"evidence">[] = [];
    const leaves = new Map<string, Leaf>();
    for await (const { taskId, decisions } of resultsOf(database, key)) {
      for (const { decisionId, evidenceHash } of decisions) {
        const fields = { taskId, evidenceHash };
        const content = async () => parsed((await readProvenContent(database, taskId, decisionId))?.evidence);
        // A task is asked for by its id: the evidence of its first verifier stands for it.
        if (!leaves.has(taskId)) leaves.set(taskId, { index: items.length, fields, content });
        items.push(fields);
      }
    }
    return { tree: leafTree("evidence", context, items), leaves };
  },
  reward: async ({ database }, key, context) => {
    const rewards = await readRewardRecords(database, key);
    const adjustments = await readAdjustmentRecords(database, key);
    const items = [...rewards.map(rewardLeafItem), ...adjustments.map(adjustmentLeafItem)];
    const leaves = [...rewards, ...adjustments].map((record, index): [string, Leaf] => [
      items[index]?.rewardId ?? "",
      { index, fields: { ...items[index] }, content: () => Promise.resolve(record) },
    ]);
    return { tree: leafTree("reward", context, items), leaves: new Map(leaves) };
  },
  candidate: async ({ database }, key, context) => {
    const candidates = await readCandidateLeaves(database, key);
    const items = candidates.map(candidateLeafItem);
    const leaves = candidates.map((candidate, index): [string, Leaf] => [
      candidate.candidateId,
      { index, fields: { ...items[index] }, content: () => Promise.resolve(candidate) },
    ]);
    return { tree: leafTree("candidate", context, items), leaves: new Map(leaves) };
  },
  payout: async ({ database }, key, context) => {
    const payouts = await readPayoutLeaves(database, key);
    const items = payouts.map(payoutLeafItem);
    const leaves = payouts.flatMap((payout, index): [string, Leaf][] => {
      const leaf = { index, fields: { ...items[index] }, content: () => Promise.resolve(payout) };
      return [
        [payout.payoutId, leaf],
        [payout.account, leaf],
      ];
    });
    return { tree: leafTree("payout", context, items), leaves: new Map(leaves) };
  },
  journal: async ({ database }, key, context) => {
    let journal = emptyFrontier;
    for (let from = 0; ; from += pageRows) {
      const page = await settledResults(database, key, { from, limit: pageRows });
      const taskIds = page.map(({ taskId }) => taskId);
      const histories = await taskHistories(database, taskIds);
      const texts = taskIds.flatMap((taskId) =>
        settledHistory(taskId, before(key.builtAt, histories.get(taskId) ?? [])),
      );
      journal = appendLeaves(
        journal,
        texts.map((text) => journalLeaf(Buffer.from(text, "utf8"))),
      );
      if (page.length < pageRows) break;
    }
    const item = journalLeafItem(journal);
    const content = { treeSize: Number(item.treeSize), journalRoot: item.journalRoot };
    const leaf: Leaf = { index: 0, fields: item, content: () => Promise.resolve(content) };
    return { tree: leafTree("journal", context, [item]), leaves: new Map([["", leaf]]) };
  },
};

async function* resultsOf(database: Database, key: SettlementKey) {
  for (let from = 0; ; from += pageRows) {
    const page = await settledResults(database, key, { from, limit: pageRows });
    yield* page;
    if (page.length < pageRows) return;
  }
}

/** A history as it stood when the candidate was built: a challenge that came later is not in its root. */
function before(builtAt: Date, history: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return history.filter(({ at }) => at.getTime() <= builtAt.getTime());
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? null : (JSON.parse(text) as unknown);
}
