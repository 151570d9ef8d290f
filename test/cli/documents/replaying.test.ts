// A task's resolution, execution and verification are done again from the database, and whatever was changed there is named.
import { afterEach, beforeAll, expect, test } from "vitest";
import {
  replayExecution,
  replayStoredResolution,
  replayVerification,
  type ReplayDeps,
} from "#cli/documents/replaying.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { domain, executor, masterKey, openLayers } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { east, setStage, settle, west } from "#test/layers/stage.ts";

const { database, test: server, clock, submit } = await setStage();
let deps: ReplayDeps;
let migrator: Database;
let answered: Hex;
let tooSmall: Hex;
let unresolved: Hex;
let unexecuted: Hex;

beforeAll(async () => {
  const metrics = openMetrics();
  const cache = new PlaintextCache({ database, masterKey, metrics });
  deps = { database, vaults: { database, clock: clock.now, metrics, cache }, domain, by: executor.address };
  migrator = openDatabase({
    url: server.urls.migrator,
    applicationName: "replay test",
    maxConnections: 1,
    statementTimeoutMs: 60_000,
  });
  answered = await submit(query({ function: "sum", attribute: "price" }, { groupBy: "shop" }), [east, west]);
  tooSmall = await submit(query({ function: "count" }, { minimumGroupSize: 5_000 }));
  unresolved = await submit(query({ function: "sum", attribute: "turnover" }));
  const { handoff, resolve, execute, verify } = openLayers(database, { clock: clock.now });
  await settle(handoff, resolve, execute, verify);
  unexecuted = await submit(query({ function: "count" }));
  return async () => await migrator.close();
});

/** What was changed in the ledger by a test, put back after it. */
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0)) await each();
});

/** Changes a column of a task's row behind the ledger's back. */
async function tamper(table: string, column: string, taskId: Hex, change: (text: string) => string): Promise<void> {
  const id = hexToBytes(taskId);
  const { rows } = await migrator.query<{ text: string }>(
    `SELECT ${column} AS text FROM ledger.${table} WHERE task_id = $1`,
    [id],
  );
  const before = rows[0]?.text ?? "";
  const put = async (text: string): Promise<void> => {
    await migrator.query(`ALTER TABLE ledger.${table} DISABLE TRIGGER USER`, []);
    await migrator.query(`UPDATE ledger.${table} SET ${column} = $2 WHERE task_id = $1`, [id, text]);
    await migrator.query(`ALTER TABLE ledger.${table} ENABLE TRIGGER USER`, []);
  };
  expect(change(before)).not.toBe(before);
  await put(change(before));
  undo.push(() => put(before));
}

test("an honest task is equal in every stage, and each reading of the vaults is journalled (ASSR-01, LAYR-10)", async () => {
  expect(await replayStoredResolution(database, answered)).toMatchObject({ kind: "valid" });
  expect(await replayExecution(deps, answered)).toMatchObject({ kind: "valid" });
  expect(await replayVerification(deps, answered)).toMatchObject({ kind: "valid" });
  const { rows } = await database.query<{ purpose: string; count: bigint }>(
    `SELECT body::json->>'purpose' AS purpose, count(*) AS count FROM ledger.journal
      WHERE kind = 'access' AND subject = $1 GROUP BY 1 ORDER BY 1`,
    [hexToBytes(answered)],
  );
  expect(rows.map(({ purpose, count }) => [purpose, Number(count)])).toEqual([
    ["execution", 2],
    ["replay", 4],
    ["verification", 2],
  ]);
});

test("what was refused is refused again with the same code (ASSR-01)", async () => {
  expect(await replayStoredResolution(database, unresolved)).toMatchObject({ kind: "valid" });
  expect(await replayExecution(deps, tooSmall)).toMatchObject({ kind: "valid" });
});

test("what was not done yet cannot be judged, and an unknown task is not found", async () => {
  for (const verdict of [
    await replayStoredResolution(database, unexecuted),
    await replayExecution(deps, unexecuted),
    await replayVerification(deps, unexecuted),
    await replayExecution(deps, unresolved),
    await replayVerification(deps, tooSmall),
  ]) {
    expect(verdict).toMatchObject({ kind: "unknown" });
  }
  const nobody: Hex = `0x${"00".repeat(32)}`;
  for (const replay of [replayExecution, replayVerification]) {
    await expect(replay(deps, nobody)).rejects.toMatchObject({ code: "SCHEMA_NOT_FOUND" });
  }
});

test("a changed result, transcript or access log is named where it differs (ASSR-01)", async () => {
  await tamper("result", "result", answered, (text) => text.replace(/"count":(\d+)/, '"count":1$1'));
  expect(await replayExecution(deps, answered)).toMatchObject({
    kind: "invalid",
    difference: { field: expect.stringMatching(/^result\.groups\[0\]\.count$/) as string },
  });
  expect(await replayVerification(deps, answered)).toMatchObject({
    kind: "invalid",
    difference: { field: "decisions[0].verdict", claimed: "accepted", recomputed: "rejected" },
  });
});

test("bytes that say the same in another way differ as well", async () => {
  await tamper("result", "transcript", answered, (text) => text.replace("{", "{ "));
  expect(await replayExecution(deps, answered)).toMatchObject({ difference: { field: "transcript bytes" } });
});

test("a changed resolution step is named by its path (ASSR-01, ATTR-03)", async () => {
  await tamper("assignment", "resolution", answered, (text) => text.replace('"1 found"', '"2 found"'));
  expect(await replayStoredResolution(database, answered)).toMatchObject({
    kind: "invalid",
    difference: { field: "resolution.steps[2].outcome", claimed: "2 found", recomputed: "1 found" },
  });
});

test("changed evidence of a decision is named (ASSR-01)", async () => {
  await tamper("decision", "evidence", answered, (text) =>
    text.replace(/"recomputedCommitment":"0x../, '"recomputedCommitment":"0xzz'),
  );
  expect(await replayVerification(deps, answered)).toMatchObject({
    difference: { field: "decisions[0].evidence.recomputedCommitment" },
  });
});

test("without the vaults' key nothing can be told", async () => {
  const metrics = openMetrics();
  const cache = new PlaintextCache({ database, masterKey: new Uint8Array(32), metrics });
  const blind = { ...deps, vaults: { database, clock: clock.now, metrics, cache } };
  expect(await replayExecution(blind, answered)).toMatchObject({ kind: "unknown" });
});
