// What happens on a stage: people, records, tasks, an epoch, its payouts; each act may be repeated, and the node may be away.
import { setTimeout as pause } from "node:timers/promises";
import { encodeFunctionData } from "viem";
import { demoTokenAbi } from "#chain/abi/demo-token.ts";
import { fundCall } from "#chain/treasury.ts";
import { demoCollections, type DemoCollection } from "#cli/demo/records.ts";
import { fillVaults, giveConsent, registerPeople } from "#cli/demo/setting.ts";
import { demoScope, envelopeOf, send, signed, submitterOf } from "#cli/demo/submissions.ts";
import { settledTasks } from "#cli/demo/tasks.ts";
import type { Progress } from "#cli/output.ts";
import { localActor, sendAs } from "#cli/wiring/deployment.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { TaskSubmission } from "#protocol/schemas/task.ts";
import { fundsOf } from "./chain-view.ts";
import type { Stage } from "./stage.ts";

/** Records of each collection: enough for every group of the tasks, few enough to be quick. */
const recordsPerCollection = 1_000;

/** The records of every scenario. */
export const collections: readonly DemoCollection[] = demoCollections(recordsPerCollection);

/** Nothing is shown. */
const noProgress: Pick<Progress, "start"> = { start: () => () => undefined };

/** A bound on every wait; a slow machine finishes well within it. */
const patienceMilliseconds = 90_000;
const pollMilliseconds = 20;

/** Waits until something holds. @throws Error that says what did not happen, with the end of the node's log */
export async function until(stage: Stage, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + patienceMilliseconds;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end)
      throw new Error(`${what} did not happen; the node's log ends with:\n${stage.log.slice(-3_000)}`);
    await pause(pollMilliseconds);
  }
}

/** Registers everybody, fills the vaults and gives consent. */
export async function prepare(stage: Stage): Promise<void> {
  await stage.insist(registerPeople);
  await stage.insist((setting) => fillVaults(setting, collections, noProgress));
  await stage.insist((setting) => giveConsent(setting, collections));
}

/** So many signed tasks, the same bytes on every stage. */
export function submissionsFor(stage: Stage, count: number): readonly TaskSubmission[] {
  return settledTasks(collections, count).map((task, at) => {
    const submitter = submitterOf(at);
    return signed(stage.setting, envelopeOf(stage.setting, submitter, task, at), submitter);
  });
}

/** Sends submissions one after another, each until it is answered. Answers the tasks' ids. */
export async function submitEach(stage: Stage, submissions: readonly TaskSubmission[]): Promise<readonly Hex[]> {
  const ids: Hex[] = [];
  for (const submission of submissions) {
    const { taskId } = await stage.insist((setting) => send(setting, submission));
    ids.push(taskId);
  }
  return ids;
}

/** The state of an epoch's newest settlement; undefined before there is one. */
export async function settlementState(stage: Stage, epoch = 1): Promise<string | undefined> {
  const { rows } = await stage.admin.query<{ state: string }>(
    `SELECT state FROM work.settlement WHERE scope = $1 AND epoch = $2 ORDER BY revision DESC LIMIT 1`,
    [demoScope, epoch],
  );
  return rows[0]?.state;
}

const order = ["collecting", "verifying_inputs", "candidate_ready", "finalizing", "finalized"];

/** Whether an epoch's settlement is in a state, or past it. */
export async function hasReached(stage: Stage, state: string, epoch = 1): Promise<boolean> {
  return order.indexOf((await settlementState(stage, epoch)) ?? "") >= order.indexOf(state);
}

/** What an epoch's newest candidate commits to pay; 0 before there is one. */
async function committedOf(stage: Stage, epoch: number): Promise<bigint> {
  const sql = `SELECT payout_total AS total FROM ledger.candidate WHERE scope = $1 AND epoch = $2 ORDER BY revision DESC LIMIT 1`;
  const { rows } = await stage.admin.query<{ total: string }>(sql, [demoScope, epoch]);
  return BigInt(rows[0]?.total ?? "0");
}

/** The treasurer gives an epoch what it committed to pay, once, however often the chain goes away meanwhile. */
export async function fund(stage: Stage, epoch = 1): Promise<void> {
  const treasurer = localActor(stage.dataDir, "treasurer");
  const place = { scope: scopeId(demoScope), epoch: BigInt(epoch) };
  await stage.insist(async () => {
    const committed = await committedOf(stage, epoch);
    const { funded } = await fundsOf(stage, epoch);
    if (funded >= committed) return;
    const { token, treasury, chainId } = stage.node;
    const args = [treasury, committed - funded] as const;
    const data = encodeFunctionData({ abi: demoTokenAbi, functionName: "approve", args });
    await sendAs(stage.rpcUrl, chainId, treasurer, { to: token, data });
    await sendAs(stage.rpcUrl, chainId, treasurer, fundCall(treasury, place, committed - funded));
  });
}

/** Waits until an epoch is paid, matched and booked, giving it its money on the way. */
export async function settleAndPay(stage: Stage, epoch = 1): Promise<void> {
  await until(stage, `epoch ${epoch} finalizing`, () => hasReached(stage, "finalizing", epoch));
  await fund(stage, epoch);
  await until(stage, `epoch ${epoch} finalized`, () => hasReached(stage, "finalized", epoch));
  await until(stage, `payouts of epoch ${epoch} reconciled`, async () => {
    const left = `SELECT count(*) FROM ledger.finalized JOIN ledger.payout_leaf USING (scope, epoch, revision)
      LEFT JOIN payout.instruction USING (payout_id) WHERE finalized.epoch = ${epoch} AND state IS DISTINCT FROM 'reconciled'`;
    return (await stage.count(left)) === 0;
  });
  await until(stage, "the ledger books what was paid", async () => {
    return (await stage.count(`SELECT count(*) FROM work.balance WHERE account LIKE 'earned:%' AND amount > 0`)) === 0;
  });
}

/** One whole epoch: people, records, tasks, settlement, payout. */
export async function playEpoch(stage: Stage, tasks: number): Promise<readonly Hex[]> {
  await prepare(stage);
  const ids = await submitEach(stage, submissionsFor(stage, tasks));
  await settleAndPay(stage);
  return ids;
}
