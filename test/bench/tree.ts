// What hashing, trees, proofs, signatures and canonical text cost here, beside what the usual packages cost.
import assert from "node:assert";
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import canonicalize from "canonicalize";
import { MerkleTree } from "merkletreejs";
import { encodeAbiParameters, hashTypedData, keccak256 as viemKeccak, recoverAddress, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { keccak256, keccakPairs } from "#protocol/keccak.ts";
import { leafDomain, leafHashes } from "#protocol/leaves.ts";
import { buildTree, packedProofs, proofOf, proofsJson, rootOf, verifyProof } from "#protocol/merkle.ts";
import { addressOf, recover, sign } from "#protocol/signature.ts";
import { domainSeparator, typedDataDigest, type StructType } from "#protocol/typed-data.ts";

/** One measured figure; `ratio` is how many times faster than the other implementation named in `how`. */
export type BenchRow = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  readonly how: string;
};

/** Rounds of a measurement. Both sides run in each round, so that a noisy machine disturbs both. */
const ROUNDS = 7;

const LEAVES = 100_000;
/** Leaves whose proofs are made at a time, as an archive or an answer takes them. */
const PART = 4096;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** CPU seconds of the whole process, garbage collection and compilation included. */
async function cpuSeconds(work: Work): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

type Work = () => unknown;
type Contest = { readonly ours: Work; readonly other: Work };

/** Median CPU seconds of our side, and the median of each round's quotient. */
async function contest({ ours, other }: Contest): Promise<{ seconds: number; ratio: number }> {
  const counted: { ours: number; other: number }[] = [];
  // The round before the first compiles the code.
  for (let round = -1; round < ROUNDS; round++) {
    const result = { ours: await cpuSeconds(ours), other: await cpuSeconds(other) };
    if (round >= 0) counted.push(result);
  }
  return {
    seconds: median(counted.map((round) => round.ours)),
    ratio: median(counted.map((round) => round.other / round.ours)),
  };
}

const how = (other: string): string =>
  `${ROUNDS} rounds, both sides in turn; median CPU time of the process; ratio to ${other}`;

const rounded = (value: number, digits = 2): number => Number(value.toPrecision(digits));

/** A rate where both sides do `count` operations a round. */
async function rate(name: string, count: number, other: string, sides: Contest): Promise<BenchRow> {
  const { seconds, ratio } = await contest(sides);
  return { name, value: rounded(count / seconds, 3), unit: "per CPU second", ratio: rounded(ratio), how: how(other) };
}

/** A duration of one and the same job on both sides. */
async function duration(name: string, other: string, sides: Contest): Promise<BenchRow> {
  const { seconds, ratio } = await contest(sides);
  return { name, value: rounded(seconds * 1000, 3), unit: "ms CPU", ratio: rounded(ratio), how: how(other) };
}

const repeat = (count: number, work: (index: number) => void) => (): void => {
  for (let index = 0; index < count; index++) work(index);
};

async function hashRows(): Promise<BenchRow[]> {
  const count = 20_000;
  const pairs = randomBytes(64 * count);
  const parents = new Uint8Array(32 * count);
  const noble = repeat(count, (index) => viemKeccak(pairs.subarray(64 * index, 64 * index + 64), "bytes"));
  const one = repeat(count, (index) => keccak256(pairs.subarray(64 * index, 64 * index + 64)));
  return [
    await rate("keccak-256 of 64 bytes, a batch of sorted pairs", count, "viem's keccak256 (noble) without sorting", {
      ours: () => keccakPairs(pairs, parents),
      other: noble,
    }),
    await rate("keccak-256 of 64 bytes, one call each", count, "viem's keccak256 (noble)", { ours: one, other: noble }),
  ];
}

const inParts = (work: (from: number, to: number) => void) => (): void => {
  for (let from = 0; from < LEAVES; from += PART) work(from, Math.min(LEAVES, from + PART));
};

async function treeRows(): Promise<BenchRow[]> {
  const leaves = randomBytes(32 * LEAVES);
  const list = Array.from({ length: LEAVES }, (_, index) => leaves.subarray(32 * index, 32 * index + 32));
  const reference = (): MerkleTree =>
    new MerkleTree(list, (data: Buffer) => Buffer.from(viemKeccak(data, "bytes")), { sortPairs: true });
  const tree = buildTree(leaves);
  const expected = reference();
  assert.equal(rootOf(tree), expected.getHexRoot());
  const { nodes, starts } = packedProofs(tree);
  const packed = (index: number): Uint8Array =>
    nodes.subarray(32 * (starts[index] ?? 0), 32 * (starts[index + 1] ?? 0));
  const sideBySide = (leaf: Buffer, index: number): Buffer =>
    Buffer.concat(expected.getProof(leaf, index).map(({ data }) => data));
  list.forEach((leaf, index) => assert(sideBySide(leaf, index).equals(packed(index))));
  const [leaf, proof, root] = [bytesToHex(leaves.subarray(0, 32)), proofOf(tree, 0), rootOf(tree)];
  const count = 1000;
  return [
    await duration("tree of 100,000 leaves", "merkletreejs with viem's keccak256", {
      ours: () => buildTree(leaves),
      other: reference,
    }),
    await duration(
      "tree of 100,000 leaves and all proofs, as bytes",
      "merkletreejs, getProof(leaf, index); equal bytes",
      {
        ours: () => {
          const built = buildTree(leaves);
          inParts((from, to) => packedProofs(built, from, to))();
        },
        other: () => {
          const built = reference();
          list.forEach((one, index) => built.getProof(one, index));
        },
      },
    ),
    await duration(
      "tree of 100,000 leaves and all proofs, as JSON",
      "merkletreejs, getHexProof(leaf, index), JSON.stringify",
      {
        ours: () => {
          const built = buildTree(leaves);
          inParts((from, to) => proofsJson(built, from, to))();
        },
        other: () => {
          const built = reference();
          inParts((from, to) => {
            const part = list.slice(from, to).map((one, index) => built.getHexProof(one, from + index));
            Buffer.from(JSON.stringify(part));
          })();
        },
      },
    ),
    await rate("proofs of 17 nodes verified", count, "merkletreejs", {
      ours: repeat(count, () => assert(verifyProof(leaf, proof, root))),
      other: repeat(count, () => assert(expected.verify(proof, leaf, root))),
    }),
  ];
}

