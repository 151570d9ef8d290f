// Reconciling: the treasury's events are followed through reorganizations and gaps, and every payout ends matched or named.
import { strict as assert } from "node:assert";
import { followOnce, type FollowStep } from "#chain/follower.ts";
import { followCheckpoints } from "#chain/limits.ts";
import { decodeTreasuryEvents, type TreasuryEvent } from "#chain/treasury.ts";
import { scopeId } from "#protocol/leaves.ts";
import { loadCursors, storeCursors, type ChainCursor } from "#storage/chain-cursors.ts";
import type { Queryable } from "#storage/database.ts";
import {
  eventsAbove,
  finalizedScopes,
  instructionsAt,
  intentOfTransaction,
  lockEvents,
  moveInstructions,
  recordEvents,
  supersedeEvents,
  type EpochKey,
  type SeenEvent,
} from "#storage/payouts.ts";
import type { PayoutDeps } from "./deps.ts";
import { matchEvent, settles, type Settled } from "./match.ts";

/**
 * Follows the treasury one step (PAYO-05, PAYO-08). Events, moves and cursor are stored in one transaction, by one process at a
 * time. Reward state is never written: the role cannot. Answers how many events were taken.
 */
export async function reconcilePayouts(deps: PayoutDeps): Promise<number> {
  const { database, treasury, log } = deps;
  const cursors = await loadCursors(database, "payout", treasury.address);
  const step = await followOnce(treasury.chain, deps.source, cursors);
  switch (step.kind) {
    case "advance":
      return await takeEvents(deps, cursors, step);
    case "rollback": {
      const kept = cursors.filter(({ blockNumber }) => blockNumber <= (step.cursor?.blockNumber ?? -1n));
      const taken = await store(deps, cursors, kept, (transaction) => undo(transaction, step.toBlock, deps.clock()));
      log.warn({ toBlock: String(step.toBlock) }, "the chain was reorganized under the treasury's events");
      return taken ? 1 : 0;
    }
    case "gap":
    case "moved":
    case "foreign":
      log.warn({ step: step.kind }, "the treasury's events are not complete; nothing is concluded");
      return 0;
    case "idle":
    case "behind":
      return 0;
  }
}

async function takeEvents(
  deps: PayoutDeps,
  cursors: readonly ChainCursor[],
  step: Extract<FollowStep, { readonly kind: "advance" }>,
): Promise<number> {
  const events = decodeTreasuryEvents(step.events);
  const keys = await keysOf(deps, events.filter(settles));
  if (keys === undefined) return 0;
  const kept = [step.cursor, ...cursors].slice(0, followCheckpoints);
  const taken = await store(deps, cursors, kept, async (transaction) => {
    for (const event of events.filter(settles)) await apply(deps, transaction, event, keys);
    await recordEvents(transaction, events.map(seenEvent), deps.clock());
  });
  return taken ? events.length : 0;
}

/** Does `work` and stores where to go on from; neither when another process followed further meanwhile. */
async function store(
  { database, treasury }: PayoutDeps,
  from: readonly ChainCursor[],
  kept: readonly ChainCursor[],
  work: (transaction: Queryable) => Promise<void>,
): Promise<boolean> {
  return await database.transaction(async (transaction) => {
    await lockEvents(transaction);
    const [newest] = await loadCursors(transaction, "payout", treasury.address);
    if (newest?.blockHash !== from[0]?.blockHash) return false;
    await work(transaction);
    await storeCursors(transaction, "payout", treasury.address, kept);
    return true;
  });
}

/** The epochs that events speak of, by scope id; undefined while the node has not finalized one of them yet: then wait. */
async function keysOf(
  deps: PayoutDeps,
  events: readonly Settled[],
): Promise<ReadonlyMap<string, EpochKey> | undefined> {
  const keys = new Map<string, EpochKey>();
  if (events.length === 0) return keys;
  const scopes = new Map((await finalizedScopes(deps.database)).map((scope) => [scopeId(scope), scope]));
  for (const { args } of events) {
    const scope = scopes.get(args.scope);
    const key = scope === undefined ? undefined : { scope, epoch: Number(args.epoch) };
    if (!key || (await instructionsAt(deps.database, key, 0, 1)).length === 0) {
      deps.log.info({ scope: args.scope, epoch: String(args.epoch) }, "an event speaks of an epoch not known yet");
      return undefined;
    }
    keys.set(`${args.scope}/${args.epoch}`, key);
  }
  return keys;
}

