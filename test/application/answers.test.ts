// Real answers of every operation, in every way it succeeds, held against the document; and who may call what.
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { errorTable } from "#protocol/errors.ts";
import { contentId, type Hex } from "#protocol/hash.ts";
import { grantDigest, loginDigest } from "#protocol/messages.ts";
import type { InclusionProof, RewardRecord } from "#protocol/schemas/settlement.ts";
import { sign } from "#protocol/signature.ts";
import { refusalsOf } from "#application/route.ts";
import { routes } from "#application/routes.ts";
import { tokenScopes, type TokenScope } from "#application/scopes.ts";
import { queryRows } from "#test/setup/database.ts";
import { call, expectEveryAnswer, expectProblem, type Answered, type Request } from "./calling.ts";
import { envelopeOf, signedBy, soonSeconds } from "./envelopes.ts";
import { actor, domain, openTestApplication, policy, startOfTests, type Opened } from "./opened.ts";

const alice = actor(1);
const hash = (text: string): Hex => contentId("test", text);
const at = startOfTests.toISOString();
const everyScope = Object.keys(tokenScopes) as TokenScope[];

const reward: RewardRecord = {
  schemaVersion: "1.0",
  rewardId: hash("reward"),
  scope: "main",
  epoch: 1,
  account: alice.address,
  role: "vault",
  amount: "70",
  basis: { pot: "100", rolePool: "70", units: "1", totalUnits: "1", policyVersion: "1" },
};

const proof: InclusionProof = {
  schemaVersion: "1.0",
  kind: "reward",
  chainId: 31_337,
  anchor: domain.anchor,
  scope: "main",
  scopeId: hash("scope"),
  epoch: 1,
  fields: [hash("field")],
  content: reward,
  leaf: hash("leaf"),
  proof: [hash("sibling")],
  root: hash("root"),
};

const sql = (value: Hex): string => `'\\x${value.slice(2)}'`;

/** One settled epoch with a reward and a payout for the actor, as the other layers leave it behind. */
const settled = `
  INSERT INTO work.epoch (scope, epoch, status, open_at, close_at, trigger, semantic_version_set, policy_version_set, members)
    VALUES ('main', 1, 'closed', '${at}', '${at}', 'volume', '{2026.1}', '{1}', 3);
  INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
    VALUES ('main', 2, 'open', '${at}', '{2026.1}', '{1}');
  INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count, payout_total, pot, built_at)
    VALUES ('main', 1, 1, ${sql(hash("root"))}, '${canonicalText({
      scope: hash("scope"),
      epoch: 1,
      revision: 1,
      previousRoot: hash("previous"),
      ruleset: hash("ruleset"),
      archive: hash("archive"),
      itemCount: 3,
      payoutCount: 1,
      payoutTotal: "70",
    })}', '${canonicalText({
      results: hash("1"),
      evidence: hash("2"),
      rewards: hash("3"),
      payouts: hash("4"),
      candidates: hash("5"),
      journal: hash("6"),
    })}', ${sql(hash("archive"))}, 3, 1, 70, 100, '${at}');
  INSERT INTO work.settlement (scope, epoch, revision, state, failure, due_at) VALUES ('main', 1, 1, 'finalized', NULL, '${at}');
  INSERT INTO ledger.reward (reward_id, scope, epoch, revision, index, account, role, amount, body)
    VALUES (${sql(reward.rewardId)}, 'main', 1, 1, 0, ${sql(alice.address)}, 'vault', 70, '${canonicalText(reward)}');`;

/** The archive that the reward is explained from: one task, whose vault is the actor's. */
const settledItem = {
  taskId: hash("task"),
  bundle: { fee: "100", executor: actor(2).address, units: { records: 1 } },
  decisions: [],
  contributions: [{ vault: "vault-a", operator: alice.address, records: 1, producers: [] }],
};
const readObject = (digest: Hex): Promise<Uint8Array> => {
  const manifest = { policy, parts: [{ digest: hash("part"), items: 1 }] };
  const text = digest === hash("archive") ? canonicalText(manifest) : `${canonicalText(settledItem)}\n`;
  return Promise.resolve(Buffer.from(text, "utf8"));
};

let opened: Opened;
let token = "";

