// A candidate's archive is found by its name, and every event is published under its key.
import { afterAll, beforeAll, expect, test } from "vitest";
import { secondOpinion } from "#audit/recompute.ts";
import { openArchive, publishArchive, publishedArchive } from "#settlement/archive.ts";
import type { SettlementEvent } from "#settlement/effects.ts";
import { publishingStep } from "#settlement/publishing.ts";
import { readCandidate } from "#storage/settlements.ts";
import { finishedTask, scope } from "./finished-tasks.ts";
import { closeOver, openSettling, pass, settle, type Settling } from "./settling.ts";

let settling: Settling;
const key = { scope, epoch: 1, revision: 1 };

beforeAll(async () => {
  settling = await openSettling();
  await closeOver(settling, [finishedTask(1), finishedTask(2)]);
  await settle(settling, 1);
});

afterAll(async () => {
  await settling.close();
});

test("the archive is published by name, and whoever reads it there recomputes the root [SETL-07] [ASSR-04]", async () => {
  const { deps, store, database } = settling;
  expect(await publishedArchive(store, key)).toBeUndefined();
  const published: [string, SettlementEvent][] = [];
  let away = true;
  const publish = (name: string, event: SettlementEvent): Promise<void> => {
    if (away) return Promise.reject(new Error("no bus"));
    published.push([name, event]);
    return Promise.resolve();
  };
  const step = publishingStep({ ...deps, publish });
  await step.run();
  expect(published).toEqual([]);
  away = false;
  pass(settling, 5);
  await step.run();
  pass(settling, 500);
  await step.run();
  const candidate = await readCandidate(database, key);
  expect(published).toMatchObject([["settlement.event:candidate_ready:films/1/1", { ...key, root: candidate?.root }]]);
  const archive = await publishedArchive(store, key);
  expect(archive).toBe(candidate?.header.archive);
  const opinion = await secondOpinion(openArchive(store, archive ?? "0x"), { root: candidate?.root ?? "0x" });
  expect(opinion).toMatchObject({ kind: "valid" });
});

test("another archive is never put under a name that is taken; what is absent is an error, not nothing", async () => {
  const { store } = settling;
  const other = `0x${"77".repeat(32)}` as const;
  await expect(publishArchive(store, { ...key, archive: other })).rejects.toMatchObject({
    code: "INTERNAL_OBJECT_CORRUPT",
  });
  await expect(openArchive(store, other).manifest()).rejects.toMatchObject({ code: "INTERNAL_OBJECT_UNREACHABLE" });
});
