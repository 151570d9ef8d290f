// The contracts a process works with: configured addresses, or those that its own local chain was given.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createWalletClient, defineChain, http, publicActions, encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { deployDemoToken, deploySettlement, type Deployment } from "../../../deploy/chain/deploy.ts";
import type { Configuration } from "../config/schema.ts";
import { provideKeyIn, type ActorKey } from "../keys.ts";
import { keyFile, nodeKeys, payerAddress } from "./keys.ts";

/** Supply of the local chain's token: a billion tokens of 18 decimals, held by the treasurer. */
const demoSupply = 10n ** 27n;
/** Bonds on the local chain: small against the supply. */
const localBonds = { challengeBond: 10n ** 20n, holdBond: 10n ** 18n } as const;
/** Everybody may challenge on the local chain. */
const everybody: Hex = `0x${"0".repeat(40)}`;

const recordFile = (dataDir: string): string => join(dataDir, "deployment.json");

/** Names of the keys that act on the local chain besides the node's own. */
export const localActors = ["deployer", "governance", "adjudicator", "pauser", "treasurer"] as const;

/** A key of the local chain's actors. */
export function localActor(dataDir: string, name: (typeof localActors)[number]): ActorKey {
  return provideKeyIn(keyFile(dataDir, name));
}

/** The deployment of this data folder, or undefined. */
export function readDeployment(dataDir: string): Deployment | undefined {
  const file = recordFile(dataDir);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Deployment) : undefined;
}

/**
 * The contracts to use. Configured addresses win; else the data folder's record.
 * @throws ProtocolError INTERNAL_CONFIGURATION when there are neither
 */
export function knownDeployment(configuration: Configuration): Deployment {
  const recorded = readDeployment(configuration.SCS_DATA_DIR);
  const anchor = configuration.SCS_ANCHOR_ADDRESS || recorded?.anchor;
  const treasury = configuration.SCS_TREASURY_ADDRESS || recorded?.treasury;
  if (anchor === undefined || treasury === undefined) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", {
      settings: [
        "SCS_ANCHOR_ADDRESS and SCS_TREASURY_ADDRESS are not set, and nothing was deployed from this data folder",
      ],
    });
  }
  return {
    chainId: configuration.SCS_CHAIN_ID,
    token: recorded?.token ?? everybody,
    anchor: anchor as Hex,
    treasury: treasury as Hex,
    deployBlock: recorded?.deployBlock ?? 0,
  };
}

/** Everybody who needs ether on the local chain. */
export async function localAccounts(configuration: Configuration): Promise<readonly Hex[]> {
  const dataDir = configuration.SCS_DATA_DIR;
  const actors = localActors.map((name) => localActor(dataDir, name).address);
  return [...actors, nodeKeys(configuration).proposer.address, await payerAddress(configuration)];
}

/** Deploys token, anchor and treasury to the local chain, or goes on where a crash stopped it. Answers where they are. */
export async function deployLocally(configuration: Configuration, rpcUrl: string): Promise<Deployment> {
  const dataDir = configuration.SCS_DATA_DIR;
  const known = readDeployment(dataDir);
  if (known) return known;
  const address = (name: (typeof localActors)[number]): Hex => localActor(dataDir, name).address;
  const chainId = configuration.SCS_CHAIN_ID;
  const deployer = {
    rpcUrl,
    chainId,
    privateKey: localActor(dataDir, "deployer").privateKey,
    firstNonce: 0,
    fromBlock: 0,
  };
  const token = await deployDemoToken(deployer, address("treasurer"), demoSupply);
  const windowSeconds = configuration.SCS_ANCHOR_WINDOW_SECONDS;
  const terms = { ...localBonds, windowSeconds, holdSeconds: windowSeconds, bondSink: address("governance") };
  const deployment = await deploySettlement({ ...deployer, firstNonce: 1 }, token, terms, {
    governance: address("governance"),
    proposer: nodeKeys(configuration).proposer.address,
    challenger: everybody,
    adjudicator: address("adjudicator"),
    pauser: address("pauser"),
    payer: await payerAddress(configuration),
  });
  const draft = `${recordFile(dataDir)}.draft`;
  writeFileSync(draft, `${JSON.stringify(deployment, null, 2)}\n`, { flush: true });
  renameSync(draft, recordFile(dataDir));
  return deployment;
}

/** Sends a call as one of the local chain's actors and waits until it is mined. @throws Error if it reverts */
export async function sendAs(
  rpcUrl: string,
  chainId: number,
  { privateKey }: ActorKey,
  call: { readonly to: Hex | null; readonly data: Hex },
): Promise<{ readonly hash: Hex; readonly gasUsed: bigint }> {
  const chain = defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
  const wallet = createWalletClient({
    account: privateKeyToAccount(privateKey),
    chain,
    transport: http(rpcUrl),
  }).extend(publicActions);
  const hash = await wallet.sendTransaction({ to: call.to, data: call.data });
  const { status, gasUsed } = await wallet.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  if (status !== "success") throw new Error(`transaction ${hash} reverted`);
  return { hash, gasUsed };
}

/** The call by which governance puts a ruleset in force. */
export function activateRulesetCall(anchor: Hex, scope: Hex, ruleset: Hex, fromEpoch: number): { to: Hex; data: Hex } {
  const args = [scope, ruleset, BigInt(fromEpoch)] as const;
  return { to: anchor, data: encodeFunctionData({ abi: anchorAbi, functionName: "activateRuleset", args }) };
}
