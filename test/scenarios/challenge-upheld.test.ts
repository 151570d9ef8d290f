// A stranger challenges an anchored candidate and is right: the candidate fails, the next revision is anchored and paid.
import { encodeFunctionData, erc20Abi } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { challengeCall, resolveCall } from "#chain/anchor.ts";
import { request } from "#cli/api-client.ts";
import { clientOf as peopleOf } from "#cli/demo/setting.ts";
import { demoScope } from "#cli/demo/submissions.ts";
import { localActor, sendAs, type localActors } from "#cli/wiring/deployment.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { SettlementView } from "#protocol/schemas/settlement.ts";
import { clientOf } from "./chain-view.ts";
import { expectCompletedOnce, expectPaidOnce, expectSound, rootOf } from "./outcome.ts";
import { prepare, settleAndPay, settlementState, submissionsFor, submitEach, until } from "./play.ts";
import { Stage } from "./stage.ts";

const tasks = 16;
/** Long enough for a challenge to come in time on a slow machine. */
const windowSeconds = 15;
const evidenceHash = sha256Hex("what the stranger found");
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

const revisions = async (): Promise<readonly SettlementView[]> => {
  const path = `/v1/settlements/${demoScope}/1`;
  const answer = await request<{ revisions: SettlementView[] }>(peopleOf(stage.setting, "nobody"), "GET", path);
  return answer.revisions;
};

/** The root that stands on the anchor for the epoch. */
async function standingRoot(): Promise<Hex> {
  const args = [scopeId(demoScope), 1n] as const;
  const at = { address: stage.node.anchor, abi: anchorAbi } as const;
  return (await clientOf(stage).readContract({ ...at, functionName: "committed", args })).root;
}

/** Somebody without any role gets the bond's tokens from the treasurer and challenges. */
async function challengeByStranger(root: Hex): Promise<void> {
  const { anchor, token } = stage.node;
  const client = clientOf(stage);
  const terms = await client.readContract({ address: anchor, abi: anchorAbi, functionName: "terms" });
  const { address } = localActor(stage.dataDir, "deployer");
  const erc20 = (functionName: "transfer" | "approve", to: Hex) =>
    encodeFunctionData({ abi: erc20Abi, functionName, args: [to, terms.challengeBond] });
  await act("treasurer", { to: token, data: erc20("transfer", address) });
  await act("deployer", { to: token, data: erc20("approve", anchor) });
  const call = challengeCall(anchor, { scope: scopeId(demoScope), epoch: 1n, root }, evidenceHash);
  await act("deployer", { to: anchor, data: call.data });
}

test(
  "an upheld challenge fails the revision, keeps it readable, and the next one is anchored and paid [SETL-10]",
  { timeout: 240_000 },
  async () => {
    await prepare(stage);
    await submitEach(stage, submissionsFor(stage, tasks));
    await until(stage, "a candidate on the anchor", async () => !/^0x0*$/.test(await standingRoot()));
    const root = await standingRoot();
    await challengeByStranger(root);
    expect(await settlementState(stage)).toBe("candidate_ready");
    const { anchor } = stage.node;
    const challenge = { scope: scopeId(demoScope), epoch: 1n, evidenceHash };
    const decision = { upheld: true, decisionHash: sha256Hex("the stranger is right") };
    await act("adjudicator", { to: anchor, data: resolveCall(anchor, challenge, decision).data });

    await until(stage, "a second revision", async () => (await revisions()).length === 2);
    await settleAndPay(stage);
    const [first, second] = await revisions();
    expect(first).toMatchObject({ revision: 1, state: "failed", root });
    expect(first?.failure).toMatch(/rejected on chain/);
    expect(second).toMatchObject({ revision: 2, state: "finalized", root: await rootOf(stage) });
    expect(second?.root).not.toBe(root);
    await expectCompletedOnce(stage, tasks);
    await expectPaidOnce(stage);
    await expectSound(stage);
  },
);