beforeAll(async () => {
  opened = await openTestApplication({ ports: { proofOf: () => Promise.resolve(proof), readObject } });
  await opened.enrol(alice.address, ["task_submitter", "vault_operator", "data_producer", "auditor"], 1_000_000n);
  token = await opened.token(alice.address, ...everyScope);
  await queryRows(opened.testDatabase.adminUrl, settled);
});
afterAll(async () => await opened.close());

/** Calls an operation by its id; the answer is held against the document. */
async function operate(operationId: string, path: string, request: Request = {}): Promise<Answered> {
  const route = routes.find((each) => each.operationId === operationId);
  if (route === undefined) throw new Error(`no operation ${operationId}`);
  const answer = await call(opened, route.method, path, { token, ...request });
  expect(answer.statusCode, answer.body).toBeLessThan(300);
  return answer;
}

const grant = {
  vault: "vault-a",
  collection: "flights",
  grantee: alice.address,
  programs: ["protected_query" as const],
  untilSeconds: soonSeconds,
  nonce: "1",
};

test("every operation, in every way it succeeds, answers as the document says [CONT-02]", async () => {
  const submission = signedBy(alice, envelopeOf(alice.address));
  const { taskId } = (await operate("submitTask", "/v1/tasks", { body: submission })).json<{ taskId: Hex }>();
  await operate("submitTask", "/v1/tasks", { body: submission });
  expect((await operate("listTasks", "/v1/tasks?limit=1")).json()).toMatchObject({ items: [{ taskId }], next: null });
  expect((await operate("getTask", `/v1/tasks/${taskId}`)).json()).toMatchObject({ envelope: submission.envelope });
  expect((await operate("getTaskHistory", `/v1/tasks/${taskId}/history`)).json()).toMatchObject({
    transitions: [{ from: null, to: "accepted" }],
  });
  const definition = {
    vault: "vault-a",
    collection: "flights",
    operator: alice.address,
    fields: { d: "mobility.aviation/delay" },
  };
  await operate("defineCollection", "/v1/vaults/vault-a/collections", { body: definition });
  const records = { producer: alice.address, records: [{ recordId: "1", record: { d: 7 } }] };
  await operate("addRecords", "/v1/vaults/vault-a/collections/flights/records", { body: records });
  const given = { grant, signature: sign(grantDigest(domain, grant), alice.key) };
  const { grantId } = (await operate("grantUse", "/v1/grants", { body: given })).json<{ grantId: Hex }>();
  await operate("grantUse", "/v1/grants", { body: given });
  expect((await operate("revokeGrant", `/v1/grants/${grantId}`)).body).toBe("");
  await operate("registerActor", "/v1/actors", { body: { address: actor(9).address, roles: ["verifier"] } });
  const deposit = { account: alice.address, amount: "5", reference: "again" };
  await operate("depositBudget", "/v1/budgets", { body: deposit });
  await operate("depositBudget", "/v1/budgets", { body: deposit });
  expect((await operate("getBudget", `/v1/budgets/${alice.address}`)).json()).toEqual({
    account: alice.address,
    available: "999005",
    reserved: "1000",
  });
  const login = sign(loginDigest(domain, alice.address, soonSeconds), alice.key);
  await operate("openSession", "/v1/sessions", {
    body: { account: alice.address, expiresAtSeconds: soonSeconds, signature: login },
  });
  const first = (await operate("listEpochs", "/v1/epochs?scope=main&limit=1")).json<{ next: string }>();
  expect((await operate("listEpochs", `/v1/epochs?after=${first.next}`)).json()).toMatchObject({
    items: [{ epoch: 2 }],
  });
  await operate("getEpoch", "/v1/epochs/main/1");
  expect((await operate("getSettlement", "/v1/settlements/main/1")).json()).toMatchObject({
    revisions: [{ state: "finalized", root: hash("root") }],
  });
  await operate("getProof", `/v1/proofs/main/1/reward/${reward.rewardId}`);
  await operate("getProof", `/v1/proofs/main/1/result/${taskId}`);
  expect((await operate("listRewards", `/v1/rewards?account=${alice.address}`)).json()).toMatchObject({
    items: [{ record: reward, state: "finalized", revision: 1 }],
  });
  expect((await operate("explainTask", `/v1/tasks/${taskId}/explanation`)).json()).toMatchObject({
    transitions: [{ to: "accepted" }],
    resolution: null,
  });
  expect((await operate("explainReward", `/v1/rewards/${reward.rewardId}/explanation`)).json()).toMatchObject({
    tasks: [{ taskId: settledItem.taskId, units: "1" }],
  });
  expect((await operate("explainEpoch", "/v1/epochs/main/1/explanation")).json()).toMatchObject({
    closedBecause: "it was full",
  });
  await operate("listPayouts", `/v1/payouts?account=${alice.address}`);
  expect((await operate("getPolicy", "/v1/policies/1")).json()).toEqual(policy);
  await operate("getRegistry", "/v1/registries/2026.1");
  await operate("getSchema", "/schemas/task-envelope.json");
  await operate("getOpenApi", "/openapi.json");
  await operate("getHealth", "/healthz");
  await operate("getReadiness", "/readyz");
  await operate("getMetrics", "/metrics");
  expectEveryAnswer();
});

