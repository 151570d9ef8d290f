// What following a contract's events comes down to: pure decisions over what was read.
import { slice } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import {
  chainOrigin,
  followLinks,
  type ChainBreak,
  type ChainedLog,
  type ChainPosition,
  type ContractLog,
} from "./event-chain.ts";

/** A place on the chain up to which all events are known. Callers store it in the transaction that stores the events. */
export type FollowCursor = ChainPosition & { readonly blockNumber: bigint; readonly blockHash: Hex };

/** A stored cursor, and the hash that the chain has at its height now; null when the chain does not reach it. */
export type CheckedCursor = { readonly cursor: FollowCursor; readonly canonicalHash: Hex | null };

/** Where to go on from. */
export type Standing =
  | { readonly kind: "on"; readonly cursor: FollowCursor }
  /** The chain is shorter than the newest cursor: endpoints lag, or a reorganization is under way. */
  | { readonly kind: "behind" }
  /** Everything above `cursor` happened on blocks that are no longer there; null: nothing stored is there. */
  | { readonly kind: "rollback"; readonly cursor: FollowCursor | null };

/**
 * Compares stored cursors, newest first, with the chain. The newest one whose block is still canonical is where to go on. A
 * cursor above the chain's end proves nothing by itself: only another hash at the same height does.
 */
export function standing(checked: readonly CheckedCursor[]): Standing {
  const replaced = checked.some(
    ({ cursor, canonicalHash }) => canonicalHash !== null && canonicalHash !== cursor.blockHash,
  );
  const held = checked.find(({ cursor, canonicalHash }) => canonicalHash === cursor.blockHash);
  if (held !== undefined && held === checked[0]) return { kind: "on", cursor: held.cursor };
  if (!replaced) return { kind: "behind" };
  return { kind: "rollback", cursor: held?.cursor ?? null };
}

/** A header as the link to its parent needs it. */
export type HeaderLink = { readonly number: bigint; readonly hash: Hex; readonly parentHash: Hex };

/** Whether `headers` are consecutive, each naming the one before as its parent, from just above `from` up to `to`. */
export function headersLink(
  from: { readonly blockNumber: bigint; readonly blockHash: Hex },
  headers: readonly HeaderLink[],
  to: { readonly number: bigint; readonly hash: Hex },
): boolean {
  let number = from.blockNumber;
  let hash = from.blockHash;
  for (const header of headers) {
    if (header.number !== number + 1n || header.parentHash !== hash) return false;
    ({ number, hash } = header);
  }
  return number === to.number && hash === to.hash;
}

/** What the contract's own counter says of a range: how many events it holds. */
export type RangeExpectation =
  /** The counter did not move: the range is empty, and no log has to be read to know it. */
  | { readonly kind: "empty" }
  | { readonly kind: "events"; readonly count: bigint }
  /** The counter stands where it cannot stand after the cursor: the answers are not of one chain. */
  | { readonly kind: "contradiction" };

/** Compares the counter at the end of a range with the cursor at its beginning. */
export function expectRange(cursor: ChainPosition, at: ChainPosition): RangeExpectation {
  if (at.sequence > cursor.sequence) return { kind: "events", count: at.sequence - cursor.sequence };
  const unmoved = at.sequence === cursor.sequence && at.runningHash === cursor.runningHash;
  return unmoved ? { kind: "empty" } : { kind: "contradiction" };
}

/** The cursor just before a contract's first block. */
export function originCursor(deploymentBlock: { readonly number: bigint; readonly parentHash: Hex }): FollowCursor {
  return { ...chainOrigin, blockNumber: deploymentBlock.number - 1n, blockHash: deploymentBlock.parentHash };
}

/** What one endpoint's logs amount to. `position` is where the contract's chain of events stands after `events`. */
export type LogVerdict =
  /** All events of the range. */
  | { readonly kind: "complete"; readonly events: readonly ChainedLog[] }
  /** All events up to and including the block of the last one; the next one is known to lie in a later block. */
  | { readonly kind: "prefix"; readonly events: readonly ChainedLog[]; readonly cursor: FollowCursor }
  | { readonly kind: "incomplete"; readonly at: ChainBreak };

/**
 * Judges logs, read from the beginning of a range, against the contract's counter at its end: complete to the last link,
 * or a proven prefix when there are more than `limit`, or not acceptable.
 */
export function judgeLogs(
  from: ChainPosition,
  logs: readonly ContractLog[],
  to: ChainPosition,
  limit: number,
): LogVerdict {
  const followed = followLinks(from, logs);
  if ("reason" in followed) return { kind: "incomplete", at: followed };
  const { chained, position } = followed;
  const { sequence } = position;
  if (sequence > to.sequence) return { kind: "incomplete", at: { reason: "unexpected", sequence: to.sequence + 1n } };
  if (sequence === to.sequence && position.runningHash !== to.runningHash) {
    return { kind: "incomplete", at: { reason: "altered", sequence } };
  }
  const prefix = chained.length > limit ? cutAtBlock(chained, limit) : undefined;
  if (prefix !== undefined) return prefix;
  if (sequence === to.sequence) return { kind: "complete", events: chained };
  return { kind: "incomplete", at: { reason: "missing", sequence: sequence + 1n } };
}

/** The longest prefix of at most `limit` events (but one whole block at least) that ends where a block ends. */
function cutAtBlock(chained: readonly ChainedLog[], limit: number): LogVerdict | undefined {
  const endsBlock = (index: number): boolean => {
    const next = chained[index + 1];
    return next !== undefined && next.blockNumber > (chained[index]?.blockNumber ?? 0n);
  };
  const ends = chained.flatMap((_, index) => (endsBlock(index) ? [index] : []));
  const end = ends.findLast((index) => index < limit) ?? ends[0];
  const last = end === undefined ? undefined : chained[end];
  if (end === undefined || last === undefined) return undefined;
  const { blockNumber, blockHash, sequence, data } = last;
  const cursor = { blockNumber, blockHash, sequence, runningHash: slice(data, -32) };
  return { kind: "prefix", events: chained.slice(0, end + 1), cursor };
}
