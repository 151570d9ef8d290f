// A batch in verification: who of a process decides on what, under whose account it is read, and what refuses a verdict.
import { expect, test } from "vitest";
import { revokeGrant } from "#data/grants.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { readPolicies } from "#storage/registry.ts";
import { readVerdicts } from "#storage/decisions.ts";
import { claimTasks } from "#storage/tasks.ts";
import { registerActor } from "#storage/tokens.ts";
import { checkTask, holdersOf, loadPending, openAll } from "#verification/verify-batch.ts";
import { actor } from "#test/layers/actors.ts";
import { journalled } from "#test/layers/database.ts";
import { policyOf } from "#test/layers/documents.ts";
import {
  domain,
  executor,
  giveBudget,
  grantQueries,
  openLayers,
  verifier,
  type LayerOptions,
} from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { budget, east, lastMove, setStage, settle, west } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage({ policy: policyOf({ verifiers: 1 }) });
const open = (more: Partial<LayerOptions> = {}) => openLayers(database, { clock: clock.now, ...more });
const count = query({ function: "count" });
const second = actor("second verifier");

async function execute(...given: Parameters<typeof submit>): Promise<Hex> {
  const taskId = await submit(...given);
  const layers = open();
  await settle(layers.handoff, layers.resolve, layers.execute);
  return taskId;
}
const verdictsOf = async (taskId: Hex) =>
  (await readVerdicts(database, [taskId])).get(taskId)?.map(({ verifier: by, verdict }) => [by, verdict]) ?? [];

test("as many decide as policy asks for, in the order in which they are known, and nobody twice [LAYR-16]", async () => {
  await execute(count);
  const claims = await claimTasks(database, { state: "verifying", holder: "test", limit: 5, now: clock.now() });
  const policies = await readPolicies(database, ["1"]);
  const both = { database, verifiers: [second, verifier] };
  const [pending] = await loadPending(both, claims, policies);
  expect(pending?.deciders.map(({ address }) => address)).toEqual([second.address]);
  expect(pending?.given).toEqual([]);
  const [more] = await loadPending(both, claims, new Map([["1", policyOf({ verifiers: 3 })]]));
  expect(more?.deciders).toHaveLength(2);
  const asked: string[] = [];
  const opened = await openAll(
    async (accesses, { by, purpose }) => {
      asked.push(by, purpose, ...accesses.map(({ vault }) => vault));
      return await Promise.resolve(
        accesses.map(() => ({ kind: "refused", refusal: { code: "POLICY_GRANT_MISSING", detail: {} } }) as const),
      );
    },
    pending ? [pending] : [],
  );
  expect(asked).toEqual([second.address, "verification", "east"]);
  const checked =
    pending && checkTask(pending, opened.get(pending.claim.taskId) ?? [], { domain, executors: new Set() });
  expect(checked).toMatchObject({ kind: "refused", refusal: { code: "POLICY_GRANT_MISSING" } });
  // What was not opened at all is this task's failure, not a crash.
  expect(pending && checkTask(pending, [], { domain, executors: new Set() })).toMatchObject({ kind: "failed" });
  clock.advance(60);
  await open().verify.run();
});

test("holders of a role are those that hold it now", async () => {
  const accounts = [executor.address, verifier.address, executor.address, actor("nobody").address];
  expect(await holdersOf(database, "executor", accounts)).toEqual(new Set([executor.address]));
  expect(await holdersOf(database, "verifier", accounts)).toEqual(new Set([verifier.address]));
});

test("the verifier's own reading is journalled under its own account and purpose [LAYR-10]", async () => {
  const taskId = await execute(count, [east, west]);
  await open().verify.run();
  const entries = (await journalled(database, "access", hexToBytes(taskId))) as {
    by: string;
    purpose: string;
    vault: string;
  }[];
  expect(entries.map(({ by, purpose, vault }) => [by, purpose, vault])).toEqual([
    [executor.address, "execution", "east"],
    [executor.address, "execution", "west"],
    [verifier.address, "verification", "east"],
    [verifier.address, "verification", "west"],
  ]);
});

test("an executor whose role was taken away is not accepted [OPER-08]", async () => {
  const taskId = await execute(count);
  await registerActor(database, { address: executor.address, roles: ["auditor"] }, "test", clock.now());
  await open().verify.run();
  await registerActor(database, { address: executor.address, roles: ["executor"] }, "test", clock.now());
  expect(await lastMove(database, taskId)).toMatchObject({ to: "rejected", detail: { code: "AUTH_ROLE" } });
  expect(await verdictsOf(taskId)).toEqual([[verifier.address, "rejected"]]);
});

test("a result that nobody may read any more is rejected without a verdict on it [LAYR-10]", async () => {
  const other = actor("other submitter");
  await giveBudget(database, other.address, budget, clock.now());
  const grantId = await grantQueries(database, east, { clock: clock.now, grantee: other.address });
  const taskId = await execute(count, [east], { submitter: other.address });
  await revokeGrant({ database, clock: clock.now, domain }, grantId);
  await open().verify.run();
  expect(await lastMove(database, taskId)).toMatchObject({ to: "rejected", detail: { code: "POLICY_GRANT_MISSING" } });
  expect(await verdictsOf(taskId)).toEqual([]);
});
