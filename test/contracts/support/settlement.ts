// Settlements as another implementation builds them: viem's ABI encoding and merkletreejs, nothing of ours.
import { MerkleTree } from "merkletreejs";
import {
  bytesToHex,
  concatHex,
  encodeAbiParameters,
  hexToBytes,
  keccak256,
  numberToHex,
  padHex,
  stringToHex,
  type Address,
  type Hex,
} from "viem";

export type Header = {
  readonly scope: Hex;
  readonly epoch: bigint;
  readonly revision: number;
  readonly previousRoot: Hex;
  readonly ruleset: Hex;
  readonly archive: Hex;
  readonly itemCount: bigint;
  readonly payoutCount: bigint;
  readonly payoutTotal: bigint;
};

export type SubRoots = Readonly<Record<"results" | "evidence" | "rewards" | "payouts" | "candidates" | "journal", Hex>>;

export type Kind = "header" | "result" | "evidence" | "reward" | "payout" | "candidate" | "journal";

/** Where a leaf belongs. */
export type Place = { readonly chainId: bigint; readonly anchor: Address; readonly scope: Hex; readonly epoch: bigint };

export type Payout = { readonly index: bigint; readonly account: Address; readonly amount: bigint };

/** A settlement with its payouts tree: all that proposing and paying need. */
export type Settlement = {
  readonly place: Place;
  readonly header: Header;
  readonly subRoots: SubRoots;
  readonly root: Hex;
  readonly payouts: readonly Payout[];
  readonly layers: readonly (readonly Hex[])[];
};

export const zero: Hex = padHex("0x00", { size: 32 });

/** A 32-byte value that differs for each name. */
export const named = (name: string): Hex => keccak256(stringToHex(name));

export const kindTag = (kind: Kind): Hex => named(`symphony.settlement.${kind}.v1`);

/** A field of a leaf as its word. */
export const word = (value: bigint | Hex): Hex =>
  typeof value === "bigint" ? numberToHex(value, { size: 32 }) : padHex(value, { size: 32 });

export function domainOf(kind: Kind, place: Place): Hex {
  const types = [
    { type: "bytes32" },
    { type: "uint256" },
    { type: "address" },
    { type: "bytes32" },
    { type: "uint64" },
  ] as const;
  return keccak256(encodeAbiParameters(types, [kindTag(kind), place.chainId, place.anchor, place.scope, place.epoch]));
}

export function leafOf(kind: Kind, place: Place, fields: readonly (bigint | Hex)[]): Hex {
  return keccak256(keccak256(concatHex([domainOf(kind, place), ...fields.map(word)])));
}

export function payoutLeaf(place: Place, { index, account, amount }: Payout): Hex {
  return leafOf("payout", place, [index, account, amount]);
}

export function headerLeaf(place: Omit<Place, "scope" | "epoch">, header: Header): Hex {
  const { scope, epoch, revision, previousRoot, ruleset, archive, itemCount, payoutCount, payoutTotal } = header;
  const fields = [BigInt(revision), previousRoot, ruleset, archive, itemCount, payoutCount, payoutTotal];
  return leafOf("header", { ...place, scope, epoch }, fields);
}

/** All levels of a tree, leaves first, root last. */
export function layersOf(nodes: readonly Hex[]): readonly (readonly Hex[])[] {
  const keccak = (data: Buffer): Buffer => Buffer.from(keccak256(data, "bytes"));
  const tree = new MerkleTree(
    nodes.map((node) => Buffer.from(hexToBytes(node))),
    keccak,
    { sortPairs: true },
  );
  return tree.getLayers().map((layer) => layer.map((node) => bytesToHex(node)));
}

export function rootOf(nodes: readonly Hex[]): Hex {
  const root = layersOf(nodes).at(-1)?.[0];
  if (root === undefined) throw new Error("a tree has at least one node");
  return root;
}

/** The nodes beside the path from the node at `level` and `position` up to the root. */
export function proofFrom(layers: readonly (readonly Hex[])[], level: number, position: number): readonly Hex[] {
  return layers.slice(level).flatMap((layer, above) => layer[(position >> above) ^ 1] ?? []);
}

/** The seven nodes under a SettlementRoot. */
export function topNodes(header: Hex, parts: SubRoots): readonly Hex[] {
  return [header, parts.results, parts.evidence, parts.rewards, parts.payouts, parts.candidates, parts.journal];
}

/** A complete settlement that pays `payments` in their order; the other parts are empty. */
export function settle(
  place: Place,
  payments: readonly Omit<Payout, "index">[],
  fields: Partial<Header> = {},
): Settlement {
  const payouts = payments.map((payment, index) => ({ index: BigInt(index), ...payment }));
  const empty = (kind: Kind): Hex => leafOf(kind, place, []);
  const leaves = payouts.length === 0 ? [empty("payout")] : payouts.map((payout) => payoutLeaf(place, payout));
  const layers = layersOf(leaves);
  const header: Header = {
    scope: place.scope,
    epoch: place.epoch,
    revision: 1,
    previousRoot: zero,
    ruleset: named("ruleset"),
    archive: named(`archive ${place.epoch}`),
    itemCount: 200n,
    payoutCount: BigInt(payouts.length),
    payoutTotal: payouts.reduce((sum, { amount }) => sum + amount, 0n),
    ...fields,
  };
  const subRoots = {
    results: empty("result"),
    evidence: empty("evidence"),
    rewards: empty("reward"),
    payouts: rootOf(leaves),
    candidates: empty("candidate"),
    journal: empty("journal"),
  };
  return { place, header, subRoots, root: rootOf(topNodes(headerLeaf(place, header), subRoots)), payouts, layers };
}

/** Proof of the block of 2^`level` payouts from `firstIndex` up to the SettlementRoot. */
export function proofOfBlock({ place, header, subRoots, layers }: Settlement, firstIndex: number, level = 0): Hex[] {
  const top = layersOf(topNodes(headerLeaf(place, header), subRoots));
  return [...proofFrom(layers, level, firstIndex >> level), ...proofFrom(top, 0, 4)];
}

/** A payout as payRange takes it: account in 20 bytes, amount in 12. */
export function recordOf({ account, amount }: Omit<Payout, "index">): Hex {
  return concatHex([account, numberToHex(amount, { size: 12 })]);
}
