// Output: one JSON value for machines, tables and progress for people, errors with remedies.
import { expect, test, vi } from "vitest";
import { exitCodes, jsonText, openOutput, Progress, reportError } from "#cli/output.ts";
import { errorTable, ProtocolError } from "#protocol/errors.ts";

function caught(act: () => void): { readonly stdout: string; readonly stderr: string } {
  const printed = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
      printed[stream] += String(chunk);
      return true;
    }),
  );
  act();
  for (const spy of spies) spy.mockRestore();
  return printed;
}

test("amounts become decimal strings and times ISO texts", () => {
  const at = new Date("2026-11-21T12:00:00.000Z");
  expect(jsonText({ amount: 10n ** 30n, at, list: [1n] })).toBe(
    `{"amount":"1${"0".repeat(30)}","at":"2026-11-21T12:00:00.000Z","list":["1"]}`,
  );
});

test("with --json stdout carries the answer alone and everything for people goes to stderr", () => {
  const { stdout, stderr } = caught(() => {
    const output = openOutput(true);
    output.say("working");
    output.table(["a"], [["1"]]);
    output.answer({ done: 1n }, () => output.say("never shown"));
  });
  expect(stdout).toBe('{"done":"1"}\n');
  expect(stderr).toContain("working");
  expect(stderr).not.toContain("never shown");
});

test("without --json people read everything on stdout", () => {
  const { stdout, stderr } = caught(() => {
    const output = openOutput(false);
    output.table(["name"], [["value"]]);
    output.answer({ hidden: true }, () => output.say("shown"));
  });
  expect(stderr).toBe("");
  expect(stdout).toMatch(/name[^]*value[^]*shown\n$/);
});

test.each([true, false])("an error shows code, meaning, facts and remedy (json: %s)", (json) => {
  let code = 0;
  const error = new ProtocolError("POLICY_FEE_TOO_LOW", { required: "5" });
  const { stdout, stderr } = caught(() => void (code = reportError(error, json)));
  const { meaning, remedy, retry } = errorTable.POLICY_FEE_TOO_LOW;
  expect(code).toBe(exitCodes.failed);
  for (const part of ["POLICY_FEE_TOO_LOW", meaning, "required: 5", remedy]) expect(stderr).toContain(part);
  if (!json) return expect(stdout).toBe("");
  const detail = { required: "5" };
  expect(JSON.parse(stdout)).toEqual({ error: { code: "POLICY_FEE_TOO_LOW", meaning, remedy, retry, detail } });
});

test("what is not of the table is reported as INTERNAL_UNEXPECTED with its message", () => {
  const { stdout } = caught(() => void reportError(new Error("odd"), true));
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: "INTERNAL_UNEXPECTED", detail: { reason: "odd" } } });
});

test("off a terminal progress is a line for each tenth, on stderr", () => {
  const { stdout, stderr } = caught(() => {
    const move = new Progress().start("records", 1_000);
    for (let value = 0; value <= 1_000; value++) move(value);
  });
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n")).toHaveLength(11);
  expect(stderr).toContain("records: 1000/1000");
});
