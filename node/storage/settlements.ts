// Settlements: their states and moves, and the candidates that they hold.
import assert from "node:assert/strict";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { allows, settlementLifecycle, type SettlementState } from "#protocol/lifecycles.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { SettlementHeader, SettlementSubRoots } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "./database.ts";
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

/**
 * {@link startRevision} by order of a person. Answers the revision's number.
 * @throws ProtocolError SETTLEMENT_NOT_FOUND; SETTLEMENT_TRANSITION_REFUSED when the newest revision has not failed
 */
export async function retrySettlement(
  transaction: Queryable,
  request: Parameters<typeof startRevision>[1],
  now: Date,
): Promise<number> {
  const { scope, epoch } = request;
  const newest = await newestSettlement(transaction, scope, epoch);
  if (newest === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch });
  const revision = await startRevision(transaction, request, now);
  if (revision !== undefined) return revision;
  const { state: from } = newest;
  const words = { settlement: epochIdOf(scope, epoch), revision: newest.revision, from, to: "collecting" };
  throw new ProtocolError("SETTLEMENT_TRANSITION_REFUSED", words);
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

/** A recorded candidate, without its lists. */
export type StoredCandidate = {
  readonly root: Hex;
  readonly header: SettlementHeader;
  readonly subRoots: SettlementSubRoots;
  readonly pot: bigint;
  /** When it was committed to: what happened to its tasks later is not in it. */
  readonly builtAt: Date;
};

/** Reads a candidate back; undefined when the revision has none. */
export async function readCandidate(database: Queryable, key: SettlementKey): Promise<StoredCandidate | undefined> {
  type CandidateRow = {
    readonly root: Buffer;
    readonly header: string;
    readonly sub_roots: string;
    readonly pot: bigint;
    readonly built_at: Date;
  };
  const { rows } = await database.query<CandidateRow>(
    `SELECT root, header, sub_roots, pot, built_at FROM ledger.candidate WHERE scope = $1 AND epoch = $2 AND revision = $3`,
    keyOf(key),
  );
  return (
    rows[0] && {
      root: bytesToHex(rows[0].root),
      header: JSON.parse(rows[0].header) as SettlementHeader,
      subRoots: JSON.parse(rows[0].sub_roots) as SettlementSubRoots,
      pot: rows[0].pot,
      builtAt: rows[0].built_at,
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
