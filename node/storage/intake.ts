// Admission of tasks in batches: what the decision needs to know, read under lock, and what it leaves behind, written at once.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import { accountNames, lockBalances } from "./accounts.ts";
import type { Queryable } from "./database.ts";
import { admissionBody } from "./tasks.ts";

/** The schema version of tasks and the versions of meaning and policy that a scope takes new tasks under. */
export type LiveVersions = { readonly semantic: readonly string[]; readonly policy: readonly string[] };

/** What names a submission within its submitter: the key is the submitter's own. */
export type SubmissionKey = { readonly submitter: Hex; readonly idempotencyKey: string };

/** A submitter's quota window, which begins at a multiple of its length. */
export type QuotaWindow = { readonly submitter: Hex; readonly startSeconds: number };

/** A task that was admitted before. */
export type KnownTask = { readonly taskId: Hex; readonly state: TaskState };

/** What is true of the submitters of a batch, and stays true until the transaction ends. */
export type SubmitterFacts = {
  /** By {@link keyText}. */
  readonly known: ReadonlyMap<string, KnownTask>;
  /** Budget left, in base units. */
  readonly available: ReadonlyMap<Hex, bigint>;
  /** Tasks admitted in a window, by {@link windowText}. */
  readonly used: ReadonlyMap<string, number>;
};

/** A task to be written as admitted. */
export type Admission = SubmissionKey & {
  readonly taskId: Hex;
  readonly scope: string;
  /** The envelope's canonical text. */
  readonly envelopeText: string;
  /** Null where a bearer token stood for the submitter. */
  readonly signature: Uint8Array | null;
  readonly feeLimit: bigint;
  readonly versions: { readonly schema: string; readonly semantic: string; readonly policy: string };
  readonly deadlineAt: Date;
  readonly window: QuotaWindow;
};

/** Quota rows are kept for a day: no window is longer. */
const quotaKeptSeconds = 86_400;

export const keyText = ({ submitter, idempotencyKey }: SubmissionKey): string => `${submitter} ${idempotencyKey}`;
export const windowText = ({ submitter, startSeconds }: QuotaWindow): string => `${submitter} ${startSeconds}`;

const liveStatement = {
  name: "live-versions",
  text: `SELECT DISTINCT ON (scope) scope, semantic_versions, policy_versions
    FROM ledger.rollout
    WHERE scope = ANY($1) AND from_epoch <= (
      SELECT coalesce(max(epoch) + (bool_and(status = 'closed'))::int, 1) FROM work.epoch WHERE epoch.scope = rollout.scope)
    ORDER BY scope, from_epoch DESC`,
};

/**
 * The versions that scopes take tasks under now: those rolled out last up to the epoch that is open, or that opens next
 * (OPER-03). A scope without a roll-out is not in the answer.
 */
export async function readLiveVersions(
  database: Queryable,
  scopes: readonly string[],
): Promise<ReadonlyMap<string, LiveVersions>> {
  type LiveRow = {
    readonly scope: string;
    readonly semantic_versions: string[];
    readonly policy_versions: string[];
  };
  const { rows } = await database.query<LiveRow>(liveStatement, [scopes]);
  return new Map(rows.map((row) => [row.scope, { semantic: row.semantic_versions, policy: row.policy_versions }]));
}

/**
 * Both questions in one journey: rows of the first kind have a task, those of the second a count. Written as a search for each
 * row, since a join planned while the tables were small would read them whole for ever after.
 */
const factsStatement = {
  name: "submitter-facts",
  text: `SELECT k.submitter, k.idempotency_key AS name, t.task_id, NULL::bigint AS tasks,
      (SELECT state FROM work.task w WHERE w.task_id = t.task_id) AS state
    FROM unnest($1::bytea[], $2::text[]) AS k (submitter, idempotency_key), LATERAL (
      SELECT task_id FROM ledger.task t
      WHERE t.submitter = k.submitter AND t.idempotency_key = k.idempotency_key LIMIT 1) t
    UNION ALL
    SELECT w.submitter, w.start_seconds::text, NULL, q.tasks, NULL
    FROM unnest($3::bytea[], $4::bigint[]) AS w (submitter, start_seconds), LATERAL (
      SELECT tasks FROM work.quota q
      WHERE q.submitter = w.submitter AND q.window_start = to_timestamp(w.start_seconds) LIMIT 1) q`,
};

type FactRow = {
  readonly submitter: Buffer;
  /** The idempotency key, or the second that the window begins at. */
  readonly name: string;
  readonly task_id: Buffer | null;
  readonly state: TaskState | null;
  readonly tasks: bigint | null;
};

/**
 * What a batch's admission is decided on. Locks the submitters' balances first: from then on nobody else admits a task of
 * theirs, so that neither a key nor a budget nor a quota can be used twice.
 */