/** An address of an operation with something in each place that its schema takes. */
const pathOf = (path: string): string =>
  path
    .replace(":epoch", "9")
    .replace(":kind", "reward")
    .replace(":id", hash("nobody's"))
    .replace(":account", alice.address)
    .replaceAll(/:\w+/g, "x");

test("an operation for tokens is closed without one, and to tokens of all other scopes [OPER-08]", async () => {
  for (const { method, path, access, operationId } of routes) {
    if (access.kind !== "token") continue;
    expectProblem(await call(opened, method, pathOf(path)), "AUTH_REQUIRED");
    const others = everyScope.filter((scope) => !access.scopes.includes(scope));
    const refused = await call(opened, method, pathOf(path), { token: await opened.token(alice.address, ...others) });
    expect(expectProblem(refused, "AUTH_ROLE").detail["required"], operationId).toEqual(access.scopes);
  }
});

test("a token reads what is its subject's and nothing of others; an auditor's reads all [OPER-08]", async () => {
  const submission = signedBy(alice, envelopeOf(alice.address, { idempotencyKey: "private" }));
  const { taskId } = (await operate("submitTask", "/v1/tasks", { body: submission })).json<{ taskId: Hex }>();
  const other = await opened.token(actor(9).address, "own:read", "task:submit");
  const auditor = await opened.token("auditor", "audit:read");
  const standing = { taskId, scope: "main", state: "accepted", epoch: null };
  expect((await call(opened, "GET", `/v1/tasks/${taskId}`, { token: other })).json()).toEqual(standing);
  expect((await call(opened, "GET", `/v1/tasks/${taskId}`)).json()).toEqual(standing);
  expect((await call(opened, "GET", `/v1/tasks/${taskId}`, { token: auditor })).json()).toMatchObject({
    envelope: submission.envelope,
  });
  const closed = [
    `/v1/tasks/${taskId}/history`,
    `/v1/tasks/${taskId}/explanation`,
    `/v1/tasks?submitter=${alice.address}`,
    `/v1/budgets/${alice.address}`,
    `/v1/proofs/main/1/result/${taskId}`,
    `/v1/proofs/main/1/evidence/${taskId}`,
  ];
  for (const url of closed) {
    expectProblem(await call(opened, "GET", url, { token: other }), "AUTH_ROLE");
    expectProblem(await call(opened, "GET", url), "AUTH_REQUIRED");
    expect((await call(opened, "GET", url, { token: auditor })).statusCode).toBe(200);
  }
});

test("registrations, deposits and admissions are journalled with who did them [OPER-08]", async () => {
  const registrar = await opened.token("registrar", "actor:write");
  const treasury = await opened.token("treasury", "budget:write");
  const account = actor(10).address;
  await call(opened, "POST", "/v1/actors", { token: registrar, body: { address: account, roles: ["task_submitter"] } });
  await call(opened, "POST", "/v1/budgets", { token: treasury, body: { account, amount: "1000", reference: "r" } });
  const { rows } = await opened.database.query<{ kind: string; body: string }>(
    "SELECT kind, body FROM ledger.journal WHERE subject = $1 ORDER BY entry_no",
    [Buffer.from(account.slice(2), "hex")],
  );
  expect(rows.map(({ kind, body }) => [kind, JSON.parse(body) as unknown])).toMatchObject([
    ["actor", { act: "register", by: "registrar", roles: ["task_submitter"] }],
    ["budget", { act: "deposit", by: "treasury", amount: "1000" }],
  ]);
});

test("every refusal that an operation documents is in the error table, under its status [CONT-03]", () => {
  for (const route of routes) {
    for (const code of refusalsOf(route)) expect(errorTable[code].status, code).toBeGreaterThanOrEqual(400);
  }
});
