// A stranger challenges an item of an anchored candidate, before the node and before the anchor, and is upheld there.
import { encodeFunctionData, erc20Abi } from "viem";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { request } from "#cli/api-client.ts";
import { clientOf as peopleOf } from "#cli/demo/setting.ts";
import { demoScope } from "#cli/demo/submissions.ts";
import { localActor, sendAs, type localActors } from "#cli/wiring/deployment.ts";
import { keyFile } from "#cli/wiring/keys.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { ChallengeReceipt, ChallengeView } from "#protocol/schemas/challenge.ts";
import type { SettlementView } from "#protocol/schemas/settlement.ts";
import { clientOf } from "./chain-view.ts";
import { expectPaidOnce, expectSound, rootOf, runHere } from "./outcome.ts";
import { prepare, settleAndPay, settlementState, submissionsFor, submitEach, until } from "./play.ts";
import { Stage } from "./stage.ts";

const tasks = 16;
/** Long enough for a challenge to come in time on a slow machine. */
const windowSeconds = 15;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    tasksPerEpoch: tasks,
    settings: { SCS_ANCHOR_WINDOW_SECONDS: String(windowSeconds) },
  });
});

afterAll(async () => await stage.close());

async function act(name: (typeof localActors)[number], call: { readonly to: Hex; readonly data: Hex }): Promise<void> {
  await sendAs(stage.rpcUrl, stage.node.chainId, localActor(stage.dataDir, name), call);
}

const ask = async <T>(path: string): Promise<T> => await request<T>(peopleOf(stage.setting, "nobody"), "GET", path);

const revisions = async (): Promise<readonly SettlementView[]> =>
  (await ask<{ revisions: SettlementView[] }>(`/v1/settlements/${demoScope}/1`)).revisions;

const anchored = async () =>
  await clientOf(stage).readContract({
    address: stage.node.anchor,
    abi: anchorAbi,
    functionName: "candidateOf",
    args: [scopeId(demoScope), 1n],
  });

/** Somebody without any role on the anchor gets the bond's tokens from the treasurer. */
async function giveBond(to: Hex): Promise<void> {
  const { anchor, token } = stage.node;
  const { challengeBond } = await clientOf(stage).readContract({
    address: anchor,
    abi: anchorAbi,
    functionName: "terms",
  });
  const args = [to, challengeBond] as const;
  await act("treasurer", { to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args }) });
}

/** Runs a command against the node; answers what it printed. */
async function scs<T>(...args: readonly string[]): Promise<T> {
  const ran = await runHere(stage, ...args, "--url", stage.setting.url, "--json");
  expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  return JSON.parse(ran.stdout) as T;
}

test(
  "upheld on the anchor: node and chain end alike, the revision stays readable, the next one is paid without the item [CHAL-05, CHAL-07, SETL-10]",
  { timeout: 240_000 },
  async () => {
    await prepare(stage);
    const stranger = localActor(stage.dataDir, "deployer").address;
    await scs("actor", "add", stranger, "challenger");
    await giveBond(stranger);
    const [taskId = "0x"] = await submitEach(stage, submissionsFor(stage, tasks));
    await until(stage, "a candidate on the anchor", async () => !/^0x0*$/.test((await anchored()).root));
    const { root } = await anchored();

    const [evidence, key] = [join(stage.dataDir, "evidence.json"), keyFile(stage.dataDir, "deployer")];
    await scs("challenge", "evidence", taskId, "--recomputed", sha256Hex("another output"), "--out", evidence);
    const opening = ["challenge", "open", evidence, "--key-file", key, "--bond"];
    const { challengeId } = await scs<ChallengeReceipt>(...opening);
    const view = async (): Promise<ChallengeView> => await ask<ChallengeView>(`/v1/challenges/${challengeId}`);
    const { evidenceHashes } = await view();
    // 3 is Challenged.
    expect(await anchored()).toMatchObject({ state: 3, root, evidenceHash: evidenceHashes[0] });
    expect(await settlementState(stage)).toBe("candidate_ready");
    await until(stage, "a review", async () => (await view()).reviews.length === 1);
    // The node's own reviewer finds the result honest; whose word counts for an anchored candidate is the anchor's.
    expect((await view()).reviews[0]).toMatchObject({ verdict: "not_confirmed" });
    const adjudicator = keyFile(stage.dataDir, "adjudicator");
    await scs("challenge", "resolve", challengeId, "--upheld", "--key-file", adjudicator);

    await until(stage, "a second revision", async () => (await revisions()).length === 2);
    await until(stage, "the node's verdict", async () => (await view()).state === "closed_without_penalty");
    await settleAndPay(stage);
    const [first, second] = await revisions();
    expect(first).toMatchObject({ revision: 1, state: "failed", root });
    expect(first?.failure).toMatch(/rejected on chain/);
    expect(second).toMatchObject({ revision: 2, state: "finalized", root: await rootOf(stage) });
    expect(second?.header?.itemCount).toBe(tasks - 1);
    const states = `SELECT count(*) FROM work.task WHERE state = `;
    expect(await stage.count(`${states} 'completed'`)).toBe(tasks - 1);
    expect(await stage.count(`${states} 'rejected'`)).toBe(1);
    const told = `SELECT count(*) FROM ledger.journal WHERE kind = 'challenge' AND body LIKE '%on the anchor%'`;
    expect(await stage.count(told)).toBe(2);
    await expectPaidOnce(stage);
    await expectSound(stage);
  },
);
