// A million settled tasks, or as many as wanted, as rows: what a node has behind it after a long time, without having lived it.
import type { Hex } from "#protocol/schemas/primitives.ts";
import { withClient } from "#storage/database.ts";

/** Whose tasks the history is of. */
export type History = {
  readonly scope: string;
  readonly tasks: number;
  readonly tasksPerEpoch: number;
  readonly submitter: Hex;
  readonly executor: Hex;
  readonly verifier: Hex;
  readonly schemaVersion: string;
  readonly semanticVersion: string;
  readonly policyVersion: string;
};

/** Bytes of the texts that are made up: about what a small protected query leaves behind. */
const sizes = {
  envelope: 640,
  resolution: 900,
  assignment: 520,
  bundle: 720,
  result: 300,
  transcript: 420,
  accessLog: 340,
};
const evidence = 560;
const decision = 480;

/** A text of a size that compresses about as badly as ids and words of JSON do. */
const text = (size: number, about: string): string =>
  `substr(${Array.from({ length: Math.ceil(size / 64) }, (_, at) => `encode(sha256((n || '${about}${at}')::bytea), 'hex')`).join(" || ")}, 1, ${size})`;

const moves = ["accepted", "resolving", "dispatched", "verifying", "awaiting_settlement", "completed"] as const;

/** What one chunk of tasks leaves in each table, in the order of their arrival; $1 is its first number, $2 its last. */
function chunkStatements(history: History): readonly string[] {
  const { scope, tasksPerEpoch, schemaVersion, semanticVersion, policyVersion } = history;
  const bytes = (hex: Hex): string => `'\\x${hex.slice(2)}'::bytea`;
  const [submitter, executor, verifier] = [history.submitter, history.executor, history.verifier].map(bytes);
  const at = `timestamptz '2026-01-01' + n * interval '1 second'`;
  const epoch = `1 + n / ${tasksPerEpoch}`;
  const move = moves.map((to, step) => {
    const from = step === 0 ? "null" : `"${moves[step - 1] ?? ""}"`;
    return `('{"by":"bench","from":${from},"step":${step},"to":"${to}","versions":{"policy":"${policyVersion}","schema":"${schemaVersion}","semantic":"${semanticVersion}"},"why":"it went on as it should, and was journalled"}', ${step})`;
  });
  return [
    `CREATE TEMP TABLE made ON COMMIT DROP AS SELECT n, sha256(('task ' || n)::bytea) AS task_id,
      sha256(('bundle ' || n)::bytea) AS bundle_id, sha256(('decision ' || n)::bytea) AS decision_id
      FROM generate_series($1::bigint, $2::bigint) n`,
    `INSERT INTO ledger.task SELECT task_id, '${scope}', ${submitter}, 'history-' || n, ${text(sizes.envelope, "e")},
      sha256(task_id) || sha256(bundle_id) || '\\x1b', 1000000, ${at} FROM made ORDER BY n`,
    `INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, moves, fence, due_at, epoch)
      SELECT task_id, '${scope}', ${submitter}, 'completed', '${schemaVersion}', '${semanticVersion}', '${policyVersion}', 6, 8,
      ${at}, ${epoch} FROM made ORDER BY n`,
    `INSERT INTO ledger.journal (kind, subject, body, at) SELECT 'task', task_id, body, ${at}
      FROM (VALUES ${move.join()}) AS m (body, step), made ORDER BY n / 500, step, n`,
    `INSERT INTO ledger.assignment SELECT task_id, sha256(('resolution ' || n)::bytea), ${text(sizes.resolution, "r")},
      '{"fee":"1500","x":"' || ${text(sizes.assignment, "a")} || '"}' FROM made ORDER BY n`,
    `INSERT INTO ledger.result SELECT bundle_id, task_id, ${executor}, ${text(sizes.bundle, "b")},
      sha256(bundle_id) || sha256(task_id) || '\\x1b', ${text(sizes.result, "q")}, ${text(sizes.transcript, "t")},
      ${text(sizes.accessLog, "l")} FROM made ORDER BY n`,
    `INSERT INTO ledger.decision SELECT decision_id, task_id, bundle_id, ${verifier}, 'accepted', ${text(decision, "d")},
      ${text(evidence, "v")}, sha256(decision_id) || sha256(task_id) || '\\x1b' FROM made ORDER BY n`,
    `INSERT INTO ledger.posting (kind, debit, credit, amount, reference, at) SELECT 'reserve', 'budget:${history.submitter}',
      'reserved:${history.submitter}', 1000000, '0x' || encode(task_id, 'hex'), ${at} FROM made ORDER BY n`,
    `INSERT INTO ledger.epoch_member SELECT task_id, 1, '${scope}', ${epoch} FROM made ORDER BY n`,
    `INSERT INTO ledger.settlement_item SELECT '${scope}', ${epoch}, 1,
      row_number() OVER (PARTITION BY ${epoch} ORDER BY task_id) - 1, task_id FROM made ORDER BY 2, 4`,
  ];
}

/** The epochs that the tasks were settled in, each with its candidate and its final root. */
function epochStatements({ scope, tasks, tasksPerEpoch, semanticVersion, policyVersion }: History): readonly string[] {
  const root = (of: string): string => `sha256(('root ' || ${of})::bytea)`;
  const epochs = `generate_series(1, ${Math.ceil(tasks / tasksPerEpoch)}) e`;
  return [
    `INSERT INTO work.epoch (scope, epoch, status, open_at, close_at, trigger, semantic_version_set, policy_version_set, members)
      SELECT '${scope}', e, 'closed', '2026-01-01', '2026-01-02', 'volume', '{${semanticVersion}}', '{${policyVersion}}',
      ${tasksPerEpoch} FROM ${epochs}`,
    `INSERT INTO work.settlement (scope, epoch, revision, state, due_at) SELECT '${scope}', e, 1, 'finalized', '2026-01-02'
      FROM ${epochs}`,
    `INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count,
        payout_total, pot, built_at)
      SELECT '${scope}', e, 1, ${root("e")}, '{}', '{}', ${root("-e")}, ${tasksPerEpoch}, 1, 1, 1, '2026-01-02' FROM ${epochs}`,
    `INSERT INTO ledger.finalized SELECT '${scope}', e, 1, ${root("e")}, ${root("e - 1")}, e, ${root("e")}, ${root("e")},
      '2026-01-03' FROM ${epochs}`,
  ];
}

const chunkTasks = 50_000;

/**
 * Writes a history into a database, chunk after chunk, so that indexes grow as they do in life. Triggers and references are off while
 * it is written: what is made up has no money behind it and nothing to be checked.
 * @param url address of the server's administrator, in that database
 */
export async function generateHistory(url: string, history: History, say: (line: string) => void): Promise<void> {
  await withClient({ connectionString: url }, async (client) => {
    await client.query("SET session_replication_role = replica; SET synchronous_commit = off");
    for (let from = 0; from < history.tasks; from += chunkTasks) {
      const to = Math.min(from + chunkTasks, history.tasks) - 1;
      await client.query("BEGIN");
      for (const [at, statement] of chunkStatements(history).entries()) {
        await client.query(at === 0 ? statement.replace("$1", `${from}`).replace("$2", `${to}`) : statement);
      }
      await client.query("COMMIT");
      say(`${to + 1} tasks of history`);
    }
    for (const statement of epochStatements(history)) await client.query(statement);
  });
}