export async function lockSubmitters(
  transaction: Queryable,
  keys: readonly SubmissionKey[],
  windows: readonly QuotaWindow[],
): Promise<SubmitterFacts> {
  const submitters = [...new Set(keys.map(({ submitter }) => submitter))];
  const accounts = submitters.flatMap((submitter) => [
    accountNames.budget(submitter),
    accountNames.reserved(submitter),
  ]);
  const balances = await lockBalances(transaction, accounts);
  const { rows } = await transaction.query<FactRow>(factsStatement, [
    keys.map(({ submitter }) => hexToBytes(submitter)),
    keys.map(({ idempotencyKey }) => idempotencyKey),
    windows.map(({ submitter }) => hexToBytes(submitter)),
    windows.map(({ startSeconds }) => startSeconds),
  ]);
  const known = new Map<string, KnownTask>();
  const used = new Map<string, number>();
  for (const { submitter, name, task_id: taskId, state, tasks } of rows) {
    const address = bytesToHex(submitter);
    if (taskId !== null && state !== null) {
      known.set(keyText({ submitter: address, idempotencyKey: name }), { taskId: bytesToHex(taskId), state });
    } else {
      used.set(windowText({ submitter: address, startSeconds: Number(name) }), Number(tasks));
    }
  }
  const available = submitters.map(
    (submitter) => [submitter, balances.get(accountNames.budget(submitter)) ?? 0n] as const,
  );
  return { known, available: new Map(available), used };
}

/**
 * Everything that admission leaves behind, in one journey: each further one would cost as much as a dozen rows. The
 * reservations are those that `post` would make: tasks that are new have none yet, and their balances are locked already.
 */
const admitStatement = {
  name: "admit-tasks",
  text: `WITH admitted AS (
      SELECT * FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::bytea[], $8::numeric[],
          $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::text[])
        AS a (task_id, scope, submitter, idempotency_key, envelope, signature, fee_limit,
          schema_version, semantic_version, policy_version, deadline_at, body)),
    spenders AS (
      SELECT * FROM unnest($14::bytea[], $15::text[], $16::text[], $17::numeric[]) AS s (submitter, budget, reserved, total)),
    tasks AS (
      INSERT INTO ledger.task (task_id, scope, submitter, idempotency_key, envelope, signature, fee_limit, accepted_at)
      SELECT task_id, scope, submitter, idempotency_key, envelope, signature, fee_limit, $1 FROM admitted),
    journalled AS (
      INSERT INTO ledger.journal (kind, subject, body, at) SELECT 'task', task_id, body, $1 FROM admitted),
    posted AS (
      INSERT INTO ledger.posting (kind, debit, credit, amount, reference, at)
      SELECT 'reserve', budget, reserved, fee_limit, '0x' || encode(task_id, 'hex'), $1
      FROM admitted JOIN spenders USING (submitter) WHERE fee_limit > 0),
    moved AS (
      UPDATE work.balance SET amount = balance.amount + change FROM (
        SELECT budget AS account, -total AS change FROM spenders UNION ALL SELECT reserved, total FROM spenders) both_sides
      WHERE balance.account = both_sides.account),
    forgotten AS (DELETE FROM work.quota WHERE submitter = ANY($18::bytea[]) AND window_start < $21),
    counted AS (
      INSERT INTO work.quota (submitter, window_start, tasks)
      SELECT submitter, to_timestamp(start_seconds), tasks
      FROM unnest($18::bytea[], $19::bigint[], $20::bigint[]) AS c (submitter, start_seconds, tasks)
      ON CONFLICT (submitter, window_start) DO UPDATE SET tasks = quota.tasks + excluded.tasks)
    INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, due_at, deadline_at)
    SELECT task_id, scope, submitter, 'accepted', schema_version, semantic_version, policy_version, $1, deadline_at FROM admitted`,
};

/**
 * Writes admitted tasks: the ledger's row, the first journal entry, the work to be done, the reserved fee limit and the
 * quota used. Comes after {@link lockSubmitters} in the same transaction.
 * @param by who admitted them, for the journal.
 */
export async function admitTasks(
  transaction: Queryable,
  admissions: readonly Admission[],
  by: string,
  now: Date,
): Promise<void> {
  if (admissions.length === 0) return;
  const totals = new Map<Hex, bigint>();
  const windows = new Map<string, { readonly window: QuotaWindow; tasks: number }>();
  for (const { submitter, feeLimit, window } of admissions) {
    totals.set(submitter, (totals.get(submitter) ?? 0n) + feeLimit);
    const counted = windows.get(windowText(window));
    if (counted === undefined) windows.set(windowText(window), { window, tasks: 1 });
    else counted.tasks++;
  }
  const spenders = [...totals];
  const counts = [...windows.values()];
  await transaction.query(admitStatement, [
    now,
    admissions.map(({ taskId }) => hexToBytes(taskId)),
    admissions.map(({ scope }) => scope),
    admissions.map(({ submitter }) => hexToBytes(submitter)),
    admissions.map(({ idempotencyKey }) => idempotencyKey),
    admissions.map(({ envelopeText }) => envelopeText),
    admissions.map(({ signature }) => signature),
    admissions.map(({ feeLimit }) => feeLimit),
    admissions.map(({ versions }) => versions.schema),
    admissions.map(({ versions }) => versions.semantic),
    admissions.map(({ versions }) => versions.policy),
    admissions.map(({ deadlineAt }) => deadlineAt),
    admissions.map(({ versions }) => admissionBody(by, versions)),
    spenders.map(([submitter]) => hexToBytes(submitter)),
    spenders.map(([submitter]) => accountNames.budget(submitter)),
    spenders.map(([submitter]) => accountNames.reserved(submitter)),
    spenders.map(([, total]) => total),
    counts.map(({ window }) => hexToBytes(window.submitter)),
    counts.map(({ window }) => window.startSeconds),
    counts.map(({ tasks }) => tasks),
    new Date(now.getTime() - quotaKeptSeconds * 1000),
  ]);
}
