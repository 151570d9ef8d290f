// From final rewards to authorized payouts: proven against the chain, held back by funds and limits.
import { afterAll, beforeAll, expect, test } from "vitest";
import { authorizePayouts, nextIntent, triesOf } from "#payout/authorize.ts";
import { sendPayouts, trackPayouts } from "#payout/send.ts";
import { askForRetry } from "#storage/payout-retries.ts";
import { instructionsOf } from "#storage/payouts.ts";
import { act } from "#test/chain/support/contracts.ts";
import {
  balancesOf,
  finalizeEpoch,
  fund,
  openStage,
  pauseBefore,
  payerNonce,
  paymentsTo,
  runToRest,
  setRefusing,
  statesOf,
  storeFinalized,
  type Stage,
} from "./stage.ts";
import { settle } from "#test/contracts/support/settlement.ts";
import { scopeId } from "#protocol/leaves.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

test("an epoch that is not funded waits, and is paid once it is", async () => {
  const payments = paymentsTo(4);
  const { header } = await finalizeEpoch(stage, "unfunded", payments, { funded: false });
  const before = await payerNonce(stage);
  await runToRest(stage.deps);
  await fund(stage, "unfunded", header.payoutTotal - 1n);
  expect(await authorizePayouts(stage.deps)).toBe(0);
  expect(await statesOf(stage, "unfunded")).toEqual({ prepared: 4 });
  expect(await payerNonce(stage)).toBe(before);
  expect(stage.logged.at(-1)).toMatchObject({
    code: "PAYOUT_NOT_FUNDED",
    committed: String(header.payoutTotal),
    funded: String(header.payoutTotal - 1n),
  });
  await fund(stage, "unfunded", 1n);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "unfunded")).toEqual({ reconciled: 4 });
  expect(await balancesOf(stage, payments)).toEqual([1_000n, 1_001n, 1_002n, 1_003n]);
});

test("leaves that do not lead to the chain's root are mismatched, naming both roots, and nothing is sent [PAYO-05]", async () => {
  const payments = paymentsTo(5, 100);
  const [first, second, ...rest] = payments;
  if (!first || !second) throw new Error("no payments");
  const ledger = [{ ...first, amount: first.amount + 1n }, { ...second, amount: second.amount - 1n }, ...rest];
  const { root, place } = await finalizeEpoch(stage, "altered", payments, { ledger });
  const before = await payerNonce(stage);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "altered")).toEqual({ mismatched: 5 });
  expect(await payerNonce(stage)).toBe(before);
  const why = `the leaves lead to ${settle(place, ledger).root}, the chain holds ${root}`;
  const { rows } = await stage.signer.query("SELECT DISTINCT detail FROM payout.instruction WHERE scope = 'altered'");
  expect(rows).toEqual([{ detail: why }]);
  expect(stage.logged.find(({ code }) => code === "PAYOUT_MISMATCH")).toMatchObject({ scope: "altered", why });
});

test("a root that the chain does not hold, or not yet, makes payouts wait; it says nothing against them", async () => {
  const place = { chainId: 31_337n, anchor: stage.deployment.anchor, scope: scopeId("absent"), epoch: 1n };
  const settlement = settle(place, paymentsTo(2, 200));
  await storeFinalized(stage.node, "absent", settlement, settlement.root);
  expect(await authorizePayouts(stage.deps)).toBe(2);
  expect(await authorizePayouts(stage.deps)).toBe(0);
  expect(await statesOf(stage, "absent")).toEqual({ prepared: 2 });
  expect(stage.logged.at(-1)).toMatchObject({ code: "REWARD_NOT_FINAL", scope: "absent" });
});

test("what an hour's limit holds back is paid in a later hour", async () => {
  const payments = paymentsTo(300, 1_000);
  await finalizeEpoch(stage, "slow", payments);
  stage.now = new Date(stage.now.getTime() + 3_600_000);
  const firstRange = payments.slice(0, 256).reduce((sum, { amount }) => sum + amount, 0n);
  const deps = { ...stage.deps, limits: { ...stage.deps.limits, hourlyCap: firstRange } };
  await runToRest(deps);
  expect(await statesOf(stage, "slow")).toEqual({ reconciled: 256, prepared: 44 });
  stage.now = new Date(stage.now.getTime() + 3_599_000);
  await runToRest(deps);
  expect(await statesOf(stage, "slow")).toEqual({ reconciled: 256, prepared: 44 });
  stage.now = new Date(stage.now.getTime() + 1_000);
  await runToRest(deps);
  expect(await statesOf(stage, "slow")).toEqual({ reconciled: 300 });
});

test("an amount that no transaction for a range holds keeps its range, and no other, waiting", async () => {
  const [large, ...others] = paymentsTo(257, 2_000);
  if (!large) throw new Error("no payments");
  await finalizeEpoch(stage, "large", [{ ...large, amount: 2n ** 96n }, ...others]);
  await runToRest(stage.deps);
  expect(await statesOf(stage, "large")).toEqual({ prepared: 256, reconciled: 1 });
  const last = (await instructionsOf(stage.signer, { scope: "large", epoch: 1 })).at(-1);
  expect(last).toMatchObject({ index: 256, state: "reconciled" });
});

