// Works an epoch out again from its archive, and says where a claim about it is wrong.
import { MerkleTree } from "merkletreejs";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type {
  ArchiveManifest,
  PayoutInstruction,
  RewardRecord,
  SettlementHeader,
  SettlementSubRoots,
} from "#protocol/schemas/settlement.ts";
import { domainOf, hexOf, hexWord, idOf, jcs, keccak, leafOf, scopeIdOf, sha, word } from "./digests.ts";
import { Disproof, judged, same, Unreadable, type Verdict } from "./disproof.ts";
import { digestPart, termsOf, type PartDigest } from "./part.ts";
import { emptyTree, grow, shaRoot } from "./sha-tree.ts";
import { addLedger, earningsOf, emptyLedger } from "./shares.ts";

/** Reads an archive: the bytes of its manifest, and of each part by its digest. */
export type ArchiveSource = {
  readonly manifest: () => Promise<Uint8Array>;
  readonly part: (digest: Hex) => Promise<Uint8Array>;
};

/** All that follows from an archive. */
export type Recomputed = {
  readonly root: Hex;
  readonly header: SettlementHeader;
  readonly subRoots: SettlementSubRoots;
  readonly pot: bigint;
  readonly rewards: readonly RewardRecord[];
  readonly payouts: readonly PayoutInstruction[];
};

/** What is claimed of an archive; what is left out is not compared. */
export type Claim = {
  readonly root: Hex;
  readonly header?: SettlementHeader;
  readonly subRoots?: SettlementSubRoots;
  readonly rewards?: readonly RewardRecord[];
  readonly payouts?: readonly PayoutInstruction[];
};

const hashNode = (data: Buffer): Buffer => Buffer.from(keccak(data));

/** The root of a tree as merkletreejs builds it; of no leaves, the leaf of the kind without fields. */
function rootOver(leaves: readonly Buffer[], domain: Buffer): Buffer {
  if (leaves.length === 0) return leafOf(domain, []);
  return new MerkleTree([...leaves], hashNode, { sortPairs: true }).getRoot();
}

