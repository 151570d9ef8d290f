// The handoff: admitted tasks go to the semantic layer in batches, each once, each journalled.
import { expect, test } from "vitest";
import { readBudget } from "#storage/budgets.ts";
import { taskHistories } from "#storage/tasks.ts";
import { countStates } from "#test/layers/database.ts";
import { openLayers, submitter } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { budget, east, lastMove, setStage, stateOf } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage({ records: 5 });
const count = query({ function: "count" });

test("tasks are handed over in batches, by several processes, each once [LAYR-04, LAYR-05]", async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, async () => await submit(count)));
  const processes = ["a", "b", "c"].map((holder) => openLayers(database, { clock: clock.now, holder, batchLimit: 10 }));
  const taken = await Promise.all(processes.map(async ({ handoff }) => await handoff.run()));
  for (let more = 1; more > 0; taken.push(more)) more = (await processes[0]?.handoff.run()) ?? 0;
  expect(taken.reduce((sum, each) => sum + each, 0)).toBe(30);
  expect(await countStates(database)).toEqual({ resolving: 30 });
  const histories = await taskHistories(database, ids);
  for (const id of ids) expect(histories.get(id)?.map(({ to }) => to)).toEqual(["accepted", "resolving"]);
});

test("a hand-over says who and why, and under which versions [TASK-03]", async () => {
  const taskId = await submit(count);
  await openLayers(database, { clock: clock.now }).handoff.run();
  expect(await lastMove(database, taskId)).toEqual({
    from: "accepted",
    to: "resolving",
    by: "coordination",
    why: "handed to the semantic layer",
    step: 1,
    versions: { schema: "1.0", semantic: "2026.1", policy: "1" },
    at: clock.now(),
  });
});

test("a task whose policy is not published ends there, with its budget back", async () => {
  const before = await readBudget(database, submitter.address);
  const taskId = await submit(count, [east], { policyVersion: "none" });
  await openLayers(database, { clock: clock.now }).handoff.run();
  expect(await stateOf(database, taskId)).toBe("rejected");
  expect(await lastMove(database, taskId)).toMatchObject({
    detail: { code: "VERSION_POLICY_UNKNOWN", detail: { version: "none" } },
  });
  expect(await readBudget(database, submitter.address)).toEqual(before);
  expect(BigInt(before.available) + BigInt(before.reserved)).toBe(budget);
});
