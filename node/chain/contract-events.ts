// A contract's events as plain data: decoded by its ABI, each with its place on the chain.
import { decodeEventLog, isHex, type Abi, type DecodeEventLogReturnType } from "viem";
import type { ChainedLog } from "./event-chain.ts";

/** Where an event stands: its number in the contract's chain of events, and its block, transaction and index. */
export type EventPlace = Omit<ChainedLog, "topics" | "data">;

/** One event of a contract: `eventName`, `args` as the ABI names them, and its place. */
export type ContractEvent<abi extends Abi> = DecodeEventLogReturnType<abi, undefined> & { readonly place: EventPlace };

/** viem shows addresses in checksum case; the product holds all hexadecimal lower-case. */
function lowerCased(value: unknown): unknown {
  if (isHex(value)) return value.toLowerCase();
  if (Array.isArray(value)) return value.map(lowerCased);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, lowerCased(field)]));
}

/** Hexadecimal in lower case throughout a decoded value. */
export function plain<T>(decoded: T): T {
  return lowerCased(decoded) as T;
}

/**
 * Decodes chained logs by the ABI they were followed with. Throws viem's decoding errors: a log that was proven to be the
 * contract's and does not decode means a wrong ABI.
 */
export function decodeEvents<const abi extends Abi>(
  abi: abi,
  logs: readonly ChainedLog[],
): readonly ContractEvent<abi>[] {
  return logs.map(({ topics, data, ...place }) => {
    const [signature, ...indexed] = topics;
    const decoded = decodeEventLog({ abi, topics: signature === undefined ? [] : [signature, ...indexed], data });
    return Object.assign(plain(decoded), { place });
  });
}
