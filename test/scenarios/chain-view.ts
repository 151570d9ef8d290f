// What the chain itself says of an epoch's payouts, read with viem alone.
import { createPublicClient, erc20Abi, http, type PublicClient } from "viem";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import { demoScope } from "#cli/demo/submissions.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { Stage } from "./stage.ts";

/** A client of the stage's chain as it runs now. */
export function clientOf(stage: Stage): PublicClient {
  return createPublicClient({ transport: http(stage.rpcUrl), cacheTime: 0 });
}

/** What the treasury was given for an epoch, and what it paid. */
export async function fundsOf(stage: Stage, epoch = 1): Promise<{ readonly funded: bigint; readonly paid: bigint }> {
  const client = clientOf(stage);
  const args = [scopeId(demoScope), BigInt(epoch)] as const;
  const at = { address: stage.node.treasury, abi: treasuryAbi, args } as const;
  return {
    funded: await client.readContract({ ...at, functionName: "fundedOf" }),
    paid: await client.readContract({ ...at, functionName: "paidOf" }),
  };
}

/** The sum of everything that the treasury's events say was paid for an epoch, and in how many transfers. */
export async function paidByEvents(stage: Stage, epoch = 1): Promise<{ amount: bigint; transfers: number }> {
  const client = clientOf(stage);
  const at = { address: stage.node.treasury, abi: treasuryAbi, fromBlock: 0n, strict: true } as const;
  const args = { scope: scopeId(demoScope), epoch: BigInt(epoch) };
  const ranges = await client.getContractEvents({ ...at, eventName: "RangePaid", args });
  const claims = await client.getContractEvents({ ...at, eventName: "Claimed", args });
  const transfers = await client.getContractEvents({
    address: stage.node.token,
    abi: erc20Abi,
    eventName: "Transfer",
    args: { from: stage.node.treasury },
    fromBlock: 0n,
  });
  const amounts = [...ranges, ...claims].map((event) => event.args.amount);
  return { amount: amounts.reduce((sum, each) => sum + each, 0n), transfers: transfers.length };
}

/** How much of the token an account has. */
export async function balanceOf(stage: Stage, account: Hex): Promise<bigint> {
  const args = [account] as const;
  return await clientOf(stage).readContract({
    address: stage.node.token,
    abi: erc20Abi,
    functionName: "balanceOf",
    args,
  });
}
