// `scs config`: settings are shown with their origin, secrets only as set or not.
import { expect, test } from "vitest";
import { settings } from "#cli/config/schema.ts";
import { run, runJson, scratchFile, scratchFolder } from "../running.ts";

const folder = scratchFolder();

test("config print shows every setting, and of secrets only that they are set (OPER-01)", async () => {
  const secret = "hunter2hunter2";
  const set = { SCS_DATABASE_URL: `postgres://u:${secret}@h/d`, SCS_API_PORT: "81" };
  const { value, stdout } = await runJson<Record<string, unknown>>(["config", "print"], set);
  expect(Object.keys(value).sort()).toEqual(Object.keys(settings).sort());
  expect(value).toMatchObject({ SCS_DATABASE_URL: "(set)", SCS_API_PORT: 81 });
  expect(stdout).not.toContain(secret);
  expect((await run(["config", "print"], set)).stdout).not.toContain(secret);
});

test("config check names every unknown and wrong setting, from the file and the environment (OPER-01)", async () => {
  expect(await run(["config", "check"])).toMatchObject({ code: 0, stderr: "" });
  const file = scratchFile(folder, "node.env", "SCS_NOPE=1\nSCS_CHAIN_ID=0\n");
  const { code, stdout, stderr } = await run(["config", "check", "--settings", file], { SCS_API_PORT: "x" });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  for (const name of ["SCS_NOPE", "SCS_CHAIN_ID", "SCS_API_PORT"]) expect(stderr).toContain(name);
});
