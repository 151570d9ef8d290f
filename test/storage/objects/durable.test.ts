// Durable files: folders with all their parents, files that are never written over, writers that are gone.
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasCode, isLive, makeFolder, syncFolder, writeNewFile } from "#storage/objects/durable.ts";
import { startChild } from "#test/setup/child.ts";

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "scs-durable-"));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

test("a folder is made with its parents, and again without harm", async () => {
  const folder = join(root, "a", "b", "c");
  await makeFolder(folder);
  await makeFolder(folder);
  expect((await stat(folder)).isDirectory()).toBe(true);
  await syncFolder(folder);
  await expect(syncFolder(join(root, "absent"))).rejects.toMatchObject({ code: "ENOENT" });
});

test("a file is written once", async () => {
  const path = join(root, "file");
  await writeNewFile(path, "first", 0o640);
  const error: unknown = await writeNewFile(path, "second", 0o640).catch((reason: unknown) => reason);
  expect(hasCode(error, "ENOENT", "EEXIST")).toBe(true);
  expect(hasCode(error, "ENOENT")).toBe(false);
  expect(hasCode("EEXIST", "EEXIST")).toBe(false);
  expect(await readFile(path, "utf8")).toBe("first");
  expect((await stat(path)).mode & 0o777).toBe(0o640);
});

test("a process lives until it is killed", async () => {
  const child = startChild("embedded-holder.ts", [join(root, "file", "no-folder")]);
  const pid = child.process.pid ?? 0;
  expect(isLive(pid)).toBe(true);
  await child.kill();
  expect(isLive(pid)).toBe(false);
  expect(isLive(process.pid)).toBe(true);
});
