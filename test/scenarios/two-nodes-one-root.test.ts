// Two nodes that know nothing of one another are given the same tasks in other orders and paces, and anchor the same root.
import { afterAll, expect, test } from "vitest";
import { send } from "#cli/demo/submissions.ts";
import { expectCompletedOnce, expectSound, rootOf } from "./outcome.ts";
import { playEpoch, prepare, settleAndPay, submissionsFor } from "./play.ts";
import { Stage } from "./stage.ts";

const tasks = 24;
const stages: Stage[] = [];

afterAll(async () => {
  for (const stage of stages) await stage.close();
});

async function open(): Promise<Stage> {
  const stage = await Stage.open({ tasksPerEpoch: tasks });
  stages.push(stage);
  return stage;
}

test(
  "the same tasks in another order and at another pace lead to the same root [SETL-03]",
  { timeout: 120_000 },
  async () => {
    const calm = await open();
    await playEpoch(calm, tasks);
    const root = await rootOf(calm);
    await calm.close();
    stages.length = 0;

    const hasty = await open();
    await prepare(hasty);
    const submissions = submissionsFor(hasty, tasks).toReversed();
    await Promise.all(submissions.map((submission) => send(hasty.setting, submission)));
    await settleAndPay(hasty);
    expect(await rootOf(hasty)).toBe(root);
    await expectCompletedOnce(hasty, tasks);
    await expectSound(hasty);
  },
);
