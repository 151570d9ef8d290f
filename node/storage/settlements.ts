// Settlements: their states and moves, and the candidate that an epoch commits to.
import assert from "node:assert/strict";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { allows, settlementLifecycle, type SettlementState } from "#protocol/lifecycles.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type {
  PayoutInstruction,
  RewardRecord,
  SettlementHeader,
  SettlementSubRoots,
} from "#protocol/schemas/settlement.ts";
import type { Queryable, SqlValue } from "./database.ts";
import { epochSubject } from "./epochs.ts";
import { appendJournal } from "./journal.ts";

/** One try at settling an epoch. */
export type SettlementKey = { readonly scope: string; readonly epoch: number; readonly revision: number };

/** A settlement as it stands (SETL-01). */
export type Settlement = SettlementKey & {
  readonly state: SettlementState;
  /** Why it failed: an error code, then words. Null unless failed. */
  readonly failure: string | null;
  /** When to look at it again. */
  readonly dueAt: Date;
};

/** One move of a settlement; `detail` holds public facts that explain it. */
export type SettlementMove = {
  readonly settlement: Settlement;
  readonly to: SettlementState;
  readonly by: string;
  readonly why: string;
  /** Given when `to` is failed, and only then. */
  readonly failure?: string;
  readonly dueAt?: Date;
  readonly detail?: { readonly [key: string]: Json };
};

/** How a failure begins that the chain decided on: its candidate was proposed and rejected there. */
export const rejectedFailure = "SETTLEMENT_ANCHOR_REFUSED";

/** Settlements of a scope looked at in one step: later ones wait for earlier ones anyway. */
const liveLimit = 8;
/** Rows of one insert: bounds a statement's parameters. */
const insertRows = 10_000;

type SettlementRow = {
  readonly scope: string;
  readonly epoch: bigint;
  readonly revision: number;
  readonly state: SettlementState;
  readonly failure: string | null;
  readonly due_at: Date;
};

const settlementOf = (row: SettlementRow): Settlement => ({
  scope: row.scope,
  epoch: Number(row.epoch),
  revision: row.revision,
  state: row.state,
  failure: row.failure,
  dueAt: row.due_at,
});

const columns = "scope, epoch, revision, state, failure, due_at";

/** Settlements of a scope that have not ended and are due, the oldest epoch first. */
export async function dueSettlements(database: Queryable, scope: string, now: Date): Promise<readonly Settlement[]> {
  const { rows } = await database.query<SettlementRow>(
    {
      name: "due-settlements",
      text: `SELECT ${columns} FROM work.settlement
        WHERE scope = $1 AND state NOT IN ('finalized', 'failed') AND due_at <= $2 ORDER BY epoch LIMIT ${liveLimit}`,
    },
    [scope, now],
  );
  return rows.map(settlementOf);
}

/** The newest revision of an epoch's settlement; undefined before the epoch closes. */
export async function newestSettlement(
  database: Queryable,
  scope: string,
  epoch: number,
): Promise<Settlement | undefined> {
  const { rows } = await database.query<SettlementRow>(
    `SELECT ${columns} FROM work.settlement WHERE scope = $1 AND epoch = $2 ORDER BY revision DESC LIMIT 1`,
    [scope, epoch],
  );
  return rows[0] && settlementOf(rows[0]);
}

const keyOf = ({ scope, epoch, revision }: SettlementKey): readonly [string, number, number] => [
  scope,
  epoch,
  revision,
];

function actOf({ scope, epoch }: SettlementKey, body: Json) {
  return { kind: "settlement", subject: epochSubject(scope, epoch), body: canonicalText(body) };
}

/**
 * Moves a settlement along the published table and journals the move; false, and nothing written, when it stands in another
 * state than it was read in.
 * @throws ProtocolError SETTLEMENT_TRANSITION_REFUSED when the table does not allow the move
 */
