// The embedded PostgreSQL: started or adopted, noticed when it dies, stopped for everyone.
import { spawn } from "node:child_process";
import { chown, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { stopEmbedded } from "#storage/embedded.ts";
import { queryRows } from "#test/setup/database.ts";
import { isRoot, useDataFolder } from "#test/setup/data-folder.ts";

const data = useDataFolder();
const { start, hold } = data;

const pidFile = (): string => join(data.folder(), "server", "cluster", "postmaster.pid");

async function postmaster(): Promise<number> {
  return Number.parseInt(await readFile(pidFile(), "utf8"), 10);
}

test("a fresh server is checksummed, UTF-8, loopback only, and asks for its password", async () => {
  const database = await start();
  const [settings] = await queryRows(
    database.adminUrl,
    `SELECT current_setting('data_checksums') AS checksums, current_setting('server_encoding') AS encoding,
       current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
       current_setting('fsync') AS fsync, 'a' < 'B' AS by_language,
       (SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'template0') AS locale`,
  );
  expect(settings).toEqual({
    checksums: "on",
    encoding: "UTF8",
    addresses: "127.0.0.1",
    sockets: "",
    fsync: "on",
    by_language: false,
    locale: "bC.UTF-8",
  });
  const wrong = new URL(database.adminUrl);
  wrong.password = "password";
  await expect(queryRows(wrong.href, "SELECT 1")).rejects.toThrow("password authentication failed");
  expect((await stat(join(data.folder(), "server", "password"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(data.folder(), "server", "cluster"))).mode & 0o077).toBe(0);
  await database.stop();
});

test("a strict umask changes nothing", async () => {
  const usual = process.umask(0o077);
  try {
    const database = await start({ settings: { work_mem: "5MB" } });
    const settings = "SELECT current_setting('listen_addresses') AS addresses, current_setting('work_mem') AS memory";
    expect(await queryRows(database.adminUrl, settings)).toEqual([{ addresses: "127.0.0.1", memory: "5MB" }]);
  } finally {
    process.umask(usual);
  }
});

test("data, address and password outlive a stop, and stopping twice is stopping", async () => {
  const first = await start({ settings: { work_mem: "5MB" } });
  await queryRows(first.adminUrl, "CREATE TABLE kept AS SELECT 7 AS value");
  await first.stop();
  await first.stop();
  await stopEmbedded(data.folder());
  await expect(queryRows(first.adminUrl, "SELECT 1")).rejects.toMatchObject({ code: "INTERNAL_DATABASE_UNAVAILABLE" });
  const second = await start();
  expect(second.adopted).toBe(false);
  expect(second.adminUrl).toBe(first.adminUrl);
  expect(await queryRows(second.adminUrl, "SELECT value, current_setting('work_mem') AS memory FROM kept")).toEqual([
    { value: 7, memory: "4MB" },
  ]);
});

test("a server whose parent was killed keeps running and is adopted", async () => {
  const { child, adminUrl } = await hold();
  await queryRows(adminUrl, "CREATE TABLE kept AS SELECT 7 AS value");
  const pid = await postmaster();
  await child.kill();
  const adopting = await start();
  expect(adopting).toMatchObject({ adopted: true, adminUrl });
  expect(await postmaster()).toBe(pid);
  expect(await queryRows(adminUrl, "SELECT value FROM kept")).toEqual([{ value: 7 }]);
  await adopting.stop();
  await expect(stat(pidFile())).rejects.toMatchObject({ code: "ENOENT" });
});

test("a server that is killed is noticed by all who hold it, and starts again with its data", async () => {
  const held = await hold();
  const mine = await start();
  await queryRows(mine.adminUrl, "CREATE TABLE kept AS SELECT 7 AS value");
  process.kill(await postmaster(), "SIGKILL");
  expect(await mine.lost).toBe("the PostgreSQL server ended");
  expect(await held.child.ended).toBe(3);
  const again = await start();
  expect(again).toMatchObject({ adopted: false, adminUrl: mine.adminUrl });
  expect(await queryRows(again.adminUrl, "SELECT value FROM kept")).toEqual([{ value: 7 }]);
});

test("a crashed backend is not a lost server", async () => {
  const database = await start();
  const watching = "SELECT pid FROM pg_stat_activity WHERE application_name = 'scs embedded'";
  const [backend] = await queryRows(database.adminUrl, watching);
  process.kill(Number(backend?.["pid"]), "SIGKILL");
  const outcome = await Promise.race([database.lost, pause(1_500, "still there")]);
  expect(outcome).toBe("still there");
  expect((await start()).adopted).toBe(true);
});

test("processes that start at the same moment share one server", async () => {
  const held = await Promise.all([hold(), hold(), hold(), start()]);
  expect(new Set(held.map(({ adminUrl }) => adminUrl)).size).toBe(1);
  expect(held.filter(({ adopted }) => !adopted)).toHaveLength(1);
  expect(await readdir(data.folder())).toEqual(["server"]);
});

test("a postmaster.pid whose process is another program does not stop the start", async () => {
  const database = await start();
  const lines = await readFile(pidFile(), "utf8");
  await database.stop();
  const { uid, gid } = await stat(join(data.folder(), "server", "cluster"));
  const stranger = spawn("sleep", ["60"], isRoot ? { uid, gid } : {});
  try {
    await writeFile(pidFile(), lines.replace(/^\d+/, String(stranger.pid)));
    if (isRoot) await chown(pidFile(), uid, gid);
    expect(await start()).toMatchObject({ adopted: false, adminUrl: database.adminUrl });
  } finally {
    stranger.kill();
  }
});

test("a port of one's own is used, and one that is taken is an error that names it", async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, "127.0.0.1", () => {
      const address = taken.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  await expect(start({ port })).rejects.toMatchObject({
    code: "INTERNAL_DATABASE_UNAVAILABLE",
    detail: { reason: expect.stringContaining("could not bind") as string },
  });
  await new Promise((resolve) => taken.close(resolve));
  const database = await start({ port });
  expect(new URL(database.adminUrl).port).toBe(String(port));
  expect(new URL((await start()).adminUrl).port).toBe(String(port));
});
