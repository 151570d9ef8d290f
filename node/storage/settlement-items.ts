// Gathers what an epoch's settlement is made of: its members with every artifact, and who its records are owed to.
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";
import { stateOf, taskHistories, type HistoryEntry } from "./tasks.ts";

/** A decision as it was admitted; texts are canonical. */
export type StoredDecision = {
  readonly decisionId: Hex;
  readonly bundleId: Hex;
  readonly verifier: Hex;
  readonly verdict: string;
  readonly body: string;
  readonly evidence: string;
  readonly signature: Hex;
};

/** A member of an epoch with all that is stored of it; texts are canonical. What is null does not exist. */
export type StoredItem = {
  readonly taskId: Hex;
  readonly state: TaskState;
  readonly envelope: string;
  /** The submitter's; null where a bearer token stood for it. */
  readonly envelopeSignature: Hex | null;
  readonly assignment: { readonly resolutionId: Hex; readonly resolution: string; readonly body: string } | null;
  readonly result: {
    readonly bundleId: Hex;
    readonly executor: Hex;
    readonly bundle: string;
    readonly signature: Hex;
    readonly result: string;
    readonly transcript: string;
    readonly accessLog: string;
  } | null;
  /** Ascending by verifier. */
  readonly decisions: readonly StoredDecision[];
  readonly history: readonly HistoryEntry[];
};

/** The ids of an epoch's members, ascending: the order of everything that is settled. */
export async function memberIds(database: Queryable, scope: string, epoch: number): Promise<readonly Hex[]> {
  const { rows } = await database.query<{ task_id: string }>(
    `SELECT encode(task_id, 'hex') AS task_id FROM ledger.epoch_member WHERE scope = $1 AND epoch = $2 ORDER BY 1`,
    [scope, epoch],
  );
  return rows.map(({ task_id }): Hex => `0x${task_id}`);
}

type ItemRow = {
  readonly task_id: string;
  readonly state: TaskState;
  readonly envelope: string;
  readonly envelope_signature: string | null;
  readonly resolution_id: string | null;
  readonly resolution: string | null;
  readonly assignment: string | null;
  readonly bundle_id: string | null;
  readonly executor: string | null;
  readonly bundle: string | null;
  readonly signature: string | null;
  readonly result: string | null;
  readonly transcript: string | null;
  readonly access_log: string | null;
};

const itemStatement = {
  name: "settlement-items",
  // Bytes come as the digits that they are used as: reading them as bytes first would cost a buffer each.
  text: `SELECT encode(t.task_id, 'hex') AS task_id, ${stateOf("t.task_id")} AS state, t.envelope, encode(t.signature, 'hex') AS envelope_signature,
      encode(a.resolution_id, 'hex') AS resolution_id, a.resolution, a.body AS assignment,
      encode(r.bundle_id, 'hex') AS bundle_id, encode(r.executor, 'hex') AS executor, r.bundle,
      encode(r.signature, 'hex') AS signature, r.result, r.transcript, r.access_log
    FROM ledger.task t LEFT JOIN ledger.assignment a USING (task_id) LEFT JOIN ledger.result r USING (task_id)
    WHERE t.task_id = ANY($1) ORDER BY t.task_id`,
};

type DecisionRow = {
  readonly of_task: string;
  readonly decided: string;
  readonly bundle: string;
  readonly by: string;
  readonly verdict: string;
  readonly body: string;
  readonly evidence: string;
  readonly signed: string;
};

const decisionStatement = {
  name: "settlement-decisions",
  text: `SELECT encode(task_id, 'hex') AS of_task, encode(decision_id, 'hex') AS decided, encode(bundle_id, 'hex') AS bundle,
      encode(verifier, 'hex') AS by, verdict, body, evidence, encode(signature, 'hex') AS signed FROM ledger.decision
    WHERE task_id = ANY($1) AND NOT EXISTS (
      SELECT 1 FROM ledger.overruled_decision o WHERE o.decision_id = decision.decision_id)
    ORDER BY task_id, verifier`,
};

function assignmentOf(row: ItemRow): StoredItem["assignment"] {
  const { resolution_id, resolution, assignment } = row;
  if (resolution_id === null || resolution === null || assignment === null) return null;
  return { resolutionId: `0x${resolution_id}`, resolution, body: assignment };
}

