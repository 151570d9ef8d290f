// A database for one benchmark run, and the processor time that its server spends on it.
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { openDatabase, type Database } from "#storage/database.ts";
import { migrate, migrationsFolder } from "#storage/migrate.ts";
import { dropDatabase, provisionDatabase } from "#storage/roles.ts";

/** A new database, open for the node's role and for the one that owns its tables. */
export type BenchDatabase = {
  readonly database: Database;
  readonly migrator: Database;
  /** The server's administrator, in that database. */
  readonly adminUrl: string;
};

/** Makes a database on a server, hands it over, and drops it. @param adminUrl address of a PostgreSQL administrator */
export async function withBenchDatabase<T>(
  adminUrl: string,
  work: (databases: BenchDatabase) => Promise<T>,
): Promise<T> {
  const name = `scs_bench_${randomBytes(6).toString("hex")}`;
  const urls = await provisionDatabase({ adminUrl, database: name, secret: randomBytes(32) });
  try {
    await migrate({ url: urls.migrator, folder: migrationsFolder, log: () => undefined });
    const open = (url: string, statementTimeoutMs: number): Database =>
      openDatabase({ url, applicationName: "scs bench", maxConnections: 10, statementTimeoutMs });
    const database = open(urls.node, 120_000);
    const migrator = open(urls.migrator, 3_600_000);
    try {
      const inside = new URL(adminUrl);
      inside.pathname = `/${name}`;
      return await work({ database, migrator, adminUrl: inside.href });
    } finally {
      await migrator.close();
      await database.close();
    }
  } finally {
    await dropDatabase({ adminUrl, database: name });
  }
}

/** Seconds of processor time by server process. */
type ServerTimes = ReadonlyMap<string, number>;

/** Processor time of the server processes that serve a database so far; Linux tells, in hundredths of a second. */
async function serverTimes(database: Database): Promise<ServerTimes> {
  const { rows } = await database.query<{ name: string }>("SELECT current_database() AS name");
  const name = rows[0]?.name ?? "";
  const times = new Map<string, number>();
  for (const pid of await readdir("/proc").catch(() => [])) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!command.startsWith("postgres:") || !command.includes(` ${name} `)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    times.set(pid, (user + system) / 100);
  }
  return times;
}

/** What was spent between two looks; null where the system does not tell. A process that ended in between is not counted. */
function spentBetween(before: ServerTimes, after: ServerTimes): number | null {
  if (after.size === 0) return null;
  return [...after].reduce((sum, [pid, seconds]) => sum + seconds - (before.get(pid) ?? 0), 0);
}

/** What a piece of work took: wall time, and the processor time of this process and of the database. */
export type Spent = {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Null where the system does not tell. */
  readonly databaseCpuSeconds: number | null;
};

/** Does a piece of work with a clock beside it. */
export async function measured<T>(database: Database, work: () => Promise<T>): Promise<Spent & { readonly result: T }> {
  const before = await serverTimes(database);
  const usage = process.cpuUsage();
  const from = performance.now();
  const result = await work();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(usage);
  const databaseCpuSeconds = spentBetween(before, await serverTimes(database));
  return { seconds, cpuSeconds: (user + system) / 1e6, databaseCpuSeconds, result };
}
