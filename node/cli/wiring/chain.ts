// The chain of a process: its endpoints, the contracts on it, and how transactions are sent.
import { anchorTopics, type ContractPlace } from "#chain/anchor.ts";
import { connectChain, type ChainClient } from "#chain/client.ts";
import { localKey } from "#chain/local-key.ts";
import type { Submitter } from "#chain/submitter.ts";
import { treasuryTopics } from "#chain/treasury.ts";
import type { FollowSource } from "#chain/follower.ts";
import type { Hex } from "#protocol/hash.ts";
import type { MessageDomain } from "#protocol/messages.ts";
import { openTransactions, type TransactionSchema } from "#storage/chain-transactions.ts";
import type { Database } from "#storage/database.ts";
import type { Deployment } from "../../../deploy/chain/deploy.ts";
import type { Configuration } from "../config/schema.ts";

/** One request to an endpoint takes at most this long. */
const requestTimeoutMs = 10_000;
/** A transaction that waits this long in the pool is replaced at a higher fee. */
const replaceAfterSeconds = 60;
/** Most gas one transaction may reserve: a range of 256 payouts to new holders takes about seven million. */
const gasLimitCeiling = 12_000_000n;
const gwei = 1_000_000_000n;
/** Tip of a first attempt, in gwei. */
const firstTipGwei = 2n;

/** The chain as a process uses it. */
export type ChainAccess = {
  readonly client: ChainClient;
  readonly anchor: ContractPlace;
  readonly treasury: ContractPlace;
  readonly domain: MessageDomain;
  readonly deploymentBlock: bigint;
  /** Blocks that must lie on top of an event before it counts. */
  readonly confirmations: bigint;
};

/** Connects to the chain and names the contracts on it. @throws ProtocolError SETTLEMENT_CHAIN_ID_MISMATCH, …_UNREACHABLE */
export async function openChain(
  configuration: Configuration,
  endpoints: readonly string[],
  deployment: Deployment,
): Promise<ChainAccess> {
  const chainId = configuration.SCS_CHAIN_ID;
  const client = await connectChain({ endpoints, chainId, timeoutMs: requestTimeoutMs });
  return {
    client,
    anchor: { chain: client, address: deployment.anchor },
    treasury: { chain: client, address: deployment.treasury },
    domain: { chainId: BigInt(chainId), anchor: deployment.anchor },
    deploymentBlock: BigInt(deployment.deployBlock),
    confirmations: BigInt(configuration.SCS_CHAIN_CONFIRMATIONS),
  };
}

/** What to follow of one of the contracts. */
export function followSource(access: ChainAccess, contract: "anchor" | "treasury"): FollowSource {
  const topics = contract === "anchor" ? anchorTopics : treasuryTopics;
  const { deploymentBlock, confirmations } = access;
  return { address: access[contract].address, topics, deploymentBlock, confirmations };
}

/** Sending under a key, with everything persisted in a schema of the database first. */
export function submitterFor(
  configuration: Configuration,
  access: ChainAccess,
  sending: {
    readonly database: Database;
    readonly schema: TransactionSchema;
    readonly privateKey: Hex;
    readonly clock: () => Date;
  },
): Submitter {
  return {
    chain: access.client,
    signer: localKey(sending.privateKey),
    journal: openTransactions(sending.database, sending.schema),
    policy: {
      confirmations: access.confirmations + 1n,
      replaceAfterSeconds,
      gasLimitCeiling,
      ceiling: {
        maxFeePerGas: BigInt(configuration.SCS_CHAIN_FEE_CEILING_GWEI) * gwei,
        firstPriorityFeePerGas: firstTipGwei * gwei,
      },
    },
    nowSeconds: () => Math.floor(sending.clock().getTime() / 1000),
  };
}
