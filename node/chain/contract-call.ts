// A call of a contract as plain data, and what would become of it if it were sent now.
import {
  BaseError,
  CallExecutionError,
  decodeErrorResult,
  ExecutionRevertedError,
  isHex,
  RawContractError,
  RpcRequestError,
  type Abi,
  type PublicClient,
} from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { readAgreed, readReached, type AgreedBlock, type ChainClient } from "./client.ts";

/** What a transaction shall do. */
export type ContractCall = {
  /** Lower-case; null creates a contract from `data`. */
  readonly to: Hex | null;
  readonly data: Hex;
  /** In wei. */
  readonly value: bigint;
};

/** The outcome of a call at a block, nothing sent. `data` of a revert is what the contract gave as reason. */
export type Simulation = { readonly kind: "succeeds" } | { readonly kind: "reverts"; readonly data: Hex };

/** A revert in words: the error's name and its arguments, as far as the ABI knows it. */
export type RevertReason = { readonly name: string; readonly args: Readonly<Record<string, string>> };

const REVERT_CODE = 3;

/** The revert data inside an RPC error; undefined when the error is no revert. */
function revertData(error: unknown): Hex | undefined {
  if (!(error instanceof BaseError)) return undefined;
  let data: Hex | undefined;
  let reverted = false;
  error.walk((cause) => {
    if (cause instanceof ExecutionRevertedError) reverted = true;
    if (cause instanceof RpcRequestError && cause.code === REVERT_CODE) reverted = true;
    if (cause instanceof RpcRequestError || cause instanceof RawContractError) {
      const given: unknown = cause.data;
      const bare = typeof given === "object" && given !== null && "data" in given ? given.data : given;
      if (isHex(bare)) data ??= bare;
    }
    return false;
  });
  return reverted ? (data ?? "0x") : undefined;
}

async function simulateAt(client: PublicClient, from: Hex, call: ContractCall, blockHash: Hex): Promise<Simulation> {
  const { to, data, value } = call;
  try {
    await client.call({ account: from, to, data, value, blockHash });
    return { kind: "succeeds" };
  } catch (error) {
    const reverted = error instanceof CallExecutionError ? revertData(error) : undefined;
    if (reverted === undefined) throw error;
    return { kind: "reverts", data: reverted };
  }
}

/** What would become of a call at a block, as a quorum sees it. Throws as `readAgreed`. */
export function simulate(chain: ChainClient, from: Hex, call: ContractCall, at: AgreedBlock): Promise<Simulation> {
  return readAgreed(chain, (client) => simulateAt(client, from, call, at.hash));
}

/**
 * Gas that a call needs at a block: the highest estimate that a quorum reaches, since honest endpoints differ. Zero when
 * a quorum cannot estimate it because it reverts. Throws SETTLEMENT_CHAIN_UNREACHABLE when too few answer.
 */
export function estimateGas(chain: ChainClient, from: Hex, call: ContractCall, at: AgreedBlock): Promise<bigint> {
  return readReached(chain, async (client) => {
    try {
      return await client.estimateGas({ account: from, ...call, blockNumber: at.number });
    } catch (error) {
      if (revertData(error) === undefined) throw error;
      return 0n;
    }
  });
}

/** Names a revert by the errors of an ABI. What the ABI does not know is named `unknown`, with its data. */
export function describeRevert(abi: Abi, data: Hex): RevertReason {
  try {
    const { errorName, abiItem, args = [] } = decodeErrorResult({ abi, data });
    const inputs = "inputs" in abiItem ? abiItem.inputs : [];
    const named = args.map((value, index) => [inputs[index]?.name ?? String(index), String(value)]);
    return { name: errorName, args: Object.fromEntries(named) as Record<string, string> };
  } catch {
    return { name: "unknown", args: { data } };
  }
}
