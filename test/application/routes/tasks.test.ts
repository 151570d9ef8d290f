// Tasks over REST: who sees where a task stands, and who sees what is in it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import type { TaskView } from "#protocol/schemas/task.ts";
import { claimTasks, moveTasks } from "#storage/tasks.ts";
import { call, expectProblem } from "../calling.ts";
import { envelopeOf, signedBy } from "../envelopes.ts";
import { actor, openTestApplication, startOfTests, type Opened } from "../opened.ts";

const [alice, bob] = [actor(1), actor(2)];
let opened: Opened;
let own = "";
let others = "";
let auditors = "";

beforeAll(async () => {
  opened = await openTestApplication();
  for (const { address } of [alice, bob]) await opened.enrol(address, ["task_submitter"], 1_000_000n);
  own = await opened.token(alice.address, "own:read");
  others = await opened.token(bob.address, "own:read", "task:submit");
  auditors = await opened.token("audit", "audit:read");
});
afterAll(async () => await opened.close());

async function submit(idempotencyKey: string): Promise<Hex> {
  const body = signedBy(alice, envelopeOf(alice.address, { idempotencyKey }));
  return (await call(opened, "POST", "/v1/tasks", { body })).json<{ taskId: Hex }>().taskId;
}

/** Moves a task along, as the layers would. */
async function move(taskId: Hex, ...states: readonly TaskState[]): Promise<void> {
  let state: TaskState = "accepted";
  for (const to of states) {
    const request = { state, holder: "test", limit: 100, now: startOfTests };
    const claim = (await claimTasks(opened.database, request)).find((each) => each.taskId === taskId);
    if (claim === undefined) throw new Error("no claim");
    const refused = { code: "POLICY_ATTRIBUTE_UNRESOLVED", detail: { term: "speed" } };
    const deadlineAt = new Date(startOfTests.getTime() + 1_000);
    const moved = { claim, to, by: "test", why: "test", deadlineAt, ...(to === "rejected" ? { detail: refused } : {}) };
    await opened.database.transaction(async (transaction) => await moveTasks(transaction, [moved], startOfTests));
    await opened.database.query(`UPDATE work.task SET held_until = NULL WHERE state NOT IN ('rejected', 'completed')`);
    state = to;
  }
}

const read = async (taskId: Hex, token?: string) =>
  await call(opened, "GET", `/v1/tasks/${taskId}`, token === undefined ? {} : { token });

test("where a task stands is anybody's who knows its id; what is in it is the submitter's and the auditors'", async () => {
  const taskId = await submit("seen");
  const standing = { taskId, scope: "main", state: "accepted", epoch: null };
  expect((await read(taskId)).json()).toEqual(standing);
  expect((await read(taskId, others)).json()).toEqual(standing);
  for (const token of [own, auditors, await opened.token(alice.address, "task:submit")]) {
    const seen = (await read(taskId, token)).json<TaskView>();
    expect(seen).toMatchObject({
      ...standing,
      submitter: alice.address,
      acceptedAt: startOfTests.toISOString(),
      result: null,
    });
    expect(seen.envelope).toEqual(envelopeOf(alice.address, { idempotencyKey: "seen" }));
  }
});

test("a history is the submitter's and the auditors', with the reason of a refusal", async () => {
  const taskId = await submit("refused");
  await move(taskId, "resolving", "rejected");
  const history = async (token?: string) =>
    await call(opened, "GET", `/v1/tasks/${taskId}/history`, token === undefined ? {} : { token });
  expectProblem(await history(), "AUTH_REQUIRED");
  expectProblem(await history(others), "AUTH_ROLE");
  const { transitions } = (await history(own)).json<{
    transitions: { from: string | null; to: string; detail?: unknown }[];
  }>();
  expect(transitions.map(({ from, to }) => [from, to])).toEqual([
    [null, "accepted"],
    ["accepted", "resolving"],
    ["resolving", "rejected"],
  ]);
  expect(transitions[2]?.detail).toEqual({ code: "POLICY_ATTRIBUTE_UNRESOLVED", detail: { term: "speed" } });
  expect((await history(auditors)).json()).toMatchObject({ transitions });
  expect((await read(taskId, own)).json()).toMatchObject({
    state: "rejected",
    refusal: { code: "POLICY_ATTRIBUTE_UNRESOLVED", detail: { term: "speed" } },
  });
  expect((await read(taskId)).body).not.toContain("speed");
});

test("a result is shown once verification accepted it, and not before", async () => {
  const taskId = await submit("answered");
  await move(taskId, "resolving", "dispatched", "verifying");
  const result = { kind: "protected_query", scale: 0, groups: [], suppressedGroups: 0 };
  await opened.database.query(
    `INSERT INTO ledger.result (bundle_id, task_id, executor, bundle, signature, result, transcript, access_log)
      VALUES ($1, $2, $3, '{}', '', $4, '{}', '{}')`,
    [hexToBytes(contentId("test", taskId)), hexToBytes(taskId), hexToBytes(alice.address), canonicalText(result)],
  );
  expect((await read(taskId, own)).json()).toMatchObject({ state: "verifying", result: null });
  const request = { state: "verifying" as const, holder: "test", limit: 100, now: startOfTests };
  const claim = (await claimTasks(opened.database, request)).find((each) => each.taskId === taskId);
  const moved = claim && { claim, to: "awaiting_settlement" as const, by: "test", why: "test", deadlineAt: null };
  await opened.database.transaction(
    async (transaction) => await moveTasks(transaction, moved ? [moved] : [], startOfTests),
  );
  expect((await read(taskId, own)).json()).toMatchObject({ state: "awaiting_settlement", result });
  expect((await read(taskId, others)).json()).not.toHaveProperty("result");
});

test("a list is of one's own tasks, page by page; an auditor names the submitter", async () => {
  const listed = async (token: string, query = "") => await call(opened, "GET", `/v1/tasks?limit=2${query}`, { token });
  const first = (await listed(own)).json<{ items: { taskId: Hex }[]; next: string }>();
  const second = (await listed(own, `&after=${first.next}`)).json<{ items: { taskId: Hex }[]; next: null }>();
  expect([first.items.length, second.items.length, second.next]).toEqual([2, 1, null]);
  expect(new Set([...first.items, ...second.items].map(({ taskId }) => taskId)).size).toBe(3);
  expect((await listed(others)).json()).toEqual({ items: [], next: null });
  expectProblem(await listed(others, `&submitter=${alice.address}`), "AUTH_ROLE");
  expect((await listed(auditors, `&submitter=${alice.address}`)).json()).toEqual(first);
  expectProblem(await listed(auditors), "AUTH_ROLE");
});