export async function moveSettlement(transaction: Queryable, move: SettlementMove, now: Date): Promise<boolean> {
  const { settlement, to, by, why, failure, dueAt = now, detail } = move;
  assert((to === "failed") === (failure !== undefined), "a settlement fails for a reason");
  const { scope, epoch, revision, state: from } = settlement;
  if (!allows(settlementLifecycle, from, to)) {
    throw new ProtocolError("SETTLEMENT_TRANSITION_REFUSED", {
      settlement: epochIdOf(scope, epoch),
      revision,
      from,
      to,
    });
  }
  const { rowCount } = await transaction.query(
    {
      name: "move-settlement",
      text: `UPDATE work.settlement SET state = $5, failure = $6, due_at = $7
        WHERE scope = $1 AND epoch = $2 AND revision = $3 AND state = $4`,
    },
    [...keyOf(settlement), from, to, failure ?? null, dueAt],
  );
  if (rowCount === 0) return false;
  const body = {
    by,
    from,
    revision,
    to,
    why,
    ...(failure === undefined ? {} : { failure }),
    ...(detail && { detail }),
  };
  await appendJournal(transaction, [actOf(settlement, body)], now);
  return true;
}

/** Has a settlement looked at again later; its state stays. */
export async function postponeSettlement(transaction: Queryable, key: SettlementKey, dueAt: Date): Promise<void> {
  await transaction.query(
    {
      name: "postpone-settlement",
      text: `UPDATE work.settlement SET due_at = $4 WHERE scope = $1 AND epoch = $2 AND revision = $3
        AND state NOT IN ('finalized', 'failed')`,
    },
    [...keyOf(key), dueAt],
  );
}

/**
 * Begins a new revision of a failed settlement (SETL-10); what failed stays readable. Answers its number, or undefined when
 * the newest revision has not failed.
 */
export async function startRevision(
  transaction: Queryable,
  request: { readonly scope: string; readonly epoch: number; readonly by: string; readonly why: string },
  now: Date,
): Promise<number | undefined> {
  const { scope, epoch, by, why } = request;
  const { rows } = await transaction.query<{ revision: number }>(
    `INSERT INTO work.settlement (scope, epoch, revision, state, due_at)
      SELECT $1::text, $2::bigint, s.revision + 1, 'collecting', $3
      FROM (SELECT revision, state FROM work.settlement WHERE scope = $1::text AND epoch = $2::bigint ORDER BY revision DESC LIMIT 1) s
      WHERE s.state = 'failed' ON CONFLICT DO NOTHING RETURNING revision`,
    [scope, epoch, now],
  );
  const revision = rows[0]?.revision;
  if (revision === undefined) return undefined;
  const act = actOf({ scope, epoch, revision }, { by, from: null, revision, to: "collecting", why });
  await appendJournal(transaction, [act], now);
  return revision;
}

/** How many candidates of an epoch were rejected on chain: the anchor counts its revisions by these. */
export async function rejectedCandidates(database: Queryable, scope: string, epoch: number): Promise<number> {
  const { rows } = await database.query<{ count: bigint }>(
    `SELECT count(*) AS count FROM work.settlement WHERE scope = $1 AND epoch = $2 AND state = 'failed'
      AND starts_with(failure, $3)`,
    [scope, epoch, rejectedFailure],
  );
  return Number(rows[0]?.count ?? 0n);
}

/** All that a candidate is recorded with. */
export type CandidateRecord = SettlementKey & {
  readonly root: Hex;
  readonly header: SettlementHeader;
  readonly subRoots: SettlementSubRoots;
  readonly pot: bigint;
  /** In the order of the result leaves. */
  readonly taskIds: readonly Hex[];
  readonly rewards: readonly RewardRecord[];
  readonly payouts: readonly PayoutInstruction[];
};

/** Inserts rows given as columns, so many at a time, each row with the settlement's key and its index. */
async function insertIndexed(
  transaction: Queryable,
  key: SettlementKey,
  insert: { readonly name: string; readonly text: string; readonly columns: readonly (readonly SqlValue[])[] },
): Promise<void> {
  const { name, text, columns: values } = insert;
  const rows = values[0]?.length ?? 0;
  for (let from = 0; from < rows; from += insertRows) {
    const part = values.map((column) => column.slice(from, from + insertRows));
    await transaction.query({ name, text }, [...keyOf(key), from - 1, ...part]);
  }
}

