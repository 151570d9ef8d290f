// Reading back why something is as it is: the journal of one subject, a task's epochs, and where a reward comes from.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { SettlementState } from "#protocol/lifecycles.ts";
import type { AdjustmentRecord, RewardRecord, RewardView } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "./database.ts";

/** A journalled act about one subject; `body` is what was written down, parsed. */
export type SubjectAct = { readonly kind: string; readonly at: Date; readonly body: Readonly<Record<string, unknown>> };

/** Everything that was journalled about a subject, in order: a task's id, or the UTF-8 bytes of a name. */
export async function subjectActs(
  database: Queryable,
  kinds: readonly string[],
  subject: Uint8Array,
): Promise<readonly SubjectAct[]> {
  const { rows } = await database.query<{ kind: string; body: string; at: Date }>(
    `SELECT kind, body, at FROM ledger.journal WHERE subject = $1 AND kind = ANY($2) ORDER BY entry_no`,
    [subject, kinds],
  );
  return rows.map(({ kind, body, at }) => ({ kind, at, body: JSON.parse(body) as SubjectAct["body"] }));
}

/** What was done to an epoch and its settlement, in order, at most `limit`; members that were assigned are left out. */
export async function epochActs(
  database: Queryable,
  subject: Uint8Array,
  limit: number,
): Promise<readonly SubjectAct[]> {
  const { rows } = await database.query<{ kind: string; body: string; at: Date }>(
    `SELECT kind, body, at FROM ledger.journal
      WHERE subject = $1 AND kind IN ('epoch', 'settlement') AND body::json->>'act' IS DISTINCT FROM 'assigned'
      ORDER BY entry_no LIMIT $2`,
    [subject, limit],
  );
  return rows.map(({ kind, body, at }) => ({ kind, at, body: JSON.parse(body) as SubjectAct["body"] }));
}

/** An epoch that a task was a member of, and why it was left for a later one, if it was. */
export type TaskTurn = { readonly epoch: number; readonly deferredFor: string | null };

/** Every epoch that a task was a member of, the first one first. */
export async function taskTurns(database: Queryable, taskId: Hex): Promise<readonly TaskTurn[]> {
  const { rows } = await database.query<{ epoch: bigint; reason: string | null }>(
    `SELECT m.epoch, d.reason FROM ledger.epoch_member m LEFT JOIN ledger.deferral d USING (task_id, turn)
      WHERE m.task_id = $1 ORDER BY m.turn`,
    [hexToBytes(taskId)],
  );
  return rows.map(({ epoch, reason }) => ({ epoch: Number(epoch), deferredFor: reason }));
}

/** A candidate that holds a task, and how its settlement stands. */
export type HoldingCandidate = {
  readonly epoch: number;
  readonly revision: number;
  readonly state: SettlementState;
  readonly root: Hex;
};

/** The newest candidate that holds a task; undefined where none does. */
export async function holdingCandidate(database: Queryable, taskId: Hex): Promise<HoldingCandidate | undefined> {
  const { rows } = await database.query<{ epoch: bigint; revision: number; state: SettlementState; root: Buffer }>(
    `SELECT c.epoch, c.revision, s.state, c.root FROM ledger.settlement_item i
      JOIN ledger.candidate c USING (scope, epoch, revision) JOIN work.settlement s USING (scope, epoch, revision)
      WHERE i.task_id = $1 ORDER BY c.epoch DESC, c.revision DESC LIMIT 1`,
    [hexToBytes(taskId)],
  );
  const [row] = rows;
  return row && { ...row, epoch: Number(row.epoch), root: bytesToHex(row.root) };
}

/** A reward with its revision, the state of that, and the archive its units can be counted from. */
export type FoundReward = RewardView & { readonly archive: Hex };

/** The newest revision of a reward; undefined for an unknown id. */
export async function findReward(database: Queryable, rewardId: Hex): Promise<FoundReward | undefined> {
  const { rows } = await database.query<{
    body: string;
    revision: number;
    state: RewardView["state"];
    archive: Buffer;
  }>(
    `SELECT r.body, r.revision, c.archive,
        CASE s.state WHEN 'finalized' THEN 'finalized' WHEN 'failed' THEN 'blocked' ELSE 'calculated' END AS state
      FROM ledger.reward r JOIN work.settlement s USING (scope, epoch, revision)
        JOIN ledger.candidate c USING (scope, epoch, revision)
      WHERE r.reward_id = $1 ORDER BY r.revision DESC LIMIT 1`,
    [hexToBytes(rewardId)],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const record = JSON.parse(row.body) as RewardRecord;
  return { record, revision: row.revision, state: row.state, archive: bytesToHex(row.archive) };
}

/** What a revision takes from an account or gives to it for penalties, in the order of its leaves, at most `limit`. */
export async function accountAdjustments(
  database: Queryable,
  at: { readonly scope: string; readonly epoch: number; readonly revision: number; readonly account: Hex },
  limit: number,
): Promise<readonly AdjustmentRecord[]> {
  const { scope, epoch, revision, account } = at;
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.adjustment
      WHERE scope = $1 AND epoch = $2 AND revision = $3 AND (account = $4 OR beneficiary = $4) ORDER BY index LIMIT $5`,
    [scope, epoch, revision, hexToBytes(account), limit],
  );
  return rows.map(({ body }) => JSON.parse(body) as AdjustmentRecord);
}
