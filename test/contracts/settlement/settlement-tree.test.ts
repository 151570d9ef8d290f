// The Solidity side of the settlement's bytes, against the golden vectors and against viem with merkletreejs.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { bytesToHex, getContract, parseAbi, type Address, type Hex } from "viem";
import { beforeAll, expect, test } from "vitest";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { deployContracts, type Deployed } from "../support/deployed.ts";
import {
  domainOf,
  headerLeaf,
  kindTag,
  leafOf,
  named,
  rootOf,
  topNodes,
  word,
  type Header,
  type Kind,
  type SubRoots,
} from "../support/settlement.ts";

const harnessAbi = parseAbi([
  "struct Header { bytes32 scope; uint64 epoch; uint32 revision; bytes32 previousRoot; bytes32 ruleset; bytes32 archive; uint64 itemCount; uint64 payoutCount; uint128 payoutTotal; }",
  "struct SubRoots { bytes32 results; bytes32 evidence; bytes32 rewards; bytes32 payouts; bytes32 candidates; bytes32 journal; }",
  "function domain(bytes32 kind, address anchor, bytes32 scope, uint64 epoch) view returns (bytes32)",
  "function leaf(bytes32 kind, bytes32 domain, bytes32[] fields) pure returns (bytes32)",
  "function emptyRoot(bytes32 domain) pure returns (bytes32)",
  "function fold(bytes32[] nodes) pure returns (bytes32)",
  "function headerLeaf(address anchor, Header header) view returns (bytes32)",
  "function settlementRoot(bytes32 headerLeaf, SubRoots subRoots) pure returns (bytes32)",
]);

const harnessAt = (deployed: Deployed, address: Address) =>
  getContract({ address, abi: harnessAbi, client: { public: deployed.client } });

let harness: ReturnType<typeof harnessAt>;
beforeAll(async () => {
  const deployed = await deployContracts();
  harness = harnessAt(deployed, await deployed.deploy("SettlementTreeHarness", []));
});

/** The fields of each kind of leaf that has items, in order. */
const fieldsOf = {
  result: ["taskId", "resultCommitment", "bundleId", "decisionId"],
  evidence: ["taskId", "evidenceHash"],
  reward: ["rewardId", "account", "amount", "recordHash"],
  payout: ["index", "account", "amount"],
  candidate: ["candidateId", "contentHash"],
} as const satisfies Partial<Record<Kind, readonly string[]>>;

type Item = Readonly<Record<string, string>> & { readonly leaf: Hex };
type DecimalHeader = { readonly [Field in keyof Header]: Header[Field] extends bigint ? string : Header[Field] };
type Vectors = {
  readonly place: { readonly chainId: string; readonly anchor: Address };
  readonly scopeId: Hex;
  readonly epoch: string;
  readonly domains: Readonly<Record<Kind, Hex>>;
  readonly emptyRoots: Readonly<Record<Kind, Hex>>;
  readonly items: Readonly<Record<keyof typeof fieldsOf, readonly Item[]>>;
  readonly payoutTrees: readonly { readonly count: number; readonly root: Hex }[];
  readonly settlements: readonly {
    readonly name: string;
    readonly header: DecimalHeader;
    readonly headerLeaf: Hex;
    readonly journal: { readonly treeSize: string; readonly journalRoot: Hex };
    readonly subRoots: SubRoots;
    readonly root: Hex;
  }[];
};

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/settlement-tree.json", import.meta.url), "utf8"),
) as Vectors;
const { chainId, anchor } = vectors.place;
const { scopeId, domains } = vectors;

/** A field in a vector: a decimal number or hexadecimal of any length. */
const wordOf = (value: string): Hex => word(value.startsWith("0x") ? (value as Hex) : BigInt(value));

test("golden vectors: domains and empty roots of every kind (SETL-05)", async () => {
  expect(chainId).toBe("31337");
  for (const kind of Object.keys(domains) as Kind[]) {
    const domain = await harness.read.domain([kindTag(kind), anchor, scopeId, BigInt(vectors.epoch)]);
    expect(domain, kind).toBe(domains[kind]);
    expect(await harness.read.emptyRoot([domain]), kind).toBe(vectors.emptyRoots[kind]);
  }
});

test("golden vectors: every leaf (SETL-05)", async () => {
  for (const kind of Object.keys(fieldsOf) as (keyof typeof fieldsOf)[]) {
    for (const item of vectors.items[kind]) {
      const fields = fieldsOf[kind].map((name) => wordOf(item[name] ?? ""));
      expect(await harness.read.leaf([kindTag(kind), domains[kind], fields]), kind).toBe(item.leaf);
    }
  }
});