/**
 * Records a candidate with its items, rewards and payouts: all of it in the caller's transaction. Rewards are calculated by
 * this, and not final (RWRD-01).
 */
export async function insertCandidate(transaction: Queryable, candidate: CandidateRecord, now: Date): Promise<void> {
  const { root, header, subRoots, pot, taskIds, rewards, payouts } = candidate;
  await transaction.query(
    `INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count,
        payout_total, pot, journal_batch, built_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, (SELECT max(batch_no) FROM ledger.journal_batch), $12)`,
    [
      ...keyOf(candidate),
      hexToBytes(root),
      canonicalText(header),
      canonicalText(subRoots),
      hexToBytes(header.archive),
      header.itemCount,
      header.payoutCount,
      BigInt(header.payoutTotal),
      pot,
      now,
    ],
  );
  await insertIndexed(transaction, candidate, {
    name: "insert-settlement-items",
    text: `INSERT INTO ledger.settlement_item (scope, epoch, revision, index, task_id)
      SELECT $1, $2, $3, $4::bigint + position, task_id FROM unnest($5::bytea[]) WITH ORDINALITY AS i (task_id, position)`,
    columns: [taskIds.map((taskId) => hexToBytes(taskId))],
  });
  await insertIndexed(transaction, candidate, {
    name: "insert-rewards",
    text: `INSERT INTO ledger.reward (scope, epoch, revision, index, reward_id, account, role, amount, body)
      SELECT $1, $2, $3, $4::bigint + position, reward_id, account, role, amount, body
      FROM unnest($5::bytea[], $6::bytea[], $7::text[], $8::numeric[], $9::text[])
        WITH ORDINALITY AS r (reward_id, account, role, amount, body, position)`,
    columns: [
      rewards.map(({ rewardId }) => hexToBytes(rewardId)),
      rewards.map(({ account }) => hexToBytes(account)),
      rewards.map(({ role }) => role),
      rewards.map(({ amount }) => amount),
      rewards.map((record) => canonicalText(record)),
    ],
  });
  await insertIndexed(transaction, candidate, {
    name: "insert-payout-leaves",
    text: `INSERT INTO ledger.payout_leaf (scope, epoch, revision, index, payout_id, account, amount)
      SELECT $1, $2, $3, $4::bigint + position, payout_id, account, amount
      FROM unnest($5::bytea[], $6::bytea[], $7::numeric[]) WITH ORDINALITY AS p (payout_id, account, amount, position)`,
    columns: [
      payouts.map(({ payoutId }) => hexToBytes(payoutId)),
      payouts.map(({ account }) => hexToBytes(account)),
      payouts.map(({ amount }) => amount),
    ],
  });
}

/** A recorded candidate, without its lists. */
export type StoredCandidate = Pick<CandidateRecord, "root" | "header" | "subRoots" | "pot">;

/** Reads a candidate back; undefined when the revision has none. */
export async function readCandidate(database: Queryable, key: SettlementKey): Promise<StoredCandidate | undefined> {
  const { rows } = await database.query<{ root: Buffer; header: string; sub_roots: string; pot: bigint }>(
    `SELECT root, header, sub_roots, pot FROM ledger.candidate WHERE scope = $1 AND epoch = $2 AND revision = $3`,
    keyOf(key),
  );
  return (
    rows[0] && {
      root: bytesToHex(rows[0].root),
      header: JSON.parse(rows[0].header) as SettlementHeader,
      subRoots: JSON.parse(rows[0].sub_roots) as SettlementSubRoots,
      pot: rows[0].pot,
    }
  );
}

/** Has an epoch's settlement looked at now: something it may wait for has happened. */
export async function wakeSettlement(transaction: Queryable, scope: string, epoch: number, now: Date): Promise<void> {
  await transaction.query(
    `UPDATE work.settlement SET due_at = least(due_at, $3) WHERE scope = $1 AND epoch = $2
      AND state NOT IN ('finalized', 'failed')`,
    [scope, epoch, now],
  );
}
