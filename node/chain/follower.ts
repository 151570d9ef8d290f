// Follows the events of one contract through reorganizations, lagging endpoints and answers that leave something out.
import { ContractFunctionZeroDataError, parseAbi, BaseError, type PublicClient } from "viem";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { agreedBlockAt, agreedBlocksAt, agreedHead, readAgreed, type AgreedBlock, type ChainClient } from "./client.ts";
import { describeFailure } from "./endpoint.ts";
import type { ChainBreak, ChainedLog, ChainPosition, ContractLog } from "./event-chain.ts";
import {
  expectRange,
  headersLink,
  judgeLogs,
  originCursor,
  standing,
  type CheckedCursor,
  type FollowCursor,
  type LogVerdict,
} from "./follow-decision.ts";
import { followRangeBlocks, followStepEvents, linkedBlocks } from "./limits.ts";
import { readLogs } from "./log-reader.ts";

/** The contract to follow. */
export type FollowSource = {
  readonly address: Hex;
  /** Signature hashes of its chained events, see `chainedTopics`. */
  readonly topics: ReadonlySet<Hex>;
  /** Block of its deployment, or any block before it. */
  readonly deploymentBlock: bigint;
  /** Blocks that must lie on top of a block before its events count. */
  readonly confirmations: bigint;
};

/** What one step found. Only `advance` and `rollback` change what the caller has stored. */
export type FollowStep =
  /** Store `events` and `cursor` in one transaction. `events` may be empty, which is then proven. */
  | { readonly kind: "advance"; readonly cursor: FollowCursor; readonly events: readonly ChainedLog[] }
  /** Undo everything from blocks above `toBlock`; go on from `cursor`, null meaning from the beginning. */
  | { readonly kind: "rollback"; readonly toBlock: bigint; readonly cursor: FollowCursor | null }
  /** Nothing new. */
  | { readonly kind: "idle" }
  /** The endpoints have not reached what was seen before; nothing is concluded from that. */
  | { readonly kind: "behind" }
  /** No endpoint's logs are complete. Ask again; nothing was accepted. */
  | { readonly kind: "gap"; readonly at: ChainBreak }
  /** Blocks changed while they were read. Ask again. */
  | { readonly kind: "moved" }
  /** There is no such contract at this address on this chain. */
  | { readonly kind: "foreign" };

const eventChainAbi = parseAbi([
  "function sequence() view returns (uint64)",
  "function runningHash() view returns (bytes32)",
]);

const isNoContract = (error: unknown): boolean =>
  error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionZeroDataError) !== null;

/**
 * A contract's event counter and running hash at a block, as a quorum sees them; null when there is no contract. Throws
 * as `readAgreed`.
 */
export function readPosition(chain: ChainClient, address: Hex, blockHash: Hex): Promise<ChainPosition | null> {
  return readAgreed(chain, async (client) => {
    const call = { address, abi: eventChainAbi, blockHash } as const;
    try {
      const sequence = await client.readContract({ ...call, functionName: "sequence" });
      const runningHash = await client.readContract({ ...call, functionName: "runningHash" });
      return { sequence, runningHash };
    } catch (error) {
      if (isNoContract(error)) return null;
      throw error;
    }
  });
}

/**
 * One step of following. `cursors` are the stored ones, newest first (the last `followCheckpoints` are enough); none at
 * the beginning. Throws SETTLEMENT_CHAIN_UNREACHABLE or SETTLEMENT_CHAIN_DISAGREES (retry), and
 * SETTLEMENT_CHAIN_ID_MISMATCH.
 */
export async function followOnce(
  chain: ChainClient,
  source: FollowSource,
  cursors: readonly FollowCursor[],
): Promise<FollowStep> {
  const target = await agreedHead(chain, source.confirmations);
  const begin = await findStanding(chain, source, cursors);
  if (begin.kind !== "on") return begin;
  const { cursor } = begin;
  if (target.number < cursor.blockNumber) return { kind: "behind" };
  if (target.number === cursor.blockNumber) return { kind: "idle" };

  const position = await readPosition(chain, source.address, target.hash);
  if (position === null) return { kind: "foreign" };
  const expectation = expectRange(cursor, position);
  if (expectation.kind === "contradiction") return { kind: "moved" };
  const verdict: LogVerdict =
    expectation.kind === "empty"
      ? { kind: "complete", events: [] }
      : await readVerdict(chain, { source, cursor, target, position });
  if (verdict.kind === "incomplete") return { kind: "gap", at: verdict.at };

  if (!(await blocksHold(chain, verdict.events))) return { kind: "moved" };
  if (!(await rangeHolds(chain, cursor, target))) return { kind: "moved" };
  const next =
    verdict.kind === "prefix" ? verdict.cursor : { ...position, blockNumber: target.number, blockHash: target.hash };
  return { kind: "advance", cursor: next, events: verdict.events };
}

