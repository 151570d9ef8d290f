// How long a large epoch takes from closed to candidate_ready, second opinion included; printed, not judged.
import { afterAll, beforeAll, expect, test } from "vitest";
import { secondOpinion } from "#audit/recompute.ts";
import { finishedTask } from "./finished-tasks.ts";
import { closeOver, openSettling, settle, type Settling } from "./settling.ts";

const items = Number(process.env["SCS_TEST_EPOCH_ITEMS"] ?? "10000");

let settling: Settling;

beforeAll(async () => {
  settling = await openSettling();
});

afterAll(async () => {
  await settling.close();
});

const seconds = (from: number): string => ((performance.now() - from) / 1000).toFixed(2);

test(`an epoch of ${items} items becomes a candidate on which both builders agree`, { timeout: 600_000 }, async () => {
  const begun = performance.now();
  const tasks = Array.from({ length: items }, (_, number) => finishedTask(number));
  const made = seconds(begun);
  const stored = performance.now();
  const epoch = await closeOver(settling, tasks);
  const closed = seconds(stored);
  let opinionSeconds = "";
  const building = performance.now();
  const settlement = await settle(settling, epoch, {
    ...settling.deps,
    secondOpinion: async (archive, claim) => {
      const judging = performance.now();
      const verdict = await secondOpinion(archive, claim);
      opinionSeconds = seconds(judging);
      return verdict;
    },
  });
  console.error(
    `[timing] ${items} items: made ${made} s, stored and closed ${closed} s, ` +
      `to candidate_ready ${seconds(building)} s, of which second opinion ${opinionSeconds} s`,
  );
  expect(settlement.state).toBe("candidate_ready");
});
