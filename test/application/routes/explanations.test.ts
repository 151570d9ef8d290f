// Explanations over REST: tasks to their submitter, rewards to everybody once they are final, epochs to everybody.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import type { Ports } from "#application/ports.ts";
import type { TokenScope } from "#application/scopes.ts";
import { openApplication } from "#application/server.ts";
import type { EpochExplanation, RewardExplanation, TaskExplanation } from "#protocol/schemas/explanation.ts";
import type { RewardRecord } from "#protocol/schemas/settlement.ts";
import { openArchive } from "#settlement/archive.ts";
import { readRewardRecords } from "#storage/proofs.ts";
import { issueToken } from "#storage/tokens.ts";
import { finishedTask, place, scope } from "#test/settlement/finished-tasks.ts";
import { challengeTask } from "#test/settlement/challenging.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "#test/settlement/settling.ts";
import { call, expectProblem } from "../calling.ts";

const tasks = Array.from({ length: 12 }, (_, number) => finishedTask(number));
const [task = finishedTask(0)] = tasks;
const reads: string[] = [];
let settling: Settling;
let app: FastifyInstance;
let epoch = 0;
let rewards: readonly RewardRecord[] = [];

beforeAll(async () => {
  settling = await openSettling();
  const { database, store } = settling;
  const unused = () => Promise.reject(new Error("not asked for here"));
  const ports: Ports = {
    defineCollection: unused,
    ingest: unused,
    grant: unused,
    revokeGrant: unused,
    govern: unused,
    readDraft: unused,
    proofOf: unused,
    metrics: unused,
    ready: unused,
    readObject: (digest) => {
      reads.push(digest);
      return openArchive(store, digest).part(digest);
    },
  };
  const log = pino({ level: "silent" });
  app = await openApplication({ database, clock: () => settling.now, random: randomBytes, log, domain: place, ports });
  epoch = await closeOver(settling, tasks);
  const settlement = await settle(settling, epoch);
  expect(settlement.state).toBe("candidate_ready");
  rewards = await readRewardRecords(database, settlement);
});
afterAll(async () => {
  await app.close();
  await settling.close();
});

const tokenOf = async (subject: string, ...scopes: readonly TokenScope[]): Promise<string> => {
  const until = new Date(settling.now.getTime() + 3_600_000);
  return await issueToken(settling.database, { subject, scopes, until }, { random: randomBytes, now: settling.now });
};

const explain = async (path: string, token?: string) =>
  await call({ app }, "GET", `${path}/explanation`, token === undefined ? {} : { token });

test("a task is explained to its submitter and to auditors alone (OPER-08)", async () => {
  const path = `/v1/tasks/${task.taskId}`;
  expectProblem(await explain(path), "AUTH_REQUIRED");
  expectProblem(await explain(path, await tokenOf(`0x${"77".repeat(20)}`, "own:read")), "AUTH_ROLE");
  for (const token of [await tokenOf(task.envelope.submitter, "own:read"), await tokenOf("audit", "audit:read")]) {
    const explained = (await explain(path, token)).json<TaskExplanation>();
    expect(explained).toMatchObject({
      state: "awaiting_settlement",
      epochs: [{ epoch, deferredFor: null }],
      settlement: { epoch, revision: 1, state: "candidate_ready" },
      resolution: { outcome: "resolved" },
    });
  }
  const nobody = `/v1/tasks/0x${"00".repeat(32)}`;
  expectProblem(await explain(nobody, await tokenOf("audit", "audit:read")), "SCHEMA_NOT_FOUND");
});

test("a reward is explained once it is final, and not before (SETL-07)", async () => {
  for (const { rewardId } of rewards) {
    expectProblem(await explain(`/v1/rewards/${rewardId}`), "REWARD_NOT_FINAL");
  }
  expect(reads).toEqual([]);
  expectProblem(await explain(`/v1/rewards/0x${"00".repeat(32)}`), "REWARD_NOT_FOUND");
  await showAnchored(settling, epoch, "candidate");
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "finalized");
  expect((await settle(settling, epoch)).state).toBe("finalized");
  for (const record of rewards) {
    const explained = (await explain(`/v1/rewards/${record.rewardId}`)).json<RewardExplanation>();
    expect(explained).toMatchObject({ record, state: "finalized", adjustments: [] });
    expect(BigInt(explained.fees) + BigInt(explained.subsidy)).toBe(BigInt(record.basis.pot));
    const units = explained.tasks.reduce((sum, each) => sum + BigInt(each.units), 0n);
    if (record.role !== "treasury") expect(String(units)).toBe(record.basis.units);
  }
  const before = reads.length;
  await explain(`/v1/rewards/${rewards[0]?.rewardId}`);
  expect(reads.length, "an archive is read once for a reward").toBe(before);
});

test("an epoch is explained to everybody: why it closed, its acts, its revisions (EPOC-01, EPOC-04, SETL-10)", async () => {
  const explained = (await explain(`/v1/epochs/${scope}/${epoch}`)).json<EpochExplanation>();
  expect(explained).toMatchObject({
    closedBecause: "governance ordered it",
    memberCount: tasks.length,
    deferredCount: 0,
    revisions: [{ revision: 1, state: "finalized", failure: null }],
  });
  const acts = explained.acts.map(({ act }) => act);
  for (const act of ["opened", "closing", "closed"]) expect(acts).toContain(act);
  expect(acts).not.toContain("assigned");
  expectProblem(await explain(`/v1/epochs/${scope}/99`), "SCHEMA_NOT_FOUND");
  expectProblem(await explain(`/v1/epochs/${scope}/0`), "SCHEMA_INVALID");
});

test("of a challenged task neither submitter nor auditors are shown what its answer could be guessed from", async () => {
  const challenged = finishedTask(100);
  const later = await closeOver(settling, [challenged]);
  expect((await settle(settling, later)).state).toBe("candidate_ready");
  const tokens = [await tokenOf(challenged.envelope.submitter, "own:read"), await tokenOf("audit", "audit:read")];
  const explainTo = async (token: string): Promise<TaskExplanation> =>
    (await explain(`/v1/tasks/${challenged.taskId}`, token)).json<TaskExplanation>();
  const { bundleId, bundle, decisions } = challenged;
  for (const token of tokens) {
    expect(await explainTo(token)).toMatchObject({
      result: JSON.parse(challenged.result) as unknown,
      execution: { bundleId, outputCommitment: bundle.outputCommitment },
      decisions: decisions.map(({ decisionId }) => ({ decisionId })),
    });
  }
  await challengeTask(settling, challenged, { epoch: later });
  for (const token of tokens) {
    const explained = await explainTo(token);
    expect(explained).toMatchObject({
      state: "challenged",
      result: null,
      execution: { bundleId: null, outputCommitment: null },
      decisions: decisions.map(() => ({ decisionId: null })),
    });
    for (const hash of [bundleId, bundle.outputCommitment]) expect(JSON.stringify(explained)).not.toContain(hash);
  }
});