type Begin =
  { readonly kind: "on"; readonly cursor: FollowCursor } | Extract<FollowStep, { kind: "behind" | "rollback" }>;

async function findStanding(
  chain: ChainClient,
  source: FollowSource,
  cursors: readonly FollowCursor[],
): Promise<Begin> {
  if (cursors.length === 0) {
    const first = await agreedBlockAt(chain, source.deploymentBlock);
    return first === null ? { kind: "behind" } : { kind: "on", cursor: originCursor(first) };
  }
  const checked: CheckedCursor[] = [];
  for (const cursor of cursors) {
    const block = await agreedBlockAt(chain, cursor.blockNumber);
    checked.push({ cursor, canonicalHash: block?.hash ?? null });
    // Usually the newest one holds, and the others need not be asked for.
    if (block?.hash === cursor.blockHash) break;
  }
  const found = standing(checked);
  if (found.kind !== "rollback") return found;
  const toBlock = found.cursor?.blockNumber ?? source.deploymentBlock - 1n;
  return { kind: "rollback", toBlock, cursor: found.cursor };
}

/** What has to be read: the events after `cursor`, up to `position` at `target`. */
type Range = {
  readonly source: FollowSource;
  readonly cursor: FollowCursor;
  readonly target: AgreedBlock;
  readonly position: ChainPosition;
};

/** Takes logs from the first endpoint whose logs add up: the counter was agreed, so one honest endpoint is enough. */
async function readVerdict(chain: ChainClient, range: Range): Promise<LogVerdict> {
  const reasons: string[] = [];
  let incomplete: LogVerdict | undefined;
  for (const endpoint of chain.endpoints) {
    try {
      const logs = await endpoint.ask((client) => collectLogs(client, range));
      const verdict = judgeLogs(range.cursor, logs, range.position, followStepEvents);
      if (verdict.kind !== "incomplete") return verdict;
      incomplete ??= verdict;
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      reasons.push(`${endpoint.label}: ${describeFailure(error)}`);
    }
  }
  if (incomplete !== undefined) return incomplete;
  throw new ProtocolError("SETTLEMENT_CHAIN_UNREACHABLE", { answered: 0, quorum: 1, reasons });
}

/** Reads forward until all expected events, or more than a step takes, are there. */
async function collectLogs(client: PublicClient, range: Range): Promise<readonly ContractLog[]> {
  const { address, topics } = range.source;
  const wanted = range.position.sequence - range.cursor.sequence;
  const logs: ContractLog[] = [];
  for (let fromBlock = range.cursor.blockNumber + 1n; fromBlock <= range.target.number;) {
    const end = fromBlock + BigInt(followRangeBlocks) - 1n;
    const toBlock = end < range.target.number ? end : range.target.number;
    logs.push(...(await readLogs(client, { address, topics, fromBlock, toBlock })));
    if (BigInt(logs.length) >= wanted || logs.length > followStepEvents) break;
    fromBlock = toBlock + 1n;
  }
  return logs;
}

/** Whether a quorum has the blocks that the events claim to be in: the running hash vouches for content, not for place. */
async function blocksHold(chain: ChainClient, events: readonly ChainedLog[]): Promise<boolean> {
  const claimed = new Map(events.map(({ blockNumber, blockHash }) => [blockNumber, blockHash]));
  if (events.some((event) => event.blockHash !== claimed.get(event.blockNumber))) return false;
  const blocks = await agreedBlocksAt(chain, [...claimed.keys()]);
  return blocks.every((block) => block !== null && block.hash === claimed.get(block.number));
}

/**
 * Whether cursor and target lie on one chain. Near the head every header is linked to its parent; over a long range, which
 * lies deep, it is enough that both ends are still canonical after everything was read.
 */
async function rangeHolds(chain: ChainClient, cursor: FollowCursor, target: AgreedBlock): Promise<boolean> {
  const span = target.number - cursor.blockNumber;
  if (span > BigInt(linkedBlocks)) {
    const numbers = cursor.blockNumber < 0n ? [target.number] : [target.number, cursor.blockNumber];
    const [end, begin] = await agreedBlocksAt(chain, numbers);
    return end?.hash === target.hash && (cursor.blockNumber < 0n || begin?.hash === cursor.blockHash);
  }
  const numbers = Array.from({ length: Number(span) }, (_, index) => cursor.blockNumber + BigInt(index) + 1n);
  const headers = await agreedBlocksAt(chain, numbers);
  const found = headers.filter((header) => header !== null);
  return found.length === headers.length && headersLink(cursor, found, target);
}
