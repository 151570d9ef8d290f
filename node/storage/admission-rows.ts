// Admitted tasks as rows: one statement writes a batch of them, with or without looking first whether anything stands against it.
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { accountNames } from "./accounts.ts";
import { bytesArray, joinTexts, numberArray, splitTexts, textArray } from "./joined-texts.ts";
import { admissionBody } from "./tasks.ts";

/** What names a submission within its submitter: the key is the submitter's own. */
export type SubmissionKey = { readonly submitter: Hex; readonly idempotencyKey: string };

/** A submitter's quota window, which begins at a multiple of its length. */
export type QuotaWindow = { readonly submitter: Hex; readonly startSeconds: number };

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

/** An admission for which nobody has looked whether its window has room. */
export type HopefulAdmission = Admission & {
  /** Tasks that its policy allows in the window. */
  readonly tasksPerWindow: number;
};

export const keyText = ({ submitter, idempotencyKey }: SubmissionKey): string => `${submitter} ${idempotencyKey}`;
export const windowText = ({ submitter, startSeconds }: QuotaWindow): string => `${submitter} ${startSeconds}`;

/** Quota rows are kept for a day: no window is longer. */
const quotaKeptSeconds = 86_400;

/**
 * Everything that admission leaves behind, in one journey: each further one would cost as much as a dozen rows. The tasks of a
 * batch have few submitters and fewer kinds, so that a task only points at them. Columns get their domains where they are read: each
 * value is checked once, not once a table. The reservations are those that `post` would make: tasks that are new have
 * none yet, and their balances are locked already.
 * @param barred a query whose rows stand against the batch, or undefined; then nothing is written.
 */
function admitText(barred: string | undefined): string {
  const isClear = barred === undefined ? "true" : "NOT EXISTS (SELECT FROM barred)";
  return `WITH ${barred === undefined ? "" : `barred AS (${barred}),`}
    kinds AS (
      SELECT * FROM unnest($2::ledger.name[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
        WITH ORDINALITY AS k (scope, schema_version, semantic_version, policy_version, deadline_at, body, kind)),
    spenders AS (
      SELECT * FROM unnest($8::ledger.address[], $9::text[], $10::text[], $11::numeric[])
        WITH ORDINALITY AS s (submitter, budget, reserved, total, spender) WHERE ${isClear}),
    windows AS (
      SELECT submitter, to_timestamp(start_seconds) AS window_start, tasks
      FROM unnest($12::ledger.address[], $13::bigint[], $14::bigint[]) AS w (submitter, start_seconds, tasks) WHERE ${isClear}),
    admitted AS (
      SELECT * FROM unnest($15::ledger.hash[], $16::bigint[], $17::bigint[], ${splitTexts(18)}, ${splitTexts(19)}, $20::bytea[],
          $21::ledger.amount[])
        WITH ORDINALITY AS a (task_id, kind, spender, idempotency_key, envelope, signature, fee_limit, position)
      JOIN kinds USING (kind) JOIN spenders USING (spender) ORDER BY position),
    tasks AS (
      INSERT INTO ledger.task (task_id, scope, submitter, idempotency_key, envelope, signature, fee_limit, accepted_at)
      SELECT task_id, scope, submitter, idempotency_key, envelope, signature, fee_limit, $1 FROM admitted),
    journalled AS (
      INSERT INTO ledger.journal (kind, subject, body, at) SELECT 'task', task_id, body, $1 FROM admitted),
    posted AS (
      INSERT INTO ledger.posting (kind, debit, credit, amount, reference, at)
      SELECT 'reserve', budget, reserved, fee_limit, '0x' || encode(task_id, 'hex'), $1 FROM admitted WHERE fee_limit > 0),
    moved AS (
      UPDATE work.balance SET amount = balance.amount + change FROM (
        SELECT budget AS account, -total AS change FROM spenders UNION ALL SELECT reserved, total FROM spenders) both_sides
      WHERE balance.account = both_sides.account),
    forgotten AS (
      DELETE FROM work.quota WHERE submitter = ANY($12::bytea[]) AND ${isClear}
        AND window_start < $1::timestamptz - interval '${quotaKeptSeconds} seconds'),
    counted AS (
      INSERT INTO work.quota (submitter, window_start, tasks) SELECT submitter, window_start, tasks FROM windows
      ON CONFLICT (submitter, window_start) DO UPDATE SET tasks = quota.tasks + excluded.tasks)
    INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, due_at, deadline_at)
    SELECT task_id, scope, submitter, 'accepted', schema_version, semantic_version, policy_version, $1, deadline_at FROM admitted`;
}

/** Writes what was decided. */
export const admitStatement = { name: "admit-tasks", text: admitText(undefined) };

