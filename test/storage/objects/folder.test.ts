// The object store in a folder: written once, whole or not at all, also when the writer is killed; absence is not silence.
import { mkdir, mkdtemp, readFile, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { contentKey, getContent } from "#storage/objects/content.ts";
import { createFolderStore, openFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { startChild } from "#test/setup/child.ts";

let root: string;
let counter = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "scs-objects-"));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

async function freshStore(): Promise<{ readonly folder: string; readonly store: ObjectStore }> {
  const folder = join(root, String(counter++));
  return { folder, store: await createFolderStore(folder) };
}

async function keysOf(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const key of store.list(prefix)) keys.push(key);
  return keys;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const unreachable = { code: "INTERNAL_OBJECT_UNREACHABLE" };

test("bytes are kept once: the same again is the same, others are refused and change nothing", async () => {
  const { store } = await freshStore();
  expect(await store.putOnce("epochs/1/root", bytesOf("a"))).toBe("created");
  expect(await store.putOnce("epochs/1/root", bytesOf("a"))).toBe("same");
  expect(await store.putOnce("epochs/1/root", bytesOf("b"))).toBe("conflict");
  expect(await store.putOnce("epochs/1/root", bytesOf("aa"))).toBe("conflict");
  expect(await store.get("epochs/1/root")).toEqual(bytesOf("a"));
  expect(await store.putOnce("epochs/1/empty", new Uint8Array())).toBe("created");
  expect(await store.get("epochs/1/empty")).toEqual(Buffer.alloc(0));
});

test("of many writers of one key exactly one creates it", async () => {
  const { store } = await freshStore();
  const writers = Array.from({ length: 20 }, (_, index) => bytesOf(`writer ${index % 4}`));
  const outcomes = await Promise.all(writers.map(async (bytes) => await store.putOnce("one/key", bytes)));
  expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome === "same")).toHaveLength(4);
  const kept = await store.get("one/key");
  expect(kept).toEqual(writers[outcomes.indexOf("created")]);
});

test("absence is an answer only of a store that is there", async () => {
  const { folder, store } = await freshStore();
  await store.putOnce("present", bytesOf("x"));
  expect(await store.get("absent")).toBeUndefined();
  expect(await store.get("absent/deeper")).toBeUndefined();
  expect(await store.has("absent")).toBe(false);
  expect(await store.has("present")).toBe(true);
  await rename(folder, `${folder}-away`);
  // What a mount point looks like when its disk is missing.
  await mkdir(folder);
  await expect(store.get("present")).rejects.toMatchObject(unreachable);
  await expect(store.has("present")).rejects.toMatchObject(unreachable);
  await expect(store.putOnce("new", bytesOf("x"))).rejects.toMatchObject(unreachable);
  await expect(keysOf(store, "")).rejects.toMatchObject(unreachable);
  await expect(openFolderStore(folder)).rejects.toMatchObject(unreachable);
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
  await rename(`${folder}-away`, folder);
  expect(await store.get("present")).toEqual(bytesOf("x"));
  expect(await (await createFolderStore(folder)).get("present")).toEqual(bytesOf("x"));
});

test("keys are listed by prefix, in the order of their code units", async () => {
  const name = fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,5}$/);
  const key = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), fc.string({ maxLength: 3 }), async (wanted, random) => {
      // A key cannot be a folder of another one.
      const keys = wanted.filter((each) => !wanted.some((other) => other.startsWith(`${each}/`)));
      const { folder, store } = await freshStore();
      for (const each of keys) await store.putOnce(each, bytesOf(each));
      for (const prefix of ["", random, ...keys.map((each) => each.slice(0, 3))]) {
        const listed = await keysOf(store, prefix);
        expect(listed).toEqual(keys.filter((each) => each.startsWith(prefix)).sort());
      }
      await rm(folder, { recursive: true });
    }),
    { numRuns: 30 },
  );
});

test("an object that is too large is refused", async () => {
  const { store } = await freshStore();
  const bytes = new Uint8Array(128 * 1024 * 1024 + 1);
  await expect(store.putOnce("large", bytes)).rejects.toMatchObject({ code: "INTERNAL_UNEXPECTED" });
  expect(await store.has("large")).toBe(false);
});

test("a killed writer leaves whole objects and keeps all it acknowledged", async () => {
  const { folder, store } = await freshStore();
  for (let round = 0; round < 8; round++) {
    const writers = ["x", "y"].map((name) => startChild("object-writer.ts", [folder, `${name}${round % 3}`]));
    await Promise.all(writers.map(async ({ printed }) => await printed(1 + round * 2)));
    await Promise.all(writers.map(async ({ kill }) => await kill()));
    for (const digest of writers.flatMap(({ lines }) => lines))
      expect(await store.has(contentKey(digest as Hex))).toBe(true);
  }
  const keys = await keysOf(store, "sha256/");
  expect(keys.length).toBeGreaterThan(16);
  for (const key of keys) {
    const digest: Hex = `0x${key.slice(key.lastIndexOf("/") + 1)}`;
    expect(await getContent(store, digest)).toBeInstanceOf(Uint8Array);
  }
  await openFolderStore(folder);
  expect(await readdir(join(folder, ".drafts"))).toEqual([]);
  expect(await readFile(join(folder, ".object-store"), "utf8")).toBe("");
});
