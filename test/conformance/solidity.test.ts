// The Solidity tests, one by one, in the same run and the same report as all others.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, test } from "vitest";
import { listFiles, readSource, repository } from "../architecture/repository.ts";
import { declaredTests, printedResults } from "./solidity.ts";

const declared = listFiles()
  .filter((path) => path.endsWith(".t.sol"))
  .flatMap((path) => declaredTests(path, readSource(path).text));

/** Compiling takes seconds and the tests a minute on a slow machine; what takes longer has lost its way. */
const hardhatTimeoutMs = 300_000;

describe("Solidity", () => {
  const run = { output: "", results: printedResults("") };

  beforeAll(async () => {
    const hardhat = join(repository, "node_modules/hardhat/dist/src/cli.js");
    const child = spawn(process.execPath, [hardhat, "test", "solidity"], {
      cwd: repository,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: hardhatTimeoutMs,
    });
    process.once("exit", () => child.kill());
    const printed = Promise.all([text(child.stdout), text(child.stderr)]);
    await once(child, "close");
    run.output = (await printed).join("\n");
    run.results = printedResults(run.output);
  }, hardhatTimeoutMs + 10_000);

  test.each(declared)("$title", ({ file, name }) => {
    expect(run.results.get(`${file} ${name}`), run.output).toBe("passed");
  });
});

test("a test that failed, or did not run, is told from one that passed", () => {
  const source = `contract A {
    /// A refused recipient blocks no one (PAYO-07, ANCH-03).
    function test_skips() public {}
    // Not a rule.

    function testFuzz_other(uint256 x) public {}
    function invariant_kept() public {}
    function helper() public {}
}`;
  expect(declaredTests("test/contracts/A.t.sol", source).map(({ title }) => title)).toEqual([
    "test_skips (PAYO-07, ANCH-03)",
    "testFuzz_other",
    "invariant_kept",
  ]);
  const output = `
  test/contracts/A.t.sol:ATest
    ✔ test_skips() (runs: 256)
    1) testFuzz_other(uint256)
`;
  expect([...printedResults(output)]).toEqual([
    ["test/contracts/A.t.sol test_skips", "passed"],
    ["test/contracts/A.t.sol testFuzz_other", "failed"],
  ]);
});
