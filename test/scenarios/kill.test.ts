// Power cuts: node, signer and chain are killed at ten moments of an epoch; it ends as on a node that nothing happened to.
import { afterAll, expect, test } from "vitest";
import { expectCompletedOnce, expectPaidOnce, expectSound, rootOf } from "./outcome.ts";
import { hasReached, playEpoch, until } from "./play.ts";
import { Stage } from "./stage.ts";

const tasks = 24;
const stages: Stage[] = [];

afterAll(async () => {
  for (const stage of stages) await stage.close();
});

async function open(): Promise<Stage> {
  const stage = await Stage.open({ tasksPerEpoch: tasks });
  stages.push(stage);
  return stage;
}

/** A moment of an epoch, told by what is stored, and who dies then besides the node; "signer alone" spares the node. */
type Moment = {
  readonly name: string;
  readonly comes: (stage: Stage) => Promise<boolean>;
  readonly dies: readonly ("signer" | "local-chain")[] | "signer alone";
};

const stored =
  (sql: string, atLeast: number) =>
  async (stage: Stage): Promise<boolean> =>
    (await stage.count(sql)) >= atLeast;

const anyPayout = (states: string): string =>
  `SELECT count(*) FROM payout.journal WHERE to_state = ANY('{${states}}'::text[])`;

const moments: readonly Moment[] = [
  { name: "records come in", comes: stored(`SELECT count(*) FROM ledger.record`, 1_500), dies: [] },
  { name: "tasks come in", comes: stored(`SELECT count(*) FROM ledger.task`, 4), dies: ["signer"] },
  {
    name: "tasks are executed",
    comes: stored(`SELECT count(*) FROM ledger.result`, 8),
    dies: ["signer", "local-chain"],
  },
  { name: "results are verified", comes: stored(`SELECT count(*) FROM ledger.decision`, 14), dies: [] },
  {
    name: "the epoch closes",
    comes: stored(`SELECT count(*) FROM work.epoch WHERE status <> 'open'`, 1),
    dies: ["signer"],
  },
  { name: "the candidate is ready", comes: (stage) => hasReached(stage, "candidate_ready"), dies: ["signer"] },
  {
    name: "the proposal is signed",
    comes: stored(`SELECT count(*) FROM work.chain_attempt`, 1),
    dies: ["signer", "local-chain"],
  },
  { name: "finalizing", comes: (stage) => hasReached(stage, "finalizing"), dies: ["signer", "local-chain"] },
  {
    name: "payouts are signed",
    comes: stored(`SELECT count(*) FROM payout.chain_attempt`, 1),
    dies: "signer alone",
  },
  {
    name: "payouts are confirmed",
    comes: stored(anyPayout("confirmed,reconciled"), 1),
    dies: ["signer", "local-chain"],
  },
];

/** Kills and starts again at every moment, in their order. Answers the names of those at which somebody died. */
async function killAtEach(stage: Stage): Promise<readonly string[]> {
  const struck: string[] = [];
  for (const { name, comes, dies } of moments) {
    await until(stage, name, () => comes(stage));
    if (dies === "signer alone") stage.killSigner();
    else await stage.kill(...dies);
    await stage.passLeases();
    if (dies !== "signer alone") await stage.start();
    struck.push(name);
  }
  return struck;
}

test(
  "killed at ten moments, the same tasks lead to the same root, and everybody is paid once [SETL-03] [PAYO-01] [PAYO-06]",
  { timeout: 360_000 },
  async () => {
    const calm = await open();
    await playEpoch(calm, tasks);
    await expectPaidOnce(calm);
    const root = await rootOf(calm);
    const { anchor } = calm.node;
    await calm.close();
    stages.length = 0;

    const killed = await open();
    expect(killed.node.anchor).toBe(anchor);
    const [struck] = await Promise.all([killAtEach(killed), playEpoch(killed, tasks)]);
    expect(struck).toEqual(moments.map(({ name }) => name));
    expect(await rootOf(killed)).toBe(root);
    await expectCompletedOnce(killed, tasks);
    await expectPaidOnce(killed);
    await expectSound(killed);
  },
);
