// An epoch's archive as a folder that can be carried anywhere: every file named by its digest, and what is claimed of it.
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Type, type Static } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { Address, Bytes32, closed, Count, Name, type Hex } from "#protocol/schemas/primitives.ts";
import { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import {
  AdjustmentRecord,
  PayoutInstruction,
  RewardRecord,
  SettlementHeader,
  SettlementSubRoots,
  type ArchiveManifest,
} from "#protocol/schemas/settlement.ts";
import type { ArchiveReader } from "#settlement/archive.ts";
import { jsonText } from "../output.ts";
import { readDocument } from "./json-document.ts";

/** What is claimed of an archive: by the node's ledger when it is exported, to be judged by whoever reads it. */
export const ArchiveClaim = closed(
  {
    archive: Bytes32,
    chainId: Count,
    anchor: Address,
    scope: Name,
    epoch: Count,
    revision: Count,
    root: Bytes32,
    header: SettlementHeader,
    subRoots: SettlementSubRoots,
    rewards: Type.Array(RewardRecord),
    adjustments: Type.Array(AdjustmentRecord),
    payouts: Type.Array(PayoutInstruction),
    localCandidates: Type.Array(LocalAttributeCandidate),
  },
  { $id: "archive-claim" },
);

export type ArchiveClaim = Static<typeof ArchiveClaim>;

const claimFile = "claim.json";
const contentFile = (folder: string, digest: Hex): string => join(folder, "sha256", digest.slice(2));

/**
 * Copies an archive, documents and parts, and what is claimed of it into a folder that is empty or new; answers its manifest.
 * @throws ProtocolError INTERNAL_CONFIGURATION when the folder holds something; INTERNAL_OBJECT_* from the source
 */
export async function writeArchive(
  folder: string,
  source: ArchiveReader,
  claim: Omit<ArchiveClaim, "chainId" | "anchor">,
  onPart: (done: number, total: number) => void,
): Promise<ArchiveManifest> {
  await mkdir(join(folder, "sha256"), { recursive: true });
  const held = (await readdir(folder)).length + (await readdir(join(folder, "sha256"))).length;
  if (held > 1) throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: [`${folder} is not empty`] });
  const manifestBytes = await source.manifest();
  const manifest = JSON.parse(Buffer.from(manifestBytes).toString("utf8")) as ArchiveManifest;
  await writeFile(contentFile(folder, claim.archive), manifestBytes, { flag: "wx" });
  const digests = manifest.documents.map(({ object }) => object);
  digests.push(...manifest.parts.map(({ digest }) => digest));
  for (const [at, digest] of digests.entries()) {
    await writeFile(contentFile(folder, digest), await source.part(digest), { flag: "wx" });
    onPart(at + 1, digests.length);
  }
  const { chainId, anchor } = manifest;
  const whole: ArchiveClaim = { ...claim, chainId, anchor };
  // The claim comes last: a folder without one was not finished.
  await writeFile(join(folder, claimFile), `${jsonText(whole, 2)}\n`, { flag: "wx" });
  return manifest;
}

/** Reads what is claimed of the archive in a folder. @throws ProtocolError SCHEMA_*, INTERNAL_CONFIGURATION */
export function readClaim(folder: string): ArchiveClaim {
  return readDocument(join(folder, claimFile), ArchiveClaim);
}

/** Reads the archive in a folder; whether bytes have the digest they are named by is for whoever judges them. */
export function openArchiveFolder(folder: string, archive: Hex): ArchiveReader {
  const read = async (digest: Hex): Promise<Uint8Array> => await readFile(contentFile(folder, digest));
  return { manifest: async () => await read(archive), part: read };
}
