// How many small tasks a second one process takes from accepted to awaiting_settlement, and where the time goes.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLoop } from "#coordination/loop.ts";
import { openLog } from "#observability/log.ts";
import { openMetrics } from "#observability/metrics.ts";
import type { Step } from "#coordination/loop.ts";
import type { Database } from "#storage/database.ts";
import { startEmbedded } from "#storage/embedded.ts";
import {
  admit,
  envelopeOf,
  fillVault,
  giveBudget,
  grantQueries,
  openLayers,
  publish,
  submitter,
  type TestVault,
} from "../layers/node.ts";
import { policyOf, registryOf } from "../layers/documents.ts";
import { question, salesVault } from "../layers/sales.ts";
import { measured, withBenchDatabase, type Spent } from "./bench-database.ts";

/** What a run measured. */
export type PipelineFigures = Spent & {
  readonly tasks: number;
  readonly recordsPerSource: number;
  readonly tasksPerSecond: number;
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
  return await withBenchDatabase(adminUrl, async ({ database }) => {
    await fill(database, tasks, recordsPerSource);
    const figures = await measurePipeline(database, tasks);
    const byState = await countStates(database);
    return { ...figures, tasks, recordsPerSource, tasksPerSecond: tasks / figures.seconds, byState };
  });
}

async function fill(database: Database, tasks: number, recordsPerSource: number): Promise<void> {
  await publish(database, registryOf(), policyOf(), clock());
  const vaults = [salesVault("east", recordsPerSource, 1), salesVault("west", recordsPerSource, 2)];
  for (const vault of vaults) {
    await fillVault(database, vault, { clock });
    await grantQueries(database, vault, { clock });
  }
  await giveBudget(database, submitter.address, 10n ** 15n, clock());
  await admitQuestions(database, { from: 0, tasks, vaults });
  // As on a node that has been up for a while: the planner knows the tables.
  await database.query("ANALYZE work.task");
}

/** Admits questions in batches, half of them over one vault and half over two; they are numbered from `from` on. */
export async function admitQuestions(
  database: Database,
  request: { readonly from: number; readonly tasks: number; readonly vaults: readonly TestVault[] },
): Promise<Spent> {
  const { from, tasks, vaults } = request;
  const sources = vaults.map(({ vault, collection }) => ({ vault, collection }));
  const envelopes = Array.from({ length: tasks }, (_, index) => {
    const number = from + index;
    return envelopeOf(question(number), sources.slice(number % 2), `bench-${number}`).envelope;
  });
  return await measured(database, async () => {
    for (let at = 0; at < tasks; at += admissionBatch) {
      await admit(database, envelopes.slice(at, at + admissionBatch), clock());
    }
  });
}

async function countStates(database: Database): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.query<{ state: string; tasks: bigint }>(
    `SELECT state, count(*) AS tasks FROM work.task GROUP BY state ORDER BY state`,
  );
  return Object.fromEntries(rows.map(({ state, tasks }) => [state, Number(tasks)]));
}

/** Runs all steps of one process until so many tasks wait for settlement. */
export async function measurePipeline(
  database: Database,
  tasks: number,
): Promise<Spent & Pick<PipelineFigures, "steps">> {
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
  const spent = await measured(database, async () => {
    const loop = startLoop({ steps: ordered, log, metrics: openMetrics(), clock });
    await finished;
    return loop;
  });
  await spent.result.stop();
  const { seconds, cpuSeconds, databaseCpuSeconds } = spent;
  return { seconds, cpuSeconds, databaseCpuSeconds, steps };
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
