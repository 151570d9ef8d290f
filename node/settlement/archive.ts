// An epoch's archive in the object store: parts of items and a manifest, all named by their digests (ASSR-04).
import assert from "node:assert/strict";
import { canonicalBytes } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { archivePartItems } from "#protocol/limits.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import type { EpochDocuments } from "#storage/epochs.ts";
import { getContent, putContent } from "#storage/objects/content.ts";
import type { ObjectStore } from "#storage/objects/store.ts";

/** Reads an archive: the bytes of its manifest, and of each part by its digest. */
export type ArchiveReader = {
  readonly manifest: () => Promise<Uint8Array>;
  readonly part: (digest: Hex) => Promise<Uint8Array>;
};

/** One part of an archive, which is written and can be read. */
export type WrittenPart = ArchiveManifest["parts"][number] & { readonly number: number };

/** Parts being written at once: writing goes on while the next part is put together. */
const writesInFlight = 2;

/** Collects items' lines into parts of equal size. */
export type PartWriter = {
  readonly store: ObjectStore;
  readonly parts: { digest: Hex; items: number }[];
  readonly writes: Promise<void>[];
  readonly onPart: (part: WrittenPart) => void;
  lines: string[];
};

/** A writer of an archive's parts; `onPart` is told of each once it can be read. */
export function openParts(store: ObjectStore, onPart: (part: WrittenPart) => void = () => undefined): PartWriter {
  return { store, parts: [], writes: [], lines: [], onPart };
}

/** Adds lines; whole parts are written. Where a part ends depends on the number of items alone. */
export async function addLines(writer: PartWriter, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    writer.lines.push(line);
    if (writer.lines.length === archivePartItems) await writePart(writer);
  }
}

async function writePart(writer: PartWriter): Promise<void> {
  const bytes = Buffer.from(`${writer.lines.join("\n")}\n`, "utf8");
  const items = writer.lines.length;
  writer.lines = [];
  const at = writer.parts.length;
  while (writer.writes.length >= writesInFlight) await writer.writes.shift();
  writer.parts.push({ digest: "0x", items });
  const write = putContent(writer.store, bytes).then((digest) => {
    writer.parts[at] = { digest, items };
    writer.onPart({ digest, items, number: at });
  });
  // A failure is thrown where it is waited for, not where it happens.
  write.catch(() => undefined);
  writer.writes.push(write);
}

/** Writes what remains, waits for all parts, and answers them in order. */
export async function endParts(writer: PartWriter): Promise<ArchiveManifest["parts"]> {
  if (writer.lines.length > 0) await writePart(writer);
  await Promise.all(writer.writes);
  return writer.parts;
}

/**
 * Writes the registries and policies behind an epoch's versions, each as an object of its canonical bytes, and answers where
 * each is found: registries first, each kind in the order of its versions.
 */
export async function putDocuments(
  store: ObjectStore,
  { versions, registries, policies }: EpochDocuments,
): Promise<ArchiveManifest["documents"]> {
  const documents: ArchiveManifest["documents"] = [];
  const kinds = [
    { kind: "registry", listed: versions.semantic, bodies: registries },
    { kind: "policy", listed: versions.policy, bodies: policies },
  ] as const;
  for (const { kind, listed, bodies } of kinds) {
    for (const { version } of listed) {
      const body = bodies.get(version);
      assert(body !== undefined, "an epoch's documents are read together");
      documents.push({ kind, version, object: await putContent(store, canonicalBytes(body)) });
    }
  }
  return documents;
}

/** Where the digest of a candidate's manifest is kept by name. */
export function archiveKey(scope: string, epoch: number, revision: number): string {
  return `archive/${scope}/${epoch}/${revision}`;
}

/** Publishes under its name which archive a candidate has; to be repeated freely. */
export async function publishArchive(
  store: ObjectStore,
  candidate: { readonly scope: string; readonly epoch: number; readonly revision: number; readonly archive: Hex },
): Promise<void> {
  const key = archiveKey(candidate.scope, candidate.epoch, candidate.revision);
  const outcome = await store.putOnce(key, Buffer.from(candidate.archive, "utf8"));
  if (outcome === "conflict") throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { key, digest: candidate.archive });
}

/** Reads the archive with this manifest digest. What is not there is an error, never an empty answer. */
export function openArchive(store: ObjectStore, archive: Hex): ArchiveReader {
  const read = async (digest: Hex): Promise<Uint8Array> => {
    const bytes = await getContent(store, digest);
    if (bytes === undefined) throw new ProtocolError("INTERNAL_OBJECT_UNREACHABLE", { digest, reason: "absent" });
    return bytes;
  };
  return { manifest: () => read(archive), part: read };
}

/** The digest of the archive that is published under a candidate's name; undefined when none is. */
export async function publishedArchive(
  store: ObjectStore,
  candidate: { readonly scope: string; readonly epoch: number; readonly revision: number },
): Promise<Hex | undefined> {
  const bytes = await store.get(archiveKey(candidate.scope, candidate.epoch, candidate.revision));
  if (bytes === undefined) return undefined;
  const digest = Buffer.from(bytes).toString("utf8");
  return /^0x[0-9a-f]{64}$/.test(digest) ? bytesToHex(Buffer.from(digest.slice(2), "hex")) : undefined;
}
