// Parts end after a number of items, whatever pieces their lines come in.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { archivePartItems } from "#protocol/limits.ts";
import { addLines, endParts, openArchive, openParts, putDocuments } from "#settlement/archive.ts";
import { getContent } from "#storage/objects/content.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { versions } from "./archived-epoch.ts";
import { registry } from "./finished-meaning.ts";
import { policy } from "./finished-tasks.ts";

let folder: string;
let store: ObjectStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scs-archive-"));
  store = await createFolderStore(folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const lines = Array.from({ length: archivePartItems * 2 + 7 }, (_, number) => `{"number":${number}}`);

async function partsOf(pieceLines: number) {
  const writer = openParts(store);
  for (let from = 0; from < lines.length; from += pieceLines)
    await addLines(writer, lines.slice(from, from + pieceLines));
  return await endParts(writer);
}

test("the same lines make the same parts, and parts read back [SETL-03]", async () => {
  const whole = await partsOf(lines.length);
  expect(whole.map(({ items }) => items)).toEqual([archivePartItems, archivePartItems, 7]);
  for (const pieceLines of [1, 256, 999]) expect(await partsOf(pieceLines)).toEqual(whole);
  const last = await openArchive(store, "0x").part(whole[2]?.digest ?? "0x");
  expect(Buffer.from(last).toString("utf8")).toBe(`${lines.slice(-7).join("\n")}\n`);
});

test("nothing makes no parts", async () => {
  expect(await endParts(openParts(store))).toEqual([]);
});

test("the documents of an epoch are objects of their canonical bytes, registries first [ASSR-04]", async () => {
  const epochDocuments = { versions, registries: new Map([["1.0", registry]]), policies: new Map([["1.0", policy]]) };
  const documents = await putDocuments(store, epochDocuments);
  expect(documents).toEqual([
    { kind: "registry", version: "1.0", object: sha256Hex(canonicalText(registry)) },
    { kind: "policy", version: "1.0", object: sha256Hex(canonicalText(policy)) },
  ]);
  for (const { object } of documents) expect(await getContent(store, object)).toBeDefined();
  await expect(putDocuments(store, { ...epochDocuments, policies: new Map() })).rejects.toThrow(/read together/);
});
