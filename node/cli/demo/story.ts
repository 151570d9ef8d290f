// The demo's story from an empty folder to paid, reconciled, provable rewards, told through the REST API.
import { join } from "node:path";
import { encodeFunctionData } from "viem";
import { demoTokenAbi } from "#chain/abi/demo-token.ts";
import { fundCall } from "#chain/treasury.ts";
import { openLog } from "#observability/log.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import type { Database } from "#storage/database.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import { loadConfiguration } from "../config/load.ts";
import type { Configuration } from "../config/schema.ts";
import { tokenIn } from "../api-client.ts";
import type { Progress } from "../output.ts";
import { openAs, provideDatabase } from "../wiring/database.ts";
import { localActor, sendAs } from "../wiring/deployment.ts";
import { operatorTokenFile } from "../wiring/surroundings.ts";
import { demoPeople, writeDemoKeys } from "./actors.ts";
import { govern, issueDemoTokens } from "./governance.ts";
import { startNodeProcess, type NodeProcess } from "./node-process.ts";
import { demoCollections } from "./records.ts";
import { fillVaults, giveConsent, registerPeople, type Setting } from "./setting.ts";
import { archiveReplays, exportProof, proofHolds } from "./stranger.ts";
import {
  demoScope,
  envelopeOf,
  expectRefusal,
  refusedSubmissions,
  send,
  signed,
  type Accepted,
} from "./submissions.ts";
import type { Summary } from "./summary.ts";
import { asksForProjections, rejectedTasks, settledTasks } from "./tasks.ts";
import { gatherTransactions } from "./transactions.ts";
import { awaitStates, payoutsOf, settle, settlementOf, submitAll } from "./wave.ts";

/** What a run is asked for. The same seed data and the same expiry give the same roots. */
export type StoryOptions = { readonly dataDir: string; readonly expiresAtSeconds: number; readonly progress: Progress };

/** Tasks of each of the two epochs. */
const tasksPerEpoch = 100;

/** Settings of the demo's node: free ports, and a window that a person can wait for. */
const nodeSettings = {
  SCS_API_PORT: "0",
  SCS_CHAIN_PORT: "0",
  SCS_ANCHOR_WINDOW_SECONDS: "2",
  SCS_CHAIN_POLL_MS: "100",
};

/** Measures how long parts of the story take. */
class Stopwatch {
  readonly seconds: Record<string, number> = {};

  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    this.seconds[stage] = (this.seconds[stage] ?? 0) + (performance.now() - start) / 1000;
    return result;
  }
}

/** Tells the story. @throws Error at the first thing that does not go as it should */
export async function tellStory(options: StoryOptions): Promise<Summary> {
  const { dataDir } = options;
  writeDemoKeys(dataDir);
  const watch = new Stopwatch();
  const node = await watch.time("start", () => startNodeProcess(dataDir, nodeSettings));
  try {
    const configuration = loadConfiguration({ ...nodeSettings, SCS_DATA_DIR: dataDir });
    const { urls } = await provideDatabase(configuration, openLog({ level: "silent" }));
    const database = openAs(urls, "node", configuration, openLog({ level: "silent" }));
    try {
      return await play({ ...options, node, configuration, database, watch });
    } finally {
      await database.close();
    }
  } finally {
    await node.stop();
  }
}

type Stage = StoryOptions & {
  readonly node: NodeProcess;
  readonly configuration: Configuration;
  readonly database: Database;
  readonly watch: Stopwatch;
};

async function play(stage: Stage): Promise<Summary> {
  const { watch, progress } = stage;
  const collections = demoCollections();
  const setting = await watch.time("governance", () => prepare(stage));
  await watch.time("people", () => registerPeople(setting));
  const records = await watch.time("vaults", () => fillVaults(setting, collections, progress));
  await watch.time("consent", () => giveConsent(setting, collections));
  const tasks = settledTasks(collections, 2 * tasksPerEpoch);
  const settled: Accepted[] = [];
  const roots: Hex[] = [];
  let repeatedSubmissions = 0;
  for (const epoch of [1, 2]) {
    const from = (epoch - 1) * tasksPerEpoch;
    const wave = tasks.slice(from, from + tasksPerEpoch);
    const { accepted, repeated } = await watch.time("tasks", async () => {
      const submitted = await submitAll(setting, wave, from, progress);
      await awaitStates(setting, submitted.accepted, ["awaiting_settlement", "completed"]);
      return submitted;
    });
    settled.push(...accepted);
    repeatedSubmissions += repeated;
    roots.push(await watch.time("settlement and payout", () => settle(setting, epoch, funding(stage), progress)));
  }
  const refusedAtTheDoor = await watch.time("bad input", () => tryBadInput(setting, collections));
  const rejected = await watch.time("bad input", () => tryRejected(setting));
  await awaitStates(setting, settled, ["completed"]);
  const stranger = await watch.time("stranger's check", () => strangersCheck(stage, setting, settled, roots));
  const finished = { completed: settled.length, rejected: rejected.length };
  const outcome = await gatherOutcome(stage, setting, roots);
  const tasksPerSecond = Math.round(settled.length / (watch.seconds["tasks"] ?? 1));
  const seconds = watch.seconds;
  return {
    tasks: finished,
    byQueryAttributes: tasks.filter(asksForProjections).length,
    refusedAtTheDoor,
    rejectedFor: rejected,
    repeatedSubmissions,
    records,
    ...outcome,
    stranger,
    seconds,
    tasksPerSecond,
  };
}

