// Prints the conformance table: each rule, the tests that claim it, and whether they passed in a run of the whole suite.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { outcomes, parseTestRun, type Outcome } from "#test/conformance/report.ts";
import { rules } from "#test/conformance/rules.ts";

const help = `npm run conformance [-- --json] [-- --from <report.json>]

  --json   one JSON object on stdout, everything for people on stderr
  --from   reads a JSON report of an earlier run instead of running the tests
`;

const root = resolve(import.meta.dirname, "..");

/** Runs the whole suite; its output goes to stderr, its JSON report to the file whose path is returned. */
function runSuite(): string {
  const report = resolve(root, "coverage/conformance.json");
  rmSync(report, { force: true });
  const vitest = resolve(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  return report;
}

/** The table for people. */
function render(all: readonly Outcome[]): string {
  const grid = new Table({ head: ["Rule", "In words", "Status", "Tests"], style: { head: [], border: [] } });
  for (const { id, rule, status, tests, why } of all) {
    grid.push([id, why === "" ? rule : `${rule}\n(${why})`, status, String(tests.length)]);
  }
  const failures = all
    .flatMap(({ id, tests }) => tests.filter(({ status }) => status === "failed").map((test) => ({ id, ...test })))
    .map(({ id, file, title }) => `  ${id} ${file}: ${title}\n`);
  const count = (status: Outcome["status"]): string =>
    `${String(all.filter((each) => each.status === status).length)} ${status}`;
  return `${grid.toString()}\n${failures.join("")}${count("passed")}, ${count("failed")}, ${count("open")}\n`;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    from: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(help);
} else {
  const report = values.from ?? runSuite();
  if (!existsSync(report)) {
    console.error(`No test report at ${report}: the suite did not start, or the path is wrong.`);
    process.exit(2);
  }
  const all = outcomes(rules, parseTestRun(readFileSync(report, "utf8"), root));
  (values.json ? process.stderr : process.stdout).write(render(all));
  if (values.json) {
    const published = all.map(({ id, rule, status, tests }) => ({ id, rule, status, tests }));
    process.stdout.write(`${JSON.stringify({ rules: published })}\n`);
  }
  process.exitCode = all.some(({ status }) => status === "failed") ? 1 : 0;
}
