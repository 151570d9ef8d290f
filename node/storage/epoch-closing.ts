// Closing an epoch: its scopes are frozen, what it cannot settle is deferred with a reason, and its settlement begins.
import { compareSummaries } from "#protocol/aggregation.ts";
import type { Json } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { epochPenaltyLimit } from "#protocol/limits.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import type { Aggregation, LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { OutstandingPenalty } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "./database.ts";
import { actOf, journalledMembers, lockEpoch } from "./epochs.ts";
import { appendJournal } from "./journal.ts";
import { endedList, endedStates, stateOf } from "./tasks.ts";

/** A member that its epoch's settlement leaves out, and why. */
export type Deferral = { readonly taskId: Hex; readonly reason: string };

type EpochKey = { readonly scope: string; readonly epoch: number };

/** Whether a task's state is one it ends in: it is resolved, and needs no later epoch. */
export const hasEnded = (state: TaskState): boolean => endedStates.includes(state);

const unsettleableStatement = `SELECT m.task_id, s.state
  FROM ledger.epoch_member m, LATERAL (SELECT ${stateOf("m.task_id")} AS state OFFSET 0) s
  WHERE m.scope = $1 AND m.epoch = $2 AND s.state <> 'awaiting_settlement' ORDER BY m.task_id`;

/** Members that do not wait for settlement, ascending, each with its state as the reason. */
async function unsettleable(
  transaction: Queryable,
  { scope, epoch }: EpochKey,
): Promise<{ readonly deferred: readonly Deferral[]; readonly resolved: readonly Deferral[] }> {
  const { rows } = await transaction.query<{ task_id: Buffer; state: TaskState }>(unsettleableStatement, [
    scope,
    epoch,
  ]);
  const listed = (of: typeof rows) => of.map(({ task_id, state }) => ({ taskId: bytesToHex(task_id), reason: state }));
  return {
    deferred: listed(rows.filter(({ state }) => !hasEnded(state))),
    resolved: listed(rows.filter(({ state }) => hasEnded(state))),
  };
}

const deferStatement = `INSERT INTO ledger.deferral (task_id, turn, scope, epoch, reason, at)
  SELECT m.task_id, m.turn, m.scope, m.epoch, d.reason, $5
  FROM unnest($3::bytea[], $4::text[]) AS d (task_id, reason) JOIN ledger.epoch_member m USING (task_id)
  WHERE m.scope = $1 AND m.epoch = $2
  ON CONFLICT (task_id, turn) DO NOTHING RETURNING task_id`;

const freeStatement = `UPDATE work.task SET epoch = NULL
  WHERE task_id = ANY($2) AND epoch = $1 AND state NOT IN ${endedList}`;

/**
 * Leaves members of a closing or closed epoch for a later one, each with its reason, which is journalled (EPOC-05). A member
 * that was deferred before stays so.
 */
export async function deferMembers(
  transaction: Queryable,
  request: EpochKey & { readonly by: string; readonly deferred: readonly Deferral[] },
  now: Date,
): Promise<void> {
  const { scope, epoch, by, deferred } = request;
  if (deferred.length === 0) return;
  const { rows } = await transaction.query<{ task_id: Buffer }>(deferStatement, [
    scope,
    epoch,
    deferred.map(({ taskId }) => hexToBytes(taskId)),
    deferred.map(({ reason }) => reason),
    now,
  ]);
  const taskIds = rows.map(({ task_id }) => task_id);
  await transaction.query(freeStatement, [epoch, taskIds]);
  const written = new Set(taskIds.map((taskId) => bytesToHex(taskId)));
  const kept = deferred.filter(({ taskId }) => written.has(taskId));
  await appendJournal(transaction, listActs(request, { act: "deferred", by }, kept), now);
}

function listActs(key: EpochKey, words: { readonly act: string; readonly by: string }, members: readonly Deferral[]) {
  const acts = [];
  for (let from = 0; from < members.length; from += journalledMembers) {
    acts.push(actOf(key, { ...words, members: members.slice(from, from + journalledMembers) }));
  }
  return acts;
}

/** The members that an epoch's closing or its finalized settlement left for a later epoch, ascending. */
export async function readDeferrals(database: Queryable, { scope, epoch }: EpochKey): Promise<readonly Deferral[]> {
  const { rows } = await database.query<{ task_id: Buffer; reason: string }>(
    `SELECT task_id, reason FROM ledger.deferral WHERE scope = $1 AND epoch = $2 ORDER BY task_id`,
    [scope, epoch],
  );
  return rows.map(({ task_id, reason }) => ({ taskId: bytesToHex(task_id), reason }));
}

/**
 * Penalties of the scope with something left. One that an epoch before froze and has not settled is that epoch's alone:
 * otherwise both would take it.
 */
