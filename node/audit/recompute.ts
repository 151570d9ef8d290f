// Works an epoch out again from its archive, and says where a claim about it is wrong.
import { MerkleTree } from "merkletreejs";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type {
  AdjustmentRecord,
  ArchiveManifest,
  PayoutInstruction,
  RewardRecord,
  SettlementHeader,
  SettlementSubRoots,
} from "#protocol/schemas/settlement.ts";
import { adjustmentsOf, payoutsOf } from "./adjustments.ts";
import { candidatesOf } from "./aggregation.ts";
import { domainOf, hexOf, hexWord, idOf, jcs, keccak, leafOf, scopeIdOf, sha, word } from "./digests.ts";
import { Disproof, judged, same, type Verdict } from "./disproof.ts";
import { readDocuments, readManifest, readOrStop, shaped, type ArchiveSource, type Documents } from "./manifest.ts";
import { digestPart, termsOf, wordsIn, type PartDigest } from "./part.ts";
import { emptyTree, grow, shaRoot } from "./sha-tree.ts";
import { addLedger, earningsOf, emptyLedger } from "./shares.ts";

/** All that follows from an archive. */
export type Recomputed = {
  readonly root: Hex;
  readonly header: SettlementHeader;
  readonly subRoots: SettlementSubRoots;
  readonly pot: bigint;
  readonly rewards: readonly RewardRecord[];
  readonly adjustments: readonly AdjustmentRecord[];
  readonly payouts: readonly PayoutInstruction[];
  readonly localCandidates: readonly LocalAttributeCandidate[];
  /** Tasks that were settled, and tasks that were left out; both ascending. */
  readonly taskIds: readonly Hex[];
  readonly excluded: readonly Hex[];
};

/** What is claimed of an archive; what is left out is not compared. */
export type Claim = {
  readonly root: Hex;
  readonly header?: SettlementHeader;
  readonly subRoots?: SettlementSubRoots;
  readonly rewards?: readonly RewardRecord[];
  readonly adjustments?: readonly AdjustmentRecord[];
  readonly payouts?: readonly PayoutInstruction[];
  readonly localCandidates?: readonly LocalAttributeCandidate[];
};

const hashNode = (data: Buffer): Buffer => Buffer.from(keccak(data));

/** The root of a tree as merkletreejs builds it; of no leaves, the leaf of the kind without fields. */
function rootOver(leaves: readonly Buffer[], domain: Buffer): Buffer {
  if (leaves.length === 0) return leafOf(domain, []);
  return new MerkleTree([...leaves], hashNode, { sortPairs: true }).getRoot();
}

/** Gives what a part comes to where that was worked out before, under this very manifest. */
export type KnownParts = (manifest: ArchiveManifest, number: number) => PartDigest | undefined;

/**
 * Works out an epoch from its archive: documents, ids, meanings, signatures, fees, histories, rewards, adjustments, payouts,
 * candidates for attributes, trees and the root (SETL-06, ASSR-01). Reads part after part; keeps 32 bytes for each leaf.
 * @param known parts that need not be worked out again
 * @throws Disproof where the archive contradicts itself, Unreadable where it cannot be read
 */
