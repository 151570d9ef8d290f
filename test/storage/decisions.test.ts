// Decisions: one for each verifier and task; and tasks set aside without counting an attempt.
import { expect, test } from "vitest";
import { hexToBytes } from "#protocol/hash.ts";
import { insertDecisions, readVerdicts, setAside } from "#storage/decisions.ts";
import { insertResults } from "#storage/results.ts";
import { claimTasks } from "#storage/tasks.ts";
import { actor } from "#test/layers/actors.ts";
import { verifier } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { setStage } from "#test/layers/stage.ts";
import { decisionOf, resultOf } from "./artifacts-of-tasks.ts";

const { database, clock, submit } = await setStage({ records: 5 });
const taskId = await submit(query({ function: "count" }));
const second = actor("second verifier").address;

test("verdicts come back by task, ascending by verifier", async () => {
  await insertResults(database, [resultOf(taskId)]);
  await insertDecisions(database, []);
  await insertDecisions(database, [decisionOf(taskId), { ...decisionOf(taskId, second), verdict: "challenged" }]);
  const expected = [
    { bundleId: resultOf(taskId).bundleId, verifier: verifier.address, verdict: "accepted", isOverruled: false },
    { bundleId: resultOf(taskId).bundleId, verifier: second, verdict: "challenged", isOverruled: false },
  ].toSorted((a, b) => (a.verifier < b.verifier ? -1 : 1));
  expect(await readVerdicts(database, [taskId])).toEqual(new Map([[taskId, expected]]));
});

test("a verifier decides once on a task's result, for ever [LAYR-15]", async () => {
  const changed = { ...decisionOf(taskId), decisionId: `0x${"77".repeat(32)}` as const, verdict: "rejected" as const };
  await expect(insertDecisions(database, [changed])).rejects.toThrow(/duplicate key/);
  await expect(database.query(`UPDATE ledger.decision SET verdict = 'rejected'`)).rejects.toThrow(/permission denied/);
});

test("a task set aside can be claimed again when it is due, with no attempt counted; one that was lost is not set aside [LAYR-05]", async () => {
  const claim = async (holder: string) =>
    await claimTasks(database, { state: "accepted", holder, limit: 1, now: clock.now() });
  const first = await claim("first");
  expect(await setAside(database, first, new Date(clock.now().getTime() + 500))).toEqual(new Set([taskId]));
  expect(await claim("early")).toEqual([]);
  clock.advance(0.5);
  const second = await claim("second");
  expect(second.map(({ attempt }) => attempt)).toEqual([0]);
  expect(await setAside(database, first, clock.now())).toEqual(new Set());
  const { rows } = await database.query<{ holder: string }>(`SELECT holder FROM work.task WHERE task_id = $1`, [
    hexToBytes(taskId),
  ]);
  expect(rows[0]?.holder).toBe("second");
  expect(await setAside(database, [], clock.now())).toEqual(new Set());
});
