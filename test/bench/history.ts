// Whether a task costs the same at the beginning and after a million settled ones: two databases on one server, in turns.
import { newestSettlement } from "#storage/settlements.ts";
import type { Database } from "#storage/database.ts";
import { policyOf, registryOf } from "../layers/documents.ts";
import {
  domain,
  executor,
  fillVault,
  giveBudget,
  grantQueries,
  publish,
  submitter,
  verifier,
  type TestVault,
} from "../layers/node.ts";
import { salesVault } from "../layers/sales.ts";
import { withBenchDatabase, type BenchDatabase, type Spent } from "./bench-database.ts";
import { closeEpochTimed } from "./closing.ts";
import { generateHistory, type History } from "./generated-history.ts";
import { admitQuestions, measurePipeline } from "./pipeline.ts";

/** What a task cost, in seconds; the database's part is null where the system does not tell. */
export type TaskCost = { readonly wall: number; readonly cpu: number; readonly database: number | null };

/** What each stage cost for each task, in one round. */
export type RoundCosts = Readonly<Record<"admission" | "pipeline" | "membership" | "closing", TaskCost>>;

/** The rounds of both databases. */
export type HistoryFigures = {
  readonly history: number;
  readonly tasks: number;
  readonly empty: readonly RoundCosts[];
  readonly full: readonly RoundCosts[];
};

const scope = "trade";
const clock = (): Date => new Date();
const recordsPerSource = 500;

/** One of the two databases, with how many tasks were measured in it. */
type Side = BenchDatabase & { measured: number };

async function prepare({ database }: BenchDatabase): Promise<void> {
  const epochs = { maximumSeconds: 86_400, maximumTasks: 1_000_000 };
  const quota = { tasksPerWindow: 100_000_000, windowSeconds: 3_600 };
  await publish(database, registryOf(), policyOf({ epochs, quota }), clock());
  for (const vault of vaults) {
    await fillVault(database, vault, { clock });
    await grantQueries(database, vault, { clock });
  }
  await giveBudget(database, submitter.address, 10n ** 15n, clock());
  await database.query(`INSERT INTO ledger.rollout VALUES ($1, 1, $2, $3, $4)`, [scope, ["2026.1"], ["1"], clock()]);
}

const vaults: readonly TestVault[] = [salesVault("east", recordsPerSource, 1), salesVault("west", recordsPerSource, 2)];

const each = (tasks: number, { seconds, cpuSeconds, databaseCpuSeconds }: Spent): TaskCost => ({
  wall: seconds / tasks,
  cpu: cpuSeconds / tasks,
  database: databaseCpuSeconds === null ? null : databaseCpuSeconds / tasks,
});

/** Takes tasks from admission to a committed candidate, and declares their epoch final for the next round. */
async function round(side: Side, tasks: number): Promise<RoundCosts> {
  const { database, migrator } = side;
  await migrator.query("ANALYZE");
  const admission = await admitQuestions(database, { from: side.measured, tasks, vaults });
  side.measured += tasks;
  const pipeline = await measurePipeline(database, tasks);
  const { assignment, ...closing } = await closeEpochTimed(database, { scope, place: domain });
  await declareFinal(database);
  return {
    admission: each(tasks, admission),
    pipeline: each(tasks, pipeline),
    membership: each(tasks, assignment),
    closing: each(tasks, closing),
  };
}

/** The next epoch can only be settled on a final root; what finality costs is not measured here. */
async function declareFinal(database: Database): Promise<void> {
  const { rows } = await database.query<{ epoch: bigint }>(`SELECT max(epoch) AS epoch FROM ledger.candidate`);
  const epoch = Number(rows[0]?.epoch);
  if ((await newestSettlement(database, scope, epoch))?.state !== "candidate_ready")
    throw new Error("nothing is ready");
  await database.query(
    `INSERT INTO ledger.finalized SELECT scope, epoch, revision, root, root, epoch, root, root, now() FROM ledger.candidate
      WHERE scope = $1 AND epoch = $2`,
    [scope, epoch],
  );
  await database.query(`UPDATE work.settlement SET state = 'finalized' WHERE scope = $1 AND epoch = $2`, [
    scope,
    epoch,
  ]);
}

/** Measures rounds in turns, in an empty database and in one with a history. */
export async function benchHistory(
  adminUrl: string,
  options: { readonly history?: number; readonly tasks?: number; readonly rounds?: number } = {},
  say: (line: string) => void = () => undefined,
): Promise<HistoryFigures> {
  const { history = 1_000_000, tasks = 10_000, rounds = 3 } = options;
  return await withBenchDatabase(adminUrl, async (young) => {
    await prepare(young);
    return await withBenchDatabase(adminUrl, async (old) => {
      await prepare(old);
      await generateHistory(old.adminUrl, historyOf(history), say);
      await old.migrator.query("VACUUM ANALYZE");
      const [empty, full]: [RoundCosts[], RoundCosts[]] = [[], []];
      const sides: readonly [Side, Side] = [
        { ...young, measured: 0 },
        { ...old, measured: 0 },
      ];
      // The first round warms both up: connections, plans, caches.
      for (let number = 0; number <= rounds; number++) {
        for (const [at, costs] of [empty, full].entries()) {
          const cost = await round(sides[at === 0 ? 0 : 1], tasks);
          say(`round ${number}, ${at === 0 ? "empty" : "full"}: ${JSON.stringify(cost)}`);
          if (number > 0) costs.push(cost);
        }
      }
      return { history, tasks, empty, full };
    });
  });
}

/** What a stage costs with a history, compared with what it costs without: medians over the rounds, in seconds for each task. */
export type StageRatio = {
  readonly stage: string;
  /** Processor time of this process and of the database. */
  readonly empty: number;
  readonly full: number;
  readonly cpuRatio: number;
  readonly wallRatio: number;
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

const stages = ["admission", "pipeline", "membership", "closing"] as const;

/** The ratios of all stages, and of a task's whole way. */
export function historyRatios({ empty, full }: HistoryFigures): readonly StageRatio[] {
  const ratio = (stage: string, of: readonly (keyof RoundCosts)[]): StageRatio => {
    const sum = (rounds: readonly RoundCosts[], value: (cost: TaskCost) => number): number =>
      median(rounds.map((costs) => of.reduce((total, each) => total + value(costs[each]), 0)));
    const cpu = ({ cpu: own, database }: TaskCost): number => own + (database ?? 0);
    const wall = (cost: TaskCost): number => cost.wall;
    const [before, after] = [sum(empty, cpu), sum(full, cpu)];
    const wallRatio = sum(full, wall) / sum(empty, wall);
    return { stage, empty: before, full: after, cpuRatio: after / before, wallRatio };
  };
  return [ratio("the whole way", stages), ...stages.map((stage) => ratio(stage, [stage]))];
}

const historyOf = (tasks: number): History => ({
  scope,
  tasks,
  tasksPerEpoch: 10_000,
  submitter: submitter.address,
  executor: executor.address,
  verifier: verifier.address,
  schemaVersion: "1.0",
  semanticVersion: "2026.1",
  policyVersion: "1",
});

if (process.argv[1] === import.meta.filename) {
  const [history, tasks, rounds] = process.argv.slice(2).map(Number);
  const options = {
    ...(history !== undefined && { history }),
    ...(tasks !== undefined && { tasks }),
    ...(rounds !== undefined && { rounds }),
  };
  const url = process.env["SCS_TEST_DATABASE_URL"] ?? "";
  const figures = await benchHistory(url, options, (line) => console.error(line));
  console.log(JSON.stringify({ ...figures, ratios: historyRatios(figures) }, null, 2));
}
