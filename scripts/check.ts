// Everything that can be checked without running the node: form, lint, types, import law, dead code, fresh generated files.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import Table from "cli-table3";
import "./require-node.mjs";

/** One command that must end with 0. */
type Step = { readonly name: string; readonly command: readonly string[] };

/** How a step ended; `output` is what it printed. */
type Ended = Step & { readonly isGood: boolean; readonly seconds: number; readonly output: string };

/** How many steps run at the same time: each of the heavy ones fills a core. */
const parallelMax = 2;

const root = resolve(import.meta.dirname, "..");

/** Every generator takes --check: it writes nothing and fails when what it would write differs from what is there. */
const generators = globSync("scripts/{build,generate}-*.ts", { cwd: root }).toSorted();

/** Compiled first: what is generated from the contracts is compared with what the compiler says. */
const build: Step = { name: "contracts", command: ["hardhat", "build"] };

const steps: readonly Step[] = [
  build,
  { name: "types", command: ["tsc", "-p", "."] },
  { name: "format", command: ["prettier", "--check", "--log-level", "warn", "--cache", "."] },
  { name: "lint", command: ["oxlint", "--deny-warnings"] },
  { name: "solidity", command: ["solhint", "--disc", "--noPoster", "--max-warnings", "0", "contracts/**/*.sol"] },
  { name: "architecture", command: ["vitest", "run", "--reporter=dot", "test/architecture", "test/conformance/rules"] },
  { name: "unused", command: ["knip"] },
  ...generators.map((file) => ({
    name: file.replace(/^scripts\/(.*)\.ts$/, "$1"),
    command: ["node", file, "--check"],
  })),
];

/** Runs one step with the project's own tools first on the path. */
function run(step: Step): Promise<Ended> {
  const path = [resolve(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter);
  const [program = "", ...args] = step.command;
  const startedAt = performance.now();
  return new Promise((done) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, PATH: path, NO_COLOR: "1", FORCE_COLOR: "0" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    const end = (isGood: boolean, last: string): void => {
      const output = Buffer.concat(chunks).toString("utf8") + last;
      done({ ...step, isGood, seconds: (performance.now() - startedAt) / 1000, output });
    };
    child.once("error", (error) => end(false, error.message));
    child.once("close", (status) => end(status === 0, ""));
  });
}

/** Runs all steps, at most `parallelMax` at a time; the answer keeps their order. */
async function runAll(all: readonly Step[]): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  const waiting = all.entries();
  const worker = async (): Promise<void> => {
    for (const [index, step] of waiting) {
      ended[index] = await run(step);
    }
  };
  await Promise.all(Array.from({ length: parallelMax }, worker));
  return ended;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(", ")}. Steps: ${steps.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const chosen = steps.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const ended = [
  ...(await runAll(chosen.filter((step) => step === build))),
  ...(await runAll(chosen.filter((step) => step !== build))),
];
const failed = ended.filter(({ isGood }) => !isGood);
for (const { name, command, output } of failed) {
  console.log(`\n── ${name}: ${command.join(" ")}\n${output.trim()}`);
}
const grid = new Table({
  head: ["Check", "Result", "Seconds"],
  style: { head: [], border: [] },
  colAligns: ["left", "left", "right"],
});
grid.push(...ended.map(({ name, isGood, seconds }) => [name, isGood ? "passed" : "FAILED", seconds.toFixed(1)]));
console.log(`\n${grid.toString()}\n${String(ended.length - failed.length)} passed, ${String(failed.length)} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
