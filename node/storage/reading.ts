// Reading back what the ledger and the work in progress hold, in the shape of the published messages.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import type { EpochView, PayoutView, SettlementView } from "#protocol/schemas/settlement.ts";
import type { TaskEnvelope, TaskView } from "#protocol/schemas/task.ts";
import type { Queryable } from "./database.ts";

/** Where a page of a list begins and how long it may be. `after` is what the previous page answered as `next`. */
export type PageRequest = { readonly after: string | undefined; readonly limit: number };

/** A page of a list; `next` is null on the last one. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null };

/** Rows asked for with one to spare, cut to the page; the last row kept says where the next page begins. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  item: (row: R) => T,
  cursor: (row: R) => string,
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(item), next: rows.length > limit && last !== undefined ? cursor(last) : null };
}

type StandingRow = {
  readonly task_id: Buffer;
  readonly scope: string;
  readonly state: TaskState;
  readonly epoch: bigint | null;
};

type TaskRow = StandingRow & {
  readonly submitter: Buffer;
  readonly envelope: string;
  readonly accepted_at: Date;
  readonly result: string | null;
  readonly last_move: string | null;
};

/** Where a task stands, without what is in it. */
export type TaskStanding = Pick<TaskView, "taskId" | "scope" | "state" | "epoch">;

const standingOf = ({ task_id: taskId, scope, state, epoch }: StandingRow): TaskStanding => ({
  taskId: bytesToHex(taskId),
  scope,
  state,
  epoch: epoch === null ? null : Number(epoch),
});

const taskStatement = {
  name: "read-task",
  text: `SELECT task.task_id, task.scope, task.submitter, work.state, task.envelope, task.accepted_at, work.epoch,
      CASE WHEN work.state IN ('awaiting_settlement', 'completed')
        THEN (SELECT result FROM ledger.result r WHERE r.task_id = task.task_id) END AS result,
      CASE WHEN work.state IN ('rejected', 'timed_out')
        THEN (SELECT body FROM ledger.journal j WHERE j.kind = 'task' AND j.subject = task.task_id
              ORDER BY entry_no DESC LIMIT 1) END AS last_move
    FROM ledger.task task JOIN work.any_task work USING (task_id)
    WHERE task.task_id = $1`,
};

/** A task as its submitter sees it. Its result is there once verification has accepted it, and not before. */
export async function readTask(database: Queryable, taskId: Hex): Promise<TaskView | undefined> {
  const { rows } = await database.query<TaskRow>(taskStatement, [hexToBytes(taskId)]);
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    ...standingOf(row),
    submitter: bytesToHex(row.submitter),
    envelope: JSON.parse(row.envelope) as TaskEnvelope,
    acceptedAt: row.accepted_at.toISOString(),
    result: row.result === null ? null : (JSON.parse(row.result) as unknown),
    refusal: refusalOf(row.last_move),
  };
}

/** The detail of the move that ended a task without settlement. */
function refusalOf(lastMove: string | null): TaskView["refusal"] {
  if (lastMove === null) return null;
  const { detail } = JSON.parse(lastMove) as { detail?: { code?: unknown; detail?: Record<string, unknown> } };
  return typeof detail?.code === "string" ? { code: detail.code, detail: detail.detail ?? {} } : null;
}

/** The tasks of a submitter in the order of arrival. */
export async function listTasks(
  database: Queryable,
  submitter: Hex,
  { after, limit }: PageRequest,
): Promise<Page<TaskStanding>> {
  const { rows } = await database.query<StandingRow & { readonly arrival: bigint }>(
    `SELECT task_id, scope, state, epoch, arrival FROM work.task
      WHERE submitter = $1 AND arrival > $2 ORDER BY arrival LIMIT $3`,
    [hexToBytes(submitter), after ?? "0", limit + 1],
  );
  return pageOf(rows, limit, standingOf, (row) => String(row.arrival));
}

/** Whose a task is; undefined when there is no such task. */
export async function readSubmitter(database: Queryable, taskId: Hex): Promise<Hex | undefined> {
  const statement = { name: "read-submitter", text: `SELECT submitter FROM ledger.task WHERE task_id = $1` };
  const { rows } = await database.query<{ submitter: Buffer }>(statement, [hexToBytes(taskId)]);
  return rows[0] && bytesToHex(rows[0].submitter);
}

/** Who operates a collection; undefined when there is no such collection. */
export async function readOperator(database: Queryable, vault: string, collection: string): Promise<Hex | undefined> {
  const { rows } = await database.query<{ operator: Buffer }>(
    `SELECT operator FROM ledger.collection WHERE vault = $1 AND collection = $2`,
    [vault, collection],
  );
  return rows[0] && bytesToHex(rows[0].operator);
}

/** Which collection a grant is for, who operates it, and whether it was taken back; undefined for an unknown id. */
export async function readGrant(
  database: Queryable,
  grantId: Hex,
): Promise<{ readonly operator: Hex; readonly isRevoked: boolean } | undefined> {
  const { rows } = await database.query<{ operator: Buffer; revoked: boolean }>(
    `SELECT operator, EXISTS (SELECT 1 FROM ledger.grant_revocation r WHERE r.grant_id = g.grant_id) AS revoked
      FROM ledger.vault_grant g JOIN ledger.collection USING (vault, collection) WHERE g.grant_id = $1`,
    [hexToBytes(grantId)],
  );
  return rows[0] && { operator: bytesToHex(rows[0].operator), isRevoked: rows[0].revoked };
}

type EpochRow = {
  readonly scope: string;
  readonly epoch: bigint;
  readonly status: EpochView["status"];
  readonly open_at: Date;
  readonly close_at: Date | null;
  readonly trigger: EpochView["trigger"];
  readonly semantic_version_set: string[];
  readonly policy_version_set: string[];
  readonly members: bigint;
  readonly deferred: bigint;
  readonly resolved: bigint;
  readonly penalties: bigint;
  readonly entries: bigint;
  readonly window_from: bigint | null;
};

