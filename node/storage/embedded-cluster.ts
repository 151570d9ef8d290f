// The files of an embedded PostgreSQL: made as a whole or not at all, and never made again once they were a database.
import { randomBytes } from "node:crypto";
import {
  appendFile,
  chmod,
  chown,
  lstat,
  mkdir,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { ProtocolError } from "#protocol/errors.ts";
import { hasCode, isLive, makeFolder, syncFolder } from "./objects/durable.ts";
import { canEnter, runAs } from "./server-binaries.ts";
import type { ServerAccount, ServerPrograms } from "./server-binaries.ts";

/** The files of one server. `folder` is PostgreSQL's own data directory, by its real path. */
export type Cluster = { readonly programs: ServerPrograms; readonly folder: string; readonly password: string };

/** The database's superuser. */
export const superuser = "postgres";
/** The settings file of ours that postgresql.conf includes. */
export const settingsFile = "scs.conf";

/** Where the files go when root keeps its data below a folder that the server's account cannot enter. */
const rootsFolder = "/var/lib/scs-node";
/** How much of what initdb printed goes into an error. */
const maxOutputChars = 2_000;

/** Without these the encoding is SQL_ASCII or the machine's, and text sorts differently from machine to machine. */
const initFlags = [
  `--username=${superuser}`,
  "--auth=scram-sha-256",
  "--encoding=UTF8",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--no-locale",
  "--data-checksums",
  "--no-instructions",
];

/** Folders this process is filling right now. */
const drafts = new Set<string>();

/** Whether a name exists, also when it is a link that leads nowhere. */
async function present(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** Removes what an interrupted {@link makeCluster} left; a finished cluster never bears such a name. */
async function removeAbandoned(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const pid = Number(/^initializing-(\d+)-/.exec(name)?.[1]);
    const path = join(place, name);
    const abandoned = pid === process.pid ? !drafts.has(path) : Number.isInteger(pid) && !isLive(pid);
    // Its initdb may be at its last breath and still write; then the next start removes the rest.
    if (abandoned) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Hands a file over to the server's account. */
export async function give(path: string, account: ServerAccount | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** Fills a new folder: `password` for this process's user, `cluster` for the server's account. */
async function initialize(programs: ServerPrograms, draft: string): Promise<void> {
  const [cluster, passwordFile] = [join(draft, "cluster"), join(draft, "password")];
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  await chmod(draft, 0o755);
  await give(cluster, programs.account);
  await writeFile(passwordFile, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx", flush: true });
  await give(passwordFile, programs.account);
  const flags = [`--pgdata=${cluster}`, `--pwfile=${passwordFile}`, ...initFlags];
  const result = await runAs(programs.account, join(programs.folder, "initdb"), flags);
  if (!result.succeeded) {
    const reason = `initdb failed: ${result.output.slice(-maxOutputChars)}`;
    throw new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason });
  }
  await chown(passwordFile, process.getuid?.() ?? -1, process.getgid?.() ?? -1);
  await appendFile(join(cluster, "postgresql.conf"), `include = '${settingsFile}'\n`, { flush: true });
  await syncFolder(draft);
}

/** Makes `dataDir/server` appear as a whole or not at all: a kill in between leaves a draft that the next start removes. */
async function makeCluster(programs: ServerPrograms, dataDir: string, log: (message: string) => void): Promise<void> {
  const home = join(dataDir, "server");
  const near = await canEnter(programs.account, dataDir);
  if (!near) await makeFolder(rootsFolder).then(() => chmod(rootsFolder, 0o755));
  const place = near ? dataDir : rootsFolder;
  if (!near) await removeAbandoned(place);
  const suffix = randomBytes(6).toString("hex");
  const draft = join(place, `initializing-${process.pid}-${suffix}`);
  const kept = near ? home : join(rootsFolder, `database-${suffix}`);
  drafts.add(draft);
  try {
    await initialize(programs, draft);
    await rename(draft, kept);
    await syncFolder(place);
    if (!near) await linkTo(kept, home);
    await syncFolder(dataDir);
    log(`made a PostgreSQL database in ${kept}`);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Another process was first; its cluster is as good.
    if (!(await present(home))) throw error;
  } finally {
    drafts.delete(draft);
  }
}

/** Leads from the data folder to files that are kept elsewhere; files that nothing leads to are removed. */
async function linkTo(kept: string, home: string): Promise<void> {
  try {
    await symlink(kept, home);
  } catch (error) {
    await rm(kept, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The cluster of a data folder, made when there is none. What once was a cluster is never made again, whatever it lacks.
 * @throws ProtocolError INTERNAL_CONFIGURATION when files of it are missing; INTERNAL_DATABASE_UNAVAILABLE when making it fails
 */
export async function openCluster(
  programs: ServerPrograms,
  dataDir: string,
  log: (message: string) => void,
): Promise<Cluster> {
  await makeFolder(dataDir);
  await removeAbandoned(dataDir);
  if (!(await present(join(dataDir, "server")))) await makeCluster(programs, dataDir, log);
  const cluster = await findCluster(programs, dataDir);
  if (cluster !== undefined) return cluster;
  const reason = `${dataDir}/server is not a whole database: restore it from a copy, or remove it to begin anew`;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { reason });
}

/** The cluster of a data folder, or undefined when it is missing or not whole. */
export async function findCluster(programs: ServerPrograms, dataDir: string): Promise<Cluster | undefined> {
  const home = join(dataDir, "server");
  try {
    const folder = join(await realpath(home), "cluster");
    await stat(join(folder, "global", "pg_control"));
    return { programs, folder, password: await readFile(join(home, "password"), "utf8") };
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Removes a stopped server's files, also where they are kept elsewhere. */
export async function removeCluster(dataDir: string): Promise<void> {
  const home = join(dataDir, "server");
  if (!(await present(home))) return;
  await rm(await realpath(home).catch(() => home), { recursive: true, force: true });
  await rm(home, { force: true });
  await syncFolder(dataDir);
}
