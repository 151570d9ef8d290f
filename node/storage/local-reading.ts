// Reading local attributes back: a vault's own pool for its operator, and the candidates that settlements commit to.
import { domainHintOf, openMapper, type LocalField } from "#protocol/local-attributes.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import type {
  LocalAttributeCandidate,
  LocalAttributeEntry,
  LocalAttributeSummary,
} from "#protocol/schemas/local-attribute.ts";
import type { SettlementView } from "#protocol/schemas/settlement.ts";
import type { CollectionDefinition } from "#protocol/schemas/vault.ts";
import type { Queryable } from "./database.ts";
import { newestEpoch } from "./epochs.ts";
import type { Page, PageRequest } from "./reading.ts";
import type { CollectionName } from "./records.ts";
import { readRegistry } from "./registry.ts";

/** Where a window stands: its first epoch, the epoch that records are counted in now, and the newest semantic version. */
type Standing = { readonly windowFrom: number; readonly epoch: number; readonly semanticVersion: string | undefined };

async function readStanding(database: Queryable, scope: string): Promise<Standing> {
  const newest = await newestEpoch(database, scope);
  const { rows } = await database.query<{ epoch: bigint | null }>(
    `SELECT max(epoch) AS epoch FROM ledger.aggregation WHERE scope = $1`,
    [scope],
  );
  const windowFrom = Number(rows[0]?.epoch ?? 0) + 1;
  const current = newest === undefined ? 1 : newest.epoch + (newest.status === "closed" ? 1 : 0);
  return { windowFrom, epoch: Math.max(windowFrom, current), semanticVersion: newest?.semanticVersions.at(-1) };
}

type PoolRow = {
  readonly name: string;
  readonly value_kind: LocalField["valueKind"];
  readonly occurrences: bigint;
  readonly seen: bigint;
  readonly records: bigint | null;
  readonly released: string | null;
};

/** A batch that commits while its epoch closes is counted in the next window under the number of the closed one. */
const poolStatement = `SELECT a.name, a.value_kind, sum(a.occurrences)::bigint AS occurrences,
    count(DISTINCT greatest(a.epoch, $3)) AS seen,
    (SELECT sum(records)::bigint FROM work.local_volume v WHERE (v.vault, v.collection) = ($1, $2)) AS records,
    (SELECT body FROM ledger.local_summary s
      WHERE (s.vault, s.collection, s.name, s.value_kind) = ($1, $2, a.name, a.value_kind)
      ORDER BY epoch DESC LIMIT 1) AS released
  FROM work.local_attribute a WHERE (a.vault, a.collection) = ($1, $2) AND (a.name, a.value_kind) > ($4, $5)
  GROUP BY a.name, a.value_kind ORDER BY a.name, a.value_kind LIMIT $6`;

/**
 * The pool of a collection in the window that is going on, by name and kind (ATTR-09); a page begins after `name/kind`. Exact:
 * for the vault's operator and nobody else. Undefined for an unknown collection.
 */
export async function readPool(
  database: Queryable,
  { vault, collection }: CollectionName,
  { after, limit }: PageRequest,
): Promise<Page<LocalAttributeEntry> | undefined> {
  const found = await database.query<{ fields: string; aggregation_scope: string | null }>(
    `SELECT fields, aggregation_scope FROM ledger.collection WHERE vault = $1 AND collection = $2`,
    [vault, collection],
  );
  const [definition] = found.rows;
  if (definition === undefined) return undefined;
  if (definition.aggregation_scope === null) return { items: [], next: null };
  const { windowFrom, epoch, semanticVersion } = await readStanding(database, definition.aggregation_scope);
  const [afterName = "", afterKind = ""] = after?.split("/") ?? [];
  const { rows } = await database.query<PoolRow>(poolStatement, [
    vault,
    collection,
    windowFrom,
    afterName,
    afterKind,
    limit + 1,
  ]);
  const registry = semanticVersion === undefined ? undefined : await readRegistry(database, semanticVersion);
  const mapping = registry === undefined ? () => null : openMapper(registry);
  const domainHint = domainHintOf(JSON.parse(definition.fields) as CollectionDefinition["fields"]);
  const items = rows.slice(0, limit).map((row): LocalAttributeEntry => ({
    localAttributeId: `${vault}/${collection}/${row.name}`,
    name: row.name,
    valueKind: row.value_kind,
    domainHint,
    occurrences: Number(row.occurrences),
    records: Number(row.records),
    epochsSeen: Number(row.seen),
    epochsObserved: epoch - windowFrom + 1,
    mapping: mapping(row.name, row.value_kind),
    released: row.released === null ? null : (JSON.parse(row.released) as LocalAttributeSummary),
  }));
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? `${last.name}/${last.valueKind}` : null };
}

/** A candidate with the revision of the settlement whose root commits to it. */
export type StoredLocalCandidate = {
  readonly candidate: LocalAttributeCandidate;
  readonly revision: number;
  /** The state of that settlement. Only a candidate of a finalized one may be promoted (ATTR-11). */
  readonly settlement: SettlementView["state"];
};

type CandidateRow = {
  readonly epoch: bigint;
  readonly revision: number;
  readonly index: number;
  readonly body: string;
  readonly state: SettlementView["state"];
};

const candidateOf = ({ body, revision, state }: CandidateRow): StoredLocalCandidate => ({
  candidate: JSON.parse(body) as LocalAttributeCandidate,
  revision,
  settlement: state,
});

/** The candidates of a scope, of one epoch where it is named, every revision; a page begins after `scope/epoch/revision/index`. */
export async function listLocalCandidates(
  database: Queryable,
  { scope, epoch }: { readonly scope: string; readonly epoch: number | undefined },
  { after, limit }: PageRequest,
): Promise<Page<StoredLocalCandidate>> {
  const [, afterEpoch = "0", afterRevision = "0", afterIndex = "0"] = after?.split("/") ?? [];
  const { rows } = await database.query<CandidateRow>(
    `SELECT c.epoch, c.revision, c.index, c.body, s.state
      FROM ledger.local_candidate c JOIN work.settlement s USING (scope, epoch, revision)
      WHERE c.scope = $1 AND ($2::bigint IS NULL OR c.epoch = $2)
        AND (c.epoch, c.revision, c.index) > ($3::bigint, $4::integer, $5::integer)
      ORDER BY c.epoch, c.revision, c.index LIMIT $6`,
    [scope, epoch ?? null, afterEpoch, afterRevision, afterIndex, limit + 1],
  );
  const last = rows.slice(0, limit).at(-1);
  const isMore = rows.length > limit && last !== undefined;
  return {
    items: rows.slice(0, limit).map(candidateOf),
    next: isMore ? `${scope}/${last.epoch}/${last.revision}/${last.index}` : null,
  };
}

/**
 * A candidate by its id, as the newest revision of its epoch's settlement holds it; undefined where none does. Governance promotes
 * only one whose settlement is finalized (ATTR-11).
 */
export async function readLocalCandidate(
  database: Queryable,
  candidateId: Hex,
): Promise<StoredLocalCandidate | undefined> {
  const { rows } = await database.query<CandidateRow>(
    `SELECT c.epoch, c.revision, c.index, c.body, s.state
      FROM ledger.local_candidate c JOIN work.settlement s USING (scope, epoch, revision)
      WHERE c.candidate_id = $1 ORDER BY c.revision DESC LIMIT 1`,
    [hexToBytes(candidateId)],
  );
  return rows[0] && candidateOf(rows[0]);
}
