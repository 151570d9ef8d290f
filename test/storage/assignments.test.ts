// Assignments: written once for each task, and read back as they were.
import { expect, test } from "vitest";
import { insertAssignments, readAdmissions, readAssignments } from "#storage/assignments.ts";
import { submitter } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { setStage } from "#test/layers/stage.ts";
import { assignmentOf } from "./artifacts-of-tasks.ts";

const { database, clock, submit } = await setStage({ records: 5 });
const ids = [await submit(query({ function: "count" })), await submit(query({ function: "count" }))];
const unknown = `0x${"99".repeat(32)}` as const;

test("assignments come back by task, as they were written", async () => {
  await insertAssignments(database, []);
  await insertAssignments(database, ids.map(assignmentOf));
  expect(await readAssignments(database, [...ids, unknown])).toEqual(new Map(ids.map((id) => [id, assignmentOf(id)])));
});

test("a task has one assignment, for ever [LAYR-07]", async () => {
  const [id] = ids;
  if (!id) throw new Error("a task");
  await expect(insertAssignments(database, [{ ...assignmentOf(id), body: "{}" }])).rejects.toThrow(/duplicate key/);
  await expect(database.query(`UPDATE ledger.assignment SET body = '{}'`)).rejects.toThrow(/permission denied/);
  expect((await readAssignments(database, [id])).get(id)).toEqual(assignmentOf(id));
});

test("admissions say whose a task is and when it was accepted", async () => {
  const admission = { submitter: submitter.address, acceptedAt: clock.now() };
  expect(await readAdmissions(database, [...ids, unknown])).toEqual(new Map(ids.map((id) => [id, admission])));
});
