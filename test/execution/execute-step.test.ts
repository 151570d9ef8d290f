// The execution step on a real database: results with their context, races, lost leases, retries, refusals.
import { beforeEach, expect, test } from "vitest";
import { randomBytes } from "node:crypto";
import { openCollections } from "#data/open-collections.ts";
import { revokeGrant } from "#data/grants.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import type { ExecuteDeps } from "#execution/execute-step.ts";
import { openMetrics } from "#observability/metrics.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import { bundleDigest } from "#protocol/messages.ts";
import { recover } from "#protocol/signature.ts";
import { readBudget } from "#storage/budgets.ts";
import { readResults } from "#storage/results.ts";
import { actor } from "#test/layers/actors.ts";
import { journalled } from "#test/layers/database.ts";
import {
  domain,
  executor,
  giveBudget,
  grantQueries,
  masterKey,
  openLayers,
  submitter,
  type LayerOptions,
} from "#test/layers/node.ts";
import { query, question } from "#test/layers/sales.ts";
import { budget, east, lastMove, rowsOf, setStage, settle, stateOf, west } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage();
const open = (more: Partial<LayerOptions> = {}) => openLayers(database, { clock: clock.now, ...more });
const metrics = openMetrics();
const data = { database, clock: clock.now, metrics, cache: new PlaintextCache({ database, masterKey, metrics }) };
const reallyOpen: ExecuteDeps["openCollections"] = async (accesses, reader) =>
  await openCollections(data, accesses, reader);
const count = query({ function: "count" });

/** Tasks of an earlier test that are still on their way would be taken along. */
beforeEach(async () => {
  clock.advance(leaseSeconds);
  const layers = open();
  await settle(layers.handoff, layers.resolve, layers.execute);
});
async function dispatch(...given: Parameters<typeof submit>): Promise<Hex> {
  const taskId = await submit(...given);
  const layers = open();
  await settle(layers.handoff, layers.resolve);
  return taskId;
}

test("a dispatched task gets a signed bundle with its context, and moves on with it [LAYR-13, TASK-03]", async () => {
  const taskId = await dispatch(query({ function: "mean", attribute: "price" }), [east, west]);
  expect(await open().execute.run()).toBe(1);
  const result = (await readResults(database, [taskId])).get(taskId);
  if (!result) throw new Error("a result");
  expect(result.executor).toBe(executor.address);
  expect(recover(bundleDigest(domain, taskId, result.bundleId), result.signature)).toBe(executor.address);
  expect(await lastMove(database, taskId)).toMatchObject({
    from: "dispatched",
    to: "verifying",
    by: "execution",
    why: "a result bundle was admitted",
  });
  const accesses = await journalled(database, "access", hexToBytes(taskId));
  expect(accesses.map((body) => (body as { vault: string; purpose: string }).vault)).toEqual(["east", "west"]);
  expect(accesses.every((body) => (body as { by: string }).by === executor.address)).toBe(true);
});

test("two processes that execute at the same time execute each task once [LAYR-05]", async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, async (_, at) => await dispatch(question(at))));
  const opened: Hex[] = [];
  const watched: ExecuteDeps["openCollections"] = async (accesses, reader) => {
    opened.push(...accesses.map(({ taskId }) => taskId));
    return await reallyOpen(accesses, reader);
  };
  const processes = ["p1", "p2", "p3"].map((holder) => open({ holder, batchLimit: 8, openForExecution: watched }));
  for (let more = 1; more > 0;) {
    more = (await Promise.all(processes.map(async ({ execute }) => await execute.run()))).reduce(
      (sum, each) => sum + each,
      0,
    );
  }
  expect(opened.toSorted()).toEqual(ids.toSorted());
  expect((await readResults(database, ids)).size).toBe(30);
});

