// What can be challenged: the items of live candidates, with the artifacts that a challenger has to answer to.
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { CandidateItem, ChallengedCandidate } from "#protocol/schemas/challenge.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import type {
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
  VerificationDecision,
} from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";
import type { Page, PageRequest } from "./reading.ts";

/** The tasks of an epoch's live candidate, in the order of its leaves; a page begins after an index. Empty where none is live. */
export async function listCandidateItems(
  database: Queryable,
  epoch: { readonly scope: string; readonly epoch: number },
  { after, limit }: PageRequest,
): Promise<Page<{ readonly taskId: Hex }>> {
  const { rows } = await database.query<{ task_id: Buffer; index: number }>(
    `SELECT i.task_id, i.index FROM ledger.settlement_item i JOIN work.settlement s USING (scope, epoch, revision)
      WHERE s.scope = $1 AND s.epoch = $2 AND s.state IN ('candidate_ready', 'finalizing') AND i.index > $3::bigint
      ORDER BY i.index LIMIT $4`,
    [epoch.scope, epoch.epoch, after ?? "-1", limit + 1],
  );
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return {
    items: kept.map(({ task_id }) => ({ taskId: bytesToHex(task_id) })),
    next: rows.length > limit && last !== undefined ? String(last.index) : null,
  };
}

const itemText = `SELECT c.scope, c.epoch, c.revision, c.root, t.envelope, a.resolution, a.body AS assignment, r.bundle, r.signature,
    r.bundle_id
  FROM ledger.settlement_item i JOIN work.settlement s USING (scope, epoch, revision)
    JOIN ledger.candidate c USING (scope, epoch, revision) JOIN ledger.task t USING (task_id)
    JOIN ledger.assignment a USING (task_id) JOIN ledger.result r USING (task_id)
  WHERE i.task_id = $1 AND s.state IN ('candidate_ready', 'finalizing')`;

type ItemRow = {
  readonly scope: string;
  readonly epoch: bigint;
  readonly revision: number;
  readonly root: Buffer;
  readonly envelope: string;
  readonly resolution: string;
  readonly assignment: string;
  readonly bundle: string;
  readonly signature: Buffer;
  readonly bundle_id: Buffer;
};

/** The artifacts of a task that a live candidate holds (SETL-07); undefined where none does. Nothing of a record is in them. */
export async function readCandidateItem(database: Queryable, taskId: Hex): Promise<CandidateItem | undefined> {
  const { rows } = await database.query<ItemRow>(itemText, [hexToBytes(taskId)]);
  const [row] = rows;
  if (row === undefined) return undefined;
  const decided = await database.query<{ body: string; signature: Buffer }>(
    `SELECT body, signature FROM ledger.decision
      WHERE task_id = $1 AND bundle_id = $2 AND verdict = 'accepted' ORDER BY verifier`,
    [hexToBytes(taskId), row.bundle_id],
  );
  const candidate: ChallengedCandidate = {
    scope: row.scope,
    epoch: Number(row.epoch),
    revision: row.revision,
    root: bytesToHex(row.root),
  };
  return {
    candidate,
    taskId,
    envelope: JSON.parse(row.envelope) as TaskEnvelope,
    resolution: JSON.parse(row.resolution) as SemanticResolutionResult,
    assignment: JSON.parse(row.assignment) as ExecutionAssignment,
    bundle: JSON.parse(row.bundle) as ExecutionResultBundle,
    bundleSignature: bytesToHex(row.signature),
    decisions: decided.rows.map(({ body, signature }) => ({
      decision: JSON.parse(body) as VerificationDecision,
      signature: bytesToHex(signature),
    })),
  };
}
