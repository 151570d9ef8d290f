// The leaves of a settlement: what each kind commits to, how it is separated from every other, and its tree.
import { keccak256, keccakMessages, keccakText } from "./keccak.ts";
import { allocateWords, writeWord, WORD_BYTES, type UnsignedType, type WordType } from "./keccak/words.ts";
import { bytesToHex, hexToBytes, type Hex } from "./hash.ts";
import { buildTree, type Tree } from "./merkle.ts";

/** The fields of each kind of leaf, in the order in which they are encoded after the domain. */
export const leafFields = {
  header: [
    { name: "revision", type: "uint32" },
    { name: "previousRoot", type: "bytes32" },
    { name: "ruleset", type: "bytes32" },
    { name: "archive", type: "bytes32" },
    { name: "itemCount", type: "uint64" },
    { name: "payoutCount", type: "uint64" },
    { name: "payoutTotal", type: "uint128" },
  ],
  result: [
    { name: "taskId", type: "bytes32" },
    { name: "resultCommitment", type: "bytes32" },
    { name: "bundleId", type: "bytes32" },
    { name: "decisionId", type: "bytes32" },
  ],
  evidence: [
    { name: "taskId", type: "bytes32" },
    { name: "evidenceHash", type: "bytes32" },
  ],
  reward: [
    { name: "rewardId", type: "bytes32" },
    { name: "account", type: "address" },
    { name: "amount", type: "uint256" },
    { name: "recordHash", type: "bytes32" },
  ],
  payout: [
    { name: "index", type: "uint256" },
    { name: "account", type: "address" },
    { name: "amount", type: "uint256" },
  ],
  candidate: [
    { name: "candidateId", type: "bytes32" },
    { name: "contentHash", type: "bytes32" },
  ],
  journal: [
    { name: "treeSize", type: "uint256" },
    { name: "journalRoot", type: "bytes32" },
  ],
} as const satisfies Record<string, readonly { readonly name: string; readonly type: WordType }[]>;

export type LeafKind = keyof typeof leafFields;

type FieldValue<T extends WordType> = T extends "uint8" | "uint32" ? number : T extends UnsignedType ? bigint : Hex;

/** What one leaf of a kind commits to. Amounts are in base units. */
export type LeafItem<K extends LeafKind> = {
  readonly [F in (typeof leafFields)[K][number] as F["name"]]: FieldValue<F["type"]>;
};

/** Where a leaf counts: on one chain, in one anchor contract, for one scope and epoch, and nowhere else. */
export type LeafContext = {
  readonly chainId: bigint;
  readonly anchor: Hex;
  readonly scopeId: Hex;
  readonly epoch: bigint;
};

/** Leaves encoded at a time: a few hundred kilobytes of memory, whatever the number of items. */
const BATCH_LEAVES = 1024;

/** The on-chain id of a scope: keccak256 of its name. */
export function scopeId(name: string): Hex {
  return bytesToHex(keccakText(name));
}

/**
 * SETL-05: the word that makes a leaf one of its kind, chain, contract, scope and epoch:
 * keccak256(abi.encode(keccak256("symphony.settlement.<kind>.v1"), chainId, anchor, scopeId, epoch)).
 */
export function leafDomain(kind: LeafKind, context: LeafContext): Hex {
  const words = allocateWords(5);
  writeWord(words, 0, "bytes32", bytesToHex(keccakText(`symphony.settlement.${kind}.v1`)));
  writeWord(words, 32, "uint256", context.chainId);
  writeWord(words, 64, "address", context.anchor);
  writeWord(words, 96, "bytes32", context.scopeId);
  writeWord(words, 128, "uint64", context.epoch);
  return bytesToHex(keccak256(words.bytes));
}

/**
 * The leaves of items of one kind: keccak256(keccak256(abi.encode(domain, fields…))) each. Hashed twice, so that no
 * inner node, which is a hash of 64 bytes, can pass for a leaf.
 * @returns 32 bytes an item, in the order of the items.
 * @throws TypeError or RangeError if a field is not of its type.
 */
export function leafHashes<K extends LeafKind>(
  kind: K,
  context: LeafContext,
  items: readonly LeafItem<K>[],
): Uint8Array {
  const fields: readonly { readonly name: string; readonly type: WordType }[] = leafFields[kind];
  const messageBytes = (fields.length + 1) * WORD_BYTES;
  const domain = hexToBytes(leafDomain(kind, context));
  const words = allocateWords((fields.length + 1) * Math.min(items.length, BATCH_LEAVES));
  for (let at = 0; at < words.bytes.length; at += messageBytes) words.bytes.set(domain, at);
  const hashes = new Uint8Array(items.length * WORD_BYTES);
  for (let done = 0; done < items.length; done += BATCH_LEAVES) {
    const batch: readonly Readonly<Record<string, Hex | bigint | number>>[] = items.slice(done, done + BATCH_LEAVES);
    let at = 0;
    for (const item of batch) {
      at += WORD_BYTES;
      for (const { name, type } of fields) {
        writeWord(words, at, type, item[name] ?? missing(kind, name));
        at += WORD_BYTES;
      }
    }
    keccakMessages(words.bytes.subarray(0, at), messageBytes, hashes, done * WORD_BYTES);
  }
  keccakMessages(hashes, WORD_BYTES, hashes);
  return hashes;
}

function missing(kind: LeafKind, name: string): never {
  throw new TypeError(`a ${kind} leaf lacks ${name}`);
}

/** The root of a sub-tree without items: the leaf of its kind without fields, keccak256(keccak256(abi.encode(domain))). */
export function emptyRoot(kind: LeafKind, context: LeafContext): Hex {
  return bytesToHex(keccak256(keccak256(hexToBytes(leafDomain(kind, context)))));
}

/** The tree over items of one kind in their order; without items, the tree of the one node {@link emptyRoot}. */
export function leafTree<K extends LeafKind>(kind: K, context: LeafContext, items: readonly LeafItem<K>[]): Tree {
  return buildTree(items.length === 0 ? hexToBytes(emptyRoot(kind, context)) : leafHashes(kind, context, items));
}
