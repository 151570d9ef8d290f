// What of a live candidate can be read to be challenged, and until when.
import { afterAll, beforeAll, expect, test } from "vitest";
import { listCandidateItems, readCandidateItem } from "#storage/candidate-items.ts";
import { evidenceFor, statementFor } from "../settlement/challenging.ts";
import { finishedTask, scope } from "../settlement/finished-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "../settlement/settling.ts";

const tasks = Array.from({ length: 12 }, (_, number) => finishedTask(number));
const page = { after: undefined, limit: 100 };
let settling: Settling;
let epoch = 0;

beforeAll(async () => {
  settling = await openSettling();
  epoch = await closeOver(settling, tasks);
  await settle(settling, epoch);
});
afterAll(async () => await settling.close());

test("what a live candidate holds can be read by its tasks, and nothing of a record is in it [SETL-07]", async () => {
  const { items } = await listCandidateItems(settling.database, { scope, epoch }, page);
  expect(items).toHaveLength(tasks.length);
  const first = await listCandidateItems(settling.database, { scope, epoch }, { after: undefined, limit: 5 });
  const rest = await listCandidateItems(settling.database, { scope, epoch }, { after: first.next ?? "", limit: 100 });
  expect([...first.items, ...rest.items]).toEqual(items);
  const task = finishedTask(7);
  const item = await readCandidateItem(settling.database, task.taskId);
  const evidence = evidenceFor(task);
  expect(item).toMatchObject({
    candidate: (await statementFor(settling, task, { epoch, evidence })).candidate,
    envelope: task.envelope,
    bundle: task.bundle,
    bundleSignature: task.bundleSignature,
    decisions: [{ decision: evidence.decision, signature: evidence.decisionSignature }],
  });
  expect(await readCandidateItem(settling.database, finishedTask(900).taskId)).toBeUndefined();
});

test("what is final is no candidate any more", async () => {
  await showAnchored(settling, epoch, "finalized");
  expect((await settle(settling, epoch)).state).toBe("finalized");
  expect(await readCandidateItem(settling.database, finishedTask(7).taskId)).toBeUndefined();
  expect((await listCandidateItems(settling.database, { scope, epoch }, page)).items).toEqual([]);
});
