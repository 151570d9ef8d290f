// The program: every command explains itself, and wrong usage ends with 64.
import type { Command } from "commander";
import { expect, test } from "vitest";
import { openProgram } from "#cli/program.ts";
import { run, runScs } from "./running.ts";

/** The words that lead to each command that does something. */
function leaves(command: Command, path: readonly string[] = []): readonly (readonly string[])[] {
  if (command.commands.length === 0) return [path];
  return command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
}

const commands = leaves(openProgram()).map((path) => path.join(" "));

test("the program has every command that its help promises", () => {
  expect(commands).toEqual(
    expect.arrayContaining(
      ["task submit", "vault ingest", "migrate", "rollout", "explain reward", "verify", "replay epoch", "audit"].concat(
        ["archive export", "keys keystore", "treasury fund", "chain deploy", "config print", "token issue"],
      ),
    ),
  );
});

test.each(commands)("scs %s --help ends with 0 and shows an example", async (path) => {
  const { code, stdout, stderr } = await run([...path.split(" "), "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(`\nExample:\n  $ `);
  expect(stdout).toMatch(new RegExp(`\\$ .*scs ${path}(\\s|$)`, "m"));
  expect(stdout).toContain("--json");
});

test.each([
  [["--bogus"]],
  [["bogus"]],
  [["task", "bogus"]],
  [["task", "get", "--bogus"]],
  [["task", "get"]],
  [["task", "get", "0x12"]],
  [["epoch", "show", "main", "0"]],
  [["actor", "add", `0x${"12".repeat(20)}`, "king"]],
  [["task"]],
  [[]],
])("wrong usage %j ends with 64 and leaves stdout empty", async (args) => {
  const { code, stdout, stderr } = await run(args);
  expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
  expect(stderr).not.toBe("");
});

test("as a process: help, an unknown option, the version, and an error with its code", async () => {
  expect((await runScs(["--help"])).code).toBe(0);
  expect((await runScs(["config", "check", "--bogus"])).code).toBe(64);
  expect(await runScs(["--version"])).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    stderr: "",
  });
  const refused = await runScs(["config", "check", "--json"], { SCS_BOGUS: "1" });
  expect(refused.code).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: "INTERNAL_CONFIGURATION" } });
  expect(refused.stderr).toContain("SCS_BOGUS");
});