const context = {
  chainId: 31337n,
  anchor: `0x${"5".repeat(40)}`,
  scopeId: `0x${"1".repeat(64)}`,
  epoch: 7n,
} as const;

async function leafRow(): Promise<BenchRow> {
  const count = 5000;
  const items = Array.from({ length: count }, (_, index) => ({
    index: BigInt(index),
    account: bytesToHex(randomBytes(20)),
    amount: BigInt(index) * 10n ** 15n,
  }));
  const domain = leafDomain("payout", context);
  const types = [{ type: "bytes32" }, { type: "uint256" }, { type: "address" }, { type: "uint256" }] as const;
  return rate("payout leaves from items", count, "viem's encodeAbiParameters and keccak256 twice", {
    ours: () => leafHashes("payout", context, items),
    other: () => {
      for (const { index, account, amount } of items) {
        viemKeccak(viemKeccak(encodeAbiParameters(types, [domain, index, account, amount])));
      }
    },
  });
}

const envelope: StructType = {
  name: "Envelope",
  fields: [
    { name: "submitter", type: "address" },
    { name: "idempotencyKey", type: "string" },
    { name: "contentHash", type: "bytes32" },
    { name: "feeLimit", type: "uint256" },
    { name: "expiresAtSeconds", type: "uint64" },
  ],
};

async function signatureRows(): Promise<BenchRow[]> {
  const count = 200;
  const domain = { name: "Symphony SCS", version: "1", chainId: 31337n, verifyingContract: context.anchor };
  const separator = domainSeparator(domain);
  const message = {
    submitter: context.anchor,
    idempotencyKey: "2f1c9d0e-1111-4222-8333-444455556666",
    contentHash: context.scopeId,
    feeLimit: 10n ** 18n,
    expiresAtSeconds: 1_800_000_000n,
  };
  const privateKey: Hex = `0x${"7".repeat(64)}`;
  const account = privateKeyToAccount(privateKey);
  const digest = typedDataDigest(separator, envelope, message);
  const signature = sign(digest, privateKey);
  assert.equal(recover(digest, signature), addressOf(privateKey));
  const typed = { domain, types: { Envelope: envelope.fields }, primaryType: "Envelope", message };
  assert.equal(bytesToHex(digest), viemDigest(typed));
  return [
    await rate("EIP-712 digests of an envelope", count, "viem's hashTypedData", {
      ours: repeat(count, () => typedDataDigest(separator, envelope, message)),
      other: repeat(count, () => viemDigest(typed)),
    }),
    await rate("signers recovered", count, "viem's recoverAddress", {
      ours: repeat(count, () => recover(digest, signature)),
      other: async () => {
        for (let index = 0; index < count; index++) await recoverAddress({ hash: digest, signature });
      },
    }),
    await rate("digests signed", count, "viem's account.sign", {
      ours: repeat(count, () => sign(digest, privateKey)),
      other: async () => {
        for (let index = 0; index < count; index++) await account.sign({ hash: bytesToHex(digest) });
      },
    }),
  ];
}

const viemDigest = (typed: object): Hex => hashTypedData(typed as Parameters<typeof hashTypedData>[0]);

async function canonicalRow(): Promise<BenchRow> {
  const count = 5000;
  const record = {
    title: "The Land Girls",
    usGross: 146083,
    rating: 6.1,
    released: "1998-06-12",
    genre: null,
    source: { vault: "films-a", collection: "films", position: 17 },
    tags: ["drama", "war"],
  };
  assert.equal(canonicalText(record), canonicalize(record));
  return rate("canonical text of a record of 200 bytes, keys unsorted", count, "the npm package canonicalize", {
    ours: repeat(count, () => canonicalText(record)),
    other: repeat(count, () => canonicalize(record)),
  });
}

/** Runs all measurements, about a minute; asserts that both sides of each give the same. */
export async function benchTree(): Promise<BenchRow[]> {
  return [
    ...(await hashRows()),
    ...(await treeRows()),
    await leafRow(),
    ...(await signatureRows()),
    await canonicalRow(),
  ];
}

if (process.argv[1] === import.meta.filename) {
  console.error(`Node ${process.version}, ${availableParallelism()} cores`);
  console.table(await benchTree(), ["name", "value", "unit", "ratio"]);
}
