// The second opinion's thread: it begins with parts, judges the whole, and is never taken for valid when it dies.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { secondOpinionOver } from "#cli/wiring/second-opinion.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import { openArchive } from "#settlement/archive.ts";
import type { CandidateClaim, OpinionVerdict } from "#settlement/second-opinion.ts";
import { putContent } from "#storage/objects/content.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { archiveOf, epochOf, settledItems, type MemoryArchive } from "#test/settlement/archived-epoch.ts";
import { finishedTask } from "#test/settlement/finished-tasks.ts";

const archive = epochOf(60);
const { manifest, root, header } = archive.candidate;

function claimOf({ candidate }: MemoryArchive): CandidateClaim {
  const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = candidate;
  return { root, header, subRoots, rewards, adjustments, payouts, localCandidates };
}

const claim = claimOf(archive);

let folder: string;
let store: ObjectStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scs-opinion-"));
  store = await createFolderStore(folder);
  for (const bytes of archive.objects.values()) await putContent(store, bytes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a claim is judged with and without parts begun before, also after a build that was given up [SETL-06]", async () => {
  const { onPart, secondOpinion } = secondOpinionOver(folder);
  const read = openArchive(store, header.archive);
  expect(await secondOpinion(read, claim)).toEqual({ kind: "valid", root });
  const [first] = manifest.parts;
  if (first === undefined) throw new Error("no part");
  onPart({ ...manifest, versions: { ...manifest.versions, schema: ["0.9"] } }, { ...first, number: 0 });
  for (const [number, part] of manifest.parts.entries()) onPart(manifest, { ...part, number });
  expect(await secondOpinion(read, claim)).toEqual({ kind: "valid", root });
  for (const [number, part] of manifest.parts.entries()) onPart(manifest, { ...part, number });
  const lie = { ...claim, root: header.archive };
  expect(await secondOpinion(read, lie)).toMatchObject({ kind: "invalid", difference: { field: "root" } });
});

/** An archive in the folder, all of whose parts the second opinion was told of, in three threads; and its verdict. */
async function judgedByThree(of: MemoryArchive): Promise<OpinionVerdict> {
  const { onPart, secondOpinion } = secondOpinionOver(folder, 3);
  for (const bytes of of.objects.values()) await putContent(store, bytes);
  const { manifest: told, ...built } = of.candidate;
  expect(told.parts.length).toBeGreaterThan(3);
  for (const [number, part] of told.parts.entries()) onPart(told, { ...part, number });
  return await secondOpinion(openArchive(store, built.header.archive), claimOf(of));
}

test("parts worked out by several threads come to the same, and a signature that one of them doubts is named [SETL-06]", async () => {
  const items = settledItems(Array.from({ length: 200 }, (_, number) => finishedTask(number)));
  const sound = archiveOf(items);
  expect(await judgedByThree(sound)).toEqual({ kind: "valid", root: sound.candidate.root });

  const [item, other] = [items[90], items[91]];
  if (item === undefined || other === undefined) throw new Error("no items");
  const signatureIn = (line: string): string => (JSON.parse(line) as ArchivedItem).bundleSignature;
  const line = item.line.replace(signatureIn(item.line), signatureIn(other.line));
  expect(await judgedByThree(archiveOf(items.with(90, { ...item, line })))).toMatchObject({
    kind: "invalid",
    difference: { field: "parts[2].items[10].bundleSignature" },
  });
});

test("a thread that dies has no opinion, whatever it was told before", async () => {
  const { onPart, secondOpinion } = secondOpinionOver(join(folder, "nowhere"));
  const read = openArchive(store, header.archive);
  expect(await secondOpinion(read, claim)).toMatchObject({ kind: "unknown" });
  for (const [number, part] of manifest.parts.entries()) onPart(manifest, { ...part, number });
  expect(await secondOpinion(read, claim)).toMatchObject({ kind: "unknown" });
});
