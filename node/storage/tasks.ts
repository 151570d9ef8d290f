// Claims and transitions of tasks: the one writer of task state, in batches, fenced, journalled in the same transaction.
import { allows, taskLifecycle, type TaskState } from "#protocol/lifecycles.ts";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import type { Queryable } from "./database.ts";

/** The versions a task was admitted under; every one of its journal entries names them (TASK-03). */
export type TaskVersions = { readonly schema: string; readonly semantic: string; readonly policy: string };

/** A task in somebody's hands: only who knows the current fence can move it (LAYR-05). */
export type Claim = {
  readonly taskId: Hex;
  /** Which task it was to arrive, and the key of its row. */
  readonly arrival: bigint;
  readonly scope: string;
  readonly state: TaskState;
  readonly fence: bigint;
  /** Transitions so far; the next one is this number in the task's history. */
  readonly moves: number;
  /** Attempts at the present stage before this one. */
  readonly attempt: number;
  readonly versions: TaskVersions;
  readonly envelope: TaskEnvelope;
};

/** One transition of one claimed task. */
export type Move = {
  readonly claim: Claim;
  readonly to: TaskState;
  readonly by: string;
  readonly why: string;
  /** Public facts that explain the move; no private plaintext. */
  readonly detail?: { readonly [key: string]: Json };
  /** When the new stage ends by itself; null where it has no deadline. */
  readonly deadlineAt: Date | null;
};

type ClaimRow = {
  readonly task_id: Buffer;
  readonly arrival: bigint;
  readonly scope: string;
  readonly state: TaskState;
  readonly fence: bigint;
  readonly moves: number;
  readonly attempt: number;
  readonly schema_version: string;
  readonly semantic_version: string;
  readonly policy_version: string;
  readonly envelope: string;
};

const claimColumns = `task.task_id, task.arrival, task.scope, task.state, task.fence, task.moves, task.attempt, task.schema_version,
  task.semantic_version, task.policy_version, (SELECT envelope FROM ledger.task t WHERE t.task_id = task.task_id) AS envelope`;

function claimOf(row: ClaimRow): Claim {
  return {
    taskId: bytesToHex(row.task_id),
    arrival: row.arrival,
    scope: row.scope,
    state: row.state,
    fence: row.fence,
    moves: row.moves,
    attempt: row.attempt,
    versions: { schema: row.schema_version, semantic: row.semantic_version, policy: row.policy_version },
    envelope: JSON.parse(row.envelope) as TaskEnvelope,
  };
}

/** States that nothing leads out of: a task in one of them stays there. */
export const endedStates: readonly TaskState[] = (Object.keys(taskLifecycle.states) as TaskState[]).filter(
  (state) => !taskLifecycle.transitions.some(({ from }) => from === state),
);

/** The same as a list in SQL, in the words of the indexes of `work.task`. */
export const endedList = `(${endedStates.map((state) => `'${state}'`).join()})`;

/**
 * An SQL expression: the state of the task with this id; it is looked up among those that have ended only where it is not among
 * those under way, whose index stays small. Written as a search for each row: a join planned while one of them was empty would
 * read it whole for ever after.
 */
export const stateOf = (taskId: string): string =>
  `coalesce((SELECT u.state FROM work.task u WHERE u.task_id = ${taskId} AND u.state NOT IN ${endedList}),
    (SELECT e.state FROM work.task e WHERE e.task_id = ${taskId} AND e.state IN ${endedList}))`;

const claimStatement = {
  name: "claim-tasks",
  text: `WITH due AS (
      SELECT arrival FROM work.task
      WHERE state = $1 AND due_at <= $2 AND (held_until IS NULL OR held_until <= $2) AND deadline_at > $2
      ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE work.task SET holder = $4, held_until = $5, fence = fence + 1
    FROM due WHERE task.arrival = due.arrival
    RETURNING ${claimColumns}`,
};

/**
 * Claims up to `limit` tasks of a state for `holder` until the lease ends. Each claim raises the task's fence, so whoever
 * held it before can no longer write (LAYR-05).
 */
export async function claimTasks(
  database: Queryable,
  request: { readonly state: TaskState; readonly holder: string; readonly limit: number; readonly now: Date },
): Promise<readonly Claim[]> {
  const until = new Date(request.now.getTime() + leaseSeconds * 1000);
  const values = [request.state, request.now, request.limit, request.holder, until];
  const { rows } = await database.query<ClaimRow>(claimStatement, values);
  return rows.map(claimOf);
}

const takeStatement = {
  name: "take-tasks",
  text: `SELECT ${claimColumns} FROM work.task
    WHERE state = $1 AND due_at <= $2 AND (held_until IS NULL OR held_until <= $2) AND deadline_at > $2
    ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
};

/** Takes tasks within the caller's transaction, for moves that need no work in between: the row lock is the claim. */
export async function takeTasks(
  transaction: Queryable,
  request: { readonly state: TaskState; readonly limit: number; readonly now: Date },
): Promise<readonly Claim[]> {
  const { rows } = await transaction.query<ClaimRow>(takeStatement, [request.state, request.now, request.limit]);
  return rows.map(claimOf);
}

const overdueStatement = {
  name: "take-overdue",
  text: `SELECT ${claimColumns} FROM work.task
    WHERE deadline_at <= $1 AND state IN ('accepted', 'resolving', 'dispatched', 'verifying')
    ORDER BY deadline_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
};

/** Takes tasks whose stage passed its deadline, whoever holds them (TASK-05). */
export async function takeOverdue(
  transaction: Queryable,
  request: { readonly limit: number; readonly now: Date },
): Promise<readonly Claim[]> {
  const { rows } = await transaction.query<ClaimRow>(overdueStatement, [request.now, request.limit]);
  return rows.map(claimOf);
}

