// `scs replay`: anything a node did, done again from what is stored, and compared: equal, or the first difference.
import { Argument, Option, type Command } from "commander";
import { jcs, sha } from "#audit/digests.ts";
import { judged, same, type Verdict } from "#audit/disproof.ts";
import { membersOf, rebuildMemberships } from "#audit/membership.ts";
import { recomputeEpoch, secondOpinion, type Claim } from "#audit/recompute.ts";
import { replayArchivedResolution } from "#audit/replay.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import { openArchive, type ArchiveReader } from "#settlement/archive.ts";
import { readEpochMembers } from "#storage/auditing.ts";
import type { Database } from "#storage/database.ts";
import { epochSubject } from "#storage/epochs.ts";
import { subjectActs } from "#storage/explanations.ts";
import { provableRevision } from "#storage/proofs.ts";
import type { Configuration } from "../config/schema.ts";
import { openArchiveFolder, readClaim, type ArchiveClaim } from "../documents/archive-folder.ts";
import { readClaimed, type Claimed } from "../documents/claimed.ts";
import {
  replayExecution,
  replayStoredResolution,
  replayVerification,
  type ReplayDeps,
} from "../documents/replaying.ts";
import { answerVerdict } from "../documents/verdict.ts";
import { readKeyIn, readSecretIn } from "../keys.ts";
import { jsonText } from "../output.ts";
import { keyFile } from "../wiring/keys.ts";
import { define, group, type Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { openObjects } from "./objects.ts";
import { withDatabase } from "./operator-database.ts";
import { taskArgument, wholeNumber } from "./options.ts";

type Replay = (deps: ReplayDeps, taskId: Hex) => Promise<Verdict>;

/** Replays that open vaults: with the node's own keys, which are read and never made. */
async function replayTask(
  { args: [taskId], output, configuration }: Invocation<readonly [Hex], object>,
  replay: Replay,
): Promise<number> {
  const settings = configuration();
  const dataDir = settings.SCS_DATA_DIR;
  const masterKey = hexToBytes(readSecretIn(settings.SCS_MASTER_KEY_FILE || keyFile(dataDir, "master")), 32);
  const { address: by } = readKeyIn(settings.SCS_EXECUTOR_KEY_FILE || keyFile(dataDir, "executor"));
  const domain = { chainId: BigInt(settings.SCS_CHAIN_ID), anchor: deployedAddress(settings, "anchor") };
  const metrics = openMetrics();
  const verdict = await withDatabase(settings, "node", async (database) => {
    const cache = new PlaintextCache({ database, masterKey, metrics });
    const vaults = { database, clock: () => new Date(), metrics, cache };
    return await replay({ database, vaults, domain, by }, taskId);
  });
  await metrics.close();
  return answerVerdict(output, { taskId }, verdict);
}

type ResolutionOptions = { readonly archive?: string };

async function replayMeaning(invocation: Invocation<readonly [Hex], ResolutionOptions>): Promise<number> {
  const { args, options, output, configuration } = invocation;
  const [taskId] = args;
  const { archive } = options;
  if (archive !== undefined) {
    const source = openArchiveFolder(archive, readClaim(archive).archive);
    return answerVerdict(output, { taskId, archive }, await replayArchivedResolution(source, taskId));
  }
  const verdict = await withDatabase(configuration(), "reader", (database) => replayStoredResolution(database, taskId));
  return answerVerdict(output, { taskId }, verdict);
}

/** What each kind of replay compares; the root is always part of it. */
const compared = {
  epoch: (claimed: Claimed): Claim => claimed,
  settlement: ({ root, header, subRoots }: Claimed): Claim => ({ root, header, subRoots }),
  rewards: ({ root, rewards, adjustments, payouts }: Claimed): Claim => ({ root, rewards, adjustments, payouts }),
} as const;

type Compared = keyof typeof compared;

const claimedOf = (claim: ArchiveClaim): Claimed => {
  const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = claim;
  return { root, header, subRoots, rewards, adjustments, payouts, localCandidates };
};

/** Who the journal says was a member, held against what is stored and against what the archive settled or left out (EPOC-07). */
async function replayMembership(
  database: Database,
  place: { readonly scope: string; readonly epoch: number },
  archive: ArchiveReader | undefined,
): Promise<Verdict> {
  const { scope, epoch } = place;
  const subject = epochSubject(scope, epoch);
  const acts = await subjectActs(database, ["epoch"], subject);
  const journalled = acts.map(({ kind, body }) => {
    return { kind, subject: bytesToHex(subject), body: jsonText(body) };
  });
  const stored = await readEpochMembers(database, scope, epoch);
  return await judged(async () => {
    const rebuilt = membersOf(await rebuildMemberships(each(journalled)), epochIdOf(scope, epoch));
    same("members", stored, rebuilt);
    if (archive === undefined) return sha(jcs(rebuilt));
    const { root, taskIds, excluded } = await recomputeEpoch(archive);
    const archived = [...taskIds, ...excluded].sort();
    same(
      "archived tasks",
      archived,
      rebuilt.map(({ taskId }) => taskId),
    );
    return root;
  });
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* await Promise.resolve(items);
}

type StoredEpoch = { readonly about: Readonly<Record<string, unknown>>; readonly verdict: Verdict };

/** Replays an epoch of the node's own database, with its archive from the object store. */
async function replayStored(
  settings: Configuration,
  what: Compared,
  place: { readonly scope: string; readonly epoch: number },
): Promise<StoredEpoch> {
  const { scope, epoch } = place;
  return await withDatabase(settings, "reader", async (database) => {
    const revision = await provableRevision(database, scope, epoch);
    const key = { scope, epoch, revision: revision ?? 0 };
    const claimed = await readClaimed(database, key);
    const archive = claimed && openArchive(await openObjects(settings), claimed.header.archive);
    const about = { scope, epoch, revision: revision ?? null };
    if (what === "epoch") {
      const verdict = await replayMembership(database, place, archive);
      if (verdict.kind !== "valid" || claimed === undefined) return { about, verdict };
    }
    if (claimed === undefined || archive === undefined) {
      throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch });
    }
    return { about, verdict: await secondOpinion(archive, compared[what](claimed)) };
  });
}

