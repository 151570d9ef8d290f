// How many small tasks a second one process takes from accepted to awaiting_settlement, and where the time goes.
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLoop } from "#coordination/loop.ts";
import { openLog } from "#observability/log.ts";
import { openMetrics } from "#observability/metrics.ts";
import type { Step } from "#coordination/loop.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { startEmbedded } from "#storage/embedded.ts";
import { migrate, migrationsFolder } from "#storage/migrate.ts";
import { dropDatabase, provisionDatabase } from "#storage/roles.ts";
import {
  admit,
  envelopeOf,
  fillVault,
  giveBudget,
  grantQueries,
  openLayers,
  publish,
  submitter,
} from "../layers/node.ts";
import { policyOf, registryOf } from "../layers/documents.ts";
import { question, salesVault } from "../layers/sales.ts";

/** What a run measured. */
export type PipelineFigures = {
  readonly tasks: number;
  readonly recordsPerSource: number;
  readonly seconds: number;
  readonly tasksPerSecond: number;
  /** Processor time of this process. */
  readonly cpuSeconds: number;
  /** Processor time of the database's connections, where they run on this machine and the system tells; else null. */
  readonly databaseCpuSeconds: number | null;
  readonly byState: Readonly<Record<string, number>>;
  /** Seconds that each step's runs took, waiting for the database included, and how many runs there were. */
  readonly steps: Readonly<Record<string, { readonly seconds: number; readonly runs: number }>>;
};

const clock = (): Date => new Date();
const admissionBatch = 512;

/**
 * Fills a new database with accepted tasks, half of them over one vault and half over two, and runs all steps of one process
 * until every task waits for settlement.
 * @param adminUrl address of a PostgreSQL administrator; the database is made for the run and dropped after it.
 */
export async function benchPipeline(
  adminUrl: string,
  { tasks = 10_000, recordsPerSource = 500 }: { readonly tasks?: number; readonly recordsPerSource?: number } = {},
): Promise<PipelineFigures> {
  const name = `scs_bench_${randomBytes(6).toString("hex")}`;
  const urls = await provisionDatabase({ adminUrl, database: name, secret: randomBytes(32) });
  try {
    await migrate({ url: urls.migrator, folder: migrationsFolder, log: () => undefined });
    const database = openDatabase({
      url: urls.node,
      applicationName: "scs bench",
      maxConnections: 10,
      statementTimeoutMs: 60_000,
    });
    try {
      await fill(database, tasks, recordsPerSource);
      return await measure(database, tasks, recordsPerSource);
    } finally {
      await database.close();
    }
  } finally {
    await dropDatabase({ adminUrl, database: name });
  }
}

async function fill(database: Database, tasks: number, recordsPerSource: number): Promise<void> {
  await publish(database, registryOf(), policyOf(), clock());
  const vaults = [salesVault("east", recordsPerSource, 1), salesVault("west", recordsPerSource, 2)];
  for (const vault of vaults) {
    await fillVault(database, vault, { clock });
    await grantQueries(database, vault, { clock });
  }
  await giveBudget(database, submitter.address, 10n ** 15n, clock());
  const sources = vaults.map(({ vault, collection }) => ({ vault, collection }));
  const envelopes = Array.from(
    { length: tasks },
    (_, index) => envelopeOf(question(index), sources.slice(index % 2), `bench-${index}`).envelope,
  );
  for (let at = 0; at < tasks; at += admissionBatch) {
    await admit(database, envelopes.slice(at, at + admissionBatch), clock());
  }
  // As on a node that has been up for a while: the planner knows the tables.
  await database.query("ANALYZE work.task");
}

async function countStates(database: Database): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.query<{ state: string; tasks: bigint }>(
    `SELECT state, count(*) AS tasks FROM work.task GROUP BY state ORDER BY state`,
  );
  return Object.fromEntries(rows.map(({ state, tasks }) => [state, Number(tasks)]));
}

/** Seconds of processor time of the server processes that serve a database; Linux tells, in hundredths. */
async function serverSeconds(database: Database): Promise<number | null> {
  const { rows } = await database.query<{ name: string }>("SELECT current_database() AS name");
  const name = rows[0]?.name ?? "";
  let ticks: number | null = null;
  for (const pid of await readdir("/proc").catch(() => [])) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!command.startsWith("postgres:") || !command.includes(` ${name} `)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    ticks = (ticks ?? 0) + user + system;
  }
  return ticks === null ? null : ticks / 100;
}

async function measure(database: Database, tasks: number, recordsPerSource: number): Promise<PipelineFigures> {
  const layers = openLayers(database, { clock });
  const steps: Record<string, { seconds: number; runs: number }> = {};
  let verified = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const timed = (step: Step): Step => {
    const figures = (steps[step.name] = { seconds: 0, runs: 0 });
    return {
      name: step.name,
      run: async () => {
        const from = performance.now();
        const taken = await step.run();
        if (taken === 0) return taken;
        figures.seconds += (performance.now() - from) / 1000;
        figures.runs++;
        if (step.name === "verify" && (verified += taken) >= tasks) finish();
        return taken;
      },
    };
  };
  const ordered = [layers.handoff, layers.resolve, layers.execute, layers.verify, layers.deadlines].map(timed);
  const log = openLog({ level: "error" });
  const serverBefore = await serverSeconds(database);
  const usage = process.cpuUsage();
  const from = performance.now();
  const loop = startLoop({ steps: ordered, log, metrics: openMetrics(), clock });
  await finished;
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(usage);
  await loop.stop();
  const serverAfter = await serverSeconds(database);
  return {
    tasks,
    recordsPerSource,
    seconds,
    tasksPerSecond: tasks / seconds,
    cpuSeconds: (user + system) / 1e6,
    databaseCpuSeconds: serverBefore === null || serverAfter === null ? null : serverAfter - serverBefore,
    byState: await countStates(database),
    steps,
  };
}

if (process.argv[1] === import.meta.filename) {
  const [tasks, recordsPerSource] = process.argv.slice(2).map(Number);
  const url = process.env["SCS_TEST_DATABASE_URL"];
  const dataDir = join(tmpdir(), `scs-bench-postgresql-${process.getuid?.() ?? "user"}`);
  const embedded = url === undefined ? await startEmbedded({ dataDir, log: () => undefined }) : undefined;
  try {
    const options = {
      ...(tasks === undefined ? {} : { tasks }),
      ...(recordsPerSource === undefined ? {} : { recordsPerSource }),
    };
    console.log(JSON.stringify(await benchPipeline(url ?? embedded?.adminUrl ?? "", options), null, 2));
  } finally {
    await embedded?.stop();
  }
}