const namedStatement = {
  name: "take-named",
  text: `SELECT ${claimColumns} FROM work.task
    WHERE (task_id = ANY($1) AND state NOT IN ${endedList}) OR (task_id = ANY($1) AND state IN ${endedList})
    ORDER BY task_id FOR UPDATE`,
};

/** Takes the named tasks, in whatever state they are, waiting for whoever works on their rows. */
export async function takeNamed(transaction: Queryable, taskIds: readonly Hex[]): Promise<readonly Claim[]> {
  const { rows } = await transaction.query<ClaimRow>(namedStatement, [taskIds.map((id) => hexToBytes(id))]);
  return rows.map(claimOf);
}

const moveStatement = {
  name: "move-tasks",
  text: `WITH wanted AS (
      SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $8::bigint[])
        AS w (task_id, fence, from_state, to_state, deadline_at, body, arrival)),
    moved AS (
      UPDATE work.task SET state = w.to_state, moves = moves + 1, attempt = 0, fence = task.fence + 1, holder = NULL,
        held_until = NULL, due_at = $7, deadline_at = w.deadline_at
      FROM wanted w WHERE task.arrival = w.arrival AND task.fence = w.fence AND task.state = w.from_state
      RETURNING task.task_id),
    journalled AS (
      INSERT INTO ledger.journal (kind, subject, body, at)
      SELECT 'task', w.task_id, w.body, $7 FROM wanted w JOIN moved USING (task_id))
    SELECT task_id FROM moved`,
};

/**
 * Moves claimed tasks along the published table and journals each move, or does nothing for those whose fence has passed
 * to somebody else. Answers the ids that moved: artifacts of the others must not be written (TASK-02, TASK-03).
 * @throws ProtocolError SETTLEMENT_TRANSITION_REFUSED when the table does not allow one of the moves; nothing is written
 */
export async function moveTasks(transaction: Queryable, moves: readonly Move[], now: Date): Promise<ReadonlySet<Hex>> {
  if (moves.length === 0) return new Set();
  for (const { claim, to } of moves) {
    if (allows(taskLifecycle, claim.state, to)) continue;
    throw new ProtocolError("SETTLEMENT_TRANSITION_REFUSED", { taskId: claim.taskId, from: claim.state, to });
  }
  const { rows } = await transaction.query<{ task_id: Buffer }>(moveStatement, [
    moves.map(({ claim }) => hexToBytes(claim.taskId)),
    moves.map(({ claim }) => claim.fence),
    moves.map(({ claim }) => claim.state),
    moves.map(({ to }) => to),
    moves.map(({ deadlineAt }) => deadlineAt),
    moves.map(transitionBody),
    now,
    moves.map(({ claim }) => claim.arrival),
  ]);
  return new Set(rows.map((row) => bytesToHex(row.task_id)));
}

/** The journal body of a transition. The time is beside it, not in it. */
function transitionBody({ claim, to, by, why, detail }: Move): string {
  const body = { from: claim.state, to, by, why, step: claim.moves, versions: claim.versions };
  return canonicalText(detail === undefined ? body : { ...body, detail });
}

/** The journal body of an admission: the first entry of every task. */
export function admissionBody(by: string, versions: TaskVersions): string {
  return canonicalText({ from: null, to: "accepted", by, why: "admitted", step: 0, versions });
}

const releaseStatement = {
  name: "release-tasks",
  text: `UPDATE work.task SET attempt = attempt + 1, holder = NULL, held_until = NULL, due_at = r.due_at
    FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) AS r (arrival, fence, due_at)
    WHERE task.arrival = r.arrival AND task.fence = r.fence`,
};

/** Gives claimed tasks back after a transient failure, to be tried again from `dueAt` on (TASK-06). */
export async function releaseTasks(
  database: Queryable,
  releases: readonly { readonly claim: Claim; readonly dueAt: Date }[],
): Promise<void> {
  if (releases.length === 0) return;
  await database.query(releaseStatement, [
    releases.map(({ claim }) => claim.arrival),
    releases.map(({ claim }) => claim.fence),
    releases.map(({ dueAt }) => dueAt),
  ]);
}

/** A row of a task's history as it was journalled. */
export type HistoryEntry = {
  readonly from: TaskState | null;
  readonly to: TaskState;
  readonly by: string;
  readonly why: string;
  readonly step: number;
  readonly versions: TaskVersions;
  readonly detail?: Readonly<Record<string, Json>>;
  readonly at: Date;
};

/** The transitions of tasks in order, read from the journal alone (TASK-08). Unknown ids have no entry in the answer. */
export async function taskHistories(
  database: Queryable,
  taskIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, readonly HistoryEntry[]>> {
  const { rows } = await database.query<{ subject: Buffer; body: string; at: Date }>(
    {
      name: "task-histories",
      text: `SELECT subject, body, at FROM ledger.journal WHERE kind = 'task' AND subject = ANY($1) ORDER BY subject, entry_no`,
    },
    [taskIds.map((id) => hexToBytes(id))],
  );
  const histories = new Map<Hex, HistoryEntry[]>();
  // Most tasks go the same way, in the same words.
  const read = new Map<string, Omit<HistoryEntry, "at">>();
  for (const { subject, body, at } of rows) {
    const taskId = bytesToHex(subject);
    const move = read.get(body) ?? (JSON.parse(body) as Omit<HistoryEntry, "at">);
    read.set(body, move);
    const entry = { ...move, at };
    const history = histories.get(taskId);
    if (history) history.push(entry);
    else histories.set(taskId, [entry]);
  }
  return histories;
}
