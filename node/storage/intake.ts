// Admission of tasks in batches: what the decision needs to know, read under lock, and what it leaves behind, written at once.
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import { accountNames, lockBalances } from "./accounts.ts";
import {
  admitStatement,
  admitValues,
  clearStatement,
  clearValues,
  keyText,
  windowText,
  type Admission,
  type HopefulAdmission,
  type QuotaWindow,
  type SubmissionKey,
} from "./admission-rows.ts";
import type { Database, Queryable } from "./database.ts";
import { bytesArray, numberArray, textArray } from "./joined-texts.ts";
import { stateOf } from "./tasks.ts";

/** The schema version of tasks and the versions of meaning and policy that a scope takes new tasks under. */
export type LiveVersions = { readonly semantic: readonly string[]; readonly policy: readonly string[] };

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

const liveStatement = {
  name: "live-versions",
  text: `SELECT DISTINCT ON (scope) scope, semantic_versions, policy_versions, retiring_semantic_versions,
      retiring_policy_versions
    FROM ledger.rollout
    WHERE scope = ANY($1) AND from_epoch <= (
      SELECT coalesce(max(epoch) + (bool_and(status = 'closed'))::int, 1) FROM work.epoch WHERE epoch.scope = rollout.scope)
    ORDER BY scope, from_epoch DESC`,
};

/**
 * The versions that scopes take tasks under now: those rolled out last up to the epoch that is open, or that opens next,
 * without those that retire (OPER-03). A scope without a roll-out is not in the answer.
 */
export async function readLiveVersions(
  database: Queryable,
  scopes: readonly string[],
): Promise<ReadonlyMap<string, LiveVersions>> {
  type LiveRow = {
    readonly scope: string;
    readonly semantic_versions: string[];
    readonly policy_versions: string[];
    readonly retiring_semantic_versions: string[];
    readonly retiring_policy_versions: string[];
  };
  const { rows } = await database.query<LiveRow>(liveStatement, [scopes]);
  const without = (versions: string[], retiring: string[]) => versions.filter((each) => !retiring.includes(each));
  return new Map(
    rows.map((row) => [
      row.scope,
      {
        semantic: without(row.semantic_versions, row.retiring_semantic_versions),
        policy: without(row.policy_versions, row.retiring_policy_versions),
      },
    ]),
  );
}

/**
 * Both questions in one journey: rows of the first kind have a task, those of the second a count. Written as a search for each
 * row, since a join planned while the tables were small would read them whole for ever after.
 */
const factsStatement = {
  name: "submitter-facts",
  text: `SELECT k.submitter, k.idempotency_key AS name, t.task_id, NULL::bigint AS tasks,
      ${stateOf("t.task_id")} AS state
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
    bytesArray(keys.map(({ submitter }) => submitter)),
    textArray(keys.map(({ idempotencyKey }) => idempotencyKey)),
    bytesArray(windows.map(({ submitter }) => submitter)),
    numberArray(windows.map(({ startSeconds }) => startSeconds)),
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
  await transaction.query(admitStatement, admitValues(admissions, by, now));
}

/** Counts instead of reading them: the amounts are looked at by the statement that follows. */
const lockStatement = {
  name: "lock-submitters",
  text: `SELECT count(*) FROM (
      SELECT FROM work.balance WHERE account = ANY($1::text[]) ORDER BY account FOR UPDATE) locked`,
};

/**
 * Locks the submitters and writes admissions in one journey to the database, all of them or, unless everything is as hoped, none:
 * no key of the batch was used before, and budgets and quotas are enough for all of it. It saves asking first, which takes
 * longer than writing. Answers whether they were written.
 * @param keys of the whole batch, also of those submissions that are not admitted.
 * @throws like {@link Database.journey}
 */
export async function admitIfClear(
  database: Database,
  keys: readonly SubmissionKey[],
  admissions: readonly HopefulAdmission[],
  by: string,
  now: Date,
): Promise<boolean> {
  const accounts = [...new Set(keys.map(({ submitter }) => submitter))].flatMap((submitter) => [
    accountNames.budget(submitter),
    accountNames.reserved(submitter),
  ]);
  const [, written] = await database.journey([
    { ...lockStatement, values: [textArray(accounts)] },
    { ...clearStatement, values: clearValues(keys, admissions, by, now) },
  ]);
  return written === admissions.length;
}