/**
 * Writes what is hoped to be admissible: unless a key was used before, a window has no room for all that is to be counted in it, or a
 * budget is not enough, or not locked by this very transaction. Searched for row by row, since a join planned while
 * the tables were small would read them whole ever after.
 */
export const clearStatement = {
  name: "admit-if-clear",
  text: admitText(`
      SELECT FROM unnest($22::bytea[], ${splitTexts(23)}) AS k (submitter, idempotency_key), LATERAL (
        SELECT FROM ledger.task t WHERE t.submitter = k.submitter AND t.idempotency_key = k.idempotency_key LIMIT 1) t
      UNION ALL
      SELECT FROM unnest($12::bytea[], $13::bigint[], $14::bigint[], $24::bigint[]) AS w (submitter, start_seconds, tasks, maximum),
        LATERAL (SELECT FROM work.quota q WHERE q.submitter = w.submitter
          AND q.window_start = to_timestamp(w.start_seconds) AND q.tasks + w.tasks > w.maximum LIMIT 1) q
      UNION ALL
      SELECT FROM unnest($9::text[], $10::text[], $11::numeric[]) AS s (budget, reserved, total)
      WHERE 2 <> (SELECT count(*) FROM work.balance b WHERE b.account IN (s.budget, s.reserved)
        AND (b.account <> s.budget OR b.amount >= s.total) AND b.xmax = pg_current_xact_id()::xid)`),
};

/** Those that have a name in common. */
type Group<T> = { readonly first: T; readonly all: T[] };

/** Items in groups, which are in the order of their first items; and of each item the number of its group, from one. */
function grouped<T>(items: readonly T[], nameOf: (item: T) => string) {
  const groups: Group<T>[] = [];
  const numbers: number[] = [];
  const known = new Map<string, number>();
  for (const item of items) {
    const name = nameOf(item);
    const number = known.get(name) ?? groups.push({ first: item, all: [] });
    known.set(name, number);
    groups[number - 1]?.all.push(item);
    numbers.push(number);
  }
  return { groups, numbers };
}

const kindText = ({ scope, versions, deadlineAt }: Admission): string =>
  `${scope} ${versions.schema} ${versions.semantic} ${versions.policy} ${deadlineAt.getTime()}`;

const byWindow = <A extends Admission>(admissions: readonly A[]) =>
  grouped(admissions, ({ window }) => windowText(window)).groups;

/** The parameters of {@link admitStatement}. */
export function admitValues(admissions: readonly Admission[], by: string, now: Date): readonly string[] {
  const kinds = grouped(admissions, kindText);
  const spenders = grouped(admissions, ({ submitter }) => submitter);
  const windows = byWindow(admissions);
  const ofKind = (text: (kind: Admission) => string): string => textArray(kinds.groups.map(({ first }) => text(first)));
  const submitters = spenders.groups.map(({ first }) => first.submitter);
  return [
    now.toISOString(),
    ofKind(({ scope }) => scope),
    ofKind(({ versions }) => versions.schema),
    ofKind(({ versions }) => versions.semantic),
    ofKind(({ versions }) => versions.policy),
    ofKind(({ deadlineAt }) => deadlineAt.toISOString()),
    ofKind(({ versions }) => admissionBody(by, versions)),
    bytesArray(submitters),
    textArray(submitters.map(accountNames.budget)),
    textArray(submitters.map(accountNames.reserved)),
    numberArray(spenders.groups.map(({ all }) => all.reduce((total, { feeLimit }) => total + feeLimit, 0n))),
    bytesArray(windows.map(({ first }) => first.submitter)),
    numberArray(windows.map(({ first }) => first.window.startSeconds)),
    numberArray(windows.map(({ all }) => all.length)),
    bytesArray(admissions.map(({ taskId }) => taskId)),
    numberArray(kinds.numbers),
    numberArray(spenders.numbers),
    joinTexts(admissions.map(({ idempotencyKey }) => idempotencyKey)),
    joinTexts(admissions.map(({ envelopeText }) => envelopeText)),
    bytesArray(admissions.map(({ signature }) => signature && bytesToHex(signature))),
    numberArray(admissions.map(({ feeLimit }) => feeLimit)),
  ];
}

/** The parameters of {@link clearStatement}; the smallest maximum counts where tasks of one window have several policies. */
export function clearValues(
  keys: readonly SubmissionKey[],
  admissions: readonly HopefulAdmission[],
  by: string,
  now: Date,
): readonly string[] {
  return [
    ...admitValues(admissions, by, now),
    bytesArray(keys.map(({ submitter }) => submitter)),
    joinTexts(keys.map(({ idempotencyKey }) => idempotencyKey)),
    numberArray(byWindow(admissions).map(({ all }) => Math.min(...all.map(({ tasksPerWindow }) => tasksPerWindow)))),
  ];
}
