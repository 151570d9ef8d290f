// Claims and transitions on a real database: one holder at a time, the published table alone, and every move in the journal.
import { expect, test } from "vitest";
import { foldHistory } from "#protocol/histories.ts";
import { taskLifecycle, type TaskState } from "#protocol/lifecycles.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import { claimTasks, moveTasks, releaseTasks, takeNamed, taskHistories, type Claim } from "#storage/tasks.ts";
import { question } from "../layers/sales.ts";
import { setStage } from "../layers/stage.ts";

const { database, clock, submit } = await setStage();
const now = () => clock.now();

const claim = async (state: TaskState, holder = "a") =>
  await claimTasks(database, { state, holder, limit: 100, now: now() });
const move = async (claimed: readonly Claim[], to: TaskState) =>
  await database.transaction((transaction) =>
    moveTasks(
      transaction,
      claimed.map((each) => ({
        claim: each,
        to,
        by: "test",
        why: "said so",
        deadlineAt: new Date(now().getTime() + 3_600_000),
      })),
      now(),
    ),
  );

test("two who claim at once never hold the same task [LAYR-05]", async () => {
  const submitted = new Set<string>();
  for (let at = 0; at < 20; at++) submitted.add(await submit(question(at)));
  const claims = await Promise.all(["a", "b", "c"].map(async (holder) => await claim("accepted", holder)));
  const ids = claims.flat().map(({ taskId }) => taskId);
  expect(ids.length).toBe(20);
  expect(new Set(ids)).toEqual(submitted);
  expect(await claim("accepted", "d")).toEqual([]);
  await releaseTasks(
    database,
    claims.flat().map((each) => ({ claim: each, dueAt: now() })),
  );
});

test("who lost the lease to another writes nothing [LAYR-05]", async () => {
  const taskId = await submit(question(100));
  const mine = (await claim("accepted", "slow")).filter((each) => each.taskId === taskId);
  clock.advance(leaseSeconds + 1);
  const theirs = (await claim("accepted", "quick")).filter((each) => each.taskId === taskId);
  expect(theirs[0]?.fence).toBeGreaterThan(mine[0]?.fence ?? 0n);
  expect((await move(mine, "resolving")).size).toBe(0);
  expect((await move(theirs, "resolving")).size).toBe(1);
  const history = (await taskHistories(database, [taskId])).get(taskId) ?? [];
  expect(history.map(({ to }) => to)).toEqual(["accepted", "resolving"]);
});

test("a move the table does not hold is refused, whatever the state, and leaves no trace [TASK-02]", async () => {
  const taskId = await submit(question(101));
  const states = Object.keys(taskLifecycle.states) as TaskState[];
  const [held] = await database.transaction((transaction) => takeNamed(transaction, [taskId]));
  if (!held) throw new Error("the task is gone");
  for (const to of states.filter((state) => !["resolving", "rejected", "timed_out"].includes(state))) {
    await expect(move([held], to)).rejects.toMatchObject({ code: "SETTLEMENT_TRANSITION_REFUSED" });
  }
  const [same] = await database.transaction((transaction) => takeNamed(transaction, [taskId]));
  expect(same).toEqual(held);
  expect((await taskHistories(database, [taskId])).get(taskId)).toHaveLength(1);
});

test("every move is journalled with who, why, versions and time, and folds to the state [TASK-03] [TASK-08]", async () => {
  const taskId = await submit(question(102));
  for (const to of ["resolving", "rejected"] as const) {
    await move(await database.transaction((transaction) => takeNamed(transaction, [taskId])), to);
    clock.advance(1);
  }
  const history = (await taskHistories(database, [taskId])).get(taskId) ?? [];
  expect(history.map(({ by, why, step }) => [by, why, step]).slice(1)).toEqual([
    ["test", "said so", 1],
    ["test", "said so", 2],
  ]);
  for (const { versions, at } of history) {
    expect(Object.values(versions).every((version) => version !== "")).toBe(true);
    expect(at).toBeInstanceOf(Date);
  }
  const [stored] = await database.transaction((transaction) => takeNamed(transaction, [taskId]));
  expect(foldHistory(history)).toBe(stored?.state);
});

test("a task that ended stays there, also for the database [TASK-02]", async () => {
  const taskId = await submit(question(103));
  await move(await database.transaction((transaction) => takeNamed(transaction, [taskId])), "rejected");
  await expect(
    database.query(`UPDATE work.task SET state = 'accepted' WHERE state = 'rejected'`),
  ).rejects.toMatchObject({ code: "SC004" });
});
