// Deadlines: past its stage's own a task times out by itself, whoever holds it, and what was reserved comes back.
import { expect, test } from "vitest";
import { readBudget } from "#storage/budgets.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { claimTasks, moveTasks } from "#storage/tasks.ts";
import { policyOf } from "#test/layers/documents.ts";
import { openLayers, submitter } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { budget, lastMove, setStage, stateOf } from "#test/layers/stage.ts";

const stage = (deadlineSeconds: number) => ({ deadlineSeconds, maximumAttempts: 3, backoffMilliseconds: 200 });
const policy = policyOf({
  stages: { accepted: stage(600), resolving: stage(10), dispatched: stage(20), verifying: stage(30) },
});
const { database, clock, submit } = await setStage({ policy, records: 20 });
const layers = openLayers(database, { clock: clock.now });
const count = query({ function: "count" });

const stages = [
  ["accepted", 600, []],
  ["resolving", 10, ["handoff"]],
  ["dispatched", 20, ["handoff", "resolve"]],
  ["verifying", 30, ["handoff", "resolve", "execute"]],
] as const;

test.each(stages)(
  "a task in %s times out %i seconds later, and not before [TASK-05]",
  async (state, seconds, steps) => {
    const taskId = await submit(count);
    for (const step of steps) await layers[step].run();
    expect(await stateOf(database, taskId)).toBe(state);
    clock.advance(seconds - 1);
    expect(await layers.deadlines.run()).toBe(0);
    clock.advance(1);
    expect(await layers.deadlines.run()).toBe(1);
    expect(await lastMove(database, taskId)).toMatchObject({
      from: state,
      to: "timed_out",
      by: "coordination",
      why: "deadline passed",
      detail: { code: "VERIFY_TIMED_OUT", detail: { stage: state } },
    });
    const { available, reserved } = await readBudget(database, submitter.address);
    expect([BigInt(available), BigInt(reserved)]).toEqual([budget, 0n]);
    expect(await sumOfBalances(database)).toBe(0n);
  },
);

test("a task that a dead process holds times out all the same, and the dead one can write nothing any more [TASK-05, LAYR-05]", async () => {
  const taskId = await submit(count);
  await layers.handoff.run();
  await layers.resolve.run();
  const [claim] = await claimTasks(database, { state: "dispatched", holder: "dead", limit: 1, now: clock.now() });
  clock.advance(20);
  expect(await layers.deadlines.run()).toBe(1);
  expect(await stateOf(database, taskId)).toBe("timed_out");
  const late = {
    claim: claim as NonNullable<typeof claim>,
    to: "verifying",
    by: "execution",
    why: "late",
    deadlineAt: clock.now(),
  } as const;
  const moved = await database.transaction(async (transaction) => await moveTasks(transaction, [late], clock.now()));
  expect([...moved]).toEqual([]);
  expect(await stateOf(database, taskId)).toBe("timed_out");
});

test("several processes time each task out once, in batches", async () => {
  await Promise.all(Array.from({ length: 25 }, async () => await submit(count)));
  clock.advance(600);
  const processes = ["a", "b", "c"].map((holder) => openLayers(database, { clock: clock.now, holder, batchLimit: 5 }));
  let taken = 0;
  for (let more = 1; more > 0; taken += more) {
    more = (await Promise.all(processes.map(async ({ deadlines }) => await deadlines.run()))).reduce(
      (sum, each) => sum + each,
      0,
    );
  }
  expect(taken).toBe(25);
  expect((await readBudget(database, submitter.address)).reserved).toBe("0");
});
