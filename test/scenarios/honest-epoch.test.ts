// One honest epoch from REST to payout, and everything that its people can then ask, prove and work out again.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request } from "#cli/api-client.ts";
import { demoRecipients } from "#cli/demo/actors.ts";
import { clientOf } from "#cli/demo/setting.ts";
import { demoScope, expectRefusal, refusedSubmissions } from "#cli/demo/submissions.ts";
import { settledTasks } from "#cli/demo/tasks.ts";
import { payoutsOf, settlementOf } from "#cli/demo/wave.ts";
import type { Hex } from "#protocol/hash.ts";
import { foldHistory } from "#protocol/histories.ts";
import type { EpochView, InclusionProof, RewardView } from "#protocol/schemas/settlement.ts";
import type { TaskTransition, TaskView } from "#protocol/schemas/task.ts";
import { expectCompletedOnce, expectPaidOnce, expectSound, rootOf, runHere } from "./outcome.ts";
import { collections, playEpoch } from "./play.ts";
import { Stage } from "./stage.ts";

const tasks = 24;
let stage: Stage;
let ids: readonly Hex[];

beforeAll(async () => {
  stage = await Stage.open({ tasksPerEpoch: tasks });
  ids = await playEpoch(stage, tasks);
});

afterAll(async () => await stage.close());

const read = async <T>(path: string): Promise<T> => await request<T>(clientOf(stage.setting, "auditor"), "GET", path);

test("every task was completed once, everybody was paid once, and the books are sound", async () => {
  await expectCompletedOnce(stage, tasks);
  await expectPaidOnce(stage);
  await expectSound(stage);
});

test("every task's history folds to the state it is in [TASK-08]", async () => {
  for (const id of ids) {
    const { state } = await read<TaskView>(`/v1/tasks/${id}`);
    const { transitions } = await read<{ transitions: readonly TaskTransition[] }>(`/v1/tasks/${id}/history`);
    expect(transitions.map(({ to }) => to)).toEqual([
      "accepted",
      "resolving",
      "dispatched",
      "verifying",
      "awaiting_settlement",
      "completed",
    ]);
    expect(foldHistory(transitions)).toBe(state);
  }
});

test("the epoch closed by volume, with all of them in it [EPOC-04]", async () => {
  const epoch = await read<EpochView>(`/v1/epochs/${demoScope}/1`);
  expect(epoch).toMatchObject({ status: "closed", trigger: "volume", settlementScope: { tasks } });
});

async function rewardsOf(account: Hex): Promise<readonly RewardView[]> {
  return (await read<{ items: readonly RewardView[] }>(`/v1/rewards?account=${account}`)).items;
}

test("the rewards that people can list add up to the pot, and so do the payouts [RWRD-02]", async () => {
  const rewards = (await Promise.all(demoRecipients().map(rewardsOf))).flat();
  const total = rewards.reduce((sum, { record }) => sum + BigInt(record.amount), 0n);
  const payouts = (await payoutsOf(stage.setting, 1)).reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const header = (await settlementOf(stage.setting, 1))?.header;
  expect(total).toBeGreaterThan(0n);
  expect(String(total)).toBe(header?.payoutTotal);
  expect(payouts).toBe(total);
});

test("proof files hold by the stand-alone check, and one with another leaf does not [SETL-11] [RWRD-05]", async () => {
  const [account] = demoRecipients();
  const [reward] = await rewardsOf(account ?? "0x");
  const [payout] = await payoutsOf(stage.setting, 1);
  const items = [
    `result/${ids[0]}`,
    `evidence/${ids[1]}`,
    `reward/${reward?.record.rewardId}`,
    `payout/${payout?.payoutId}`,
  ];
  const file = join(stage.dataDir, "proof.json");
  const verify = async (proof: InclusionProof) => {
    writeFileSync(file, JSON.stringify(proof));
    return await runHere(stage, "verify", file, "--endpoint", stage.rpcUrl);
  };
  for (const item of items) {
    const proof = await read<InclusionProof>(`/v1/proofs/${demoScope}/1/${item}`);
    expect(await verify(proof)).toMatchObject({ code: 0 });
  }
  const proof = await read<InclusionProof>(`/v1/proofs/${demoScope}/1/payout/${payout?.payoutId}`);
  expect(await verify({ ...proof, leaf: `0x${"ab".repeat(32)}` })).toMatchObject({ code: 1 });
});

test("the archive, taken elsewhere, leads to the anchored root again [ASSR-04]", async () => {
  const folder = join(stage.dataDir, "exported");
  expect(await runHere(stage, "archive", "export", demoScope, "1", folder)).toMatchObject({ code: 0 });
  const checked = await runHere(stage, "archive", "check", folder, "--endpoint", stage.rpcUrl, "--json");
  expect(checked.code).toBe(0);
  const replayed = await runHere(stage, "replay", "epoch", folder, "--json");
  expect(replayed.code).toBe(0);
  expect(replayed.stdout).toContain(await rootOf(stage));
});

test("a task, and the epoch itself, are done again from what the node stored, and are equal [ASSR-01]", async () => {
  const [id = "0x"] = ids;
  for (const subject of [
    ["execution", id],
    ["verification", id],
    ["epoch", demoScope, "1"],
  ]) {
    const replayed = await runHere(stage, "replay", ...subject);
    expect(replayed, subject[0]).toMatchObject({ code: 0 });
    expect(replayed.stdout).toMatch(/^equal: 0x/m);
  }
});

test("bad submissions are refused, each with its own code, and leave no task behind", async () => {
  const [task] = settledTasks(collections, 1);
  if (task === undefined) throw new Error("there is no task");
  for (const attempt of refusedSubmissions(stage.setting, task)) await expectRefusal(stage.setting, attempt);
  expect(await stage.count(`SELECT count(*) FROM ledger.task`)).toBe(tasks);
});
