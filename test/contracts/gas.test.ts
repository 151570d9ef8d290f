// What the two transactions of an epoch cost. Gas is exact, so the limits are asserted.
import { maxUint64, type Address } from "viem";
import { expect, test } from "vitest";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  gasOf,
  nextSettlement,
  propose,
  scope,
  windowSeconds,
} from "./support/deployed.ts";
import { named, proofOfBlock, recordOf } from "./support/settlement.ts";

/** Accounts that look like accounts: no runs of zero bytes that would make calldata cheaper than it is. */
const accountsOf = (count: number): readonly Address[] =>
  Array.from({ length: count }, (_, index) => named(`payee ${index}`).slice(0, 42) as Address);

test("propose costs at most 110,000 gas from a scope's second epoch on, with the longest of values (ANCH-01)", async () => {
  const deployed = await deployContracts();
  await finalizeSettlement(deployed, await nextSettlement(deployed));

  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const payments = [{ account: deployed.accounts.alice, amount: 2n ** 128n - 1n }];
    const longest = { itemCount: maxUint64, payoutCount: 2n ** 48n - 1n };
    const settlement = await nextSettlement(deployed, payments, longest);
    costs.push(await gasOf(deployed, await propose(deployed, settlement)));
    await deployed.time.increase(windowSeconds);
    await deployed.anchor.write.finalize([scope, settlement.header.epoch]);
  }

  console.info(`propose: ${costs.join(", ")} gas`);
  for (const cost of costs) expect(cost).toBeLessThanOrEqual(110_000);
});

test("payRange costs at most 10,500 gas a payee for 256 holders in a tree of 1,000 (PAYO-07)", async () => {
  const deployed = await deployContracts();
  const payments = accountsOf(1_000).map((account, index) => ({
    account,
    amount: 1_234_567_890_123_456_789n + BigInt(index),
  }));

  const costs: number[] = [];
  for (let round = 0; round < 2; round++) {
    const settlement = await nextSettlement(deployed, payments);
    await finalizeSettlement(deployed, settlement);
    await fundSettlement(deployed, settlement);
    const records = payments.slice(256, 512).map(recordOf);
    const proof = proofOfBlock(settlement, 256, 8);
    const args = [scope, settlement.header.epoch, 256n, records, proof] as const;
    const hash = await deployed.treasury.write.payRange(args, { account: deployed.accounts.payer });
    costs.push((await gasOf(deployed, hash)) / 256);
  }

  const [newHolders = 0, holders = 0] = costs;
  console.info(`payRange, 256 payees: ${newHolders} gas each to new holders, ${holders} to holders`);
  expect(holders).toBeLessThanOrEqual(10_500);
  expect(newHolders).toBeLessThanOrEqual(28_000);
});

test("recipients that burn all they are given cost no more than their bound (PAYO-07)", async () => {
  const deployed = await deployContracts("HostileToken");
  const payments = accountsOf(16).map((account) => ({ account, amount: 5n }));
  for (const { account } of payments) await deployed.setRefusal(account, "BurnGas");
  const settlement = await nextSettlement(deployed, payments);
  await finalizeSettlement(deployed, settlement);
  await fundSettlement(deployed, settlement);
  const args = [scope, 1n, 0n, payments.map(recordOf), proofOfBlock(settlement, 0, 4)] as const;
  const hash = await deployed.treasury.write.payRange(args, { account: deployed.accounts.payer });
  expect((await gasOf(deployed, hash)) / payments.length).toBeLessThan(110_000);
});
