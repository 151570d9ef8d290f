// A word that two vaults use and no registry knows becomes an attribute, epoch by epoch, and no value leaves a vault on the way.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request } from "#cli/api-client.ts";
import { demoPeople } from "#cli/demo/actors.ts";
import type { DemoCollection } from "#cli/demo/records.ts";
import { clientOf, fillVaults, giveConsent, registerPeople } from "#cli/demo/setting.ts";
import { demoScope, envelopeOf, send, signed } from "#cli/demo/submissions.ts";
import { settledTasks, type DemoTask } from "#cli/demo/tasks.ts";
import type { Hex } from "#protocol/hash.ts";
import { emptyRoot, scopeId } from "#protocol/leaves.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { CanonicalAttribute } from "#protocol/schemas/registry.ts";
import type { EpochView, InclusionProof, SettlementView } from "#protocol/schemas/settlement.ts";
import type { TaskView } from "#protocol/schemas/task.ts";
import { order, rollOut } from "./governing.ts";
import { runHere } from "./outcome.ts";
import { collections, hasReached, until } from "./play.ts";
import { Stage } from "./stage.ts";

const tasksPerEpoch = 4;
/** A value of one record of each vault; whoever sees it anywhere has seen into a vault. */
const canary = "canary-7f3a91c2";
const [older, newer] = ["2026.1", "2026.2"];
const attributeId = "aviation.wildlife/mood";

/** The strikes of two vaults with a word of their own, and a second one that only the eastern vault uses. */
const strikes: readonly DemoCollection[] = collections
  .filter(({ collection }) => collection === "strikes")
  .map((each, vault) => ({
    ...each,
    aggregationScope: demoScope,
    records: each.records.map((record, at) => ({
      ...record,
      mood: at === 500 ? canary : at % 3 === 0 ? "wild" : "calm",
      ...(vault === 0 ? { whim: at } : {}),
    })),
  }));

/** What the same vaults define once the word is an attribute. */
const moods: readonly DemoCollection[] = strikes.map(({ vault, records }) => ({
  vault,
  collection: "moods",
  fields: { mood: attributeId },
  records: records.slice(400, 700).map(({ mood }) => ({ mood: mood ?? null })),
}));

const byMood: DemoTask = {
  program: { kind: "protected_query", domain: "aviation.wildlife", measure: { function: "count" }, groupBy: "mood" },
  sources: moods.map(({ vault, collection }) => ({ vault, collection })),
};

let stage: Stage;
/** Every answer that anybody got over HTTP. */
const answers: string[] = [];
const fetchAsIs = globalThis.fetch;

beforeAll(async () => {
  globalThis.fetch = async (...asked) => {
    const response = await fetchAsIs(...asked);
    answers.push(await response.clone().text());
    return response;
  };
  stage = await Stage.open({ tasksPerEpoch });
});

afterAll(async () => {
  globalThis.fetch = fetchAsIs;
  await stage.close();
});

const read = async <T>(path: string, who = "auditor"): Promise<T> =>
  await request<T>(clientOf(stage.setting, who), "GET", path);

let submitted = 0;

/** Submits a task under a semantic version; answers its id. */
async function submit(task: DemoTask, semanticVersion: string): Promise<Hex> {
  const [submitter] = demoPeople.submitters;
  if (submitter === undefined) throw new Error("nobody submits");
  const envelope = { ...envelopeOf(stage.setting, submitter, task, submitted++), semanticVersion };
  return (await send(stage.setting, signed(stage.setting, envelope, submitter))).taskId;
}

const epochOf = async (epoch: number): Promise<EpochView> => await read(`/v1/epochs/${demoScope}/${epoch}`);
const opened = async (epoch: number): Promise<void> =>
  await until(stage, `epoch ${epoch} open`, async () => (await epochOf(epoch)).status === "open");
const finalized = async (epoch: number): Promise<void> =>
  await until(stage, `epoch ${epoch} finalized`, async () => await hasReached(stage, "finalized", epoch));

