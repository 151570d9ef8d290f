// `scs archive`: an epoch as one folder, exported from a node and checked anywhere, by audit/ alone.
import { Argument, Option, type Command } from "commander";
import type { Verdict } from "#audit/disproof.ts";
import { checkManifestDigest, secondOpinion } from "#audit/recompute.ts";
import { readCandidate as readAnchored } from "#chain/anchor.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { openArchive } from "#settlement/archive.ts";
import { provableRevision } from "#storage/proofs.ts";
import type { Database } from "#storage/database.ts";
import { openArchiveFolder, readClaim, writeArchive, type ArchiveClaim } from "../documents/archive-folder.ts";
import { readClaimed } from "../documents/claimed.ts";
import { answerVerdict } from "../documents/verdict.ts";
import { Progress } from "../output.ts";
import { openChain, type EndpointOptions } from "./chain-access.ts";
import { define, group, type Invocation } from "./command.ts";
import { openObjects } from "./objects.ts";
import { withDatabase } from "./operator-database.ts";
import { endpointOption, epochArgument, scopeArgument, wholeNumber } from "./options.ts";

type ExportOptions = { readonly revision?: number };

/** What the ledger claims of an epoch's candidate: of the one that proofs are of, unless a revision is named. */
async function claimOf(database: Database, scope: string, epoch: number, wanted?: number) {
  const revision = wanted ?? (await provableRevision(database, scope, epoch));
  const key = { scope, epoch, revision: revision ?? 0 };
  const claimed = await readClaimed(database, key);
  if (claimed === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch });
  return { ...key, archive: claimed.header.archive, ...claimed };
}

async function exportArchive(invocation: Invocation<readonly [string, number, string], ExportOptions>): Promise<void> {
  const { args, options, output, configuration } = invocation;
  const [scope, epoch, folder] = args;
  const settings = configuration();
  const claim = await withDatabase(settings, "reader", (database) => claimOf(database, scope, epoch, options.revision));
  const progress = new Progress();
  let move: ((done: number) => void) | undefined;
  const source = openArchive(await openObjects(settings), claim.archive);
  const { itemCount, parts } = await writeArchive(folder, source, claim, (done, total) => {
    move ??= progress.start("objects", total);
    move(done);
  });
  progress.stop();
  const { archive, root, revision } = claim;
  output.answer({ folder, scope, epoch, revision, archive, root, items: itemCount, parts: parts.length }, () => {
    output.say(`${folder}: ${itemCount} tasks in ${parts.length} parts, archive ${archive}, root ${root}`);
  });
}

/** Judges what a folder claims; with an anchor's endpoints also that the chain holds its root. */
async function judge(folder: string, claimed: ArchiveClaim, endpoints?: readonly string[]): Promise<Verdict> {
  const source = openArchiveFolder(folder, claimed.archive);
  const named = await checkManifestDigest(source, claimed.archive);
  if (named.kind !== "valid") return named;
  const verdict = await secondOpinion(source, claimed);
  if (verdict.kind !== "valid" || endpoints === undefined) return verdict;
  const { anchor, chainId, header, epoch } = claimed;
  const place = { chain: await openChain(endpoints, chainId), address: anchor };
  const { state, root } = await readAnchored(place, header.scope, BigInt(epoch));
  if (state === "none") return { kind: "unknown", reason: "the anchor holds no candidate for this epoch" };
  if (root === verdict.root) return verdict;
  return {
    kind: "invalid",
    difference: { field: `root on chain (${state})`, claimed: root, recomputed: verdict.root },
  };
}

const folderArgument = () => new Argument("<folder>", 'archive folder, as "scs archive export" wrote it');

export function register(program: Command): void {
  const archive = group(program, "archive", "Export an epoch's archive as a folder, and check one.");
  define<readonly [string, number, string], ExportOptions>(archive, {
    name: "export",
    summary: "Write all that a stranger needs to work an epoch out again into a folder.",
    example: "scs archive export main 1 ./epoch-1",
    arguments: [scopeArgument(), epochArgument(), new Argument("<folder>", "new or empty folder")],
    options: [
      new Option("--revision <number>", "this candidate (default: the one that stands)").argParser(wholeNumber(1)),
    ],
    run: exportArchive,
  });
  define<readonly [string], EndpointOptions>(archive, {
    name: "check",
    summary:
      "Check an archive folder: its digests, its content, what it claims; with endpoints also the anchored root.",
    example: "scs archive check ./epoch-1 --endpoint https://rpc.example.org",
    arguments: [folderArgument()],
    options: [endpointOption()],
    run: async ({ args: [folder], options, output }) => {
      const claimed = readClaim(folder);
      const { scope, epoch, revision, anchor, chainId, archive: digest } = claimed;
      const verdict = await judge(folder, claimed, options.endpoint);
      return answerVerdict(output, { scope, epoch, revision, chainId, anchor, archive: digest }, verdict);
    },
  });
}
