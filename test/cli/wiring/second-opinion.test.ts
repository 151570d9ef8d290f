// The second opinion's thread: it begins with parts, judges the whole, and is never taken for valid when it dies.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { secondOpinionOver } from "#cli/wiring/second-opinion.ts";
import { openArchive } from "#settlement/archive.ts";
import type { CandidateClaim } from "#settlement/second-opinion.ts";
import { putContent } from "#storage/objects/content.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { epochOf } from "#test/settlement/archived-epoch.ts";

const archive = epochOf(60);
const { manifest, root, header, subRoots, rewards, adjustments, payouts, localCandidates } = archive.candidate;
const claim: CandidateClaim = { root, header, subRoots, rewards, adjustments, payouts, localCandidates };

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

test("a thread that dies has no opinion, whatever it was told before", async () => {
  const { onPart, secondOpinion } = secondOpinionOver(join(folder, "nowhere"));
  const read = openArchive(store, header.archive);
  expect(await secondOpinion(read, claim)).toMatchObject({ kind: "unknown" });
  for (const [number, part] of manifest.parts.entries()) onPart(manifest, { ...part, number });
  expect(await secondOpinion(read, claim)).toMatchObject({ kind: "unknown" });
});