function resultOf(row: ItemRow): StoredItem["result"] {
  const { bundle_id, executor, bundle, signature, result, transcript, access_log } = row;
  if (bundle_id === null || executor === null || bundle === null || signature === null) return null;
  if (result === null || transcript === null || access_log === null) return null;
  return {
    bundleId: `0x${bundle_id}`,
    executor: `0x${executor}`,
    bundle,
    signature: `0x${signature}`,
    result,
    transcript,
    accessLog: access_log,
  };
}

/** Reads members with everything that is stored of them, in the order of their ids. */
export async function readItems(database: Queryable, taskIds: readonly Hex[]): Promise<readonly StoredItem[]> {
  const ids = taskIds.map((taskId) => hexToBytes(taskId));
  const [items, decisions, histories] = await Promise.all([
    database.query<ItemRow>(itemStatement, [ids]),
    database.query<DecisionRow>(decisionStatement, [ids]),
    taskHistories(database, taskIds),
  ]);
  const decided = new Map<Hex, StoredDecision[]>();
  for (const row of decisions.rows) {
    const taskId: Hex = `0x${row.of_task}`;
    const decision: StoredDecision = {
      decisionId: `0x${row.decided}`,
      bundleId: `0x${row.bundle}`,
      verifier: `0x${row.by}`,
      verdict: row.verdict,
      body: row.body,
      evidence: row.evidence,
      signature: `0x${row.signed}`,
    };
    const others = decided.get(taskId);
    if (others) others.push(decision);
    else decided.set(taskId, [decision]);
  }
  return items.rows.map((row) => {
    const taskId: Hex = `0x${row.task_id}`;
    return {
      taskId,
      state: row.state,
      envelope: row.envelope,
      envelopeSignature: row.envelope_signature === null ? null : `0x${row.envelope_signature}`,
      assignment: assignmentOf(row),
      result: resultOf(row),
      decisions: decided.get(taskId) ?? [],
      history: histories.get(taskId) ?? [],
    };
  });
}

/** Since when, and until when, an account had a role. */
export type RoleChange = { readonly account: Hex; readonly role: string; readonly held: boolean; readonly at: Date };

/** Every change of these roles, oldest first. */
export async function readRoleChanges(database: Queryable, roles: readonly string[]): Promise<readonly RoleChange[]> {
  const { rows } = await database.query<{ address: Buffer; role: string; held: boolean; at: Date }>(
    `SELECT address, role, held, at FROM ledger.actor_role WHERE role = ANY($1) ORDER BY address, role, sequence`,
    [roles],
  );
  return rows.map(({ address, role, held, at }) => ({ account: bytesToHex(address), role, held, at }));
}

/** How many of a collection's records at positions `from` to `to` (exclusive) each producer gave. */
export async function countProducers(
  database: Queryable,
  range: { readonly vault: string; readonly collection: string; readonly from: number; readonly to: number },
): Promise<ReadonlyMap<Hex, number>> {
  const { vault, collection, from, to } = range;
  const { rows } = await database.query<{ producer: Buffer; records: bigint }>(
    {
      name: "count-producers",
      text: `SELECT producer, count(*) AS records FROM ledger.record
        WHERE vault = $1 AND collection = $2 AND position >= $3 AND position < $4 GROUP BY producer`,
    },
    [vault, collection, from, to],
  );
  return new Map(rows.map(({ producer, records }) => [bytesToHex(producer), Number(records)]));
}

/** The digest that a snapshot of so many records has; undefined when no such snapshot was taken. */
export async function readSnapshotDigest(
  database: Queryable,
  snapshot: { readonly vault: string; readonly collection: string; readonly size: number },
): Promise<Hex | undefined> {
  const { rows } = await database.query<{ digest: Buffer }>(
    {
      name: "snapshot-digest",
      text: `SELECT digest FROM ledger.snapshot WHERE vault = $1 AND collection = $2 AND size = $3`,
    },
    [snapshot.vault, snapshot.collection, snapshot.size],
  );
  return rows[0] && bytesToHex(rows[0].digest);
}
