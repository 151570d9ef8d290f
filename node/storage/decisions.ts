// Decisions of verifiers, one for each verifier and task, and tasks that wait for the decisions of others.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { VerificationDecision } from "#protocol/schemas/execution.ts";
import type { Queryable } from "./database.ts";
import { joinTexts, splitTexts } from "./joined-texts.ts";
import type { Claim } from "./tasks.ts";

/** A signed decision; both texts are canonical. */
export type SignedDecision = {
  readonly decisionId: Hex;
  readonly taskId: Hex;
  readonly bundleId: Hex;
  readonly verifier: Hex;
  readonly verdict: VerificationDecision["verdict"];
  readonly body: string;
  readonly evidence: string;
  readonly signature: Hex;
};

const insertStatement = {
  name: "insert-decisions",
  text: `INSERT INTO ledger.decision (decision_id, task_id, bundle_id, verifier, verdict, body, evidence, signature)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], ${splitTexts(6)}, ${splitTexts(7)},
      $8::bytea[])`,
};

/** Writes decisions about tasks that were moved, or set aside, in the same transaction. */
export async function insertDecisions(transaction: Queryable, decisions: readonly SignedDecision[]): Promise<void> {
  if (decisions.length === 0) return;
  await transaction.query(insertStatement, [
    decisions.map(({ decisionId }) => hexToBytes(decisionId)),
    decisions.map(({ taskId }) => hexToBytes(taskId)),
    decisions.map(({ bundleId }) => hexToBytes(bundleId)),
    decisions.map(({ verifier }) => hexToBytes(verifier)),
    decisions.map(({ verdict }) => verdict),
    joinTexts(decisions.map(({ body }) => body)),
    joinTexts(decisions.map(({ evidence }) => evidence)),
    decisions.map(({ signature }) => hexToBytes(signature)),
  ]);
}

/** Who decided what about a bundle. One that a dismissed challenge overruled counts no more, and cannot be given again. */
export type Verdict = Pick<SignedDecision, "bundleId" | "verifier" | "verdict"> & { readonly isOverruled: boolean };

const readStatement = {
  name: "read-verdicts",
  text: `SELECT task_id, bundle_id, verifier, verdict,
      EXISTS (SELECT 1 FROM ledger.overruled_decision o WHERE o.decision_id = d.decision_id) AS overruled
    FROM ledger.decision d WHERE task_id = ANY($1) ORDER BY task_id, verifier`,
};

/** The verdicts given about tasks so far, by task, ascending by verifier. */
export async function readVerdicts(
  database: Queryable,
  taskIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, readonly Verdict[]>> {
  type VerdictRow = {
    readonly task_id: Buffer;
    readonly bundle_id: Buffer;
    readonly verifier: Buffer;
    readonly verdict: Verdict["verdict"];
    readonly overruled: boolean;
  };
  const { rows } = await database.query<VerdictRow>(readStatement, [taskIds.map((taskId) => hexToBytes(taskId))]);
  const verdicts = new Map<Hex, Verdict[]>();
  for (const { task_id, bundle_id, verifier, verdict, overruled: isOverruled } of rows) {
    const taskId = bytesToHex(task_id);
    const given = { bundleId: bytesToHex(bundle_id), verifier: bytesToHex(verifier), verdict, isOverruled };
    const others = verdicts.get(taskId);
    if (others) others.push(given);
    else verdicts.set(taskId, [given]);
  }
  return verdicts;
}

const setAsideStatement = {
  name: "set-aside-tasks",
  text: `UPDATE work.task SET holder = NULL, held_until = NULL, due_at = $3
    FROM unnest($1::bigint[], $2::bigint[]) AS r (arrival, fence)
    WHERE task.arrival = r.arrival AND task.fence = r.fence AND task.holder IS NOT NULL
    RETURNING task.task_id`,
};

/**
 * Gives claimed tasks back, to be looked at again from `dueAt` on, without counting an attempt: nothing failed. Answers those
 * that were still held; decisions about others must not be written.
 */
export async function setAside(
  transaction: Queryable,
  claims: readonly Claim[],
  dueAt: Date,
): Promise<ReadonlySet<Hex>> {
  if (claims.length === 0) return new Set();
  const { rows } = await transaction.query<{ task_id: Buffer }>(setAsideStatement, [
    claims.map(({ arrival }) => arrival),
    claims.map(({ fence }) => fence),
    dueAt,
  ]);
  return new Set(rows.map(({ task_id }) => bytesToHex(task_id)));
}
