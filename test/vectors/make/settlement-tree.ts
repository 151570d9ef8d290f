// Makes settlement-tree.json with viem and merkletreejs, sharing no code with node/: it is what node/ is tested against.
import assert from "node:assert";
import { MerkleTree } from "merkletreejs";
import { encodeAbiParameters, keccak256, stringToHex, toBytes, type Hex } from "viem";

type Parameter = {
  readonly name: string;
  readonly type: "bytes32" | "address" | "uint32" | "uint64" | "uint128" | "uint256";
};
type Item = Readonly<Record<string, bigint | number | Hex>>;
type Kind = keyof typeof fields;

const parameters = (text: string): Parameter[] =>
  text.split(", ").map((part) => {
    const [type, name] = part.split(" ");
    assert(type && name);
    return { name, type: type as Parameter["type"] };
  });

const fields = {
  header: parameters(
    "uint32 revision, bytes32 previousRoot, bytes32 ruleset, bytes32 archive, uint64 itemCount, uint64 payoutCount, uint128 payoutTotal",
  ),
  result: parameters("bytes32 taskId, bytes32 resultCommitment, bytes32 bundleId, bytes32 decisionId"),
  evidence: parameters("bytes32 taskId, bytes32 evidenceHash"),
  reward: parameters("bytes32 rewardId, address account, uint256 amount, bytes32 recordHash"),
  payout: parameters("uint256 index, address account, uint256 amount"),
  candidate: parameters("bytes32 candidateId, bytes32 contentHash"),
  journal: parameters("uint256 treeSize, bytes32 journalRoot"),
} as const;
const kinds = Object.keys(fields) as Kind[];
const subRootNames = ["results", "evidence", "rewards", "payouts", "candidates", "journal"] as const;

const chainId = 31337n;
const anchor = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const scopeName = "films";
const scopeId = keccak256(stringToHex(scopeName));

/** Words, accounts and amounts that look random and are the same each time. */
export const word = (label: string): Hex => keccak256(stringToHex(label));
const account = (label: string): Hex => `0x${word(label).slice(26)}`;
const amount = (label: string): bigint => BigInt(word(label)) % 10n ** 21n;

export const domain = (kind: Kind, epoch: bigint): Hex =>
  keccak256(
    encodeAbiParameters(
      [{ type: "bytes32" }, { type: "uint256" }, { type: "address" }, { type: "bytes32" }, { type: "uint64" }],
      [keccak256(stringToHex(`symphony.settlement.${kind}.v1`)), chainId, anchor, scopeId, epoch],
    ),
  );
const leaf = (kind: Kind, epoch: bigint, item: Item): Hex =>
  keccak256(
    keccak256(
      encodeAbiParameters(
        [{ name: "domain", type: "bytes32" }, ...fields[kind]],
        [domain(kind, epoch), ...fields[kind].map(({ name }) => item[name])],
      ),
    ),
  );
const emptyRoot = (kind: Kind, epoch: bigint): Hex =>
  keccak256(keccak256(encodeAbiParameters([{ type: "bytes32" }], [domain(kind, epoch)])));

const tree = (leaves: readonly (Hex | Buffer)[]): MerkleTree =>
  new MerkleTree(
    leaves.map((node) => Buffer.from(typeof node === "string" ? toBytes(node) : node)),
    (data: Buffer) => Buffer.from(keccak256(data, "bytes")),
    { sortPairs: true },
  );
const rootOf = (of: MerkleTree): Hex => of.getHexRoot() as Hex;
const proofOf = (of: MerkleTree, index: number): Hex[] => of.getHexProof(of.getLeaf(index), index) as Hex[];
/** The proof of an inner node: that of a leaf of the tree over its level. */
const proofOfNode = (of: MerkleTree, level: number, index: number): { node: Hex; proof: Hex[] } => {
  const upper = tree(of.getLayers()[level] ?? []);
  return { node: `0x${upper.getLeaf(index).toString("hex")}`, proof: proofOf(upper, index) };
};

export const items: Record<Exclude<Kind, "header" | "journal">, Item[]> = {
  result: [0, 1, 2].map((n) => ({
    taskId: word(`task ${n}`),
    resultCommitment: word(`result ${n}`),
    bundleId: word(`bundle ${n}`),
    decisionId: word(`decision ${n}`),
  })),
  evidence: [0, 1, 2, 3, 4].map((n) => ({ taskId: word(`task ${n % 3}`), evidenceHash: word(`evidence ${n}`) })),
  reward: [0n, 1n, 10n ** 18n, 2n ** 256n - 1n].map((value, n) => ({
    rewardId: word(`reward ${n}`),
    account: account(`account ${n}`),
    amount: value,
    recordHash: word(`record ${n}`),
  })),
  payout: Array.from({ length: 257 }, (_, n) => ({
    index: BigInt(n),
    account: account(`account ${n}`),
    amount: amount(`amount ${n}`),
  })),
  candidate: [0, 1].map((n) => ({ candidateId: word(`candidate ${n}`), contentHash: word(`content ${n}`) })),
};

