// An executor that claims another result than the true one, with everything else in order.
import { artifactsOf } from "#execution/artifacts.ts";
import type { Hex } from "#protocol/hash.ts";
import { bundleDigest } from "#protocol/messages.ts";
import type { ExecutionAssignment, QueryResult } from "#protocol/schemas/execution.ts";
import { readAssignments } from "#storage/assignments.ts";
import type { Database } from "#storage/database.ts";
import { insertResults } from "#storage/results.ts";
import { claimTasks, moveTasks } from "#storage/tasks.ts";
import { domain, executor, openLayers } from "./node.ts";
import { query } from "./sales.ts";
import { settle, type setStage } from "./stage.ts";

type Stage = Pick<Awaited<ReturnType<typeof setStage>>, "database" | "clock" | "submit">;

const falseResult: QueryResult = {
  kind: "protected_query",
  scale: 0,
  groups: [{ key: null, count: 7, value: "7", bins: null }],
  suppressedGroups: 0,
};

/** Submits a count and has it answered falsely; the task is left in verification. */
export async function executeFalsely({ database, clock, submit }: Stage): Promise<Hex> {
  const taskId = await submit(query({ function: "count" }));
  const layers = openLayers(database, { clock: clock.now });
  await settle(layers.handoff, layers.resolve);
  await admitResult(database, clock.now, taskId);
  return taskId;
}

async function admitResult(database: Database, now: () => Date, taskId: Hex): Promise<void> {
  const text = (await readAssignments(database, [taskId])).get(taskId)?.body ?? "";
  const assignment = JSON.parse(text) as ExecutionAssignment;
  const { bundleText, result, transcript, accessLog } = artifactsOf(assignment, {
    executor: executor.address,
    runtime: "protected-query/1",
    result: falseResult,
    projections: [],
  });
  const bundleId = bundleText.id;
  const signature = executor.sign(bundleDigest(domain, taskId, bundleId));
  const [claim] = await claimTasks(database, { state: "dispatched", holder: "liar", limit: 1, now: now() });
  if (claim?.taskId !== taskId) throw new Error("another task was claimed");
  const deadlineAt = new Date(now().getTime() + 600_000);
  await database.transaction(async (transaction) => {
    const words = { by: "execution", why: "a result bundle was admitted", deadlineAt };
    await moveTasks(transaction, [{ claim, to: "verifying", ...words }], now());
    const texts = { bundle: bundleText.text, result, transcript, accessLog };
    await insertResults(transaction, [{ taskId, bundleId, executor: executor.address, signature, ...texts }]);
  });
}
