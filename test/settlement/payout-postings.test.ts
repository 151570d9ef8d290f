// What the treasury was seen to pay leaves the accounts once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { hexToBytes } from "#protocol/hash.ts";
import { accountNames, readBalances, sumOfBalances } from "#storage/accounts.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { readPayoutLeaves } from "#storage/proofs.ts";
import { payoutPostingStep } from "#settlement/payout-postings.ts";
import { finishedTask, scope } from "./finished-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "./settling.ts";

let settling: Settling;
let signer: Database;

beforeAll(async () => {
  settling = await openSettling();
  const options = { applicationName: "payout test", maxConnections: 1, statementTimeoutMs: 10_000 };
  signer = openDatabase({ url: settling.signerUrl, ...options });
  const epoch = await closeOver(settling, [finishedTask(1), finishedTask(2)]);
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "finalized");
  await settle(settling, epoch);
});

afterAll(async () => {
  await signer.close();
  await settling.close();
});

test("a reconciled payout is posted once, and only then; at the end nobody is owed anything [RWRD-02]", async () => {
  const { database, deps } = settling;
  const leaves = await readPayoutLeaves(database, { scope, epoch: 1, revision: 1 });
  for (const { payoutId, index, account, amount } of leaves) {
    await signer.query(
      `INSERT INTO payout.instruction (payout_id, scope, epoch, index, account, amount, state)
        VALUES ($1, $2, 1, $3, $4, $5, 'confirmed')`,
      [hexToBytes(payoutId), scope, index, hexToBytes(account), amount],
    );
  }
  const step = payoutPostingStep(deps);
  expect(await step.run()).toBe(0);
  await signer.query(`UPDATE payout.instruction SET state = 'reconciled' WHERE index < 2`);
  expect(await step.run()).toBe(2);
  expect(await step.run()).toBe(0);
  await signer.query(`UPDATE payout.instruction SET state = 'reconciled'`);
  expect(await payoutPostingStep(deps).run()).toBe(leaves.length - 2);
  expect(await step.run()).toBe(0);
  const earned = leaves.map(({ account }) => accountNames.earned(account));
  expect([...(await readBalances(database, earned)).values()].every((amount) => amount === 0n)).toBe(true);
  expect(await sumOfBalances(database)).toBe(0n);
});
