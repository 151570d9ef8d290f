// The SettlementRoot: one word that commits to an epoch's header and to everything settled in it; and proofs down from it.
import { hexToBytes, type Hex } from "./hash.ts";
import { leafHashes, type LeafKind } from "./leaves.ts";
import { buildTree, proofOf, rootOf, type Tree } from "./merkle.ts";

/** The anchor contract that a root is for. */
export type AnchorPlace = { readonly chainId: bigint; readonly anchor: Hex };

/** What a settlement says of itself; field for field the contract's `Header`. */
export type Header = {
  /** keccak256 of the scope's name. */
  readonly scope: Hex;
  readonly epoch: bigint;
  /** 1 for the first candidate of an epoch, one more for each that replaces it. */
  readonly revision: number;
  /** The scope's last finalized root; zero for its first epoch. */
  readonly previousRoot: Hex;
  /** The content id of the epoch's version set. */
  readonly ruleset: Hex;
  /** SHA-256 of the archive manifest's canonical bytes. */
  readonly archive: Hex;
  readonly itemCount: bigint;
  readonly payoutCount: bigint;
  /** The sum of all payout amounts, in base units. */
  readonly payoutTotal: bigint;
};

/** The roots of an epoch's sub-trees; field for field the contract's `SubRoots`. */
export type SubRoots = {
  readonly results: Hex;
  readonly evidence: Hex;
  readonly rewards: Hex;
  readonly payouts: Hex;
  readonly candidates: Hex;
  readonly journal: Hex;
};

/** The place of each kind's node among the seven that the root is built over. */
const position = {
  header: 0,
  result: 1,
  evidence: 2,
  reward: 3,
  payout: 4,
  candidate: 5,
  journal: 6,
} as const satisfies Record<LeafKind, number>;

/**
 * SETL-04: the tree whose root is the SettlementRoot: over the header's leaf and the sub-roots themselves, so that an
 * item's proof in its sub-tree and its sub-root's proof here join into one ordinary proof.
 */
export function settlementTree(place: AnchorPlace, header: Header, subRoots: SubRoots): Tree {
  const { scope, epoch, ...fields } = header;
  const { results, evidence, rewards, payouts, candidates, journal } = subRoots;
  const headerLeaf = leafHashes("header", { ...place, scopeId: scope, epoch }, [fields]);
  const roots = [results, evidence, rewards, payouts, candidates, journal].map((root) => hexToBytes(root, 32));
  return buildTree(Buffer.concat([headerLeaf, ...roots]));
}

/** The one word that is anchored: the root of {@link settlementTree}. */
export function settlementRoot(place: AnchorPlace, header: Header, subRoots: SubRoots): Hex {
  return rootOf(settlementTree(place, header, subRoots));
}

/** SETL-11: the whole proof from an item's leaf, through its sub-tree, to the SettlementRoot. */
export function proofToRoot(settlement: Tree, kind: Exclude<LeafKind, "header">, subTree: Tree, index: number): Hex[] {
  return [...proofOf(subTree, index), ...subRootProof(settlement, kind)];
}

/** The proof from a sub-root, or from the header's leaf, to the SettlementRoot. */
export function subRootProof(settlement: Tree, kind: LeafKind): Hex[] {
  return proofOf(settlement, position[kind]);
}