function epochOf(row: EpochRow): EpochView {
  const tasks = Number(row.members - row.deferred - row.resolved);
  return {
    epochId: epochIdOf(row.scope, Number(row.epoch)),
    scope: row.scope,
    epoch: Number(row.epoch),
    status: row.status,
    openAt: row.open_at.toISOString(),
    closeAt: row.close_at?.toISOString() ?? null,
    trigger: row.trigger,
    semanticVersionSet: row.semantic_version_set,
    policyVersionSet: row.policy_version_set,
    settlementScope: { tasks, deferred: Number(row.deferred) },
    rewardScope: { tasks, penalties: Number(row.penalties) },
    aggregationScope: {
      entries: Number(row.entries),
      windowFrom: row.window_from === null ? null : Number(row.window_from),
    },
  };
}

/**
 * Epochs of one scope or of all, by scope and number (EPOC-01). The sizes of the scopes grow while the epoch is open and are what
 * was frozen once it is closed. A page begins after
 * `scope/number`.
 */
export async function listEpochs(
  database: Queryable,
  scope: string | undefined,
  { after, limit }: PageRequest,
): Promise<Page<EpochView>> {
  const [afterScope = "", afterEpoch = "0"] = after?.split("/") ?? [];
  const { rows } = await database.query<EpochRow>(
    `SELECT * FROM work.epoch WHERE ($1::text IS NULL OR scope = $1) AND (scope, epoch) > ($2::text, $3::bigint)
      ORDER BY scope, epoch LIMIT $4`,
    [scope ?? null, afterScope, afterEpoch, limit + 1],
  );
  return pageOf(rows, limit, epochOf, (row) => epochIdOf(row.scope, Number(row.epoch)));
}

type SettlementRow = {
  readonly scope: string;
  readonly epoch: bigint;
  readonly revision: number;
  readonly state: SettlementView["state"];
  readonly failure: string | null;
  readonly root: Buffer | null;
  readonly header: string | null;
  readonly sub_roots: string | null;
  readonly transactions: string;
};

/** Every revision of an epoch's settlement, the first one first; what failed stays readable (SETL-10). */
export async function readSettlements(
  database: Queryable,
  scope: string,
  epoch: number,
): Promise<readonly SettlementView[]> {
  const { rows } = await database.query<SettlementRow>(
    `SELECT s.scope, s.epoch, s.revision, s.state, s.failure, c.root, c.header, c.sub_roots,
        (SELECT coalesce(json_agg(json_build_object('act', split_part(t.intent, ':', 1),
            'hash', coalesce(t.outcome::json->>'hash', '0x' || encode(a.hash, 'hex')),
            'gasUsed', t.outcome::json->>'gasUsed') ORDER BY t.nonce), '[]')::text
          FROM work.chain_transaction t JOIN LATERAL (
            SELECT hash FROM work.chain_attempt a WHERE a.intent = t.intent ORDER BY attempt DESC LIMIT 1) a ON true
          WHERE split_part(t.intent, ':', 2) = s.scope || '/' || s.epoch || '/' || s.revision) AS transactions
      FROM work.settlement s LEFT JOIN ledger.candidate c USING (scope, epoch, revision)
      WHERE s.scope = $1 AND s.epoch = $2 ORDER BY s.revision`,
    [scope, epoch],
  );
  return rows.map((row) => ({
    scope: row.scope,
    epoch: Number(row.epoch),
    revision: row.revision,
    state: row.state,
    root: row.root && bytesToHex(row.root),
    header: row.header === null ? null : (JSON.parse(row.header) as SettlementView["header"]),
    subRoots: row.sub_roots === null ? null : (JSON.parse(row.sub_roots) as SettlementView["subRoots"]),
    failure: row.failure,
    transactions: JSON.parse(row.transactions) as SettlementView["transactions"],
  }));
}

/** The payouts of an account; a page begins after `scope/epoch`. */
export async function listPayouts(
  database: Queryable,
  account: Hex,
  { after, limit }: PageRequest,
): Promise<Page<PayoutView>> {
  type PayoutRow = {
    readonly payout_id: Buffer;
    readonly scope: string;
    readonly epoch: bigint;
    readonly index: number;
    readonly amount: bigint;
    readonly state: PayoutView["state"];
    readonly transaction_hash: Hex | null;
  };
  const [scope = "", epoch = "0"] = after?.split("/") ?? [];
  const { rows } = await database.query<PayoutRow>(
    `SELECT i.payout_id, i.scope, i.epoch, i.index, i.amount, i.state,
        (SELECT coalesce(t.outcome::json->>'hash', '0x' || encode(a.hash, 'hex'))
          FROM payout.chain_transaction t JOIN payout.chain_attempt a USING (intent)
          WHERE t.intent = i.intent ORDER BY a.attempt DESC LIMIT 1) AS transaction_hash
      FROM payout.instruction i
      WHERE i.account = $1 AND (i.scope, i.epoch) > ($2::text, $3::bigint) ORDER BY i.scope, i.epoch LIMIT $4`,
    [hexToBytes(account), scope, epoch, limit + 1],
  );
  const item = (row: PayoutRow): PayoutView => ({
    payoutId: bytesToHex(row.payout_id),
    scope: row.scope,
    epoch: Number(row.epoch),
    index: row.index,
    account,
    amount: String(row.amount),
    state: row.state,
    transactionHash: row.transaction_hash,
  });
  return pageOf(rows, limit, item, (row) => epochIdOf(row.scope, Number(row.epoch)));
}