test("what holds payouts back is said when it begins, when it changes, and once a minute, not at every look", async () => {
  await finalizeEpoch(stage, "quiet", paymentsTo(2, 3_000), { funded: false });
  await authorizePayouts(stage.deps);
  const lines = (): number =>
    stage.logged.filter(({ msg, scope }) => msg === "payouts are held back" && scope === "quiet").length;
  expect(lines()).toBe(1);
  for (let look = 0; look < 5; look++) await authorizePayouts(stage.deps);
  expect(lines()).toBe(1);
  stage.now = new Date(stage.now.getTime() + 60_000);
  for (let look = 0; look < 5; look++) await authorizePayouts(stage.deps);
  expect(lines()).toBe(2);
  await fund(stage, "quiet", 1n);
  for (let look = 0; look < 5; look++) await authorizePayouts(stage.deps);
  expect(lines()).toBe(3);
});

test("a range above the hourly cap is refused with both numbers, and those that fit are paid [PAYO-03]", async () => {
  const payments = paymentsTo(257, 4_000);
  await finalizeEpoch(stage, "capped", payments);
  stage.now = new Date(stage.now.getTime() + 3_600_000);
  const firstRange = payments.slice(0, 256).reduce((sum, { amount }) => sum + amount, 0n);
  await runToRest({ ...stage.deps, limits: { ...stage.deps.limits, hourlyCap: firstRange - 1n } });
  expect(await statesOf(stage, "capped")).toEqual({ prepared: 256, reconciled: 1 });
  expect(stage.logged.find(({ scope, code }) => scope === "capped" && code === "PAYOUT_POLICY_REFUSED")).toMatchObject({
    limit: "hourly cap below one range",
    cap: String(firstRange - 1n),
    amount: String(firstRange),
  });
  await runToRest(stage.deps);
  expect(await statesOf(stage, "capped")).toEqual({ reconciled: 257 });
});

test("what three dead transactions did not pay is paid by a fourth when somebody asks, who and why in its journal [PAYO-06]", async () => {
  const payments = paymentsTo(2, 5_000);
  await finalizeEpoch(stage, "tired", payments);
  for (let tries = 0; tries < 3; tries++) {
    await authorizePayouts(stage.deps);
    await stage.chain.rpc("evm_setAutomine", false);
    await sendPayouts(stage.deps);
    await pauseBefore(stage);
    expect(await trackPayouts(stage.deps)).toBe(2);
    await act(stage.chain, "governance", { to: stage.deployment.treasury, data: "0x3f4ba83a", value: 0n });
  }
  await runToRest(stage.deps);
  expect(await statesOf(stage, "tired")).toEqual({ failed: 2 });
  const [first] = await instructionsOf(stage.signer, { scope: "tired", epoch: 1 });
  if (!first) throw new Error("no instruction");
  await askForRetry(stage.signer, { payoutId: first.payoutId, by: "ada", why: "it is unpaused", at: stage.now });
  await runToRest(stage.deps);
  expect(await statesOf(stage, "tired")).toEqual({ reconciled: 2 });
  expect(await balancesOf(stage, payments)).toEqual([1_000n, 1_001n]);
  const { rows } = await stage.signer.query(
    "SELECT why FROM payout.journal WHERE payout_id = $1 AND to_state = 'authorized' ORDER BY entry_no DESC LIMIT 1",
    [Buffer.from(first.payoutId.slice(2), "hex")],
  );
  expect(rows).toEqual([{ why: "ada asked for another try: it is unpaused" }]);
});

test("a refusing recipient is asked again when somebody asks, and once for each time", async () => {
  const payments = paymentsTo(2, 6_000);
  const [refusing] = payments;
  if (!refusing) throw new Error("no payments");
  await setRefusing(stage, refusing.account, true);
  await finalizeEpoch(stage, "asked", payments);
  await runToRest(stage.deps);
  const before = await payerNonce(stage);
  const ask = async (): Promise<void> => {
    const [first] = await instructionsOf(stage.signer, { scope: "asked", epoch: 1 });
    const order = {
      payoutId: first?.payoutId ?? "0x",
      by: "ada",
      why: "they say they take it",
      at: stage.now,
    } as const;
    await askForRetry(stage.signer, order);
    await runToRest(stage.deps);
  };
  await ask();
  expect(await statesOf(stage, "asked")).toEqual({ failed: 1, reconciled: 1 });
  expect(await payerNonce(stage)).toBe(before + 1);
  await setRefusing(stage, refusing.account, false);
  await ask();
  expect(await statesOf(stage, "asked")).toEqual({ reconciled: 2 });
  expect(await balancesOf(stage, payments)).toEqual([1_000n, 1_001n]);
});

test("the key of a transaction says its place and its try", () => {
  const key = { scope: "films", epoch: 7 };
  expect(nextIntent(key, 256, null)).toBe("pay:films/7/256#1");
  expect(nextIntent(key, 256, "pay:films/7/256#9")).toBe("pay:films/7/256#10");
  expect(triesOf("pay:films/7/256#10")).toBe(10);
});
