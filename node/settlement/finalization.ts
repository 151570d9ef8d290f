// Completes a settlement that is final on chain: its tasks, its money, and last of all the settlement itself.
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { post, type Posting } from "#storage/accounts.ts";
import type { Queryable } from "#storage/database.ts";
import { requireDuty, type Duty } from "#storage/duties.ts";
import { deferMembers } from "#storage/epoch-closing.ts";
import { epochSubject, orderMemberships } from "#storage/epochs.ts";
import {
  adjustmentAmounts,
  followedFinalization,
  insertFinalized,
  leftOutMembers,
  rewardAmounts,
  submitterTotals,
  uncompletedItems,
} from "#storage/finalizations.ts";
import { enqueue } from "#storage/outbox.ts";
import type { Settlement, StoredCandidate } from "#storage/settlements.ts";
import { moveTasks, takeNamed } from "#storage/tasks.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import { openArchive } from "./archive.ts";
import { eventEffect } from "./effects.ts";
import { feePostings, penaltyPostings, rewardPostings } from "./finalization-postings.ts";
import { isHeldBack } from "./item-check.ts";
import { move, write, type Outcome, type SettlementDeps } from "./settlement-work.ts";
import { actor, keepDuty } from "./step.ts";

/** Tasks completed, or postings made, in one transaction. */
const batchLimit = 1_000;

/**
 * Does what follows from a root that is final on chain, in many transactions, each of which may be repeated: the record of it,
 * completed tasks, postings, and the settlement itself last. Whoever dies in between leaves the rest to the next run.
 */
export async function completeSettlement(
  deps: SettlementDeps,
  duty: Duty,
  settlement: Settlement,
  candidate: StoredCandidate,
): Promise<Outcome> {
  const { scope, epoch, revision } = settlement;
  const { root, header } = candidate;
  const subjects = { epoch: epochSubject(scope, epoch), anchor: hexToBytes(deps.place.anchor) };
  const place = await followedFinalization(deps.database, subjects);
  if (place === undefined) return { kind: "wait", reason: "its final event was not followed yet" };
  if (place.root !== root) throw new ProtocolError("SETTLEMENT_CHAIN_DISAGREES", { root, found: place.root });
  await write(deps, duty, async (transaction) => {
    await insertFinalized(transaction, { ...settlement, root, previousRoot: header.previousRoot, place }, deps.clock());
  });
  await completeTasks(deps, duty, settlement);
  await deferLeftOut(deps, duty, settlement, header.archive);
  await postMoney(deps, duty, settlement, candidate);
  const why = "the chain shows the finalized root deep enough";
  const detail = { root, block: String(place.blockNumber), transaction: place.transactionHash };
  return await move(deps, duty, settlement, { to: "finalized", why, detail }, async (transaction) => {
    const { archive } = header;
    const event = { event: "finalized", scope, epoch, revision, root, archive, reason: null } as const;
    await enqueue(transaction, [eventEffect(event)], deps.clock());
  });
}

/** Moves the settled tasks that still wait, batch by batch. */
async function completeTasks(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<void> {
  for (let from: number | undefined = 0; from !== undefined;) {
    const range: { from: number; limit: number } = { from, limit: batchLimit };
    const { taskIds, next } = await uncompletedItems(deps.database, settlement, range);
    if (taskIds.length > 0) {
      await write(deps, duty, async (transaction) => {
        await resumeChallenged(transaction, taskIds, deps.clock());
        await moveWaiting(transaction, taskIds, "completed", () => "its settlement finalized", deps.clock());
      });
    }
    await keepDuty(deps, duty);
    from = next;
  }
}

/** Final is final: a task whose challenge nobody put before the anchor waits again, to be completed; a penalty is all that is left. */
async function resumeChallenged(transaction: Queryable, taskIds: readonly Hex[], now: Date): Promise<void> {
  const challenged = (await takeNamed(transaction, taskIds)).filter(({ state }) => state === "challenged");
  const words = { by: actor, why: "its candidate became final before the challenge was decided", deadlineAt: null };
  const moves = challenged.map((claim) => ({ claim, to: "awaiting_settlement" as const, ...words }));
  await moveTasks(transaction, moves, now);
}

/** Moves those of the tasks that wait for settlement; the others are somebody else's. */
async function moveWaiting(
  transaction: Queryable,
  taskIds: readonly Hex[],
  to: TaskState,
  whyOf: (taskId: Hex) => string,
  now: Date,
): Promise<void> {
  const claims = await takeNamed(transaction, taskIds);
  const waiting = claims.filter(({ state }) => state === "awaiting_settlement");
  const moves = waiting.map((claim) => ({ claim, to, by: actor, why: whyOf(claim.taskId), deadlineAt: null }));
  await moveTasks(transaction, moves, now);
}

/**
 * Members that the settlement left out are deferred with the published reason (EPOC-05): one that a challenge held back can be
 * tried again in a later epoch, and stays as it is. One that does not hold becomes challenged besides: its money stays
 * reserved until that is decided.
 */
async function deferLeftOut(deps: SettlementDeps, duty: Duty, settlement: Settlement, archive: Hex): Promise<void> {
  const left = await leftOutMembers(deps.database, settlement);
  if (left.length === 0) return;
  const { scope, epoch } = settlement;
  const bytes = await openArchive(deps.store, archive).manifest();
  const { excluded } = JSON.parse(Buffer.from(bytes).toString("utf8")) as ArchiveManifest;
  const reasons = new Map(excluded.map(({ taskId, reason }) => [taskId, reason]));
  const reasonOf = (taskId: Hex): string => reasons.get(taskId) ?? "unknown";
  for (let from = 0; from < left.length; from += batchLimit) {
    const part = left.slice(from, from + batchLimit);
    const unsound = part.filter((taskId) => !isHeldBack(reasonOf(taskId)));
    await deps.database.transaction(async (transaction) => {
      await orderMemberships(transaction, scope);
      await requireDuty(transaction, duty);
      const now = deps.clock();
      const why = (taskId: Hex): string => `left out of its settlement: ${reasonOf(taskId)}`;
      await moveWaiting(transaction, unsound, "challenged", why, now);
      const deferred = part.map((taskId) => ({ taskId, reason: reasonOf(taskId) }));
      await deferMembers(transaction, { scope, epoch, by: actor, deferred }, now);
    });
    await keepDuty(deps, duty);
  }
}

async function postAll(deps: SettlementDeps, duty: Duty, postings: readonly Posting[]): Promise<void> {
  for (let from = 0; from < postings.length; from += batchLimit) {
    const part = postings.slice(from, from + batchLimit);
    await write(deps, duty, (transaction) => post(transaction, part, deps.clock()));
    await keepDuty(deps, duty);
  }
}

/** Posts the epoch's money: into its pot, out of it to whoever earned it, and from there what penalties take. */
async function postMoney(
  deps: SettlementDeps,
  duty: Duty,
  settlement: Settlement,
  { pot }: StoredCandidate,
): Promise<void> {
  await postAll(deps, duty, feePostings(settlement, pot, await submitterTotals(deps.database, settlement)));
  for (let from = 0; ; from += batchLimit) {
    const rewards = await rewardAmounts(deps.database, settlement, { from, limit: batchLimit });
    await postAll(deps, duty, rewardPostings(settlement, rewards));
    if (rewards.length < batchLimit) break;
  }
  await postAll(deps, duty, penaltyPostings(await adjustmentAmounts(deps.database, settlement)));
}