test("golden vectors: payout trees of every size (SETL-05)", async () => {
  const leaves = vectors.items.payout.map(({ leaf }) => leaf);
  const trees = vectors.payoutTrees.filter(({ count }) => count > 0);
  expect(trees.length).toBeGreaterThan(3);
  for (const { count, root } of trees) expect(await harness.read.fold([leaves.slice(0, count)])).toBe(root);
});

test("golden vectors: header leaves, journal leaves and whole roots (SETL-04, SETL-05)", async () => {
  for (const settlement of vectors.settlements) {
    const { header, journal, subRoots, name } = settlement;
    const numbers = {
      epoch: BigInt(header.epoch),
      itemCount: BigInt(header.itemCount),
      payoutCount: BigInt(header.payoutCount),
      payoutTotal: BigInt(header.payoutTotal),
    };
    const leaf = await harness.read.headerLeaf([anchor, { ...header, ...numbers }]);
    expect(leaf, name).toBe(settlement.headerLeaf);
    expect(await harness.read.settlementRoot([leaf, subRoots]), name).toBe(settlement.root);
    const domain = await harness.read.domain([kindTag("journal"), anchor, header.scope, numbers.epoch]);
    const fields = [wordOf(journal.treeSize), journal.journalRoot];
    expect(await harness.read.leaf([kindTag("journal"), domain, fields]), name).toBe(subRoots.journal);
  }
});

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytesToHex(bytes));
const address = bytes32.map((hex) => hex.slice(0, 42) as Address);
const uint = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const place = fc.record({ chainId: fc.constant(31_337n), anchor: address, scope: bytes32, epoch: uint(64) });
const runs = { numRuns: 50 };

test("any leaf is what viem's encoding makes of it (SETL-05)", async () => {
  const counts = { result: 4, evidence: 2, reward: 4, payout: 3, candidate: 2, journal: 2 } as const;
  const kinds = Object.keys(counts) as (keyof typeof counts)[];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      place,
      fc.array(address, { minLength: 4, maxLength: 4 }),
      async (kind, at, values) => {
        const fields = values.slice(0, counts[kind]);
        const leaf = await harness.read.leaf([kindTag(kind), domainOf(kind, at), fields.map(word)]);
        expect(leaf).toBe(leafOf(kind, at, fields));
      },
    ),
    runs,
  );
});

test("any root is what merkletreejs builds (SETL-05)", async () => {
  const header: fc.Arbitrary<Header> = fc.record({
    scope: bytes32,
    epoch: uint(64),
    revision: fc.nat(2 ** 31 - 1),
    previousRoot: bytes32,
    ruleset: bytes32,
    archive: bytes32,
    itemCount: uint(64),
    payoutCount: uint(64),
    payoutTotal: uint(128),
  });
  const parts: fc.Arbitrary<SubRoots> = fc.record({
    results: bytes32,
    evidence: bytes32,
    rewards: bytes32,
    payouts: bytes32,
    candidates: bytes32,
    journal: bytes32,
  });
  await fc.assert(
    fc.asyncProperty(place, header, parts, async (at, fields, subRoots) => {
      const leaf = await harness.read.headerLeaf([at.anchor, fields]);
      expect(leaf).toBe(headerLeaf(at, fields));
      expect(await harness.read.settlementRoot([leaf, subRoots])).toBe(rootOf(topNodes(leaf, subRoots)));
    }),
    runs,
  );
  for (const size of [1, 2, 3, 5, 6, 7, 31, 33, 100, 256, 257]) {
    const nodes = Array.from({ length: size }, (_, index) => named(`leaf ${index}`));
    expect(await harness.read.fold([nodes])).toBe(rootOf(nodes));
  }
});

test("the header's fields stand in the ABI in the order in which they are hashed", () => {
  const propose = anchorAbi.find((item) => item.type === "function" && item.name === "propose");
  const [header, subRoots] = propose?.inputs ?? [];
  expect(header && "components" in header ? header.components.map(({ name, type }) => `${type} ${name}`) : []).toEqual([
    "bytes32 scope",
    "uint64 epoch",
    "uint32 revision",
    "bytes32 previousRoot",
    "bytes32 ruleset",
    "bytes32 archive",
    "uint64 itemCount",
    "uint64 payoutCount",
    "uint128 payoutTotal",
  ]);
  expect(subRoots && "components" in subRoots ? subRoots.components.map(({ name }) => name) : []).toEqual([
    "results",
    "evidence",
    "rewards",
    "payouts",
    "candidates",
    "journal",
  ]);
});