async function candidates(): Promise<readonly LocalAttributeCandidate[]> {
  const path = `/v1/local-attributes/candidates?scope=${demoScope}&epoch=1`;
  return (await read<{ items: { candidate: LocalAttributeCandidate }[] }>(path)).items.map(
    ({ candidate }) => candidate,
  );
}

/** A proposal for the attribute, or for one of another name. */
const proposalOf = (id: string, kind: "text" | "integer"): CanonicalAttribute => ({
  attributeId: id,
  domainId: "aviation.wildlife",
  semanticVersion: newer,
  scope: "record",
  status: "proposed",
  terms: ["temper"],
  valueType: { kind },
  effectiveFrom: newer,
  deprecatedFrom: null,
  retiredFrom: null,
  successor: null,
});

/** The first epoch: two vaults' records are counted, and by order it ends a window. */
async function playFirst(): Promise<readonly Hex[]> {
  await opened(1);
  await registerPeople(stage.setting);
  await fillVaults(stage.setting, strikes, { start: () => () => undefined });
  await giveConsent(stage.setting, strikes);
  await order(stage, { kind: "order_aggregation", scope: demoScope, epoch: 1 });
  const ids: Hex[] = [];
  for (const task of settledTasks(collections, tasksPerEpoch)) ids.push(await submit(task, older));
  await finalized(1);
  return ids;
}

/** What the epoch's final root says about the two words. */
async function checkCandidates(): Promise<{ readonly mood: Hex; readonly whim: Hex }> {
  const { revisions } = await read<{ revisions: SettlementView[] }>(`/v1/settlements/${demoScope}/1`);
  const nothing = emptyRoot("candidate", { ...stage.setting.domain, scopeId: scopeId(demoScope), epoch: 1n });
  expect(revisions.at(-1)?.subRoots?.candidates).not.toBe(nothing);
  expect((await epochOf(1)).aggregationScope).toEqual({ entries: 3, windowFrom: 1 });
  const found = await candidates();
  expect(found.map(({ name }) => name).sort()).toEqual(["mood", "whim"]);
  const [mood, whim] = ["mood", "whim"].map((name) => found.find((each) => each.name === name));
  expect(mood).toMatchObject({ domainId: "aviation.wildlife", valueKind: "text", coverage: 2, conflicts: [] });
  expect(whim).toMatchObject({ valueKind: "integer", coverage: 1 });
  return { mood: mood?.candidateId ?? "0x", whim: whim?.candidateId ?? "0x" };
}

/** The candidate's leaf leads to the anchored root, by the node's proof and by the stranger's check of it. */
async function checkProof(candidateId: Hex): Promise<void> {
  const proof = await read<InclusionProof>(`/v1/proofs/${demoScope}/1/candidate/${candidateId}`);
  expect(proof).toMatchObject({ kind: "candidate", epoch: 1, content: { candidateId, name: "mood" } });
  const file = join(stage.dataDir, "candidate.proof.json");
  for (const args of [
    ["proof", "get", demoScope, "1", "candidate", candidateId, "--out", file, "--url", stage.setting.url],
    ["verify", file, "--endpoint", stage.rpcUrl],
  ]) {
    const ran = await runHere(stage, ...args);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  }
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(proof);
}

/** From the candidate to an active attribute of a published version. */
async function promote({ mood, whim }: { readonly mood: Hex; readonly whim: Hex }): Promise<void> {
  await order(stage, { kind: "open_version", semanticVersion: newer, base: older });
  const promotion = { kind: "promote_candidate", semanticVersion: newer } as const;
  await expect(
    order(stage, {
      ...promotion,
      candidateId: whim,
      attribute: proposalOf("aviation.wildlife/whim", "integer"),
    }),
  ).rejects.toMatchObject({ code: "GOVERNANCE_THRESHOLD_UNMET", detail: { missing: ["coverage: 1 of 2"] } });
  await order(stage, { ...promotion, candidateId: mood, attribute: proposalOf(attributeId, "text") });
  for (const to of ["registered", "active"] as const) {
    await order(stage, { kind: "move_attribute", semanticVersion: newer, attributeId, to });
  }
  await order(stage, { kind: "publish_version", semanticVersion: newer });
}

