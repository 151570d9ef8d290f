// Acts of governance as the ledger keeps them: in the order they were taken, by what they are about, by the version they amend.
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { semanticVersionOf, subjectOf } from "#protocol/governance.ts";
import { governanceActIdOf } from "#protocol/messages.ts";
import type { GovernanceAct, GovernanceActView } from "#protocol/schemas/governance.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";
import type { Page, PageRequest } from "./reading.ts";

/** Has acts of governance follow one another: each is decided on what all before it left. */
export async function lockGovernance(transaction: Queryable): Promise<void> {
  await transaction.query(`SELECT pg_advisory_xact_lock(hashtextextended('governance', 0))`);
}

/** Where in the history an act stands; undefined for one that was not taken. */
export async function findAct(database: Queryable, actId: Hex): Promise<number | undefined> {
  const { rows } = await database.query<{ sequence: bigint }>(
    `SELECT sequence FROM ledger.governance_act WHERE act_id = $1`,
    [hexToBytes(actId)],
  );
  return rows[0] && Number(rows[0].sequence);
}

/** Keeps an act; journalled. Answers where in the history it stands. The signature is null where a token stood for it. */
export async function insertAct(
  transaction: Queryable,
  { act, signature }: { readonly act: GovernanceAct; readonly signature: Hex | null },
  now: Date,
): Promise<number> {
  const { by, order } = act;
  const actId = governanceActIdOf(act);
  const subject = subjectOf(order);
  const semanticVersion = semanticVersionOf(order);
  const { rows } = await transaction.query<{ sequence: bigint }>(
    `INSERT INTO ledger.governance_act (act_id, kind, subject, semantic_version, by, body, signature, at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING sequence`,
    [
      hexToBytes(actId),
      order.kind,
      subject,
      semanticVersion,
      hexToBytes(by),
      canonicalText(act),
      signature && hexToBytes(signature),
      now,
    ],
  );
  const body = canonicalText({ act: order.kind, actId, by, isSigned: signature !== null, semanticVersion });
  await appendJournal(transaction, [{ kind: "governance", subject: Buffer.from(subject), body }], now);
  return Number(rows[0]?.sequence);
}

type ActRow = {
  readonly sequence: bigint;
  readonly act_id: Buffer;
  readonly subject: string;
  readonly semantic_version: string | null;
  readonly body: string;
  readonly is_signed: boolean;
  readonly at: Date;
};

const columns = `sequence, act_id, subject, semantic_version, body, signature IS NOT NULL AS is_signed, at`;

const viewOf = (row: ActRow): GovernanceActView => ({
  actId: bytesToHex(row.act_id),
  sequence: Number(row.sequence),
  subject: row.subject,
  semanticVersion: row.semantic_version,
  act: JSON.parse(row.body) as GovernanceAct,
  isSigned: row.is_signed,
  at: row.at.toISOString(),
});

/** One act; undefined when there is none under the id. */
export async function readAct(database: Queryable, actId: Hex): Promise<GovernanceActView | undefined> {
  const { rows } = await database.query<ActRow>(`SELECT ${columns} FROM ledger.governance_act WHERE act_id = $1`, [
    hexToBytes(actId),
  ]);
  return rows[0] && viewOf(rows[0]);
}

/** What a history is about; all acts where nothing is named. */
export type ActFilter = { readonly subject?: string | undefined; readonly semanticVersion?: string | undefined };

/** Acts in their order: of one subject, of one semantic version, or all. */
export async function listActs(
  database: Queryable,
  { subject, semanticVersion }: ActFilter,
  { after, limit }: PageRequest,
): Promise<Page<GovernanceActView>> {
  const { rows } = await database.query<ActRow>(
    `SELECT ${columns} FROM ledger.governance_act
      WHERE sequence > $1 AND ($2::text IS NULL OR subject = $2) AND ($3::text IS NULL OR semantic_version = $3)
      ORDER BY sequence LIMIT $4`,
    [after ?? "0", subject ?? null, semanticVersion ?? null, limit + 1],
  );
  const items = rows.slice(0, limit).map(viewOf);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? String(last.sequence) : null };
}

/** The acts that made an opened version what it is, in their order; the first one opened it. */
export async function readVersionActs(database: Queryable, semanticVersion: string): Promise<readonly GovernanceAct[]> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.governance_act WHERE semantic_version = $1 AND kind <> 'publish_registry' ORDER BY sequence`,
    [semanticVersion],
  );
  return rows.map(({ body }) => JSON.parse(body) as GovernanceAct);
}

/** A candidate for an attribute with the policies of the epoch whose finalized root commits to it; undefined for any other. */
export type FinalCandidate = {
  readonly candidate: LocalAttributeCandidate;
  /** Ascending. */
  readonly policyVersions: readonly string[];
};

export async function readFinalCandidate(database: Queryable, candidateId: Hex): Promise<FinalCandidate | undefined> {
  const { rows } = await database.query<{ body: string; policy_version_set: string[] }>(
    `SELECT c.body, e.policy_version_set FROM ledger.local_candidate c
      JOIN ledger.finalized f USING (scope, epoch, revision) JOIN work.epoch e USING (scope, epoch)
      WHERE c.candidate_id = $1`,
    [hexToBytes(candidateId)],
  );
  const [row] = rows;
  return (
    row && {
      candidate: JSON.parse(row.body) as LocalAttributeCandidate,
      policyVersions: row.policy_version_set,
    }
  );
}