async function readOrStop(what: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await read();
  } catch (error) {
    throw new Unreadable(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readManifest(bytes: Uint8Array): ArchiveManifest {
  const text = Buffer.from(bytes).toString("utf8");
  let manifest: ArchiveManifest;
  try {
    manifest = JSON.parse(text) as ArchiveManifest;
  } catch {
    throw new Disproof("manifest", "not JSON", "JSON");
  }
  if (jcs(manifest) !== text) throw new Disproof("manifest", "another serialization", "the canonical one");
  return manifest;
}

/** The versions and the policy a manifest names belong together. */
function checkManifest({ versions, policy, parts, itemCount, excluded }: ArchiveManifest): void {
  const highest = versions.policy.at(-1);
  same("manifest.policy.policyVersion", policy.policyVersion, highest?.version);
  same("manifest.policy digest", highest?.digest, idOf("scs.policy", jcs(policy)));
  for (const list of [versions.schema, versions.semantic.map(byVersion), versions.policy.map(byVersion)]) {
    same("manifest.versions ascend", [...list].join(), [...new Set(list)].sort().join());
  }
  same(
    "manifest.itemCount",
    itemCount,
    parts.reduce((sum, { items }) => sum + items, 0),
  );
  const left = excluded.map(({ taskId }) => taskId);
  same("manifest.excluded ascend", left.join(), [...new Set(left)].sort().join());
}

const byVersion = ({ version }: { readonly version: string }): string => version;

/**
 * Works out an epoch from its archive: ids, signatures, fees, histories, rewards, payouts, trees and the root (SETL-06,
 * ASSR-01). Reads part after part; keeps 32 bytes for each leaf.
 * @throws Disproof where the archive contradicts itself, Unreadable where it cannot be read
 */
export async function recomputeEpoch(source: ArchiveSource): Promise<Recomputed> {
  const bytes = await readOrStop("manifest", source.manifest);
  const manifest = readManifest(bytes);
  checkManifest(manifest);
  const terms = termsOf(manifest);
  const digests: PartDigest[] = [];
  let next = nextPart(source, manifest, 0);
  for (let number = 0; number < manifest.parts.length; number++) {
    const part = await next;
    // The next part is read while this one is worked out.
    next = nextPart(source, manifest, number + 1);
    const digest = digestPart(terms, part, number);
    const before = digests.at(-1)?.last ?? "0x";
    if (digest.first <= before) throw new Disproof(`parts[${number}].items[0].taskId`, digest.first, `above ${before}`);
    digests.push(digest);
  }
  return settle(manifest, sha(bytes), digests);
}

function nextPart(source: ArchiveSource, { parts }: ArchiveManifest, number: number): Promise<Uint8Array> {
  const part = parts[number];
  if (part === undefined) return Promise.resolve(new Uint8Array());
  const reading = readOrStop(`parts[${number}]`, () => source.part(part.digest));
  // A failure is thrown where the part is waited for.
  reading.catch(() => undefined);
  return reading;
}

const allOf = (digests: readonly PartDigest[], kind: "results" | "evidence"): readonly Buffer[] =>
  digests.flatMap((digest) => digest[kind]);

/** Puts the parts together: rewards, trees, header, root. */
function settle(manifest: ArchiveManifest, archive: Hex, digests: readonly PartDigest[]): Recomputed {
  const { scope, epoch, revision, previousRoot, versions, policy, itemCount } = manifest;
  const ledger = emptyLedger();
  const histories = emptyTree();
  for (const digest of digests) {
    addLedger(ledger, digest.ledger);
    for (const leaf of digest.histories) grow(histories, leaf);
  }
  const { pot, rewards, payouts } = earningsOf(scope, epoch, policy, ledger);
  const domain = (kind: string): Buffer => domainOf(kind, manifest);
  const rewardDomain = domain("reward");
  const payoutDomain = domain("payout");
  const rewardLeaves = rewards.map((record) => {
    const recordHash = idOf("scs.reward-record", jcs(record));
    const words = [hexWord(record.rewardId), hexWord(record.account), word(BigInt(record.amount)), hexWord(recordHash)];
    return leafOf(rewardDomain, words);
  });
  const payoutLeaves = payouts.map(({ index, account, amount }) =>
    leafOf(payoutDomain, [word(index), hexWord(account), word(BigInt(amount))]),
  );
  const journal = leafOf(domain("journal"), [word(histories.size), shaRoot(histories).toString("hex")]);
  const roots = {
    results: rootOver(allOf(digests, "results"), domain("result")),
    evidence: rootOver(allOf(digests, "evidence"), domain("evidence")),
    rewards: rootOver(rewardLeaves, domain("reward")),
    payouts: rootOver(payoutLeaves, domain("payout")),
    candidates: rootOver([], domain("candidate")),
    journal: rootOver([journal], domain("journal")),
  };
  const payoutTotal = payouts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const ruleset = idOf("scs.ruleset", jcs(versions));
  const headerWords = [
    word(revision),
    hexWord(previousRoot),
    hexWord(ruleset),
    hexWord(archive),
    word(itemCount),
    word(payouts.length),
    word(payoutTotal),
  ];
  const nodes = [leafOf(domain("header"), headerWords), ...Object.values(roots)];
  const subRoots = Object.fromEntries(Object.entries(roots).map(([name, root]) => [name, hexOf(root)]));
  return {
    root: hexOf(rootOver(nodes, domain("header"))),
    header: {
      scope: scopeIdOf(scope),
      epoch,
      revision,
      previousRoot,
      ruleset,
      archive,
      itemCount,
      payoutCount: payouts.length,
      payoutTotal: `${payoutTotal}`,
    },
    subRoots: subRoots as SettlementSubRoots,
    pot,
    rewards,
    payouts,
  };
}

/** Compares two records field by field, in the order of the second one's fields. */
function sameRecord(place: string, claimed: object, recomputed: object): void {
  const fields = new Map(Object.entries(claimed));
  for (const [name, value] of Object.entries(recomputed)) {
    const found: unknown = fields.get(name);
    if (typeof value === "object" && value !== null && typeof found === "object" && found !== null) {
      sameRecord(`${place}.${name}`, found, value as object);
    } else {
      same(`${place}.${name}`, found, value);
    }
  }
  same(`${place} has`, fields.size, Object.keys(recomputed).length);
}

function sameList(place: string, claimed: readonly object[], recomputed: readonly object[]): void {
  for (const [at, record] of recomputed.entries()) sameRecord(`${place}[${at}]`, claimed[at] ?? {}, record);
  same(`${place}.length`, claimed.length, recomputed.length);
}

/** Compares a claim with what follows from the archive; stops at the first difference. */
export function compareClaim(claim: Claim, found: Recomputed): void {
  if (claim.rewards) sameList("rewards", claim.rewards, found.rewards);
  if (claim.payouts) sameList("payouts", claim.payouts, found.payouts);
  if (claim.header) sameRecord("header", claim.header, found.header);
  if (claim.subRoots) sameRecord("subRoots", claim.subRoots, found.subRoots);
  same("root", claim.root, found.root);
}

/** Judges a claim about an archive: valid, the first difference, or unknown where something cannot be read (SETL-06). */
export async function secondOpinion(source: ArchiveSource, claim: Claim): Promise<Verdict> {
  return await judged(async () => {
    const found = await recomputeEpoch(source);
    compareClaim(claim, found);
    return found.root;
  });
}

/** Checks an archive on its own: that it holds together and to what root it leads (ASSR-04). */
export async function checkArchive(source: ArchiveSource): Promise<Verdict> {
  return await judged(async () => (await recomputeEpoch(source)).root);
}

/** Whether a manifest has the digest that somebody names; `unknown` where it cannot be read. */
export async function checkManifestDigest(source: ArchiveSource, archive: Hex): Promise<Verdict> {
  return await judged(async () => {
    same("archive", archive, sha(await readOrStop("manifest", source.manifest)));
    return archive;
  });
}
