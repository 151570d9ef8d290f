// `npm run bench`: every benchmark in one run, printed with how it was measured. Figures are of this machine; ratios carry over.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { startEmbedded } from "#storage/embedded.ts";
import { benchGas } from "#test/bench/gas.ts";
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

const server = await provideServer();
const parts = {
  tree: () => benchTree(),
  gas: () => benchGas(),
  intake: () => benchIntake(server.url),
  pipeline: () => pipelineRows(server.url),
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
