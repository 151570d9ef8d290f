// Epochs of a scope: opening, membership, the beginning of their end; each act in one transaction with its journal entry.
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex } from "#protocol/hash.ts";
import { epochIdOf, policyDigest, registryDigest, type VersionSet } from "#protocol/parameters.ts";
import type { EpochState } from "#protocol/lifecycles.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";

/** What made an epoch close (EPOC-04). */
export type EpochTrigger = Closing["trigger"];

/** What made an epoch close, and for a volume which one it was. */
export type Closing =
  | { readonly trigger: "time" | "order" }
  | { readonly trigger: "volume"; readonly measure: "tasks" | "verifications" | "aggregation_entries" };

/** An epoch as it stands (EPOC-01). */
export type Epoch = {
  readonly scope: string;
  readonly epoch: number;
  readonly status: EpochState;
  readonly openAt: Date;
  readonly closeAt: Date | null;
  readonly trigger: EpochTrigger | null;
  readonly semanticVersions: readonly string[];
  readonly policyVersions: readonly string[];
  readonly members: number;
  /** Decisions that accepted its members' results. */
  readonly verifications: number;
};

type EpochRow = {
  readonly scope: string;
  readonly epoch: bigint;
  readonly status: EpochState;
  readonly open_at: Date;
  readonly close_at: Date | null;
  readonly trigger: EpochTrigger | null;
  readonly semantic_version_set: readonly string[];
  readonly policy_version_set: readonly string[];
  readonly members: bigint;
  readonly verifications: bigint;
};

const epochOf = (row: EpochRow): Epoch => ({
  scope: row.scope,
  epoch: Number(row.epoch),
  status: row.status,
  openAt: row.open_at,
  closeAt: row.close_at,
  trigger: row.trigger,
  semanticVersions: row.semantic_version_set,
  policyVersions: row.policy_version_set,
  members: Number(row.members),
  verifications: Number(row.verifications),
});

const columns = `scope, epoch, status, open_at, close_at, trigger, semantic_version_set, policy_version_set, members,
  verifications`;

/** Members in one journal entry: bounds the entry. */
export const journalledMembers = 1000;

/** The newest epoch of a scope, whatever its status; undefined before bootstrap. */
export async function newestEpoch(database: Queryable, scope: string): Promise<Epoch | undefined> {
  const { rows } = await database.query<EpochRow>(
    {
      name: "newest-epoch",
      text: `SELECT ${columns} FROM work.epoch WHERE scope = $1 ORDER BY epoch DESC LIMIT 1`,
    },
    [scope],
  );
  return rows[0] && epochOf(rows[0]);
}

/** One epoch; undefined when there is none. */
export async function readEpoch(database: Queryable, scope: string, epoch: number): Promise<Epoch | undefined> {
  const { rows } = await database.query<EpochRow>(
    { name: "read-epoch", text: `SELECT ${columns} FROM work.epoch WHERE scope = $1 AND epoch = $2` },
    [scope, epoch],
  );
  return rows[0] && epochOf(rows[0]);
}

/** The subject of an epoch's journal entries, and of its settlement's: the bytes of its id. */
export function epochSubject(scope: string, epoch: number): Uint8Array {
  return Buffer.from(epochIdOf(scope, epoch), "utf8");
}

const openStatement = `INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
  SELECT $1::text, $2::bigint, 'open', $3,
    ARRAY(SELECT DISTINCT v COLLATE "C" FROM unnest(r.semantic_versions) v ORDER BY 1),
    ARRAY(SELECT DISTINCT v COLLATE "C" FROM unnest(r.policy_versions) v ORDER BY 1)
  FROM ledger.rollout r
  WHERE r.scope = $1::text AND r.from_epoch <= $2::bigint
    AND CASE WHEN $2::bigint = 1 THEN NOT EXISTS (SELECT 1 FROM work.epoch WHERE scope = $1::text)
      ELSE EXISTS (SELECT 1 FROM work.epoch WHERE scope = $1::text AND epoch = $2::bigint - 1 AND status = 'closed') END
  ORDER BY r.from_epoch DESC LIMIT 1
  ON CONFLICT DO NOTHING
  RETURNING ${columns}`;

