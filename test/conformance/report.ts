// From a test run to the state of each rule: which tests claim it by their titles, and how they ended.
import { Type, type Static } from "typebox";
import { Check } from "typebox/value";
import type { Rule } from "./rules.ts";

/** The part of vitest's JSON report that matters here. */
const TestRun = Type.Object({
  testResults: Type.Array(
    Type.Object({
      name: Type.String(),
      assertionResults: Type.Array(Type.Object({ fullName: Type.String(), status: Type.String() })),
    }),
  ),
});

/** What vitest's JSON reporter wrote. */
export type TestRun = Static<typeof TestRun>;

/** A test that claims a rule, and vitest's word for how it ended. */
export type Claim = { readonly title: string; readonly file: string; readonly status: string };

/** A rule and what the run showed. `why` says in words what a person should know about a failed or an open rule. */
export type Outcome = {
  readonly id: string;
  readonly rule: string;
  readonly status: "passed" | "failed" | "open";
  readonly tests: readonly Claim[];
  readonly why: string;
};

const ruleId = /\b[A-Z]{4}-\d\d\b/g;

/** Ids that a title claims: those it names, as in `(TASK-02)` or `[TASK-02, TASK-04]`; the titles around it count too. */
export function claimedIds(title: string): readonly string[] {
  return title.match(ruleId) ?? [];
}

/** Reads a JSON report of vitest; throws when it is not one. `root` is cut from the paths of files. */
export function parseTestRun(text: string, root: string): TestRun {
  const report: unknown = JSON.parse(text);
  if (!Check(TestRun, report)) throw new Error("not a JSON report of vitest: testResults is missing or malformed");
  return { testResults: report.testResults.map((file) => ({ ...file, name: file.name.replace(`${root}/`, "") })) };
}

/** The state of every rule after a run, in the order of `rules`. */
export function outcomes(rules: readonly Rule[], run: TestRun): readonly Outcome[] {
  const claims = new Map<string, Claim[]>();
  for (const { name: file, assertionResults } of run.testResults) {
    for (const { fullName: title, status } of assertionResults) {
      for (const id of claimedIds(title)) {
        claims.set(id, [...(claims.get(id) ?? []), { title, file, status }]);
      }
    }
  }
  return rules.map((rule) => outcome(rule, claims.get(rule.id) ?? []));
}

function outcome({ id, rule, status }: Rule, tests: readonly Claim[]): Outcome {
  const passed = tests.filter((test) => test.status === "passed").length;
  const failed = tests.filter((test) => test.status === "failed").length;
  if (failed > 0) return { id, rule, tests, status: "failed", why: `${String(failed)} claiming tests failed` };
  if (status === "open")
    return { id, rule, tests, status, why: passed > 0 ? "tests pass, not all of it is built" : "" };
  if (passed > 0) return { id, rule, tests, status: "passed", why: "" };
  return { id, rule, tests, status: "failed", why: "marked as built, but no executed test claims it" };
}
