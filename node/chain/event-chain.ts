// The law of numbered, hash-chained events (contracts/events/IEventChain.sol): proof that a reader of logs missed none.
import { concatHex, hexToBigInt, keccak256, slice, toEventSelector, type Abi, type AbiEvent } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";

/** One log of a contract, lower-case hexadecimal throughout. */
export type ContractLog = {
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  readonly logIndex: number;
  readonly topics: readonly Hex[];
  readonly data: Hex;
};

/** A log with its place in the contract's chain of events. */
export type ChainedLog = ContractLog & { readonly sequence: bigint };

/** Where a contract's chain of events stands: the number of the latest event, and the running hash after it. */
export type ChainPosition = { readonly sequence: bigint; readonly runningHash: Hex };

/** Before the first event. */
export const chainOrigin: ChainPosition = { sequence: 0n, runningHash: `0x${"00".repeat(32)}` };

/** Where logs stop being the contract's chain of events. */
export type ChainBreak = {
  readonly reason: "missing" | "unexpected" | "altered";
  /** The first event that is missing, not expected, or does not carry the hash its content has. */
  readonly sequence: bigint;
};

/** Logs that continue a chain of events, and where they lead. */
export type FollowedLinks = { readonly chained: readonly ChainedLog[]; readonly position: ChainPosition };

const isChained = ({ inputs }: AbiEvent): boolean =>
  inputs[0]?.name === "sequence" && inputs[0].indexed === true && inputs.at(-1)?.name === "runningHash";

/** The signature hashes of the events in an ABI that stand in the chain; others (OpenZeppelin's) stand outside it. */
export function chainedTopics(abi: Abi): ReadonlySet<Hex> {
  const events = abi.filter((item): item is AbiEvent => item.type === "event");
  return new Set(events.filter(isChained).map((event) => toEventSelector(event)));
}

/**
 * The running hash a log must carry: keccak256 of the previous running hash, all topics, and the data without its last
 * 32 bytes.
 */
export function linkHash(previous: Hex, log: Pick<ContractLog, "topics" | "data">): Hex {
  const body = log.data.length > 66 ? slice(log.data, 0, -32) : "0x";
  return keccak256(concatHex([previous, ...log.topics, body]));
}

const sequenceOf = (log: ContractLog): bigint => hexToBigInt(log.topics[1] ?? "0x0");

/** Checks that `logs`, in the order of the chain, continue it from `from` without a gap; returns the first break if not. */
export function followLinks(from: ChainPosition, logs: readonly ContractLog[]): FollowedLinks | ChainBreak {
  const chained: ChainedLog[] = [];
  let position = from;
  for (const log of logs) {
    const sequence = sequenceOf(log);
    const expected = position.sequence + 1n;
    if (sequence > expected) return { reason: "missing", sequence: expected };
    if (sequence < expected) return { reason: "unexpected", sequence };
    const runningHash = linkHash(position.runningHash, log);
    const carried = log.data.length >= 66 ? slice(log.data, -32) : "0x";
    if (runningHash !== carried) return { reason: "altered", sequence };
    position = { sequence, runningHash };
    chained.push({ ...log, sequence });
  }
  return { chained, position };
}
