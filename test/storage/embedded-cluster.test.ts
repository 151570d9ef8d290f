// The files of an embedded PostgreSQL: whole or absent, never made twice, and where the server's account can reach them.
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { removeEmbedded, stopEmbedded } from "#storage/embedded.ts";
import { startChild } from "#test/setup/child.ts";
import { queryRows } from "#test/setup/database.ts";
import { isRoot, useDataFolder } from "#test/setup/data-folder.ts";

const data = useDataFolder();
const { start, hold } = data;

test("a start killed at any moment leaves nothing that stops the next one", async () => {
  for (const delayMs of [150, 300, 450, 600, 800]) {
    const child = startChild("embedded-holder.ts", [data.folder()]);
    await pause(delayMs);
    await child.kill();
  }
  const database = await start();
  expect(await queryRows(database.adminUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  // An initdb whose parent was killed may still write for a moment; later starts remove what it left.
  const afterNextStart = async (): Promise<readonly string[]> => {
    await (await start()).release();
    return await readdir(data.folder());
  };
  await expect.poll(afterNextStart, { timeout: 30_000 }).toEqual(["server"]);
});

test("a draft of a killed process is removed; a database with missing files is neither used nor made again", async () => {
  const { child } = await hold();
  await child.kill();
  await stopEmbedded(data.folder());
  const draft = join(data.folder(), `initializing-${child.process.pid}-abc`);
  await mkdir(join(draft, "cluster"), { recursive: true });
  const control = join(data.folder(), "server", "cluster", "global", "pg_control");
  await rm(control);
  await expect(start()).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
    detail: { reason: expect.stringContaining("is not a whole database") as string },
  });
  await expect(stat(control)).rejects.toMatchObject({ code: "ENOENT" });
  await rm(join(data.folder(), "server"), { recursive: true });
  await (await start()).stop();
  expect(await readdir(data.folder())).toEqual(["server"]);
});

test.runIf(isRoot)("root may keep the data where the server's account cannot look", async () => {
  await mkdir(dirname(data.folder()), { mode: 0o700 });
  const first = await start();
  await queryRows(first.adminUrl, "CREATE TABLE kept AS SELECT 7 AS value");
  const [location] = await queryRows(first.adminUrl, "SHOW data_directory");
  const elsewhere = dirname(String(location?.["data_directory"]));
  expect(elsewhere).toMatch(/^\/var\/lib\/scs-node\/database-[0-9a-f]{12}$/);
  await first.stop();
  const again = await start();
  expect(await queryRows(again.adminUrl, "SELECT value FROM kept")).toEqual([{ value: 7 }]);
  await removeEmbedded(data.folder());
  await expect(stat(elsewhere)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readdir(data.folder())).toEqual([]);
});
