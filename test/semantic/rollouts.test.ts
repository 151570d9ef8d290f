// A version is left out of a scope's epochs while tasks under it are on their way: the attempt, and the way that works.
import { afterAll, expect, test } from "vitest";
import type { Versions } from "#protocol/rollouts.ts";
import { rollOut } from "#semantic/publish.ts";
import { orderClosing, epochStep } from "#settlement/epoch-step.ts";
import { readEpoch } from "#storage/epochs.ts";
import { insertRegistry } from "#storage/registry.ts";
import { registry } from "#test/settlement/finished-meaning.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { openSettling, settle, showAnchored } from "#test/settlement/settling.ts";
import { storeFinished } from "#test/settlement/stored-tasks.ts";

const settling = await openSettling();
afterAll(async () => await settling.close());
const { database, deps } = settling;

/** Orders semantic versions from an epoch on; answers the refusal. */
async function refusal(fromEpoch: number, versions: readonly string[], retiring: readonly string[] = []) {
  const of = (semanticVersions: readonly string[], policyVersions: readonly string[]): Versions => ({
    semanticVersions,
    policyVersions,
  });
  const ordered = { scope, fromEpoch, ...of(versions, ["1.0"]), retiring: of(retiring, []) };
  const act = { by: "governance", now: settling.now };
  return await database
    .transaction(async (transaction) => await rollOut(transaction, ordered, act))
    .then(() => undefined)
    .catch((reason: unknown) => reason as { code: string; detail: object });
}

/** Closes an epoch over what waits. */
async function close(): Promise<void> {
  await epochStep(deps).run();
  await orderClosing(deps, { scope, by: "test" });
  await epochStep(deps).run();
}

async function finalize(epoch: number): Promise<void> {
  expect(await settle(settling, epoch)).toMatchObject({ state: "candidate_ready" });
  await showAnchored(settling, epoch, "finalized");
  expect(await settle(settling, epoch)).toMatchObject({ state: "finalized" });
}

test("no verified task is left waiting for an epoch of a version that was left out [OPER-03]", async () => {
  await insertRegistry(database, { ...registry, semanticVersion: "1.1" }, "governance", settling.now);
  await epochStep(deps).run();
  await storeFinished(database, [finishedTask(1), finishedTask(2)], settling.now);
  expect(await refusal(2, ["1.1"])).toMatchObject({
    code: "VERSION_ROLLOUT_REFUSED",
    detail: { dropped: ["semantic 1.0"], reason: expect.stringContaining("retire") as string },
  });
  expect(await refusal(2, ["1.0", "1.1"], ["1.0"])).toBeUndefined();
  await close();
  // Admitted before its version retired, and verified only now.
  await storeFinished(database, [finishedTask(3)], settling.now);
  expect(await refusal(3, ["1.1"])).toMatchObject({
    code: "VERSION_ROLLOUT_REFUSED",
    detail: { dropped: ["semantic 1.0"], unended: 3 },
  });
  await finalize(1);
  expect(await refusal(3, ["1.1"])).toMatchObject({ detail: { unended: 1 } });
  await close();
  expect(await readEpoch(database, scope, 2)).toMatchObject({ semanticVersions: ["1.0", "1.1"], members: 1 });
  // A member may still be deferred; only a final root ends it.
  expect(await refusal(4, ["1.1"])).toMatchObject({ detail: { unended: 1 } });
  await finalize(2);
  expect(await refusal(4, ["1.1"])).toBeUndefined();
  await close();
  await epochStep(deps).run();
  expect(await readEpoch(database, scope, 4)).toMatchObject({ semanticVersions: ["1.1"] });
});
