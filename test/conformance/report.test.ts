// The report counts as passed only what was built, claimed, executed and green.
import { expect, test } from "vitest";
import { claimedIds, outcomes, parseTestRun, type Outcome } from "./report.ts";
import type { BuildStatus, Rule } from "./rules.ts";

const rule = (id: string, status: BuildStatus): Rule => ({ id, owner: "now", status, rule: "Holds." });

function statusOf(status: BuildStatus, results: readonly string[]): Outcome["status"] | undefined {
  const assertionResults = results.map((result) => ({ fullName: "suite does it [TASK-01]", status: result }));
  const run = { testResults: [{ name: "test/a.test.ts", assertionResults }] };
  return outcomes([rule("TASK-01", status)], run)[0]?.status;
}

test.each<[BuildStatus, string[], Outcome["status"]]>([
  ["built", ["passed"], "passed"],
  ["built", ["passed", "skipped"], "passed"],
  ["built", ["passed", "failed"], "failed"],
  ["built", ["skipped"], "failed"],
  ["built", [], "failed"],
  ["open", [], "open"],
  ["open", ["passed"], "open"],
  ["open", ["failed"], "failed"],
])("a rule that is %s, with tests %j, is %s", (status, results, expected) => {
  expect(statusOf(status, results)).toBe(expected);
});

test("a title claims the ids it names and nothing else", () => {
  expect(claimedIds("keeps order [TASK-02] and more (SETL-01, SETL-03,EPOC-07)")).toEqual([
    "TASK-02",
    "SETL-01",
    "SETL-03",
    "EPOC-07",
  ]);
  expect(claimedIds("names none: TASK-2, task-02, TASK-023, XTASK-02")).toEqual([]);
});

test("a claim names its file from the root, and what is not a report is refused", () => {
  const text = JSON.stringify({
    testResults: [{ name: "/x/test/a.test.ts", assertionResults: [{ fullName: "[TASK-01]", status: "passed" }] }],
  });
  const [outcome] = outcomes([rule("TASK-01", "built")], parseTestRun(text, "/x"));
  expect(outcome?.tests).toEqual([{ title: "[TASK-01]", file: "test/a.test.ts", status: "passed" }]);
  expect(() => parseTestRun(`{"tests":[]}`, "/x")).toThrow(/testResults/);
});
