// The real contracts on a test chain, deployed by their compiled artifacts, with a key for each role.
import hre from "hardhat";
import { encodeDeployData, encodeFunctionData, parseAbi, type Abi } from "viem";
import type { ContractCall } from "#chain/contract-call.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { named, settle, type Payout, type Settlement } from "#test/contracts/support/settlement.ts";
import { deployDirectly, sendDirectly, signerOf, testChainId, type TestChain } from "./test-chain.ts";

export const windowSeconds = 600;
export const scope = named("scope");
export const ruleset = named("ruleset");

/** Which of the test keys plays which part. */
export const role = {
  governance: 0,
  proposer: 1,
  challenger: 2,
  adjudicator: 3,
  pauser: 4,
  payer: 5,
  sink: 6,
} as const;
export const accountOf = (part: keyof typeof role): Hex => signerOf(role[part]).address;

export type Contracts = { readonly token: Hex; readonly anchor: Hex; readonly treasury: Hex };

const erc20 = parseAbi(["function approve(address,uint256)", "function transfer(address,uint256)"]);

export function approveCall(token: Hex, spender: Hex): ContractCall {
  return {
    to: token,
    data: encodeFunctionData({ abi: erc20, functionName: "approve", args: [spender, 2n ** 200n] }),
    value: 0n,
  };
}

/** Carries out a call directly, as one of the parts; throws when it reverts. */
export async function act(chain: TestChain, part: keyof typeof role, call: ContractCall): Promise<Hex> {
  const hash = await sendDirectly(chain, signerOf(role[part]), call);
  const { status } = await chain.client.getTransactionReceipt({ hash });
  if (status !== "success") throw new Error(`${part}'s call reverted`);
  return hash;
}

async function deploy(chain: TestChain, name: string, args: readonly unknown[]): Promise<Hex> {
  const artifact = await hre.artifacts.readArtifact(name);
  const code = encodeDeployData({ abi: artifact.abi as Abi, bytecode: artifact.bytecode as Hex, args });
  return deployDirectly(chain, signerOf(role.governance), code);
}

export async function deployAll(chain: TestChain): Promise<Contracts> {
  const governance = accountOf("governance");
  const token = await deploy(chain, "DemoToken", [governance, 10n ** 30n]);
  const terms = {
    bondToken: token,
    challengeBond: 1_000n,
    holdBond: 10n,
    windowSeconds,
    holdSeconds: 300,
    bondSink: accountOf("sink"),
  };
  const roles = Object.fromEntries(Object.keys(role).map((part) => [part, accountOf(part as keyof typeof role)]));
  const anchor = await deploy(chain, "Anchor", [terms, roles]);
  const treasury = await deploy(chain, "Treasury", [anchor, token, roles]);
  const transfer = encodeFunctionData({
    abi: erc20,
    functionName: "transfer",
    args: [accountOf("challenger"), 10n ** 6n],
  });
  await act(chain, "governance", { to: token, data: transfer, value: 0n });
  await act(chain, "challenger", approveCall(token, anchor));
  await act(chain, "governance", approveCall(token, treasury));
  return { token, anchor, treasury };
}

/** A settlement of the test scope, as another implementation builds it. */
export function settlementOf(
  contracts: Contracts,
  epoch: bigint,
  payments: readonly Omit<Payout, "index">[] = [],
  previousRoot: Hex = `0x${"00".repeat(32)}`,
): Settlement {
  const place = { chainId: BigInt(testChainId), anchor: contracts.anchor, scope, epoch };
  return settle(place, payments, { previousRoot });
}
