// What a played epoch came to, in figures that two stages can be compared by, and the checks that hold for every stage.
import { expect } from "vitest";
import { demoKey } from "#cli/demo/actors.ts";
import { demoScope } from "#cli/demo/submissions.ts";
import { runScs, type Ran } from "#test/cli/running.ts";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { balanceOf, fundsOf, paidByEvents } from "./chain-view.ts";
import type { Stage } from "./stage.ts";

/** The finalized root of an epoch. */
export async function rootOf(stage: Stage, epoch = 1): Promise<Hex> {
  const sql = `SELECT root FROM ledger.finalized WHERE scope = $1 AND epoch = $2`;
  const { rows } = await stage.admin.query<{ root: Buffer }>(sql, [demoScope, epoch]);
  if (!rows[0]) throw new Error(`epoch ${epoch} is not final`);
  return bytesToHex(rows[0].root);
}

/** Runs a command on the stage's data folder and chain, as a process of its own. */
export async function runHere(stage: Stage, ...args: readonly string[]): Promise<Ran> {
  return await runScs(args, {
    SCS_DATA_DIR: stage.dataDir,
    SCS_CHAIN_ENDPOINTS: stage.rpcUrl,
    SCS_LOG_LEVEL: "silent",
  });
}

/** Every task was completed, by one move each, and its history has no two entries for one step. */
export async function expectCompletedOnce(stage: Stage, tasks: number): Promise<void> {
  expect(await stage.count(`SELECT count(*) FROM ledger.task`)).toBe(tasks);
  expect(await stage.count(`SELECT count(*) FROM work.task WHERE state = 'completed'`)).toBe(tasks);
  const completions = `SELECT count(*) FROM ledger.journal WHERE kind = 'task' AND body::jsonb ->> 'to' = 'completed'`;
  expect(await stage.count(completions)).toBe(tasks);
  expect(await stage.count(`SELECT count(*) FROM ledger.result`)).toBe(tasks);
  expect(await stage.count(`SELECT count(*) FROM ledger.decision`)).toBe(tasks);
  // A task that was deferred has a turn for each epoch it was in; it was settled in the last.
  expect(await stage.count(`SELECT count(DISTINCT task_id) FROM ledger.epoch_member`)).toBe(tasks);
  const settledOnce = `SELECT count(*) FROM ledger.settlement_item JOIN ledger.finalized USING (scope, epoch, revision)`;
  expect(await stage.count(settledOnce)).toBe(tasks);
}

/** Every payout of the epoch went out once: by the contract's count, by its events, and by what each account has. */
export async function expectPaidOnce(stage: Stage, epoch = 1): Promise<void> {
  const { rows } = await stage.admin.query<{ account: Buffer; amount: string }>(
    `SELECT account, amount FROM ledger.payout_leaf JOIN ledger.finalized USING (scope, epoch, revision)
      WHERE scope = $1 AND epoch = $2`,
    [demoScope, epoch],
  );
  const committed = rows.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  expect(await fundsOf(stage, epoch)).toEqual({ funded: committed, paid: committed });
  expect(await paidByEvents(stage, epoch)).toEqual({ amount: committed, transfers: rows.length });
  const treasurer = demoKey("treasurer").address;
  for (const { account, amount } of rows) {
    if (bytesToHex(account) !== treasurer) expect(await balanceOf(stage, bytesToHex(account))).toBe(BigInt(amount));
  }
  expect(await balanceOf(stage, stage.node.treasury)).toBe(0n);
}

/** Money adds up to nothing, and the audit finds nothing. */
export async function expectSound(stage: Stage): Promise<void> {
  expect(await sumOfBalances(stage.database)).toBe(0n);
  expect(await stage.count(`SELECT count(*) FROM work.balance WHERE account LIKE 'pot:%' AND amount <> 0`)).toBe(0);
  const audit = await runHere(stage, "audit", "--json");
  expect(JSON.parse(audit.stdout)).toEqual({ holds: true, findings: [] });
  expect(audit.code).toBe(0);
}