test("a process that lost its lease writes nothing: no result, no move, no money [LAYR-05]", async () => {
  const taskId = await dispatch(count);
  const slow = open({
    holder: "slow",
    openForExecution: async (accesses, reader) => {
      const outcomes = await reallyOpen(accesses, reader);
      // Meanwhile its lease ends, and another process does the work.
      clock.advance(leaseSeconds + 1);
      await open({ holder: "quick" }).execute.run();
      return outcomes;
    },
  });
  await slow.execute.run();
  const after = await rowsOf(database, "result");
  expect((await readResults(database, [taskId])).size).toBe(1);
  expect((await journalled(database, "task", hexToBytes(taskId))).length).toBe(4);
  expect(after.filter((row) => row.includes(taskId.slice(2)))).toHaveLength(1);
});

test("what fails is tried again after a pause that doubles, and not before; then it succeeds, once [TASK-06]", async () => {
  const taskId = await dispatch(count);
  let failures = 2;
  const { execute } = open({
    openForExecution: async (accesses, reader) => {
      if (failures-- > 0) throw new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE");
      return await reallyOpen(accesses, reader);
    },
  });
  expect(await execute.run()).toBe(1);
  expect(await execute.run()).toBe(0);
  clock.advance(0.2);
  expect(await execute.run()).toBe(1);
  clock.advance(0.2);
  expect(await execute.run()).toBe(0);
  clock.advance(0.2);
  expect(await execute.run()).toBe(1);
  expect(await stateOf(database, taskId)).toBe("verifying");
  expect((await readResults(database, [taskId])).size).toBe(1);
});

test("attempts used up end the task with that, and its budget comes back [TASK-06]", async () => {
  const before = await readBudget(database, submitter.address);
  const taskId = await dispatch(count);
  const { execute } = open({ openForExecution: async () => await Promise.reject(new Error("always")) });
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await execute.run()).toBe(1);
    clock.advance(1);
  }
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "rejected",
    why: "refused by the runtime, or retries used up",
    detail: { code: "EXECUTION_FAILED", detail: { attempts: 3 } },
  });
  expect(await readBudget(database, submitter.address)).toEqual(before);
  expect(BigInt(before.available) + BigInt(before.reserved)).toBe(budget);
});

test("an answer about too few ends the task at once, and nothing of it is kept [LAYR-14]", async () => {
  const taskId = await dispatch(query({ function: "count" }, { minimumGroupSize: 61 }));
  await open().execute.run();
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "rejected",
    detail: { code: "EXECUTION_GROUP_TOO_SMALL", detail: { minimumGroupSize: 61 } },
  });
  expect((await readResults(database, [taskId])).size).toBe(0);
});

test("a wrong master key ends the task with EXECUTION_RECORD_CORRUPT, and no plaintext [LAYR-09]", async () => {
  const taskId = await dispatch(count);
  await open({ masterKey: randomBytes(32) }).execute.run();
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "rejected",
    detail: { code: "EXECUTION_RECORD_CORRUPT" },
  });
  expect((await readResults(database, [taskId])).size).toBe(0);
});

test("a grant that is taken back on the way stops the task before any plaintext is given [LAYR-10, LAYR-11]", async () => {
  const other = actor("other submitter");
  await giveBudget(database, other.address, budget, clock.now());
  const grantId = await grantQueries(database, east, { clock: clock.now, grantee: other.address });
  const taskId = await dispatch(count, [east], { submitter: other.address });
  await revokeGrant({ database, clock: clock.now, domain }, grantId);
  await open().execute.run();
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "rejected",
    detail: { code: "POLICY_GRANT_MISSING", detail: east },
  });
  expect(await journalled(database, "access", hexToBytes(taskId))).toEqual([]);
});

test("an account that is no executor takes nothing [OPER-08]", async () => {
  const taskId = await dispatch(count);
  const impostor = open({ executor: actor("nobody") });
  await expect(impostor.execute.run()).rejects.toMatchObject({ code: "AUTH_ROLE", detail: { required: ["executor"] } });
  expect(await stateOf(database, taskId)).toBe("dispatched");
});
