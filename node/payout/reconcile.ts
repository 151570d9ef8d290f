// Reconciling: the treasury's events are followed through reorganizations and gaps, and every payout ends matched or named.
import { followOnce, type FollowStep } from "#chain/follower.ts";
import { followCheckpoints } from "#chain/limits.ts";
import { decodeTreasuryEvents } from "#chain/treasury.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { loadCursors, storeCursors, type ChainCursor } from "#storage/chain-cursors.ts";
import type { Queryable } from "#storage/database.ts";
import {
  eventsAbove,
  foreignEvents,
  hasForeignEvents,
  lockEvents,
  recordEvents,
  supersedeEvents,
  type SeenEvent,
} from "#storage/payout-events.ts";
import {
  finalizedScopes,
  instructionsAt,
  intentOfTransaction,
  moveInstructions,
  prepareInstructions,
  type EpochKey,
} from "#storage/payouts.ts";
import type { PayoutDeps } from "./deps.ts";
import { paidPlaceOf, seenEvent, settledOf } from "./event-body.ts";
import { matchEvent, settles, type Settled } from "./match.ts";

/**
 * Follows the treasury one step (PAYO-05, PAYO-08). Events, moves and cursor are stored in one transaction, by one process at a
 * time. An event of an epoch that is not final here is kept as foreign and named as a mismatch; it is matched if that epoch
 * becomes final here. Reward state is never written: the role cannot. Answers how many events were taken.
 */
export async function reconcilePayouts(deps: PayoutDeps): Promise<number> {
  const { database, treasury, log, notices } = deps;
  const adopted = await adoptForeign(deps);
  const cursors = await loadCursors(database, "payout", treasury.address);
  const step = await followOnce(treasury.chain, deps.source, cursors);
  const incomplete = "events are not complete";
  switch (step.kind) {
    case "advance":
      notices.end(incomplete);
      return adopted + (await takeEvents(deps, cursors, step));
    case "rollback": {
      const kept = cursors.filter(({ blockNumber }) => blockNumber <= (step.cursor?.blockNumber ?? -1n));
      const taken = await store(deps, cursors, kept, (transaction) => undo(transaction, step.toBlock, deps.clock()));
      log.warn({ toBlock: String(step.toBlock) }, "the chain was reorganized under the treasury's events");
      return adopted + (taken ? 1 : 0);
    }
    case "gap":
    case "moved":
    case "foreign":
      notices.say(incomplete, { step: step.kind }, "the treasury's events are not complete; nothing is concluded");
      return adopted;
    case "idle":
    case "behind":
      return adopted;
  }
}

async function takeEvents(
  deps: PayoutDeps,
  cursors: readonly ChainCursor[],
  step: Extract<FollowStep, { readonly kind: "advance" }>,
): Promise<number> {
  const events = decodeTreasuryEvents(step.events);
  const keys = await keysOf(deps, events.filter(settles));
  const isForeign = (event: (typeof events)[number]): boolean => settles(event) && !keys.has(placeOf(event));
  const kept = [step.cursor, ...cursors].slice(0, followCheckpoints);
  const taken = await store(deps, cursors, kept, async (transaction) => {
    for (const event of events.filter(settles)) await apply(deps, transaction, event, keys);
    const seen = events.map((event) => seenEvent(event, isForeign(event)));
    await recordEvents(transaction, seen, deps.clock());
  });
  if (taken) for (const event of events.filter(settles)) if (isForeign(event)) raiseForeign(deps, event);
  return taken ? events.length : 0;
}

function raiseForeign({ log }: PayoutDeps, { args, place }: Settled): void {
  const [scope, epoch] = [args.scope, String(args.epoch)];
  const why = `the treasury paid ${args.amount} for epoch ${epoch} of scope ${scope}, nothing of it is final here`;
  const { transactionHash } = place;
  log.error({ scope, epoch, code: "PAYOUT_MISMATCH", transactionHash, why }, "a payment is foreign to this node");
}

/** Matches foreign events whose epochs have become final here since. Answers how many. */
async function adoptForeign(deps: PayoutDeps): Promise<number> {
  const { database, clock, log } = deps;
  if (!(await hasForeignEvents(database))) return 0;
  const scopes = [...(await scopesByHash(database)).keys()];
  const known = await keysOf(deps, settledIn(await foreignEvents(database, scopes)));
  if (known.size === 0) return 0;
  return await database.transaction(async (transaction) => {
    await lockEvents(transaction);
    const adopted = (await foreignEvents(transaction, scopes)).filter((seen) =>
      settledIn([seen]).some((event) => known.has(placeOf(event))),
    );
    for (const event of settledIn(adopted)) await apply(deps, transaction, event, known);
    const matched = adopted.map((seen) => ({ ...seen, foreignScope: null }));
    await recordEvents(transaction, matched, clock());
    for (const { transactionHash } of adopted)
      log.info({ transactionHash }, "a foreign payment's epoch is final here now");
    return adopted.length;
  });
}

const settledIn = (seen: readonly SeenEvent[]): readonly Settled[] => seen.flatMap((each) => settledOf(each) ?? []);

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

const placeOf = ({ args }: Settled): string => `${args.scope}/${args.epoch}`;

async function scopesByHash(database: Queryable): Promise<ReadonlyMap<Hex, string>> {
  return new Map((await finalizedScopes(database)).map((scope) => [scopeId(scope), scope]));
}

/** The epochs that events speak of and that are final here, by their place on the chain; their instructions are prepared. */
async function keysOf(deps: PayoutDeps, events: readonly Settled[]): Promise<ReadonlyMap<string, EpochKey>> {
  const keys = new Map<string, EpochKey>();
  if (events.length === 0) return keys;
  await deps.database.transaction((transaction) => prepareInstructions(transaction, deps.clock()));
  const scopes = await scopesByHash(deps.database);
  const places = new Map(events.map((event) => [placeOf(event), event.args]));
  for (const [place, { scope: hash, epoch }] of places) {
    const scope = scopes.get(hash);
    const key = scope === undefined ? undefined : { scope, epoch: Number(epoch) };
    if (key && (await instructionsAt(deps.database, key, 0, 1)).length > 0) keys.set(place, key);
  }
  return keys;
}

/** Matches one event with its instructions; nothing where its epoch is not known. */
async function apply(
  { clock, log }: PayoutDeps,
  transaction: Queryable,
  event: Settled,
  keys: ReadonlyMap<string, EpochKey>,
): Promise<void> {
  const key = keys.get(placeOf(event));
  if (key === undefined) return;
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
  const scopes: ReadonlyMap<string, string> = await scopesByHash(transaction);
  for (const event of gone) {
    const { transactionHash, blockNumber, blockHash } = event;
    const paid = paidPlaceOf(event);
    const scope = paid && scopes.get(paid.scope);
    if (paid === undefined || scope === undefined) continue;
    const indexes = new Set(paid.indexes);
    const [first, last] = [Math.min(...indexes), Math.max(...indexes)];
    const instructions = await instructionsAt(transaction, { scope, epoch: paid.epoch }, first, last - first + 1);
    const why = `reconciled with ${transactionHash} in block ${blockNumber} ${blockHash}, which the chain no longer has`;
    const moves = instructions
      .filter(({ index, state }) => indexes.has(index) && state === "reconciled")
      .map((instruction) => ({ instruction, to: "mismatched" as const, why }));
    await moveInstructions(transaction, moves, now);
  }
}
