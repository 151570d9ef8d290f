// A task is explained with every move and all six steps, also where it was refused, and without the fields of any vault.
import { beforeAll, expect, test } from "vitest";
import { explainTask } from "#application/explanations/task.ts";
import type { TaskExplanation } from "#protocol/schemas/explanation.ts";
import { commitment, type Hex } from "#protocol/hash.ts";
import type {
  ExecutionResultBundle,
  QueryResult,
  VerificationDecision,
  VerificationEvidence,
} from "#protocol/schemas/execution.ts";
import { readItems } from "#storage/settlement-items.ts";
import { executeFalsely } from "#test/layers/lying-executor.ts";
import { openLayers } from "#test/layers/node.ts";
import { query, salesFields } from "#test/layers/sales.ts";
import { east, setStage, settle, west } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage();
const explained = new Map<string, TaskExplanation>();
const of = (name: string): TaskExplanation => {
  const found = explained.get(name);
  if (found === undefined) throw new Error(`no task ${name}`);
  return found;
};

beforeAll(async () => {
  const answered = await submit(query({ function: "sum", attribute: "price" }, { groupBy: "shop" }), [east, west]);
  const unresolved = await submit(query({ function: "sum", attribute: "nonsense" }));
  const tooSmall = await submit(query({ function: "count" }, { minimumGroupSize: 5_000 }));
  const { handoff, resolve, execute, verify, review } = openLayers(database, { clock: clock.now });
  await settle(handoff, resolve, execute, verify);
  const disputed = await executeFalsely({ database, clock, submit });
  await settle(verify, review);
  const executed = await submit(query({ function: "count" }));
  await settle(handoff, resolve, execute);
  const waiting = await submit(query({ function: "count" }));
  for (const [name, taskId] of Object.entries({ answered, unresolved, tooSmall, disputed, executed, waiting })) {
    const found = await explainTask(database, taskId);
    if (found !== undefined) explained.set(name, found);
  }
});

test("every move is there with who, why, when and versions, and leads to the state (TASK-03, TASK-08)", () => {
  const { transitions, state } = of("answered");
  expect(transitions.map(({ to }) => to)).toEqual([
    "accepted",
    "resolving",
    "dispatched",
    "verifying",
    "awaiting_settlement",
  ]);
  expect(state).toBe("awaiting_settlement");
  for (const { by, why, versions } of transitions) {
    expect([by, why]).not.toContain("");
    expect(versions).toMatchObject({ schema: "1.0", policy: "1" });
  }
});

test("the six steps are there for each word, with sources, execution, decisions and the result (ATTR-03)", () => {
  const { resolution, sources, execution, decisions, result } = of("answered");
  expect(resolution?.outcome).toBe("resolved");
  const steps = new Set(resolution?.steps.map(({ step }) => step));
  expect([...steps]).toEqual(["domain", "eligibility", "candidates", "lifecycle", "compatibility", "references"]);
  expect(sources.map(({ vault, records }) => [vault, records])).toEqual([
    ["east", 60],
    ["west", 60],
  ]);
  expect(execution).toMatchObject({ records: 120 });
  expect(decisions).toMatchObject([{ verdict: "accepted" }]);
  expect(result).not.toBeNull();
});

test("a task that was refused for its words has the steps up to that, and the reason (ATTR-04)", () => {
  const { resolution, refusal, state, sources } = of("unresolved");
  expect(state).toBe("rejected");
  expect(refusal?.code).toBe("POLICY_ATTRIBUTE_UNRESOLVED");
  expect(resolution).toMatchObject({ outcome: "refused", domain: null });
  expect(resolution?.steps.at(-1)).toMatchObject({ step: "compatibility", term: "nonsense", outcome: "0 standing" });
  expect(sources).toEqual([]);
});

test("a task that was refused later keeps its resolution; one that waits has none yet", () => {
  expect(of("tooSmall")).toMatchObject({
    resolution: { outcome: "resolved" },
    execution: null,
    refusal: { code: "EXECUTION_GROUP_TOO_SMALL" },
  });
  expect(of("waiting")).toMatchObject({ state: "accepted", resolution: null, epochs: [], settlement: null });
});

/** Every hash over a task's answer that the ledger has, but the ids of decisions: a challenge is against one, and says so to everybody. */
async function hashesOver({ taskId }: TaskExplanation): Promise<readonly Hex[]> {
  const [{ result, decisions } = { result: null, decisions: [] }] = await readItems(database, [taskId]);
  if (result === null) throw new Error("the task was not executed");
  const { outputCommitment, transcriptId } = JSON.parse(result.bundle) as ExecutionResultBundle;
  const decided = decisions.flatMap(({ body, evidence }) => {
    const { recomputedCommitment, evidenceHash } = JSON.parse(body) as VerificationDecision;
    return [recomputedCommitment, evidenceHash, (JSON.parse(evidence) as VerificationEvidence).recomputedTranscriptId];
  });
  return [result.bundleId, outputCommitment, transcriptId, ...decided];
}

test.each([
  ["executed", "verifying"],
  ["disputed", "challenged"],
])("while a task is %s, nothing is there that its answer could be guessed from", async (name, state) => {
  const explanation = of(name);
  const { execution, decisions, result } = explanation;
  expect([explanation.state, result]).toEqual([state, null]);
  expect(execution).toMatchObject({ bundleId: null, outputCommitment: null });
  expect(decisions.every(({ decisionId }) => decisionId === null)).toBe(true);
  for (const hash of await hashesOver(explanation)) expect(JSON.stringify(explanation)).not.toContain(hash);
});

test("a dispute is explained by what was found, without what anybody's execution committed to", () => {
  const { transitions, decisions, challenges } = of("disputed");
  expect(transitions.at(-1)?.detail).toEqual({ code: "VERIFY_MISMATCH", detail: { part: "outputCommitment" } });
  expect(decisions).toMatchObject([{ verdict: "challenged" }]);
  expect(challenges).toMatchObject([{ reviews: [{ verdict: "confirmed", recomputedCommitment: null }] }]);
});

test("with the result there are the hashes that lead to it", async () => {
  const { taskId, execution, decisions, result } = of("answered");
  const [item] = await readItems(database, [taskId]);
  expect(execution).toMatchObject({
    bundleId: item?.result?.bundleId,
    outputCommitment: commitment(result as QueryResult),
  });
  expect(decisions.map(({ decisionId }) => decisionId)).toEqual(item?.decisions.map(({ decisionId }) => decisionId));
});

test("fields of vaults are nowhere in it", () => {
  const privateFields = Object.keys(salesFields).filter((field) => !["shop", "pieces"].includes(field));
  for (const field of [...privateFields, "customer"]) {
    expect(JSON.stringify([...explained.values()])).not.toContain(`"${field}"`);
  }
});

test("an unknown task has no explanation", async () => {
  const nobody: Hex = `0x${"00".repeat(32)}`;
  expect(await explainTask(database, nobody)).toBeUndefined();
});