export async function recomputeEpoch(source: ArchiveSource, known: KnownParts = () => undefined): Promise<Recomputed> {
  const bytes = await readOrStop("manifest", source.manifest);
  const manifest = readManifest(bytes);
  const documents = await readDocuments(source, manifest);
  const left = manifest.excluded.map(({ taskId }) => taskId);
  const terms = shaped("manifest", "a manifest", () => termsOf(manifest, documents, left));
  const found = manifest.parts.map((_, number) => known(manifest, number));
  const digests: PartDigest[] = [];
  const readFrom = (number: number): Promise<Uint8Array> => {
    const isKnown = number < found.length && found[number] !== undefined;
    return isKnown ? Promise.resolve(new Uint8Array()) : nextPart(source, manifest, number);
  };
  let next = readFrom(0);
  for (const [number, part] of manifest.parts.entries()) {
    const content = await next;
    // The next part is read while this one is worked out.
    next = readFrom(number + 1);
    const digest = found[number] ?? digestPart(terms, content, { ...part, number });
    const before = digests.at(-1)?.last ?? "0x";
    if (digest.first <= before) throw new Disproof(`parts[${number}].items[0].taskId`, digest.first, `above ${before}`);
    digests.push(digest);
  }
  return shaped("manifest", "a manifest", () => settle(manifest, documents, sha(bytes), digests));
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
  digests.flatMap((digest) => [...wordsIn(digest[kind])]);

/** The leaves of what accounts earn and pay: the rewards, then the adjustments. */
function earningLeaves(
  domain: Buffer,
  rewards: readonly RewardRecord[],
  adjustments: readonly AdjustmentRecord[],
): readonly Buffer[] {
  const leaf = (id: Hex, { account, amount }: RewardRecord | AdjustmentRecord, recordHash: Hex): Buffer =>
    leafOf(domain, [hexWord(id), hexWord(account), word(BigInt(amount)), hexWord(recordHash)]);
  return [
    ...rewards.map((record) => leaf(record.rewardId, record, idOf("scs.reward-record", jcs(record)))),
    ...adjustments.map((record) => leaf(record.adjustmentId, record, idOf("scs.adjustment-record", jcs(record)))),
  ];
}

/** The registry that candidates for attributes are held against: that of the highest semantic version. */
function highestRegistry({ versions }: ArchiveManifest, { registries }: Documents) {
  const found = registries.get(versions.semantic.at(-1)?.version ?? "");
  if (found === undefined) throw new Disproof("manifest.versions.semantic", "none", "at least one");
  return found.registry;
}

/** Puts the parts together: rewards, adjustments, trees, header, root. */
function settle(
  manifest: ArchiveManifest,
  documents: Documents,
  archive: Hex,
  digests: readonly PartDigest[],
): Recomputed {
  const { scope, epoch, revision, previousRoot, versions, policy, itemCount } = manifest;
  const ledger = emptyLedger();
  const histories = emptyTree();
  for (const digest of digests) {
    addLedger(ledger, digest.ledger);
    for (const leaf of wordsIn(digest.histories)) grow(histories, leaf);
  }
  const { pot, rewards } = earningsOf(scope, epoch, policy, ledger);
  const treasury = policy.rewards.treasuryAccount;
  const adjustments = adjustmentsOf({ scope, epoch, treasury }, rewards, manifest.penalties);
  const payouts = payoutsOf(scope, epoch, rewards, adjustments);
  const localCandidates = candidatesOf(manifest, highestRegistry(manifest, documents));
  const domain = (kind: string): Buffer => domainOf(kind, manifest);
  const [rewardDomain, payoutDomain, candidateDomain] = [domain("reward"), domain("payout"), domain("candidate")];
  const payoutLeaves = payouts.map(({ index, account, amount }) =>
    leafOf(payoutDomain, [word(index), hexWord(account), word(BigInt(amount))]),
  );
  const candidateLeaves = localCandidates.map((candidate) =>
    leafOf(candidateDomain, [
      hexWord(candidate.candidateId),
      hexWord(idOf("scs.local-candidate-content", jcs(candidate))),
    ]),
  );
  const journal = leafOf(domain("journal"), [word(histories.size), shaRoot(histories).toString("hex")]);
  const roots = {
    results: rootOver(allOf(digests, "results"), domain("result")),
    evidence: rootOver(allOf(digests, "evidence"), domain("evidence")),
    rewards: rootOver(earningLeaves(rewardDomain, rewards, adjustments), rewardDomain),
    payouts: rootOver(payoutLeaves, payoutDomain),
    candidates: rootOver(candidateLeaves, candidateDomain),
    journal: rootOver([journal], domain("journal")),
  };
  const payoutTotal = payouts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  same("payouts add up to the pot", payoutTotal, pot);
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
  const counts = { itemCount, payoutCount: payouts.length, payoutTotal: `${payoutTotal}` };
  return {
    root: hexOf(rootOver(nodes, domain("header"))),
    header: { scope: scopeIdOf(scope), epoch, revision, previousRoot, ruleset, archive, ...counts },
    subRoots: subRoots as SettlementSubRoots,
    pot,
    rewards,
    adjustments,
    payouts,
    localCandidates,
    taskIds: digests.flatMap(({ tasks }) => [...wordsIn(tasks)].map(hexOf)),
    excluded: manifest.excluded.map(({ taskId }) => taskId),
  };
}

/** Compares a claim with what follows from the archive, from what is shared out up to the root; stops at the first difference. */
export function compareClaim(claim: Claim, found: Recomputed): void {
  const parts = ["rewards", "adjustments", "payouts", "localCandidates", "header", "subRoots", "root"] as const;
  for (const part of parts) if (claim[part] !== undefined) same(part, claim[part], found[part]);
}

/** Judges a claim about an archive: valid, the first difference, or unknown where something cannot be read (SETL-06). */
export async function secondOpinion(source: ArchiveSource, claim: Claim, known?: KnownParts): Promise<Verdict> {
  return await judged(async () => {
    const found = await recomputeEpoch(source, known);
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
