// Reading everything that an audit checks, in pages: money, memberships, tasks with their histories, candidates.
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import type { SettlementState } from "#protocol/lifecycles.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import type { Queryable, Row, SqlValue } from "./database.ts";
import { endedList, taskHistories, type HistoryEntry } from "./tasks.ts";

/** Rows of one page: bounds what an audit holds in memory. */
const pageRows = 5_000;

/** Reads a statement page by page. `$1` is the cursor, `$2` the limit. */
async function* pages<R extends Row>(
  database: Queryable,
  text: string,
  start: SqlValue,
  cursor: (row: R) => SqlValue,
): AsyncGenerator<readonly R[]> {
  for (let after = start; ;) {
    const { rows } = await database.query<R>(text, [after, pageRows]);
    yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    after = cursor(last);
  }
}

/** A movement of money as it was posted. */
export type PostedRow = {
  readonly kind: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: bigint;
  readonly reference: string;
};

/** Every posting, oldest first. */
export async function* readPostings(database: Queryable): AsyncGenerator<PostedRow> {
  const text = `SELECT posting_no, kind, debit, credit, amount, reference FROM ledger.posting
    WHERE posting_no > $1 ORDER BY posting_no LIMIT $2`;
  type Posted = PostedRow & { readonly posting_no: bigint };
  for await (const rows of pages<Posted>(database, text, 0n, (row) => row.posting_no)) yield* rows;
}

/** Every balance by account. */
export async function* readAllBalances(
  database: Queryable,
): AsyncGenerator<{ readonly account: string; readonly amount: bigint }> {
  type BalanceRow = { readonly account: string; readonly amount: bigint };
  const text = `SELECT account, amount FROM work.balance WHERE account > $1 ORDER BY account LIMIT $2`;
  for await (const rows of pages<BalanceRow>(database, text, "", (row) => row.account)) yield* rows;
}

/** A membership: the task's first, or a later one after it was deferred; and why it was deferred from this one, if it was. */
export type AuditedMember = {
  readonly taskId: Hex;
  readonly turn: number;
  readonly epochId: string;
  readonly deferredFor: string | null;
};

/** Every membership by task, and in the order of turns. */
export async function* readMembers(database: Queryable): AsyncGenerator<AuditedMember> {
  type MemberRow = {
    readonly task_id: Buffer;
    readonly turn: number;
    readonly scope: string;
    readonly epoch: bigint;
    readonly reason: string | null;
  };
  // A page ends with every turn of its last task.
  const text = `SELECT m.task_id, m.turn, m.scope, m.epoch, d.reason
    FROM ledger.epoch_member m LEFT JOIN ledger.deferral d ON (d.task_id, d.turn) = (m.task_id, m.turn)
    WHERE m.task_id IN (SELECT DISTINCT task_id FROM ledger.epoch_member WHERE task_id > $1 ORDER BY task_id LIMIT $2)
    ORDER BY m.task_id, m.turn`;
  for await (const rows of pages<MemberRow>(database, text, Buffer.alloc(0), (row) => row.task_id)) {
    for (const row of rows) {
      const epochId = epochIdOf(row.scope, Number(row.epoch));
      yield { taskId: bytesToHex(row.task_id), turn: row.turn, epochId, deferredFor: row.reason };
    }
  }
}

/** The members of one epoch, ascending, each with why it was deferred from it, if it was. */
export async function readEpochMembers(
  database: Queryable,
  scope: string,
  epoch: number,
): Promise<readonly Pick<AuditedMember, "taskId" | "deferredFor">[]> {
  const { rows } = await database.query<{ task_id: Buffer; reason: string | null }>(
    `SELECT m.task_id, d.reason FROM ledger.epoch_member m
      LEFT JOIN ledger.deferral d ON (d.task_id, d.turn) = (m.task_id, m.turn)
      WHERE m.scope = $1 AND m.epoch = $2 ORDER BY m.task_id`,
    [scope, epoch],
  );
  return rows.map(({ task_id, reason }) => ({ taskId: bytesToHex(task_id), deferredFor: reason }));
}

/** Every task with its journalled history. */
export async function* readTaskHistories(
  database: Queryable,
): AsyncGenerator<{ readonly taskId: Hex; readonly state: string; readonly history: readonly HistoryEntry[] }> {
  type StateRow = { readonly task_id: Buffer; readonly state: string };
  // Each half by its own index: the view of both has no order to go by.
  const half = (which: string): string =>
    `(SELECT task_id, state FROM work.task WHERE task_id > $1 AND state ${which} ${endedList} ORDER BY task_id LIMIT $2)`;
  const text = `${half("NOT IN")} UNION ALL ${half("IN")} ORDER BY task_id LIMIT $2`;
  for await (const rows of pages<StateRow>(database, text, Buffer.alloc(0), (row) => row.task_id)) {
    const ids = rows.map((row) => bytesToHex(row.task_id));
    const histories = await taskHistories(database, ids);
    for (const [at, { state }] of rows.entries()) {
      const taskId = ids[at] ?? "0x";
      yield { taskId, state, history: histories.get(taskId) ?? [] };
    }
  }
}

/** A candidate and how its settlement stands; `finalizedRoot` is null before that. */
export type AuditedCandidate = {
  readonly scope: string;
  readonly epoch: number;
  readonly revision: number;
  readonly root: Hex;
  readonly state: SettlementState;
  readonly finalizedRoot: Hex | null;
};

/** Every candidate, in the order of scope, epoch and revision. */
export async function readCandidates(database: Queryable): Promise<readonly AuditedCandidate[]> {
  const { rows } = await database.query<{
    scope: string;
    epoch: bigint;
    revision: number;
    root: Buffer;
    state: SettlementState;
    finalized_root: Buffer | null;
  }>(
    `SELECT c.scope, c.epoch, c.revision, c.root, s.state, f.root AS finalized_root
      FROM ledger.candidate c JOIN work.settlement s USING (scope, epoch, revision)
        LEFT JOIN ledger.finalized f USING (scope, epoch, revision)
      ORDER BY c.scope, c.epoch, c.revision`,
  );
  return rows.map((row) => ({
    scope: row.scope,
    epoch: Number(row.epoch),
    revision: row.revision,
    root: bytesToHex(row.root),
    state: row.state,
    finalizedRoot: row.finalized_root && bytesToHex(row.finalized_root),
  }));
}
