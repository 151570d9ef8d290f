// Objects named by their digest: found again, told apart from missing ones, and never handed out changed.
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contentKey, getContent, putContent } from "#storage/objects/content.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";

const abc = Buffer.from("abc");
let folder: string;
let store: ObjectStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scs-content-"));
  store = await createFolderStore(folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

test("content is found by its digest, and a changed byte is found out", async () => {
  const digest = await putContent(store, abc);
  expect(digest).toBe("0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(await putContent(store, abc)).toBe(digest);
  expect(await getContent(store, digest)).toEqual(abc);
  expect(await getContent(store, `0x${"00".repeat(32)}`)).toBeUndefined();
  const path = join(folder, contentKey(digest));
  expect((await stat(path)).mode & 0o222).toBe(0);
  await chmod(path, 0o644);
  await writeFile(path, "abd");
  await expect(getContent(store, digest)).rejects.toMatchObject({ code: "INTERNAL_OBJECT_CORRUPT" });
  await expect(putContent(store, abc)).rejects.toMatchObject({ code: "INTERNAL_OBJECT_CORRUPT" });
});
