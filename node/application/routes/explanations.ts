// Explanations: why a task, a reward or an epoch is as it is.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { EpochExplanation, RewardExplanation, TaskExplanation } from "#protocol/schemas/explanation.ts";
import { Bytes32, closed, Name } from "#protocol/schemas/primitives.ts";
import { findReward } from "#storage/explanations.ts";
import { readSubmitter } from "#storage/reading.ts";
import { explainEpoch } from "../explanations/epoch.ts";
import { explainTask } from "../explanations/task.ts";
import { requireActing } from "../identity.ts";
import { route, type Route } from "../route.ts";

const task = route({
  method: "GET",
  path: "/v1/tasks/:id/explanation",
  operationId: "explainTask",
  tag: "tasks",
  summary: "Explain a task",
  description:
    "Every transition with who, why, when and under which versions; the six steps of resolution with the candidates that were turned " +
    "down and why, also for a refused task; what was read under which grant; execution, decisions, epochs with deferrals, settlement, " +
    "challenges, and the result once verification accepted it. Ids of bundle and decisions and the output's commitment are there when " +
    "the result is, and null otherwise; what reviewers' executions committed to is not in it. For the submitter (a token of it with " +
    "`own:read`) and auditors (`audit:read`).",
  access: { kind: "token", scopes: ["own:read", "audit:read"] },
  params: closed({ id: Bytes32 }),
  successes: { 200: { description: "The explanation.", schema: TaskExplanation } },
  refusals: [],
  handle: async ({ database }, { params: { id }, caller }) => {
    const submitter = await readSubmitter(database, id);
    if (submitter === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    requireActing(caller, submitter, "own:read", ["audit:read"]);
    const explanation = await explainTask(database, id);
    if (explanation === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: explanation };
  },
});

const reward = route({
  method: "GET",
  path: "/v1/rewards/:id/explanation",
  operationId: "explainReward",
  tag: "settlement",
  summary: "Explain a reward",
  description:
    "From the amount back to the role's part of the pot, the policy's share, the metered units and the tasks that gave them, read from " +
    "the finalized archive; and what penalties took from the account in the same epoch. Public once the reward is final.",
  access: { kind: "public" },
  params: closed({ id: Bytes32 }),
  successes: { 200: { description: "The explanation.", schema: RewardExplanation } },
  refusals: ["REWARD_NOT_FOUND", "REWARD_NOT_FINAL", "INTERNAL_OBJECT_UNREACHABLE", "INTERNAL_OBJECT_CORRUPT"],
  handle: async ({ database, explainReward }, { params: { id } }) => {
    const found = await findReward(database, id);
    if (found === undefined) throw new ProtocolError("REWARD_NOT_FOUND");
    // Rewards of candidates refer to nothing that is final (SETL-07).
    if (found.state !== "finalized") throw new ProtocolError("REWARD_NOT_FINAL", { rewardId: id, state: found.state });
    return { status: 200, body: await explainReward(database, found) };
  },
});

const epoch = route({
  method: "GET",
  path: "/v1/epochs/:scope/:epoch/explanation",
  operationId: "explainEpoch",
  tag: "settlement",
  summary: "Explain an epoch",
  description:
    "Why it closed, how many members it had, who was left for a later epoch and why, its scopes and versions, what was done to it, and " +
    "every revision of its settlement with failures and transactions. Public.",
  access: { kind: "public" },
  params: closed({ scope: Name, epoch: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
  successes: { 200: { description: "The explanation.", schema: EpochExplanation } },
  refusals: [],
  handle: async ({ database }, { params }) => {
    const found = await explainEpoch(database, params.scope, params.epoch);
    if (found === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: found };
  },
});

export const explanationRoutes: readonly Route[] = [task, reward, epoch];
