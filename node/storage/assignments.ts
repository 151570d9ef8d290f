// What resolved tasks were resolved to, and what execution and verification may use: written once for each task.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { Queryable } from "./database.ts";
import { joinTexts, splitTexts } from "./joined-texts.ts";

/** A task's assignment; both texts are canonical. */
export type StoredAssignment = {
  readonly taskId: Hex;
  readonly resolutionId: Hex;
  /** Of the SemanticResolutionResult. */
  readonly resolution: string;
  /** Of the ExecutionAssignment. */
  readonly body: string;
};

const insertStatement = {
  name: "insert-assignments",
  text: `INSERT INTO ledger.assignment (task_id, resolution_id, resolution, body)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], ${splitTexts(3)}, ${splitTexts(4)})`,
};

/** Writes the assignments of tasks that moved in the same transaction. */
export async function insertAssignments(
  transaction: Queryable,
  assignments: readonly StoredAssignment[],
): Promise<void> {
  if (assignments.length === 0) return;
  await transaction.query(insertStatement, [
    assignments.map(({ taskId }) => hexToBytes(taskId)),
    assignments.map(({ resolutionId }) => hexToBytes(resolutionId)),
    joinTexts(assignments.map(({ resolution }) => resolution)),
    joinTexts(assignments.map(({ body }) => body)),
  ]);
}

const readStatement = {
  name: "read-assignments",
  text: `SELECT task_id, resolution_id, resolution, body FROM ledger.assignment WHERE task_id = ANY($1)`,
};

/** The assignments of tasks, by task. */
export async function readAssignments(
  database: Queryable,
  taskIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, StoredAssignment>> {
  type AssignmentRow = {
    readonly task_id: Buffer;
    readonly resolution_id: Buffer;
    readonly resolution: string;
    readonly body: string;
  };
  const { rows } = await database.query<AssignmentRow>(readStatement, [taskIds.map((taskId) => hexToBytes(taskId))]);
  return new Map(
    rows.map(({ task_id, resolution_id, resolution, body }) => {
      const taskId = bytesToHex(task_id);
      return [taskId, { taskId, resolutionId: bytesToHex(resolution_id), resolution, body }];
    }),
  );
}

const admissionStatement = {
  name: "read-admissions",
  text: `SELECT task_id, submitter, accepted_at FROM ledger.task WHERE task_id = ANY($1)`,
};

/** Whose task it is, and when it was accepted: the moment at which grants have to hold. */
export type TaskAdmission = { readonly submitter: Hex; readonly acceptedAt: Date };

/** The admissions of tasks, by task. */
export async function readAdmissions(
  database: Queryable,
  taskIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, TaskAdmission>> {
  type AdmissionRow = { readonly task_id: Buffer; readonly submitter: Buffer; readonly accepted_at: Date };
  const { rows } = await database.query<AdmissionRow>(admissionStatement, [
    taskIds.map((taskId) => hexToBytes(taskId)),
  ]);
  return new Map(
    rows.map((row) => [bytesToHex(row.task_id), { submitter: bytesToHex(row.submitter), acceptedAt: row.accepted_at }]),
  );
}
