// An operator tries a failed settlement again; what failed stays readable. Reading is tested with the other commands over REST.
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { databaseFiles } from "#cli/wiring/database.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { readSettlements } from "#storage/reading.ts";
import { connectionUrls, readSecret } from "#storage/roles.ts";
import { closeOver, openSettling, pass, settle, type Settling } from "#test/settlement/settling.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { run, runJson, scratchFolder, type Settings } from "../running.ts";

const folder = scratchFolder();
let original: Settling;
let database: Database;
let settings: Settings;

beforeAll(async () => {
  original = await openSettling();
  const adminUrl = new URL(inject("databaseAdminUrl"));
  adminUrl.pathname = new URL(original.url).pathname;
  settings = { SCS_DATA_DIR: join(folder, "data"), SCS_DATABASE_URL: adminUrl.href };
  // From here on passwords follow from the data folder's secret.
  expect((await run(["migrate"], settings)).code).toBe(0);
  const secret = await readSecret(databaseFiles.secret(settings["SCS_DATA_DIR"] ?? ""));
  const name = adminUrl.pathname.slice(1);
  const { node } = connectionUrls({ adminUrl: adminUrl.href, database: name, secret });
  database = openDatabase({ url: node, applicationName: "retry", maxConnections: 3, statementTimeoutMs: 20_000 });
});

afterAll(async () => {
  await database.close();
  await original.close();
});

test("a settlement that failed is tried again by order; one that did not fail is not [SETL-10]", async () => {
  const settling = Object.assign(original, { database, deps: { ...original.deps, database } });
  const epoch = await closeOver(settling, [finishedTask(1), finishedTask(2)]);
  const difference = { field: "root", claimed: "0x1", recomputed: "0x2" };
  const secondOpinion = () => Promise.resolve({ kind: "invalid" as const, difference });
  const failed = await settle(settling, epoch, { ...settling.deps, secondOpinion });
  expect(failed).toMatchObject({ revision: 1, state: "failed" });
  const retry = ["settlement", "retry", scope, String(epoch), "--by", "operator-7", "--why", "the builder was mended"];
  expect(await runJson(retry, settings)).toMatchObject({ code: 0, value: { scope, epoch, revision: 2 } });
  for (const [args, code] of [
    [retry, "SETTLEMENT_TRANSITION_REFUSED"],
    [["settlement", "retry", scope, "99", "--why", "hope"], "SETTLEMENT_NOT_FOUND"],
  ] as const) {
    expect(await run(args, settings)).toMatchObject({ code: 2, stderr: expect.stringContaining(code) as string });
  }
  // The command goes by the machine's clock, the test by its own.
  pass(settling, 1e9);
  expect(await settle(settling, epoch)).toMatchObject({ revision: 2, state: "candidate_ready" });
  expect(await readSettlements(database, scope, epoch)).toMatchObject([
    { revision: 1, state: "failed", failure: "SETTLEMENT_SECOND_OPINION: root is 0x1, recomputed 0x2" },
    // To the anchor it is the first candidate: nothing was proposed before.
    { revision: 2, state: "candidate_ready", header: { revision: 1, itemCount: 2 } },
  ]);
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.journal WHERE kind = 'settlement' AND body::json->>'to' = 'collecting'`,
  );
  expect(rows.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { by: "operator-7", why: "the builder was mended", revision: 2 },
  ]);
});