/**
 * Opens an epoch under the versions rolled out for it: number 1 in a scope that has none, any other once its predecessor is
 * closed (EPOC-02, EPOC-03). Undefined, and nothing written, when that is not so, when somebody else was first, or when
 * nothing is rolled out.
 */
export async function openEpoch(
  transaction: Queryable,
  request: { readonly scope: string; readonly epoch: number; readonly by: string },
  now: Date,
): Promise<Epoch | undefined> {
  const { scope, epoch, by } = request;
  const { rows } = await transaction.query<EpochRow>(openStatement, [scope, epoch, now]);
  if (rows[0] === undefined) return undefined;
  const opened = epochOf(rows[0]);
  const { semanticVersions, policyVersions } = opened;
  const body = { act: "opened", by, from: null, to: "open", semanticVersions, policyVersions };
  await appendJournal(transaction, [actOf(opened, body)], now);
  return opened;
}

/** An act on an epoch, as it is journalled. */
export function actOf({ scope, epoch }: Pick<Epoch, "scope" | "epoch">, body: Parameters<typeof canonicalText>[0]) {
  return { kind: "epoch", subject: epochSubject(scope, epoch), body: canonicalText(body) };
}

/**
 * To come first in every transaction that makes members or defers them: such transactions of a scope follow one another, so
 * that their order in the journal, which is that of their ids, is the order in which they saw each other.
 */
export async function orderMemberships(transaction: Queryable, scope: string): Promise<void> {
  // This lock, unlike that of a row, gives the transaction no id yet.
  await transaction.query(
    { name: "order-memberships", text: `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))` },
    [`memberships of ${scope}`],
  );
}

/**
 * The next tasks in order of arrival become members, each for its next turn. Only what waits and is no member is read: what
 * was settled before, and what is to be settled, costs nothing here.
 */
const assignStatement = {
  name: "assign-members",
  text: `WITH chosen AS (
      SELECT arrival FROM work.task
      WHERE scope = $1 AND state = 'awaiting_settlement' AND epoch IS NULL AND semantic_version = ANY($3)
        AND policy_version = ANY($4)
      ORDER BY arrival LIMIT $5 FOR UPDATE SKIP LOCKED),
    marked AS (
      UPDATE work.task SET epoch = $2 FROM chosen WHERE task.arrival = chosen.arrival
      RETURNING task.task_id, task.policy_version),
    joined AS (
      INSERT INTO ledger.epoch_member (task_id, turn, scope, epoch)
      SELECT task_id, 1 + (SELECT count(*) FROM ledger.deferral d WHERE d.task_id = marked.task_id), $1, $2 FROM marked)
    SELECT task_id, policy_version FROM marked`,
};

/**
 * Makes verified tasks members of the open epoch, up to `limit`, and journals their ids; answers how many. Tasks under
 * versions that the epoch does not hold stay for one that does. Each was accepted by as many verifiers as its policy asks for:
 * they are counted without being read.
 * @throws ProtocolError SETTLEMENT_EPOCH_CLOSED when the epoch is not open any more
 */
export async function assignMembers(
  transaction: Queryable,
  request: {
    readonly scope: string;
    readonly epoch: number;
    readonly limit: number;
    readonly by: string;
    /** Of the epoch's versions. */
    readonly policies: ReadonlyMap<string, Pick<Policy, "verifiers">>;
  },
  now: Date,
): Promise<number> {
  const { scope, epoch, limit, by, policies } = request;
  // The lock keeps the epoch open until these members are in.
  const locked = await lockEpoch(transaction, scope, epoch);
  if (locked?.status !== "open") throw new ProtocolError("SETTLEMENT_EPOCH_CLOSED", { epoch: epochIdOf(scope, epoch) });
  const { rows } = await transaction.query<{ task_id: Buffer; policy_version: string }>(assignStatement, [
    scope,
    epoch,
    locked.semanticVersions,
    locked.policyVersions,
    limit,
  ]);
  if (rows.length === 0) return 0;
  const verifications = rows.reduce((sum, row) => sum + (policies.get(row.policy_version)?.verifiers ?? 0), 0);
  await transaction.query(
    {
      name: "count-members",
      text: `UPDATE work.epoch SET members = members + $3, verifications = verifications + $4
        WHERE scope = $1 AND epoch = $2`,
    },
    [scope, epoch, rows.length, verifications],
  );
  const taskIds = rows.map((row) => bytesToHex(row.task_id)).sort();
  const acts = [];
  for (let from = 0; from < taskIds.length; from += journalledMembers) {
    acts.push(actOf(locked, { act: "assigned", by, tasks: taskIds.slice(from, from + journalledMembers) }));
  }
  await appendJournal(transaction, acts, now);
  return rows.length;
}