async function prepare({ node, configuration, database, dataDir, expiresAtSeconds }: Stage): Promise<Setting> {
  const reached = { url: node.url, rpcUrl: node.endpoints[0] ?? "", anchor: node.anchor };
  await govern(configuration, reached, tasksPerEpoch);
  const tokens = new Map(await issueDemoTokens(database));
  tokens.set("operator", tokenIn(operatorTokenFile(dataDir)) ?? "");
  return { url: node.url, domain: { chainId: BigInt(node.chainId), anchor: node.anchor }, tokens, expiresAtSeconds };
}

/** The treasurer gives an epoch what it committed to pay. */
function funding({ node, configuration }: Stage): (epoch: number, amount: bigint) => Promise<void> {
  const treasurer = localActor(configuration.SCS_DATA_DIR, "treasurer");
  const send = (call: { to: Hex | null; data: Hex }) => sendAs(node.endpoints[0] ?? "", node.chainId, treasurer, call);
  return async (epoch, amount) => {
    const args = [node.treasury, amount] as const;
    await send({ to: node.token, data: encodeFunctionData({ abi: demoTokenAbi, functionName: "approve", args }) });
    await send(fundCall(node.treasury, { scope: scopeId(demoScope), epoch: BigInt(epoch) }, amount));
  };
}

async function tryBadInput(
  setting: Setting,
  collections: ReturnType<typeof demoCollections>,
): Promise<Record<string, string>> {
  const refused: Record<string, string> = {};
  const [task] = settledTasks(collections, 1);
  if (!task) return refused;
  for (const attempt of refusedSubmissions(setting, task)) {
    await expectRefusal(setting, attempt);
    refused[attempt.what] = attempt.code;
  }
  return refused;
}

/** Submits tasks that are well-formed and cannot be answered; each must be rejected for its own reason. Answers the reasons. */
async function tryRejected(setting: Setting): Promise<readonly string[]> {
  const last = demoPeople.submitters.at(-1);
  if (!last) return [];
  const accepted: Accepted[] = [];
  for (const [at, task] of rejectedTasks().entries()) {
    const submission = signed(setting, envelopeOf(setting, last, task, 10_000 + at), last);
    accepted.push({ ...(await send(setting, submission)), submission });
  }
  const views = await awaitStates(setting, accepted, ["rejected"]);
  for (const [at, { code }] of rejectedTasks().entries()) {
    const found = views[at]?.refusal?.code;
    if (found !== code) throw new Error(`a task was rejected with ${found}, not with ${code}`);
  }
  return rejectedTasks().map(({ code }) => code);
}

async function strangersCheck(
  { node, dataDir }: Stage,
  setting: Setting,
  settled: readonly Accepted[],
  roots: readonly Hex[],
): Promise<Record<string, boolean>> {
  const folder = join(dataDir, "proofs");
  const [firstTask] = settled;
  const [payout] = await payoutsOf(setting, 1);
  if (!firstTask || !payout) throw new Error("there is nothing to prove");
  const store = await createFolderStore(join(dataDir, "objects"));
  const result = await exportProof(setting, folder, { epoch: 1, kind: "result", id: firstTask.taskId });
  const paid = await exportProof(setting, folder, { epoch: 1, kind: "payout", id: payout.payoutId });
  const checks = {
    "one query result is in the anchored root": await proofHolds(result, node.endpoints),
    "one payout is in the anchored root": await proofHolds(paid, node.endpoints),
    "the archive of epoch 1 replays to its root": await archiveReplays(store, 1, roots[0] ?? "0x"),
    "the archive of epoch 2 replays to its root": await archiveReplays(store, 2, roots[1] ?? "0x"),
  };
  if (Object.values(checks).some((each) => !each))
    throw new Error(`a stranger's check failed: ${JSON.stringify(checks)}`);
  return checks;
}

async function gatherOutcome({ database }: Stage, setting: Setting, roots: readonly Hex[]) {
  const epochs = [];
  for (const [at, root] of roots.entries()) {
    const header = (await settlementOf(setting, at + 1))?.header;
    epochs.push({ epoch: at + 1, root, items: header?.itemCount ?? 0, pot: header?.payoutTotal ?? "0" });
  }
  const payouts = [...(await payoutsOf(setting, 1)), ...(await payoutsOf(setting, 2))];
  const total = payouts.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const transactions = await gatherTransactions(database);
  const payGas = transactions
    .filter(({ act }) => act.startsWith("pay"))
    .reduce((sum, { gasUsed }) => sum + Number(gasUsed), 0);
  return {
    epochs,
    transactions,
    payouts: { count: payouts.length, total: String(total), gasPerPayee: Math.round(payGas / payouts.length) },
    sumOfAccounts: String(await sumOfBalances(database)),
  };
}
