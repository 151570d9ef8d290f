// Results of executions with their auditable context: written once for each task, and never touched again.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { Queryable } from "./database.ts";
import { joinTexts, splitTexts } from "./joined-texts.ts";

/** A result bundle with everything it commits to; all texts are canonical. */
export type StoredResult = {
  readonly bundleId: Hex;
  readonly taskId: Hex;
  readonly executor: Hex;
  readonly bundle: string;
  readonly signature: Hex;
  readonly result: string;
  readonly transcript: string;
  readonly accessLog: string;
};

const insertStatement = {
  name: "insert-results",
  text: `INSERT INTO ledger.result (bundle_id, task_id, executor, bundle, signature, result, transcript, access_log)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], ${splitTexts(4)}, $5::bytea[], ${splitTexts(6)},
      ${splitTexts(7)}, ${splitTexts(8)})`,
};

/** Writes the results of tasks that moved in the same transaction. */
export async function insertResults(transaction: Queryable, results: readonly StoredResult[]): Promise<void> {
  if (results.length === 0) return;
  await transaction.query(insertStatement, [
    results.map(({ bundleId }) => hexToBytes(bundleId)),
    results.map(({ taskId }) => hexToBytes(taskId)),
    results.map(({ executor }) => hexToBytes(executor)),
    joinTexts(results.map(({ bundle }) => bundle)),
    results.map(({ signature }) => hexToBytes(signature)),
    joinTexts(results.map(({ result }) => result)),
    joinTexts(results.map(({ transcript }) => transcript)),
    joinTexts(results.map(({ accessLog }) => accessLog)),
  ]);
}

const readStatement = {
  name: "read-results",
  text: `SELECT bundle_id, task_id, executor, bundle, signature, result, transcript, access_log FROM ledger.result
    WHERE task_id = ANY($1)`,
};

/** The results of tasks, by task. */
export async function readResults(
  database: Queryable,
  taskIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, StoredResult>> {
  type ResultRow = {
    readonly bundle_id: Buffer;
    readonly task_id: Buffer;
    readonly executor: Buffer;
    readonly bundle: string;
    readonly signature: Buffer;
    readonly result: string;
    readonly transcript: string;
    readonly access_log: string;
  };
  const { rows } = await database.query<ResultRow>(readStatement, [taskIds.map((taskId) => hexToBytes(taskId))]);
  return new Map(
    rows.map((row) => {
      const taskId = bytesToHex(row.task_id);
      const stored = {
        bundleId: bytesToHex(row.bundle_id),
        taskId,
        executor: bytesToHex(row.executor),
        bundle: row.bundle,
        signature: bytesToHex(row.signature),
        result: row.result,
        transcript: row.transcript,
        accessLog: row.access_log,
      };
      return [taskId, stored];
    }),
  );
}
