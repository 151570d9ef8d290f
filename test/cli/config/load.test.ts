// Configuration: everything wrong is named at once, and no value is repeated.
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfiguration, parseConfiguration } from "#cli/config/load.ts";
import { settings } from "#cli/config/schema.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { scratchFile, scratchFolder } from "../running.ts";

const folder = scratchFolder();

function problemsOf(texts: Readonly<Record<string, string>>) {
  const parsed = parseConfiguration(texts);
  return "problems" in parsed ? parsed.problems : [];
}

function configurationOf(texts: Readonly<Record<string, string>>) {
  const parsed = parseConfiguration(texts);
  if ("configuration" in parsed) return parsed.configuration;
  throw new Error(JSON.stringify(parsed.problems));
}

test("nothing set is the defaults, every setting among them (OPER-01)", () => {
  const configuration = configurationOf({});
  expect(Object.keys(configuration).sort()).toEqual(Object.keys(settings).sort());
  expect(configuration).toMatchObject({ SCS_API_PORT: 8080, SCS_SCOPES: ["main"], SCS_DATABASE_URL: "" });
});

test("numbers are numbers, lists are comma-separated, foreign names and those of the tests are left alone", () => {
  const texts = { SCS_API_PORT: "0", SCS_SCOPES: "main, second,", PATH: "/bin", SCS_TEST_DATABASE_URL: "postgres://x" };
  expect(configurationOf(texts)).toMatchObject({ SCS_API_PORT: 0, SCS_SCOPES: ["main", "second"] });
});

test("an unknown name is named (OPER-01)", () => {
  expect(problemsOf({ SCS_API_PROT: "80" })).toEqual([
    { setting: "SCS_API_PROT", problem: expect.stringContaining("is not a setting") as string },
  ]);
});

test.each([
  ["SCS_API_PORT", "65536"],
  ["SCS_API_PORT", "eighty"],
  ["SCS_API_PORT", "8.5"],
  ["SCS_CHAIN_ID", "0"],
  ["SCS_LOG_LEVEL", "loud"],
  ["SCS_SCOPES", "Main"],
  ["SCS_ROLES", "edge,king"],
  ["SCS_CHAIN_ENDPOINTS", "ftp://chain"],
  ["SCS_ANCHOR_ADDRESS", "0x12"],
  ["SCS_PAYOUT_EPOCH_CAP", "-1"],
  ["SCS_DATABASE_URL", "mysql://x"],
])("%s=%s is refused by its name (OPER-01)", (setting, value) => {
  const problems = problemsOf({ [setting]: value });
  expect(problems.length).toBeGreaterThan(0);
  expect(new Set(problems.map((each) => each.setting))).toEqual(new Set([setting]));
});

test("several problems are named at once (OPER-01)", () => {
  const named = problemsOf({ SCS_BOGUS: "1", SCS_API_PORT: "x", SCS_CHAIN_ID: "0" }).map(({ setting }) => setting);
  expect(new Set(named)).toEqual(new Set(["SCS_BOGUS", "SCS_API_PORT", "SCS_CHAIN_ID"]));
});

test("no value is repeated in a problem, whatever the setting: it may be a secret (OPER-01)", () => {
  const secret = "hunter2hunter2";
  for (const setting of Object.keys(settings)) {
    expect(JSON.stringify(problemsOf({ [setting]: secret }))).not.toContain(secret);
  }
  expect(JSON.stringify(problemsOf({ SCS_DATABASE_URL: `mysql://u:${secret}@h/d` }))).not.toContain(secret);
  expect(JSON.stringify(problemsOf({ SCS_X: secret }))).not.toContain(secret);
});

test("the environment stands above the settings file, which stands above the defaults", () => {
  const file = scratchFile(folder, "node.env", "# a comment\nSCS_API_PORT=81\nSCS_CHAIN_ID=5\n");
  expect(loadConfiguration({ SCS_API_PORT: "82" }, file)).toMatchObject({
    SCS_API_PORT: 82,
    SCS_CHAIN_ID: 5,
    SCS_API_HOST: "127.0.0.1",
  });
});

test("what is wrong stops the start with every name, and so does a file that cannot be read (OPER-01)", () => {
  const file = scratchFile(folder, "bad.env", "SCS_NOPE=1\nSCS_API_PORT=x\n");
  expect(() => loadConfiguration({}, file)).toThrow(ProtocolError);
  try {
    loadConfiguration({}, file);
  } catch (error) {
    const { code, detail } = error as ProtocolError;
    expect(code).toBe("INTERNAL_CONFIGURATION");
    expect(String(detail["settings"])).toMatch(/SCS_NOPE[^]*SCS_API_PORT/);
  }
  const missing = join(folder, "none.env");
  expect(() => loadConfiguration({}, missing)).toThrow(
    expect.objectContaining({ detail: { settings: [`${missing} cannot be read`] } }),
  );
});