async function apply(
  { clock, log }: PayoutDeps,
  transaction: Queryable,
  event: Settled,
  keys: ReadonlyMap<string, EpochKey>,
): Promise<void> {
  const key = keys.get(`${event.args.scope}/${event.args.epoch}`);
  assert(key, "every event's epoch was looked up");
  const { transactionHash } = event.place;
  const [firstIndex, count] = event.eventName === "Claimed" ? [event.args.index, 1n] : spanOf(event);
  const instructions = await instructionsAt(transaction, key, Number(firstIndex), Number(count));
  const intent = await intentOfTransaction(transaction, transactionHash);
  const { steps, difference } = matchEvent(event, instructions, intent);
  if (difference !== null) {
    log.error({ ...key, code: "PAYOUT_MISMATCH", transactionHash, why: difference }, "a payment does not match");
  }
  for (const moves of steps) await moveInstructions(transaction, moves, clock());
}

function spanOf({ args }: Extract<Settled, { readonly eventName: "RangePaid" }>): readonly [bigint, bigint] {
  return [args.firstIndex, args.count];
}

/** Takes back what blocks that are gone had shown: payouts they reconciled are mismatched until they are seen again. */
async function undo(transaction: Queryable, toBlock: bigint, now: Date): Promise<void> {
  const gone = await eventsAbove(transaction, toBlock);
  await supersedeEvents(transaction, gone, now);
  const scopes = new Map((await finalizedScopes(transaction)).map((scope) => [String(scopeId(scope)), scope]));
  for (const { body, transactionHash, blockNumber, blockHash } of gone) {
    const { scope: scopeHash, epoch, paid } = JSON.parse(body) as EventBody;
    const scope = scopes.get(scopeHash ?? "");
    const [first] = paid;
    if (scope === undefined || first === undefined) continue;
    const indexes = new Set(paid);
    const key = { scope, epoch: Number(epoch) };
    const instructions = await instructionsAt(transaction, key, first, (paid.at(-1) ?? first) - first + 1);
    const why = `reconciled with ${transactionHash} in block ${blockNumber} ${blockHash}, which the chain no longer has`;
    const moves = instructions
      .filter(({ index, state }) => indexes.has(index) && state === "reconciled")
      .map((instruction) => ({ instruction, to: "mismatched" as const, why }));
    await moveInstructions(transaction, moves, now);
  }
}

/** What is kept of an event: enough to explain a payout, and to take it back. */
type EventBody = {
  readonly name: string;
  readonly scope: string | null;
  readonly epoch: string | null;
  readonly paid: readonly number[];
  readonly amount: string | null;
};

function seenEvent(event: TreasuryEvent): SeenEvent {
  const { sequence, blockNumber, blockHash, transactionHash, logIndex } = event.place;
  return { sequence, blockNumber, blockHash, transactionHash, logIndex, body: JSON.stringify(bodyOf(event)) };
}

function bodyOf(event: TreasuryEvent): EventBody {
  const none = { name: event.eventName, scope: null, epoch: null, paid: [], amount: null };
  if (!settles(event)) return none;
  const { scope, epoch, amount } = event.args;
  const body = { name: event.eventName, scope, epoch: String(epoch), amount: String(amount) };
  if (event.eventName === "Claimed") return { ...body, paid: [Number(event.args.index)] };
  const { firstIndex, count, paidMask } = event.args;
  const paid = Array.from({ length: Number(count) }, (_, offset) => offset)
    .filter((offset) => ((paidMask >> BigInt(offset)) & 1n) === 1n)
    .map((offset) => Number(firstIndex) + offset);
  return { ...body, paid };
}