/** Both versions from the next epoch that is not decided; the one that is open keeps its own. */
async function rollOutBoth(): Promise<void> {
  const versions = { semanticVersions: [older, newer], policyVersions: ["1"] };
  await expect(rollOut(stage, { fromEpoch: 2, ...versions })).rejects.toMatchObject({
    code: "VERSION_ROLLOUT_REFUSED",
  });
  await rollOut(stage, { fromEpoch: 3, ...versions });
  await expect(submit(byMood, newer)).rejects.toMatchObject({ code: "VERSION_SEMANTIC_UNKNOWN" });
  expect((await epochOf(2)).semanticVersionSet).toEqual([older]);
  await order(stage, { kind: "close_epoch", scope: demoScope, epoch: 2 });
  await opened(3);
}

const resolutionOf = async (taskId: Hex): Promise<string | undefined> => {
  const sql = `SELECT resolution FROM ledger.assignment WHERE task_id = decode(substr($1, 3), 'hex')`;
  return (await stage.admin.query<{ resolution: string }>(sql, [taskId])).rows[0]?.resolution;
};

/** Tasks of both versions in one epoch; the same words mean what their version says, and nothing else. */
async function playThird(before: readonly Hex[]): Promise<void> {
  await fillVaults(stage.setting, moods, { start: () => () => undefined });
  await giveConsent(stage.setting, moods);
  const unknown = await submit(byMood, older);
  const known: Hex[] = [];
  // Doors remember for a moment which versions were live before.
  await until(stage, "a task of the newer version", async () => known.push(await submit(byMood, newer)) === 2);
  const again: Hex[] = [];
  for (const task of settledTasks(collections, 2)) again.push(await submit(task, older));
  await finalized(3);
  expect(await epochOf(3)).toMatchObject({
    semanticVersionSet: [older, newer],
    settlementScope: { tasks: tasksPerEpoch, deferred: 0 },
  });
  const refused = await read<TaskView>(`/v1/tasks/${unknown}`);
  expect(refused).toMatchObject({ state: "rejected", refusal: { code: "POLICY_ATTRIBUTE_UNRESOLVED" } });
  for (const taskId of known) {
    expect(await read<TaskView>(`/v1/tasks/${taskId}`)).toMatchObject({
      state: "completed",
      result: { groups: [{ key: "calm" }, { key: "wild" }] },
    });
    expect(JSON.parse((await resolutionOf(taskId)) ?? "{}")).toMatchObject({
      semanticVersion: newer,
      references: [{ term: "mood", attributeId }],
    });
  }
  // What the older version meant in the first epoch it means in the third, byte for byte.
  for (const [at, taskId] of again.entries()) {
    expect(await resolutionOf(taskId)).toBe(await resolutionOf(before[at] ?? "0x"));
  }
}

/** The files of a folder, wherever in it. */
const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));

test(
  "a local attribute is aggregated, proven, promoted, rolled out and asked for; values stay where they are [ATTR-05] [ATTR-09] [ATTR-10] [ATTR-11] [ATTR-12] [EPOC-01] [OPER-03]",
  { timeout: 240_000 },
  async () => {
    const before = await playFirst();
    const found = await checkCandidates();
    await checkProof(found.mood);
    await promote(found);
    await rollOutBoth();
    await playThird(before);
    const audit = await runHere(stage, "audit", "--json");
    expect(JSON.parse(audit.stdout)).toEqual({ holds: true, findings: [] });
    expect(await read(`/v1/epochs/${demoScope}/1/explanation`)).toMatchObject({
      acts: expect.arrayContaining([
        expect.objectContaining({ act: "closing", facts: expect.objectContaining({ measure: "tasks" }) as unknown }),
      ]) as unknown,
    });
    await read(`/v1/governance/acts`);
    const objects = filesIn(join(stage.dataDir, "objects"));
    expect(objects.some((text) => text.includes(`"name":"mood"`))).toBe(true);
    expect(answers.some((text) => text.includes(`"calm"`))).toBe(true);
    for (const text of [...answers, ...objects, stage.log]) expect(text).not.toContain(canary);
  },
);