/** An epoch settled with the first `payouts` payouts and, unless it is empty, all items of the other kinds. */
function settlement(name: string, epoch: bigint, payouts: number, previousRoot: Hex) {
  const taken = { ...items, payout: items.payout.slice(0, payouts) };
  const leaves = (kind: Exclude<Kind, "header">): Hex[] => {
    if (kind === "journal") return [leaf("journal", epoch, journal)];
    return payouts === 0 ? [] : taken[kind].map((item) => leaf(kind, epoch, item));
  };
  const journal = { treeSize: 1000n * epoch, journalRoot: word(`journal ${epoch}`) };
  const header: Item = {
    revision: Number(epoch) - 1,
    previousRoot,
    ruleset: word("ruleset"),
    archive: word(`archive ${epoch}`),
    itemCount: payouts === 0 ? 0n : 3n,
    payoutCount: BigInt(payouts),
    payoutTotal: taken.payout.reduce((sum, item) => sum + BigInt(item["amount"] ?? 0), 0n),
  };
  const subKinds = kinds.filter((kind) => kind !== "header");
  const subTrees = subKinds.map((kind) => {
    const found = leaves(kind);
    return tree(found.length === 0 ? [emptyRoot(kind, epoch)] : found);
  });
  const headerLeaf = leaf("header", epoch, header);
  const top = tree([headerLeaf, ...subTrees.map(rootOf)]);
  const proofs = subKinds.flatMap((kind, n) => {
    const subTree = subTrees[n];
    assert(subTree);
    const count = leaves(kind).length;
    return [...new Set([0, 1, count - 1])]
      .filter((index) => index >= 0 && index < count)
      .map((index) => ({
        kind,
        index,
        leaf: leaves(kind)[index],
        proof: [...proofOf(subTree, index), ...proofOf(top, n + 1)],
      }));
  });
  return {
    name,
    header: { scope: scopeId, epoch, ...header },
    journal,
    headerLeaf,
    subRoots: Object.fromEntries(subRootNames.map((subRoot, n) => [subRoot, rootOf(subTrees[n] ?? top)])),
    root: rootOf(top),
    proofs: [{ kind: "header", index: 0, leaf: headerLeaf, proof: proofOf(top, 0) }, ...proofs],
  };
}

/** The content of settlement-tree.json. */
export function settlementVectors() {
  const epoch = 2n;
  const payoutLeaves = items.payout.map((item) => leaf("payout", epoch, item));
  const first = settlement("empty", 1n, 0, `0x${"00".repeat(32)}`);
  const second = settlement("three payouts", epoch, 3, first.root);
  return {
    about: {
      place: "the anchor contract that domains are for; amounts and counts are decimal strings everywhere",
      epoch: "the epoch of domains, emptyRoots, items, payoutTrees and of the settlement with three payouts",
      items: "by kind, in the order of their index, each with its leaf",
      payoutTrees:
        "the sub-tree over the first `count` payouts: its root, the proofs of some leaves in it, and of aligned ranges: node `index` of `level` stands for the leaves from index * 2^level up to (index + 1) * 2^level or the last",
      settlements:
        "whole settlements, each naming the root before it: header, sub-roots, SettlementRoot, and complete proofs from leaves to it",
    },
    source: "test/vectors/make: viem (encodeAbiParameters, keccak256) and merkletreejs ({ sortPairs: true })",
    place: { chainId, anchor },
    scopeName,
    scopeId,
    epoch,
    domains: Object.fromEntries(kinds.map((kind) => [kind, domain(kind, epoch)])),
    emptyRoots: Object.fromEntries(kinds.map((kind) => [kind, emptyRoot(kind, epoch)])),
    items: Object.fromEntries(
      Object.entries(items).map(([kind, list]) => [
        kind,
        list.map((item) => ({ ...item, leaf: leaf(kind as Kind, epoch, item) })),
      ]),
    ),
    payoutTrees: [0, 1, 2, 3, 7, 8, 255, 256, 257].map((count) => {
      const subTree = tree(count === 0 ? [emptyRoot("payout", epoch)] : payoutLeaves.slice(0, count));
      const some = [...new Set([0, 1, 6, Math.floor(count / 2), count - 2, count - 1])];
      const ranges = [1, 3, 8].flatMap((level) =>
        [...new Set([0, Math.ceil(count / 2 ** level) - 1])].map((index) => ({ level, index })),
      );
      return {
        count,
        root: rootOf(subTree),
        proofs: some
          .filter((index) => index >= 0 && index < count)
          .map((index) => ({ index, leaf: payoutLeaves[index], proof: proofOf(subTree, index) })),
        ranges: ranges
          .filter(({ level, index }) => index >= 0 && index < (subTree.getLayers()[level]?.length ?? 0))
          .map(({ level, index }) => ({ level, index, ...proofOfNode(subTree, level, index) })),
      };
    }),
    settlements: [first, second, settlement("257 payouts", 3n, 257, second.root)],
  };
}
