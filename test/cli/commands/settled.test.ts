// What an operator asks about a settled epoch: explained, exported, replayed and audited from a real database.
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { RewardRecord } from "#protocol/schemas/settlement.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import { readRewardRecords } from "#storage/proofs.ts";
import { closeOver, openSettling, settle, type Settling } from "#test/settlement/settling.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { run, runJson, scratchFolder, type Settings } from "../running.ts";

const folder = scratchFolder();
const tasks = Array.from({ length: 12 }, (_, number) => finishedTask(number));
let settling: Settling;
let settings: Settings;
let rewards: readonly RewardRecord[];
let epoch = 0;

beforeAll(async () => {
  settling = await openSettling();
  const dataDir = join(folder, "data");
  const store = await createFolderStore(join(dataDir, "objects"));
  epoch = await closeOver(settling, tasks);
  const settlement = await settle(settling, epoch, { ...settling.deps, store });
  expect(settlement.state).toBe("candidate_ready");
  rewards = await readRewardRecords(settling.database, settlement);
  // The commands' logins: their passwords follow from the data folder's secret once it is provisioned.
  const address = new URL(inject("databaseAdminUrl"));
  address.pathname = new URL(settling.url).pathname;
  settings = { SCS_DATA_DIR: dataDir, SCS_DATABASE_URL: address.href };
  expect((await run(["migrate"], settings)).code).toBe(0);
});
afterAll(async () => await settling.close());

test("explain task shows every transition, the six steps with refused candidates, inputs and decisions (ATTR-03)", async () => {
  const [{ taskId } = { taskId: "" }] = tasks;
  const { code, value } = await runJson<{ transitions: object[]; decisions: object[] }>(
    ["explain", "task", taskId],
    settings,
  );
  expect(code).toBe(0);
  expect(value).toMatchObject({ taskId, state: "awaiting_settlement", epochs: [{ epoch, deferredFor: null }] });
  expect(value.transitions.length).toBeGreaterThan(3);
  expect(value.transitions[0]).toMatchObject({ from: null, to: "accepted", versions: { schema: "1.0" } });
  expect(value.decisions.length).toBeGreaterThan(0);
  const { stdout } = await run(["explain", "task", taskId], settings);
  for (const part of ["awaiting_settlement", "resolved in", "outcome", "refused", "executed by", "accepted by"]) {
    expect(stdout).toContain(part);
  }
});

test("explain reward leads back to the pot, the share, the units and the tasks (RWRD-03)", async () => {
  expect(rewards.length).toBeGreaterThan(0);
  for (const record of rewards) {
    const explained = await runJson<{ tasks: object[] }>(["explain", "reward", record.rewardId], settings);
    expect(explained).toMatchObject({ code: 0, value: { record, state: "calculated" } });
    if (record.role !== "treasury") expect(explained.value.tasks.length).toBeGreaterThan(0);
  }
  const { stdout } = await run(["explain", "reward", rewards[0]?.rewardId ?? ""], settings);
  expect(stdout).toMatch(/of 10000 by policy[^]*metered units/);
});

test("explain epoch says why it closed, who did what, and how it was settled (EPOC-04)", async () => {
  const { code, stdout } = await run(["explain", "epoch", scope, String(epoch)], settings);
  expect(code).toBe(0);
  for (const part of ["governance ordered it", "opened", "closing", "candidate_ready"]) expect(stdout).toContain(part);
});

test("archive export writes what replay and check find equal (ASSR-01, ASSR-04)", async () => {
  const out = join(folder, "epoch");
  const exported = await runJson(["archive", "export", scope, String(epoch), out], settings);
  expect(exported).toMatchObject({ code: 0, value: { items: tasks.length } });
  for (const args of [
    ["archive", "check"],
    ["replay", "epoch"],
    ["replay", "settlement"],
    ["replay", "rewards"],
  ]) {
    expect(await runJson([...args, out])).toMatchObject({ code: 0, value: { kind: "valid" } });
  }
  for (const { taskId } of tasks) {
    const replayed = await runJson(["replay", "resolution", taskId, "--archive", out]);
    expect(replayed).toMatchObject({ code: 0, value: { kind: "valid", taskId } });
  }
  const stranger = `0x${"00".repeat(32)}`;
  expect(await runJson(["replay", "resolution", stranger, "--archive", out])).toMatchObject({ code: 2 });
});

test("replay works an epoch out again from database and object store, its members from the journal (ASSR-01, EPOC-07)", async () => {
  for (const what of ["epoch", "settlement", "rewards"]) {
    const replayed = await runJson(["replay", what, scope, String(epoch)], settings);
    expect(replayed).toMatchObject({ code: 0, value: { kind: "valid", scope, epoch, revision: 1 } });
  }
  for (const { taskId } of tasks) {
    expect(await runJson(["replay", "resolution", taskId], settings)).toMatchObject({ code: 0 });
  }
  expect(await runJson(["replay", "settlement", scope, "99"], settings)).toMatchObject({
    code: 2,
    value: { error: { code: "SETTLEMENT_NOT_FOUND" } },
  });
});

test("audit finds everything of it in order, and names what was changed in an archive afterwards (ASSR-02)", async () => {
  const sound = await runJson(["audit"], settings);
  expect(sound).toMatchObject({ code: 0, value: { holds: true, findings: [] } });
  expect(sound.stderr).toContain(`${scope}/${epoch} revision 1: 0 findings`);

  const { value } = await runJson<{ archive: string }>(
    ["archive", "export", scope, String(epoch), join(folder, "again")],
    settings,
  );
  const object = join(folder, "data", "objects", "sha256", value.archive.slice(2, 4), value.archive.slice(2));
  chmodSync(object, 0o644);
  writeFileSync(object, readFileSync(object, "utf8").replace('"itemCount":12', '"itemCount":13'));
  const broken = await runJson<{ findings: { subject: string }[] }>(["audit"], settings);
  expect(broken).toMatchObject({
    code: 1,
    value: { holds: false, findings: [{ check: "archive", verdict: "invalid" }] },
  });
  expect(broken.value.findings[0]?.subject).toContain(`${scope}/${epoch} revision 1: `);
  rmSync(object);
  const gone = await runJson(["audit"], settings);
  expect(gone).toMatchObject({ code: 2, value: { findings: [{ check: "archive", verdict: "unknown" }] } });
});
