// `npm run bench`: every benchmark in one run, printed with how it was measured. Figures are of this machine; ratios carry over.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { startEmbedded } from "#storage/embedded.ts";
import { benchClosing, type ClosingFigures } from "#test/bench/closing.ts";
import { benchGas } from "#test/bench/gas.ts";
import { benchHistory, historyRatios } from "#test/bench/history.ts";
import { benchIntake } from "#test/bench/intake.ts";
import { benchPipeline } from "#test/bench/pipeline.ts";
import { benchTree, type BenchRow } from "#test/bench/tree.ts";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false }, only: { type: "string" } } });
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The administrator's address of the server to measure on, or an embedded one for this run. */
async function provideServer(): Promise<{ url: string; what: string; stop: () => Promise<void> }> {
  const given = process.env["SCS_TEST_DATABASE_URL"];
  if (given !== undefined) return { url: given, what: "PostgreSQL server", stop: () => Promise.resolve() };
  const dataDir = mkdtempSync(join(tmpdir(), "scs-bench-"));
  const embedded = await startEmbedded({ dataDir, log: () => undefined });
  const stop = async () => {
    await embedded.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { url: embedded.adminUrl, what: "embedded PostgreSQL", stop };
}

async function pipelineRows(url: string): Promise<readonly BenchRow[]> {
  const { tasks, recordsPerSource, tasksPerSecond, cpuSeconds, databaseCpuSeconds, steps } = await benchPipeline(url);
  const where = Object.entries(steps)
    .toSorted(([, a], [, b]) => b.seconds - a.seconds)
    .map(([name, { seconds }]) => `${name} ${seconds.toFixed(1)} s`)
    .join(", ");
  const cpu = `${cpuSeconds.toFixed(1)} s of this process, ${databaseCpuSeconds?.toFixed(1) ?? "unknown"} s of the database`;
  const how = `${tasks} queries over ${recordsPerSource} records, one process, wall time; CPU ${cpu}; in steps: ${where}`;
  return [{ name: "accepted to awaiting_settlement", value: Math.round(tasksPerSecond), unit: "tasks/s", how }];
}

/** Where the time of a closing went. */
function howClosed({ items, cpuSeconds, databaseCpuSeconds, root, stages }: ClosingFigures): string {
  const cpu = `${cpuSeconds.toFixed(1)} s of this process with all its threads, ${databaseCpuSeconds?.toFixed(1) ?? "unknown"} s of the database`;
  const where = Object.entries(stages)
    .map(([stage, seconds]) => `${stage} ${seconds.toFixed(1)} s`)
    .join(", ");
  return (
    `${items} items stored and assigned before; from the order to close to candidate_ready, the second opinion in its threads ` +
    `included; CPU ${cpu}; waited for, overlapping: ${where}; root 0x${root.slice(0, 8)}…`
  );
}

async function closingRows(url: string): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const items of [10_000, 100_000]) {
    const figures = await benchClosing(url, items);
    const name = `closing an epoch of ${items.toLocaleString("en-US")}`;
    rows.push({ name, value: Math.round(figures.seconds * 10) / 10, unit: "s", how: howClosed(figures) });
  }
  return rows;
}

async function historyRows(url: string): Promise<readonly BenchRow[]> {
  const figures = await benchHistory(url, {}, say);
  const setting = `${figures.tasks} tasks a round, ${figures.full.length} rounds in turns, in an empty database and in one with ${figures.history} settled tasks`;
  return historyRatios(figures).map(({ stage, empty, full, wallRatio, cpuRatio }) => ({
    name: `after ${figures.history.toLocaleString("en-US")} tasks: ${stage}`,
    value: Math.round(full * 1e6),
    unit: "µs CPU/task",
    ratio: cpuRatio,
    how: `${setting}; medians; CPU of this process and of the database ${Math.round(empty * 1e6)} µs at the beginning; wall time ${wallRatio.toFixed(2)}×`,
  }));
}

const server = await provideServer();
const parts = {
  tree: () => benchTree(),
  gas: () => benchGas(),
  intake: () => benchIntake(server.url),
  pipeline: () => pipelineRows(server.url),
  closing: () => closingRows(server.url),
  history: () => historyRows(server.url),
};
const rows: BenchRow[] = [];
try {
  for (const [name, run] of Object.entries(parts)) {
    if (values.only !== undefined && values.only !== name) continue;
    say(`${name} …`);
    rows.push(...(await run()));
  }
} finally {
  await server.stop();
}
const machine = { cores: availableParallelism(), node: process.version, load: loadavg()[0], database: server.what };
if (values.json) process.stdout.write(`${JSON.stringify({ machine, rows })}\n`);
const table = new Table({
  head: ["what", "value", "unit", "ratio", "how"],
  colWidths: [40, 14, 12, 8, 70],
  wordWrap: true,
  style: { head: [], border: [] },
});
for (const { name, value, unit, ratio, how } of rows) {
  table.push([name, value.toLocaleString("en-US"), unit, ratio === undefined ? "" : `${ratio.toFixed(1)}×`, how]);
}
(values.json ? process.stderr : process.stdout).write(`${table.toString()}\n`);
say(`${machine.cores} cores, Node ${machine.node}, load ${machine.load?.toFixed(1)}, ${machine.database}`);