/** Reads an epoch and keeps it as it is for the rest of the transaction. */
export async function lockEpoch(transaction: Queryable, scope: string, epoch: number): Promise<Epoch | undefined> {
  const { rows } = await transaction.query<EpochRow>(
    { name: "lock-epoch", text: `SELECT ${columns} FROM work.epoch WHERE scope = $1 AND epoch = $2 FOR UPDATE` },
    [scope, epoch],
  );
  return rows[0] && epochOf(rows[0]);
}

/** Begins to close an open epoch and records why, and which volume it was (EPOC-04); false when it is not open. */
export async function startClosing(
  transaction: Queryable,
  request: { readonly scope: string; readonly epoch: number; readonly by: string } & Closing,
  now: Date,
): Promise<boolean> {
  const { scope, epoch, by, ...why } = request;
  const { rowCount } = await transaction.query(
    `UPDATE work.epoch SET status = 'closing', trigger = $3 WHERE scope = $1 AND epoch = $2 AND status = 'open'`,
    [scope, epoch, why.trigger],
  );
  if (rowCount === 0) return false;
  await appendJournal(transaction, [actOf(request, { act: "closing", by, from: "open", to: "closing", ...why })], now);
  return true;
}

/** The published documents of an epoch's versions, checked against their digests. */
export type EpochDocuments = {
  readonly versions: VersionSet;
  /** By semantic version. */
  readonly registries: ReadonlyMap<string, Registry>;
  /** By policy version. */
  readonly policies: ReadonlyMap<string, Policy>;
};

/**
 * Reads the documents behind an epoch's version sets.
 * @throws ProtocolError INTERNAL_OBJECT_CORRUPT when one is missing or does not have its digest
 */
export async function readDocuments(
  database: Queryable,
  epoch: Pick<Epoch, "semanticVersions" | "policyVersions">,
  schemaVersions: readonly string[],
): Promise<EpochDocuments> {
  type Published = { readonly version: string; readonly digest: Buffer; readonly body: string };
  const registries = await database.query<Published>(
    `SELECT semantic_version AS version, digest, body FROM ledger.registry WHERE semantic_version = ANY($1) ORDER BY 1`,
    [epoch.semanticVersions],
  );
  const policies = await database.query<Published>(
    `SELECT policy_version AS version, digest, body FROM ledger.policy WHERE policy_version = ANY($1) ORDER BY 1`,
    [epoch.policyVersions],
  );
  const checked = (found: readonly Published[], wanted: readonly string[], digestOf: (body: string) => Hex) => {
    if (found.length !== wanted.length) throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { missing: wanted });
    return found.map(({ version, digest, body }) => {
      const expected = bytesToHex(digest);
      if (digestOf(body) !== expected)
        throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { version, digest: expected });
      return { version, digest: expected };
    });
  };
  return {
    versions: {
      schema: schemaVersions,
      semantic: checked(registries.rows, epoch.semanticVersions, (body) =>
        registryDigest(JSON.parse(body) as Registry),
      ),
      policy: checked(policies.rows, epoch.policyVersions, (body) => policyDigest(JSON.parse(body) as Policy)),
    },
    registries: new Map(registries.rows.map(({ version, body }) => [version, JSON.parse(body) as Registry])),
    policies: new Map(policies.rows.map(({ version, body }) => [version, JSON.parse(body) as Policy])),
  };
}
