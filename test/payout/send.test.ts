// Sending on a real chain: whole ranges in one transaction each, refusing recipients, two signers, limits.
import { afterAll, beforeAll, expect, test } from "vitest";
import { claimCall } from "#chain/treasury.ts";
import { sendPayouts, trackPayouts } from "#payout/send.ts";
import { authorizePayouts } from "#payout/authorize.ts";
import { reconcilePayouts } from "#payout/reconcile.ts";
import { Database } from "#storage/database.ts";
import { instructionsOf } from "#storage/payouts.ts";
import { act } from "#test/chain/support/contracts.ts";
import { proofOfBlock } from "#test/contracts/support/settlement.ts";
import {
  balancesOf,
  depsOf,
  finalizeEpoch,
  openStage,
  optionsOf,
  pauseBefore,
  payerNonce,
  paymentsTo,
  runToRest,
  setRefusing,
  statesOf,
  type Stage,
} from "./stage.ts";

/** Calls that stop and resume a contract. */
const pause = "0x8456cb59";
const unpause = "0x3f4ba83a";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const amounts = (payments: readonly { readonly amount: bigint }[]): readonly bigint[] =>
  payments.map(({ amount }) => amount);

test("300 recipients are paid in two transactions; one that refuses is skipped and can claim later [PAYO-07] [PAYO-08]", async () => {
  const payments = paymentsTo(300);
  const refusing = payments[270];
  if (!refusing) throw new Error("no such payment");
  await setRefusing(stage, refusing.account, true);
  const settlement = await finalizeEpoch(stage, "many", payments);
  const before = await payerNonce(stage);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "many")).toEqual({ reconciled: 299, failed: 1 });
  expect(await payerNonce(stage)).toBe(before + 2);
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments).with(270, 0n));
  const refused = (await instructionsOf(stage.signer, { scope: "many", epoch: 1 }))[270];
  expect(refused).toMatchObject({ state: "failed", refused: true, intent: "pay:many/1/256#1" });

  // It is not asked again by itself, and takes what is its own when it can.
  await runToRest(stage.deps);
  expect(await payerNonce(stage)).toBe(before + 2);
  await setRefusing(stage, refusing.account, false);
  const leaf = { index: 270n, ...refusing };
  const claim = claimCall(stage.deployment.treasury, settlement.place, leaf, proofOfBlock(settlement, 270));
  await act(stage.chain, "sink", claim);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "many")).toEqual({ reconciled: 300 });
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
});

test("two signers at once pay once [PAYO-01]", async () => {
  const payments = paymentsTo(260, 1_000);
  await finalizeEpoch(stage, "twice", payments);
  const before = await payerNonce(stage);
  const other = new Database(optionsOf(stage.server.urls.signer));
  const second = await depsOf(stage, other, () => stage.now, stage.deps.log);
  await Promise.all([runToRest(stage.deps), runToRest(second)]);
  await runToRest(stage.deps);
  await other.close();
  expect(await statesOf(stage, "twice")).toEqual({ reconciled: 260 });
  expect(await payerNonce(stage)).toBe(before + 2);
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
  const { rows } = await stage.signer.query(
    `SELECT payout_id FROM payout.journal JOIN payout.instruction USING (payout_id)
     WHERE scope = 'twice' GROUP BY payout_id, to_state HAVING count(*) > 1`,
  );
  expect(rows).toEqual([]);
});

test("what a stopped process did not note is noted as refused when its event comes", async () => {
  const payments = paymentsTo(3, 2_000);
  const [first] = payments;
  if (!first) throw new Error("no such payment");
  await setRefusing(stage, first.account, true);
  await finalizeEpoch(stage, "unnoted", payments);
  await authorizePayouts(stage.deps);
  // Ends after the transaction was sent, before it is noted.
  const { database } = stage.deps;
  const gone = new Database(optionsOf(stage.server.urls.signer));
  gone.transaction = () => Promise.reject(new Error("the process ended"));
  await expect(sendPayouts({ ...stage.deps, database: gone })).rejects.toThrow("the process ended");
  await gone.close();
  expect(await statesOf(stage, "unnoted")).toEqual({ authorized: 3 });
  await reconcilePayouts(stage.deps);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "unnoted")).toEqual({ reconciled: 2, failed: 1 });
  const [refused, paid] = await instructionsOf(database, { scope: "unnoted", epoch: 1 });
  expect(refused).toMatchObject({ refused: true, intent: "pay:unnoted/1/0#1" });
  expect(paid).toMatchObject({ state: "reconciled", intent: "pay:unnoted/1/0#1" });
  expect(await balancesOf(stage, payments)).toEqual([0n, 1_001n, 1_002n]);
});

test("payouts wait while the treasury is paused, however often it is asked, and are paid after", async () => {
  const payments = paymentsTo(2, 3_000);
  await finalizeEpoch(stage, "paused", payments);
  const before = await payerNonce(stage);
  await act(stage.chain, "pauser", { to: stage.deployment.treasury, data: pause, value: 0n });
  await authorizePayouts(stage.deps);
  for (let run = 0; run < 5; run++) expect(await sendPayouts(stage.deps)).toBe(0);
  expect(await trackPayouts(stage.deps)).toBe(0);
  expect(await statesOf(stage, "paused")).toEqual({ authorized: 2 });
  expect(await payerNonce(stage)).toBe(before);
  await act(stage.chain, "governance", { to: stage.deployment.treasury, data: unpause, value: 0n });
  await runToRest(stage.deps);
  expect(await statesOf(stage, "paused")).toEqual({ reconciled: 2 });
});

test("a transaction that reverts is dead, and another pays [PAYO-06]", async () => {
  const payments = paymentsTo(2, 4_000);
  await finalizeEpoch(stage, "reverted", payments);
  const before = await payerNonce(stage);
  await authorizePayouts(stage.deps);
  await stage.chain.rpc("evm_setAutomine", false);
  await sendPayouts(stage.deps);
  await pauseBefore(stage);
  expect(await trackPayouts(stage.deps)).toBe(2);
  expect(await statesOf(stage, "reverted")).toEqual({ failed: 2 });
  await act(stage.chain, "governance", { to: stage.deployment.treasury, data: unpause, value: 0n });
  await runToRest(stage.deps);
  expect(await statesOf(stage, "reverted")).toEqual({ reconciled: 2 });
  expect(await payerNonce(stage)).toBe(before + 2);
  expect(await balancesOf(stage, payments)).toEqual(amounts(payments));
});
