// What the transactions of an epoch cost in gas, on a chain in this process. Gas is exact: one run tells.
import { padHex } from "viem";
import {
  deployContracts,
  finalizeSettlement,
  fundSettlement,
  gasOf,
  nextSettlement,
  propose,
  scope,
} from "../contracts/support/deployed.ts";
import { named, proofOfBlock, recordOf } from "../contracts/support/settlement.ts";
import type { BenchRow } from "./tree.ts";

/** Accounts that look like accounts: no runs of zero bytes that would make calldata cheaper than it is. */
const accountsOf = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    padHex(named(`payee ${index}`).slice(0, 42) as `0x${string}`, { size: 20 }),
  );

/** Gas of three proposals of a scope that has a finalized epoch already (ANCH-01). */
export async function proposeGas(): Promise<readonly number[]> {
  const deployed = await deployContracts();
  const { alice } = deployed.accounts;
  await finalizeSettlement(deployed, await nextSettlement(deployed, [{ account: alice, amount: 5n }]));
  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const payments = [{ account: alice, amount: 123_456_789_012_345_678_901n }];
    const settlement = await nextSettlement(deployed, payments, { itemCount: 98_765n });
    costs.push(await gasOf(deployed, await propose(deployed, settlement)));
    await deployed.time.increase(3_600);
    await deployed.anchor.write.finalize([scope, settlement.header.epoch]);
  }
  return costs;
}

/** Gas a payee when a range of 256 out of 1,000 is paid: to accounts that are new to the token, and to holders (PAYO-07). */
export async function payRangeGas(): Promise<{ readonly toNew: number; readonly toHolders: number }> {
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
    const hash = await deployed.treasury.write.payRange(
      [scope, settlement.header.epoch, 256n, payments.slice(256, 512).map(recordOf), proofOfBlock(settlement, 256, 8)],
      { account: deployed.accounts.payer },
    );
    costs.push((await gasOf(deployed, hash)) / 256);
  }
  return { toNew: costs[0] ?? Number.NaN, toHolders: costs[1] ?? Number.NaN };
}

/** The figures as rows. */
export async function benchGas(): Promise<readonly BenchRow[]> {
  const how = "exact gas on an in-process chain, optimizer on, calldata included";
  const { toNew, toHolders } = await payRangeGas();
  return [
    { name: "propose", value: Math.max(...(await proposeGas())), unit: "gas", how: `${how}; most of three proposals` },
    { name: "payRange of 256, existing holders", value: Math.round(toHolders), unit: "gas/payee", how },
    { name: "payRange of 256, new holders", value: Math.round(toNew), unit: "gas/payee", how },
  ];
}
