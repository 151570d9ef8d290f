// Reads one contract's logs over a range of blocks from one endpoint, in pieces that the endpoint can answer.
import { BaseError, numberToHex, RpcRequestError, type PublicClient, type RpcLog } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { isTooLarge } from "./endpoint.ts";
import type { ContractLog } from "./event-chain.ts";

/** A contract's logs with one of these signature hashes, both blocks included. */
export type LogQuery = {
  readonly address: Hex;
  readonly topics: ReadonlySet<Hex>;
  readonly fromBlock: bigint;
  readonly toBlock: bigint;
};

const lower = (hex: string): Hex => hex.toLowerCase() as Hex;

function readLog(log: RpcLog): ContractLog {
  if (log.blockNumber === null || log.blockHash === null || log.transactionHash === null || log.logIndex === null) {
    throw new Error("a log without a block");
  }
  return {
    blockNumber: BigInt(log.blockNumber),
    blockHash: lower(log.blockHash),
    transactionHash: lower(log.transactionHash),
    logIndex: Number(log.logIndex),
    topics: log.topics.map(lower),
    data: lower(log.data),
  };
}

/** Endpoints refuse large ranges each in their own words; whatever they answer instead of logs, half of it may go. */
const maySucceedInPieces = (error: unknown): boolean =>
  isTooLarge(error) || (error instanceof BaseError && error.walk((cause) => cause instanceof RpcRequestError) !== null);

/**
 * Reads logs in order of block and index. A range the endpoint refuses is halved, down to one block. The answer is what
 * this endpoint says: it may be incomplete, and nothing here takes it for the truth.
 */
export async function readLogs(client: PublicClient, query: LogQuery): Promise<readonly ContractLog[]> {
  const { address, topics, fromBlock, toBlock } = query;
  try {
    const logs = await client.request({
      method: "eth_getLogs",
      params: [{ address, topics: [[...topics]], fromBlock: numberToHex(fromBlock), toBlock: numberToHex(toBlock) }],
    });
    const own = logs.filter((log) => lower(log.address) === address && topics.has(lower(log.topics[0] ?? "0x")));
    return own.map(readLog).toSorted(byPosition);
  } catch (error) {
    if (fromBlock >= toBlock || !maySucceedInPieces(error)) throw error;
    const middle = (fromBlock + toBlock) / 2n;
    const first = await readLogs(client, { ...query, toBlock: middle });
    return [...first, ...(await readLogs(client, { ...query, fromBlock: middle + 1n }))];
  }
}

function byPosition(left: ContractLog, right: ContractLog): number {
  if (left.blockNumber !== right.blockNumber) return left.blockNumber < right.blockNumber ? -1 : 1;
  return left.logIndex - right.logIndex;
}