const freezePenaltiesStatement = `INSERT INTO ledger.epoch_penalty (scope, epoch, penalty_id, remaining)
  SELECT $1::text, $2::bigint, p.penalty_id, p.amount - taken.amount FROM ledger.penalty p, LATERAL (
    SELECT coalesce(sum(a.amount), 0) AS amount FROM ledger.adjustment a JOIN ledger.finalized USING (scope, epoch, revision)
    WHERE a.penalty_id = p.penalty_id) taken
  WHERE p.scope = $1::text AND p.amount > taken.amount AND NOT EXISTS (
    SELECT 1 FROM ledger.epoch_penalty before LEFT JOIN ledger.finalized f USING (scope, epoch)
    WHERE before.penalty_id = p.penalty_id AND f.root IS NULL)
  ORDER BY p.penalty_id LIMIT ${epochPenaltyLimit}`;

/** The penalties that an epoch froze, ascending by penalty. */
export async function readEpochPenalties(
  database: Queryable,
  { scope, epoch }: EpochKey,
): Promise<readonly OutstandingPenalty[]> {
  type PenaltyRow = {
    readonly penalty_id: Buffer;
    readonly challenge_id: Buffer;
    readonly account: Buffer;
    readonly remaining: bigint;
  };
  const { rows } = await database.query<PenaltyRow>(
    `SELECT e.penalty_id, p.challenge_id, p.account, e.remaining
      FROM ledger.epoch_penalty e JOIN ledger.penalty p USING (penalty_id)
      WHERE e.scope = $1 AND e.epoch = $2 ORDER BY e.penalty_id`,
    [scope, epoch],
  );
  return rows.map(({ penalty_id, challenge_id, account, remaining }) => ({
    penaltyId: bytesToHex(penalty_id),
    challengeId: bytesToHex(challenge_id),
    account: bytesToHex(account),
    remaining: String(remaining),
  }));
}

/** What an epoch that ends a window aggregates; null where it ends none. */
export async function readAggregation(database: Queryable, { scope, epoch }: EpochKey): Promise<Aggregation | null> {
  const { rows } = await database.query<{ window_from: bigint; trigger: Aggregation["trigger"] }>(
    `SELECT window_from, trigger FROM ledger.aggregation WHERE scope = $1 AND epoch = $2`,
    [scope, epoch],
  );
  const [window] = rows;
  if (window === undefined) return null;
  const released = await database.query<{ body: string }>(
    `SELECT body FROM ledger.local_summary WHERE scope = $1 AND epoch = $2`,
    [scope, epoch],
  );
  const summaries = released.rows.map(({ body }) => JSON.parse(body) as LocalAttributeSummary).sort(compareSummaries);
  return { windowFrom: Number(window.window_from), trigger: window.trigger, summaries };
}

const closeStatement = `UPDATE work.epoch SET status = 'closed', close_at = $3, deferred = $4, resolved = $5, penalties = $6,
  entries = $7, window_from = $8 WHERE scope = $1 AND epoch = $2`;

/**
 * Closes a closing epoch (EPOC-05), and freezes its scopes: members that can be settled, penalties still to be taken, and,
 * through `freezeAggregation`, what vaults release. Members that are challenged are deferred, those that ended are
 * resolved, all with their reasons in the journal; its settlement begins to collect. False when it is not closing.
 */
export async function closeEpoch(
  transaction: Queryable,
  request: EpochKey & {
    readonly by: string;
    readonly freezeAggregation: (transaction: Queryable) => Promise<Aggregation | null>;
  },
  now: Date,
): Promise<boolean> {
  const { scope, epoch, by, freezeAggregation } = request;
  const locked = await lockEpoch(transaction, scope, epoch);
  if (locked?.status !== "closing") return false;
  const { deferred, resolved } = await unsettleable(transaction, request);
  await deferMembers(transaction, { scope, epoch, by, deferred }, now);
  await appendJournal(transaction, listActs(request, { act: "resolved", by }, resolved), now);
  const frozen = await transaction.query(freezePenaltiesStatement, [scope, epoch]);
  const penalties = frozen.rowCount;
  const aggregation = await freezeAggregation(transaction);
  const entries = aggregation?.summaries.length ?? 0;
  const windowFrom = aggregation?.windowFrom ?? null;
  const counts = [deferred.length, resolved.length, penalties, entries, windowFrom];
  await transaction.query(closeStatement, [scope, epoch, now, ...counts]);
  await transaction.query(
    `INSERT INTO work.settlement (scope, epoch, revision, state, due_at) VALUES ($1, $2, 1, 'collecting', $3)`,
    [scope, epoch, now],
  );
  const tasks = locked.members - deferred.length - resolved.length;
  const scopes: Json = {
    settlement: { tasks, deferred: deferred.length, resolved: resolved.length },
    reward: { tasks, penalties },
    aggregation: { entries, windowFrom },
  };
  await appendJournal(transaction, [actOf(request, { act: "closed", by, from: "closing", to: "closed", scopes })], now);
  return true;
}
