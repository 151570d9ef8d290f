// Parts that were worked out before there was a manifest count only for the manifest that was expected.
import { expect, test } from "vitest";
import { workAhead, type Ahead } from "#audit/ahead.ts";
import { recomputeEpoch, secondOpinion } from "#audit/recompute.ts";
import type { Hex } from "#protocol/hash.ts";
import { sha256Hex } from "#protocol/hash.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { epochOf, openMemory, type MemoryArchive } from "#test/settlement/archived-epoch.ts";

const archive = epochOf(90);
const { root, manifest } = archive.candidate;
const partsOf = ({ parts }: ArchiveManifest) => parts.map((part, number) => ({ ...part, number }));

/** All parts, worked out under what a manifest is expected to say. */
async function workedAhead(of: MemoryArchive, expected: ArchiveManifest = manifest): Promise<Ahead> {
  const ahead = workAhead(of.part, expected);
  for (const part of partsOf(expected)) await ahead.work(part);
  return ahead;
}

/** The same archive, with a list of what was read from it. */
function watched(of: MemoryArchive): { readonly source: MemoryArchive; readonly read: Hex[] } {
  const read: Hex[] = [];
  const part = (digest: Hex): Promise<Uint8Array> => {
    read.push(digest);
    return of.part(digest);
  };
  return { source: { ...of, part }, read };
}

test("an epoch comes to the same with its parts worked out ahead, and they are not read again [SETL-06]", async () => {
  const { known } = await workedAhead(archive);
  const { source, read } = watched(archive);
  expect(await recomputeEpoch(source, known)).toEqual(await recomputeEpoch(archive));
  expect(read).toEqual(manifest.documents.map(({ object }) => object));
});

test("parts worked out under another manifest are worked out again", async () => {
  const { known } = await workedAhead(archive, { ...manifest, epoch: 2 });
  const { source, read } = watched(archive);
  expect(await secondOpinion(source, { root }, known)).toEqual({ kind: "valid", root });
  expect(read).toEqual(expect.arrayContaining(manifest.parts.map(({ digest }) => digest)));
});

test("a task that the manifest says was left out is found also where its part was worked out ahead", async () => {
  const { known } = await workedAhead(archive);
  const [taskId] = archive.candidate.taskIds;
  const lie = { ...manifest, excluded: [{ taskId: taskId ?? "0x", reason: "challenged" }] };
  expect(known(lie, 0)).toBeUndefined();
  expect(known(lie, 1)).toBeDefined();
});

test("a part that does not hold is left to the recomputation, which names the place", async () => {
  const objects = new Map(archive.objects);
  const [part] = manifest.parts;
  if (part === undefined) throw new Error("no part");
  const bytes = Buffer.from(objects.get(part.digest) ?? []);
  const other = Buffer.from(bytes.toString("utf8").replace('"verdict":"accepted"', '"verdict":"rejected"'), "utf8");
  const digest = sha256Hex(other);
  objects.set(digest, other);
  const forged = openMemory(archive.candidate, objects);
  const ahead = workAhead(forged.part, manifest);
  await ahead.work({ digest, items: part.items, number: 0 });
  await ahead.work({ digest: `0x${"00".repeat(32)}`, items: 1, number: 1 });
  const lie = { ...manifest, parts: [{ digest, items: part.items }, ...manifest.parts.slice(1)] };
  expect(ahead.known(lie, 0)).toBeUndefined();
  expect(ahead.known(lie, 1)).toBeUndefined();
});
