// A fresh in-process chain with all contracts on it and an account for every role.
import hre from "hardhat";
import { getContract, parseAbi, type Abi, type Address, type Hex } from "viem";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { demoTokenAbi } from "#chain/abi/demo-token.ts";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import { named, settle, type Header, type Payout, type Settlement } from "./settlement.ts";

/** Terms every test starts from; short enough to reason about, different enough to tell apart. */
export const windowSeconds = 3_600;
export const holdSeconds = 1_800;
export const challengeBond = 1_000n;
export const holdBond = 10n;

export const scope = named("scope");
export const ruleset = named("ruleset");

/** How a transfer of the hostile token to an account goes wrong, by number (HostileToken.sol). */
export const refusals = ["None", "Revert", "AnswerFalse", "AnswerShort", "AnswerHuge", "BurnGas", "CallBack"] as const;

const hostileTokenAbi = parseAbi([
  "function setRefusal(address account, uint8 refusal)",
  "function setCallBack(address target, bytes data)",
  "function setFee(uint256 fee)",
  "function setSilent(bool silent)",
  "function calledBack() view returns (bool)",
]);

export type Deployed = Awaited<ReturnType<typeof deployContracts>>;

/** Deploys token, anchor and treasury; who posts bonds or funds holds tokens and has approved the contract for it. */
export async function deployContracts(tokenName: "DemoToken" | "HostileToken" = "DemoToken") {
  const { viem, networkHelpers } = await hre.network.create();
  const client = await viem.getPublicClient();
  const accounts = await roleAccounts(viem);
  const [wallet] = await viem.getWalletClients();
  if (wallet === undefined) throw new Error("the chain has no accounts");

  const deploy = async (name: string, args: readonly unknown[]): Promise<Address> => {
    const artifact = await hre.artifacts.readArtifact(name);
    const hash = await wallet.deployContract({ abi: artifact.abi as Abi, bytecode: artifact.bytecode as Hex, args });
    const { contractAddress } = await client.getTransactionReceipt({ hash });
    if (contractAddress === null || contractAddress === undefined) throw new Error(`${name} was not deployed`);
    return contractAddress;
  };
  const { governance, proposer, challenger, adjudicator, pauser, payer, sink } = accounts;
  const token = getContract({
    address: await deploy(tokenName, [governance, 10n ** 30n]),
    abi: demoTokenAbi,
    client: { public: client, wallet },
  });
  const terms = { bondToken: token.address, challengeBond, holdBond, windowSeconds, holdSeconds, bondSink: sink };
  const anchor = getContract({
    address: await deploy("Anchor", [terms, { governance, proposer, challenger, adjudicator, pauser }]),
    abi: anchorAbi,
    client: { public: client, wallet },
  });
  const treasury = getContract({
    address: await deploy("Treasury", [anchor.address, token.address, { governance, payer, pauser }]),
    abi: treasuryAbi,
    client: { public: client, wallet },
  });

  const hostile = getContract({ address: token.address, abi: hostileTokenAbi, client: { public: client, wallet } });
  const hostility = {
    setRefusal: (account: Address, refusal: (typeof refusals)[number]) =>
      hostile.write.setRefusal([account, refusals.indexOf(refusal)]),
    setCallBack: (target: Address, data: Hex) => hostile.write.setCallBack([target, data]),
    setFee: (fee: bigint) => hostile.write.setFee([fee]),
    setSilent: (silent: boolean) => hostile.write.setSilent([silent]),
    calledBack: () => hostile.read.calledBack(),
  };

  for (const account of [challenger, accounts.stranger]) {
    await token.write.transfer([account, 10n ** 6n], { account: governance });
    await token.write.approve([anchor.address, 2n ** 255n], { account });
  }
  await token.write.approve([treasury.address, 2n ** 255n], { account: governance });
  await anchor.write.activateRuleset([scope, ruleset, 1n], { account: governance });
  return { client, wallet, accounts, token, anchor, treasury, deploy, terms, time: networkHelpers.time, ...hostility };
}

/** An address for each part somebody can play. */
async function roleAccounts(viem: { getWalletClients(): Promise<readonly { account: { address: Address } }[]> }) {
  const addresses = (await viem.getWalletClients()).map(({ account }) => account.address);
  const [, governance, proposer, challenger, adjudicator, pauser, payer, sink, stranger, alice, bob, carol] = addresses;
  const named = { governance, proposer, challenger, adjudicator, pauser, payer, sink, stranger, alice, bob, carol };
  return named as { readonly [Name in keyof typeof named]: Address };
}

/** A settlement of the test scope for this deployment, following the scope's finalized head. */
export async function nextSettlement(
  { client, anchor }: Deployed,
  payments: readonly Omit<Payout, "index">[] = [],
  fields: Partial<Header> = {},
): Promise<Settlement> {
  const [headEpoch, previousRoot] = await anchor.read.headOf([fields.scope ?? scope]);
  const place = {
    chainId: BigInt(await client.getChainId()),
    anchor: anchor.address,
    scope: fields.scope ?? scope,
    epoch: fields.epoch ?? headEpoch + 1n,
  };
  return settle(place, payments, { previousRoot, ...fields });
}

/** Proposes a settlement as the proposer; returns the transaction. */
export function propose({ anchor, accounts }: Deployed, { header, subRoots }: Settlement): Promise<Hex> {
  return anchor.write.propose([header, subRoots], { account: accounts.proposer });
}

/** Proposes, waits out the window, finalizes. */
export async function finalizeSettlement(deployed: Deployed, settlement: Settlement): Promise<void> {
  await propose(deployed, settlement);
  await deployed.time.increase(windowSeconds);
  await deployed.anchor.write.finalize([settlement.header.scope, settlement.header.epoch]);
}

/** Gives an epoch what its settlement commits to pay. */
export async function fundSettlement({ treasury, accounts }: Deployed, { header }: Settlement): Promise<void> {
  await treasury.write.fund([header.scope, header.epoch, header.payoutTotal], { account: accounts.governance });
}

/** Gas that a transaction used. */
export async function gasOf({ client }: Deployed, hash: Hex): Promise<number> {
  return Number((await client.getTransactionReceipt({ hash })).gasUsed);
}
