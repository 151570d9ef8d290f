// The commands over the database against a real PostgreSQL: migration, tokens, audit.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDatabase } from "#cli/commands/operator-database.ts";
import { parseConfiguration } from "#cli/config/load.ts";
import type { Hex } from "#protocol/hash.ts";
import { deposit } from "#storage/budgets.ts";
import { findToken, tokenDigest } from "#storage/tokens.ts";
import { createEmptyDatabase, type TestDatabase } from "#test/setup/database.ts";
import { sealEverything } from "#test/setup/sealing.ts";
import { run, runJson, scratchFolder, type Settings } from "../running.ts";

const folder = scratchFolder();
const treasury: Hex = `0x${"ee".repeat(20)}`;
let testDatabase: TestDatabase;
let settings: Settings;

beforeAll(async () => {
  testDatabase = await createEmptyDatabase();
  settings = { SCS_DATA_DIR: join(folder, "data"), SCS_DATABASE_URL: testDatabase.adminUrl };
});
afterAll(async () => await testDatabase.drop());

const configuration = () => {
  const parsed = parseConfiguration(settings);
  if ("configuration" in parsed) return parsed.configuration;
  throw new Error("the test's settings are wrong");
};

test("without a database the commands say what to do, and make none", async () => {
  const nowhere = join(folder, "nowhere");
  const { code, stderr } = await run(["token", "list"], { SCS_DATA_DIR: nowhere });
  expect(code).toBe(2);
  expect(stderr).toContain("scs migrate");
  expect(() => statSync(nowhere)).toThrow("ENOENT");
});

test("migrate makes everything, once, and leaves the signer's address to its owner alone (OPER-04)", async () => {
  const first = await runJson<{ applied: string[] }>(["migrate"], settings);
  expect(first.code).toBe(0);
  expect(first.value.applied[0]).toBe("0001-ledger");
  expect((await runJson(["migrate"], settings)).value).toEqual({ applied: [] });
  const file = join(folder, "data", "keys", "signer-database-url");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(new URL(readFileSync(file, "utf8")).username).toContain("_signer_");
});

test("a token is shown once, kept as a digest, listed, revoked for good", async () => {
  const issued = await runJson<{ token: string; digest: Hex }>(["token", "issue", treasury, "own:read"], settings);
  const { token, digest } = issued.value;
  expect(digest).toBe(tokenDigest(token));
  expect((await runJson(["token", "list"], settings)).value).toMatchObject([{ digest, subject: treasury }]);
  expect((await run(["token", "list"], settings)).stdout).not.toContain(token);
  expect((await run(["token", "revoke", digest], settings)).code).toBe(0);
  expect(await run(["token", "revoke", digest], settings)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("AUTH_TOKEN_INVALID") as string,
  });
  const kept = await withDatabase(configuration(), "node", (database) => findToken(database, digest));
  expect(kept?.revokedAt).not.toBeNull();
});

test("with --out the token goes into a file of its owner's and not to the terminal", async () => {
  const file = join(folder, "op.token");
  const { stdout } = await run(["token", "issue", "operator", "audit:read", "--out", file], settings);
  const token = readFileSync(file, "utf8").trim();
  expect(token).toMatch(/^scs_/);
  expect(stdout).not.toContain(token);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await run(["token", "issue", "operator", "audit:read", "--out", file], settings)).stderr).toContain(
    "exists already",
  );
});

test.each([
  [["explain", "task", `0x${"ab".repeat(32)}`], "SCHEMA_NOT_FOUND"],
  [["explain", "reward", `0x${"ab".repeat(32)}`], "REWARD_NOT_FOUND"],
  [["explain", "epoch", "main", "9"], "SETTLEMENT_NOT_FOUND"],
  [["archive", "export", "main", "9", join(folder, "nothing")], "SETTLEMENT_NOT_FOUND"],
])("scs %j says what is not there", async (args, code) => {
  expect(await runJson(args, settings)).toMatchObject({ code: 2, value: { error: { code } } });
});

test("audit holds, names a journal entry that was changed, and an account that was raised (ASSR-02)", async () => {
  await withDatabase(configuration(), "node", async (database) => {
    const now = new Date();
    await deposit(database, { account: treasury, amount: "500", reference: "r1" }, "test", now);
    await sealEverything(database, now);
  });
  expect(await runJson(["audit"], settings)).toMatchObject({ code: 0, value: { holds: true, findings: [] } });

  const owner = new pg.Client({ connectionString: testDatabase.adminUrl });
  await owner.connect();
  try {
    // Whoever owns the server can switch the locks off; the audit is for that case.
    await owner.query("SET session_replication_role = replica");
    const { rows } = await owner.query<{ entry_no: string }>(
      `UPDATE ledger.journal SET body = replace(body, '500', '501') WHERE kind = 'budget' RETURNING entry_no`,
    );
    await owner.query(`UPDATE work.balance SET amount = amount + 1 WHERE account = $1`, [`budget:${treasury}`]);
    const { code, value } = await runJson<{ findings: Record<string, string>[] }>(["audit"], settings);
    expect(code).toBe(1);
    expect(value.findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          check: "journal",
          stored: "changed",
          subject: `entry ${rows[0]?.entry_no}, batch 1`,
        }),
        expect.objectContaining({ check: "money", subject: `budget:${treasury}`, stored: "501", expected: "500" }),
      ]),
    );
    expect((await run(["audit"], settings)).stdout).toContain(`entry ${rows[0]?.entry_no}`);
  } finally {
    await owner.end();
  }
});
