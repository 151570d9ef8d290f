// A PostgreSQL of the node's own in a data folder: started or adopted, watched, stopped; it outlives a killed node.
import { open, readFile, rename, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { ProtocolError } from "#protocol/errors.ts";
import { findCluster, give, openCluster, removeCluster, settingsFile, superuser } from "./embedded-cluster.ts";
import type { Cluster } from "./embedded-cluster.ts";
import { hasCode, isLive } from "./objects/durable.ts";
import { findServerPrograms, runAs, spawnServer } from "./server-binaries.ts";

export type EmbeddedOptions = {
  /** Folder for everything the server keeps; made when missing. */
  readonly dataDir: string;
  /** A fixed port. Without it: the port of the last start, or a free one. */
  readonly port?: number;
  /** postgresql.conf settings on top of the node's own, e.g. `{ fsync: "off" }` for tests. A running server keeps its own. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: (message: string) => void;
};

export type EmbeddedDatabase = {
  /** Address of the superuser, password included: for creating databases and roles, not for the node's work. */
  readonly adminUrl: string;
  /** Whether the server was already running, left by a process that was killed or started by another one. */
  readonly adopted: boolean;
  /** Settles with the reason when the server ended or moved without {@link EmbeddedDatabase.stop}. */
  readonly lost: Promise<string>;
  /** Lets go of the server without stopping it. */
  release(): Promise<void>;
  /** Stops the server for everyone: connections are closed, data is flushed. */
  stop(): Promise<void>;
};

/** Starts lose races for a port, for the folder, or with the last breath of a dying server; five in a row are no race. */
const maxStarts = 5;
const startPauseMs = 500;
/** Recovery after a crash replays at most a few GB of log. */
const startTimeoutSeconds = 300;
const answerPauseMs = 50;
const answerTimeoutMs = 5_000;
const logFile = "server.log";
/** The server's own log is started anew beyond this; the one before is kept. */
const maxLogBytes = 1 << 20;
/** How much of the server's log goes into an error. */
const logTailChars = 2_000;

const unavailable = (reason: string): ProtocolError => new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE", { reason });

/** Whether a process lives and, where the system tells, is a PostgreSQL server: process ids are used again. */
async function isLiveServer(pid: number): Promise<boolean> {
  if (!isLive(pid)) return false;
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (status === undefined) return process.platform !== "linux";
  const [, name, state] = /^\d+ \((.*)\) (\S)/s.exec(status) ?? [];
  return name === "postgres" && state !== "Z" && state !== "X";
}

/** The running server's process id, port and state, as it wrote them down; the state comes last. */
async function readPostmaster(
  folder: string,
): Promise<{ readonly pid: number; readonly port: number; readonly ready: boolean } | undefined> {
  try {
    const lines = (await readFile(join(folder, "postmaster.pid"), "utf8")).split("\n");
    const [pid, , , port, , , , state] = lines;
    return { pid: Number(pid), port: Number(port), ready: state?.trim() === "ready" };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function clientSettings(cluster: Cluster, port: number): pg.ClientConfig {
  const { password } = cluster;
  const settings = { host: "127.0.0.1", port, user: superuser, password, database: "postgres" };
  const timeouts = { connectionTimeoutMillis: answerTimeoutMs, query_timeout: answerTimeoutMs };
  return { ...settings, ...timeouts, application_name: "scs embedded" };
}

/** Asks whoever listens on the port whether it serves this cluster; undefined while it is starting or stopping. */
async function servesCluster(cluster: Cluster, port: number): Promise<boolean | undefined> {
  const client = new pg.Client(clientSettings(cluster, port));
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>("SHOW data_directory");
    return rows[0]?.data_directory === cluster.folder;
  } catch (error) {
    return hasCode(error, "28P01") ? false : undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The port of the running server once it answers, or undefined when none runs. */
async function answeringPort(cluster: Cluster): Promise<number | undefined> {
  const deadline = AbortSignal.timeout(startTimeoutSeconds * 1_000);
  for (;;) {
    const postmaster = await readPostmaster(cluster.folder);
    if (postmaster === undefined || !(await isLiveServer(postmaster.pid))) return undefined;
    // Before it says that it is ready, another program may be the one that listens on the port.
    const served = postmaster.ready ? await servesCluster(cluster, postmaster.port) : undefined;
    if (served === true) return postmaster.port;
    if (served === false) throw unavailable(`port ${postmaster.port} is not served from ${cluster.folder}`);
    if (deadline.aborted) throw unavailable(`the server with process id ${postmaster.pid} does not answer`);
    await pause(answerPauseMs);
  }
}

/** A port on the loopback address that nobody listens on: the wanted one if possible. */
async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    return await new Promise((done, failed) => {
      server.once("error", failed);
      server.listen(wanted, "127.0.0.1", () => {
        const address = server.address();
        done(typeof address === "object" && address !== null ? address.port : wanted);
      });
    });
  } catch (error) {
    if (wanted === 0) throw error;
    return await freePort(0);
  } finally {
    server.close();
  }
}

/** Settings that hold whatever the machine is: loopback only, no socket files, one time zone, a log that stays small. */
const ownSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  timezone: "UTC",
  log_timezone: "UTC",
  // Refused statements reach their callers; here they would only fill the disk.
  log_min_messages: "log",
  log_checkpoints: "off",
  jit: "off",
} as const;

async function writeSettings(
  cluster: Cluster,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries({ ...ownSettings, ...settings, port: String(port) });
  const text = lines.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`).join("");
  const path = join(cluster.folder, settingsFile);
  await writeFile(path, text, { flush: true });
  await give(path, cluster.programs.account);
}

/** The port that the last start wrote down, or 0. */
async function lastPort(cluster: Cluster): Promise<number> {
  const text = await readFile(join(cluster.folder, settingsFile), "utf8").catch(() => "");
  return Number(/^port = '(\d+)'$/m.exec(text)?.[1] ?? 0);
}

/**
 * A postmaster.pid whose process id now belongs to another program, or to a dead process nobody waited for, would stop the
 * server from starting. Our own id in it is what a server started by us ignores, while it still looks for live backends.
 */
async function disownDeadPostmaster(folder: string): Promise<void> {
  const postmaster = await readPostmaster(folder);
  if (postmaster === undefined || !isLive(postmaster.pid) || (await isLiveServer(postmaster.pid))) return;
  const path = join(folder, "postmaster.pid");
  await writeFile(path, (await readFile(path, "utf8")).replace(/^\d+/, String(process.pid)));
}

/** Starts the server and waits until it answers; undefined, with the reason in its log, when it ends before that. */
async function startServer(cluster: Cluster): Promise<number | undefined> {
  const path = join(cluster.folder, logFile);
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size > maxLogBytes) await rename(path, `${path}.1`);
  const log = await open(path, "a", 0o600);
  try {
    const server = spawnServer(cluster.programs, cluster.folder, log.fd);
    while (server.exitCode === null && server.signalCode === null) {
      const port = await answeringPort(cluster);
      if (port !== undefined) return port;
      await pause(answerPauseMs);
    }
    return undefined;
  } finally {
    await log.close();
  }
}

async function ensureRunning(
  cluster: Cluster,
  options: EmbeddedOptions,
): Promise<{ readonly port: number; readonly adopted: boolean }> {
  for (let attempt = 0; attempt < maxStarts; attempt++) {
    if (attempt > 0) await pause(startPauseMs);
    const running = await answeringPort(cluster);
    if (running !== undefined) return { port: running, adopted: true };
    await disownDeadPostmaster(cluster.folder);
    await writeSettings(cluster, options.port ?? (await freePort(await lastPort(cluster))), options.settings ?? {});
    const started = await startServer(cluster);
    if (started !== undefined) return { port: started, adopted: false };
  }
  const tail = await readFile(join(cluster.folder, logFile), "utf8").catch(() => "");
  throw unavailable(`the PostgreSQL server does not start: ${tail.slice(-logTailChars)}`);
}

/** Holds one connection, which breaks at once when the server dies, whoever killed it. It keeps no process alive. */
async function watch(
  cluster: Cluster,
  port: number,
): Promise<{ readonly lost: Promise<string>; readonly release: () => Promise<void> }> {
  const pool = new pg.Pool({ ...clientSettings(cluster, port), max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true });
  pool.on("error", () => undefined);
  const connect = async (): Promise<{ readonly broken: Promise<unknown> }> => {
    const broken = new Promise((done) => pool.once("remove", done));
    await pool.query("SELECT 1");
    return { broken };
  };
  const observe = async (first: Promise<unknown>): Promise<string> => {
    for (let broken = first; ;) {
      await broken;
      if (pool.ending) return await new Promise<never>(() => undefined);
      // A crashed backend closes all connections while the server itself recovers and goes on.
      const answering = await answeringPort(cluster).catch(() => undefined);
      if (answering === undefined) return "the PostgreSQL server ended";
      if (answering !== port) return "the PostgreSQL server was started again on another port";
      ({ broken } = await connect().catch(() => ({ broken: pause(answerPauseMs) })));
    }
  };
  const { broken } = await connect();
  return { lost: observe(broken), release: async () => void (pool.ending || (await pool.end())) };
}

async function stopServer(cluster: Cluster): Promise<void> {
  const isRunning = async (): Promise<boolean> => {
    const postmaster = await readPostmaster(cluster.folder);
    return postmaster !== undefined && (await isLiveServer(postmaster.pid));
  };
  if (!(await isRunning())) return;
  const { programs, folder } = cluster;
  const flags = ["stop", "--silent", "--wait", "--mode=fast", `--timeout=${startTimeoutSeconds}`, `--pgdata=${folder}`];
  const result = await runAs(programs.account, join(programs.folder, "pg_ctl"), flags);
  if (!result.succeeded && (await isRunning())) throw unavailable(`the server did not stop: ${result.output}`);
}

/**
 * Starts the PostgreSQL of a data folder, or takes over the one that is already running there.
 * @throws ProtocolError INTERNAL_CONFIGURATION when the folder or the machine does not allow it; INTERNAL_DATABASE_UNAVAILABLE,
 * with the end of the server's log, when it does not start
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const programs = await findServerPrograms();
  const cluster = await openCluster(programs, resolve(options.dataDir), options.log);
  const { port, adopted } = await ensureRunning(cluster, options);
  options.log(`PostgreSQL ${adopted ? "was already running" : "started"} on port ${port}, data in ${cluster.folder}`);
  const { lost, release } = await watch(cluster, port);
  return {
    adminUrl: `postgres://${superuser}:${cluster.password}@127.0.0.1:${port}/postgres`,
    adopted,
    lost,
    release,
    stop: async () => {
      await release();
      await stopServer(cluster);
    },
  };
}

/** Stops the PostgreSQL of a data folder whoever started it; nothing to do when none runs or none was made. */
export async function stopEmbedded(dataDir: string): Promise<void> {
  const cluster = await findCluster(await findServerPrograms(), resolve(dataDir));
  if (cluster !== undefined) await stopServer(cluster);
}

/** Stops the PostgreSQL of a data folder and removes its files for good. */
export async function removeEmbedded(dataDir: string): Promise<void> {
  await stopEmbedded(dataDir);
  await removeCluster(resolve(dataDir));
}