async function replayEpoch(
  { args, output, configuration }: Invocation<readonly [string, number | undefined], object>,
  what: Compared,
): Promise<number> {
  const [subject, number] = args;
  if (number !== undefined) {
    const { about, verdict } = await replayStored(configuration(), what, { scope: subject, epoch: number });
    return answerVerdict(output, about, verdict);
  }
  const claim = readClaim(subject);
  const { scope, epoch, revision, archive } = claim;
  const verdict = await secondOpinion(openArchiveFolder(subject, archive), compared[what](claimedOf(claim)));
  return answerVerdict(output, { scope, epoch, revision }, verdict);
}

const summaries: Readonly<Record<Compared, string>> = {
  epoch: "Work an epoch out again: its members from the journal, then every item, reward, payout, tree and the root.",
  settlement: "Work a SettlementRoot out again from its archive: header, sub-roots, root.",
  rewards: "Work an epoch's rewards, adjustments and payouts out again from its archive.",
};

export function register(program: Command): void {
  const replay = group(program, "replay", "Do things again from what is stored: equal, or the first difference.");
  define<readonly [Hex]>(replay, {
    name: "execution",
    summary: "Execute a task again over the snapshots it was bound to, and compare result, transcript and access log.",
    example: `scs replay execution 0x${"ab".repeat(32)}`,
    arguments: [taskArgument()],
    run: (invocation) => replayTask(invocation, replayExecution),
  });
  define<readonly [Hex]>(replay, {
    name: "verification",
    summary: "Verify a task's result again, and compare every verifier's verdict, evidence and signature.",
    example: `scs replay verification 0x${"ab".repeat(32)}`,
    arguments: [taskArgument()],
    run: (invocation) => replayTask(invocation, replayVerification),
  });
  define<readonly [Hex], ResolutionOptions>(replay, {
    name: "resolution",
    summary: "Resolve a task's words again under its semantic version, and compare step by step.",
    example: `scs replay resolution 0x${"ab".repeat(32)} --archive ./epoch-1`,
    arguments: [taskArgument()],
    options: [new Option("--archive <folder>", "the task of this archive (default: that of the node's database)")],
    run: replayMeaning,
  });
  for (const name of ["epoch", "settlement", "rewards"] as const) {
    define<readonly [string, number | undefined]>(replay, {
      name,
      summary: summaries[name],
      example: `scs replay ${name} ./epoch-1`,
      arguments: [
        new Argument("<folder-or-scope>", "archive folder; or a scope of the node's database, with an epoch"),
        new Argument("[epoch]", "number of an epoch of that scope").argParser(wholeNumber(1)),
      ],
      run: (invocation) => replayEpoch(invocation, name),
    });
  }
}
