// Published registries and policies, immutable under their versions, and which of them a scope takes tasks under.
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { policyDigest, registryDigest } from "#protocol/parameters.ts";
import type { Rollout as RolloutOf, Versions } from "#protocol/rollouts.ts";
import type { GovernanceAct } from "#protocol/schemas/governance.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";
import type { Page, PageRequest } from "./reading.ts";

/** What became of a publication: new, the same as before, or refused since the version has other content. */
export type Publication = "published" | "repeated" | "conflict";

/** A roll-out for a scope, each list ascending. */
export type Rollout = RolloutOf & { readonly scope: string };

type Document = {
  readonly kind: "registry" | "policy";
  readonly version: string;
  readonly digest: Hex;
  readonly body: string;
};

const columnOf = { registry: "semantic_version", policy: "policy_version" } as const;

/** Publishes a registry under its semantic version; journalled with who did it. */
export async function insertRegistry(
  transaction: Queryable,
  registry: Registry,
  by: string,
  now: Date,
): Promise<Publication> {
  const version = registry.semanticVersion;
  const document = {
    kind: "registry",
    version,
    digest: registryDigest(registry),
    body: canonicalText(registry),
  } as const;
  return await insertDocument(transaction, document, by, now);
}

/** Publishes a policy under its version; journalled with who did it. */
export async function insertPolicy(
  transaction: Queryable,
  policy: Policy,
  by: string,
  now: Date,
): Promise<Publication> {
  const version = policy.policyVersion;
  const document = { kind: "policy", version, digest: policyDigest(policy), body: canonicalText(policy) } as const;
  return await insertDocument(transaction, document, by, now);
}

async function insertDocument(
  transaction: Queryable,
  { kind, version, digest, body }: Document,
  by: string,
  now: Date,
): Promise<Publication> {
  const column = columnOf[kind];
  const { rowCount } = await transaction.query(
    `INSERT INTO ledger.${kind} (${column}, digest, body, published_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [version, hexToBytes(digest), body, now],
  );
  if (rowCount === 1) {
    const act = { act: "published", by, digest, version };
    await appendJournal(transaction, [{ kind, subject: Buffer.from(version), body: canonicalText(act) }], now);
    return "published";
  }
  const same = await transaction.query(`SELECT 1 FROM ledger.${kind} WHERE ${column} = $1 AND digest = $2`, [
    version,
    hexToBytes(digest),
  ]);
  return same.rowCount === 1 ? "repeated" : "conflict";
}

/** Which of the versions are not published, registries and policies together. */
export async function unpublishedVersions(
  database: Queryable,
  { semanticVersions, policyVersions }: Versions,
): Promise<readonly string[]> {
  const { rows } = await database.query<{ version: string }>(
    `SELECT 'semantic ' || v AS version FROM unnest($1::text[]) v
        WHERE NOT EXISTS (SELECT 1 FROM ledger.registry WHERE semantic_version = v)
      UNION ALL SELECT 'policy ' || v FROM unnest($2::text[]) v
        WHERE NOT EXISTS (SELECT 1 FROM ledger.policy WHERE policy_version = v)`,
    [semanticVersions, policyVersions],
  );
  return rows.map(({ version }) => version);
}

/**
 * The first epoch of a scope whose versions can still be decided. Keeps the newest epoch from closing until the transaction
 * ends, so that the next one opens under what is decided here. Where the newest is closed already, the next one may be opening
 * at this moment, and the one after it is the first.
 */
export async function firstUndecidedEpoch(transaction: Queryable, scope: string): Promise<number> {
  const { rows } = await transaction.query<{ epoch: bigint; status: string }>(
    `SELECT epoch, status FROM work.epoch WHERE scope = $1 ORDER BY epoch DESC LIMIT 1 FOR UPDATE`,
    [scope],
  );
  const [newest] = rows;
  if (newest === undefined) return 1;
  return Number(newest.epoch) + (newest.status === "closed" ? 2 : 1);
}

/** The roll-outs of a scope that count for an epoch or for a later one, ascending: the one in force there and all after it. */
export async function readRollouts(
  database: Queryable,
  scope: string,
  epoch: number,
): Promise<readonly (Rollout & { readonly retiring: Versions })[]> {
  type RolloutRow = {
    readonly from_epoch: bigint;
    readonly semantic_versions: string[];
    readonly policy_versions: string[];
    readonly retiring_semantic_versions: string[];
    readonly retiring_policy_versions: string[];
  };
  const { rows } = await database.query<RolloutRow>(
    `SELECT * FROM ledger.rollout WHERE scope = $1 AND from_epoch >= coalesce(
        (SELECT max(from_epoch) FROM ledger.rollout WHERE scope = $1 AND from_epoch <= $2), 0) ORDER BY from_epoch`,
    [scope, epoch],
  );
  return rows.map((row) => ({
    scope,
    fromEpoch: Number(row.from_epoch),
    semanticVersions: row.semantic_versions,
    policyVersions: row.policy_versions,
    retiring: {
      semanticVersions: row.retiring_semantic_versions,
      policyVersions: row.retiring_policy_versions,
    },
  }));
}

/** Tasks that go on, each found by an index of what goes on: what has ended costs nothing. */
const unendedStatement = `WITH unended AS (
    SELECT task_id FROM work.task
      WHERE scope = $1 AND state IN ('accepted', 'resolving', 'dispatched', 'verifying')
    UNION SELECT task_id FROM work.task WHERE scope = $1 AND state = 'awaiting_settlement' AND epoch IS NULL
    UNION SELECT task_id FROM ledger.epoch_member WHERE scope = $1
      AND epoch > coalesce((SELECT max(epoch) FROM ledger.finalized WHERE scope = $1), 0)
    UNION SELECT task_id FROM work.challenge WHERE scope = $1
      AND state IN ('opened', 'reviewing', 'confirmed', 'not_confirmed', 'reopened'))
  SELECT count(*) AS tasks FROM unended JOIN work.task t USING (task_id)
    WHERE t.state NOT IN ('completed', 'rejected', 'timed_out')
      AND (t.semantic_version = ANY($2) OR t.policy_version = ANY($3))`;

/** How many tasks of a scope under one of the versions have not ended. */
export async function countUnended(
  database: Queryable,
  scope: string,
  { semanticVersions, policyVersions }: Versions,
): Promise<number> {
  const { rows } = await database.query<{ tasks: bigint }>(unendedStatement, [scope, semanticVersions, policyVersions]);
  return Number(rows[0]?.tasks ?? 0);
}

/** Orders a roll-out; journalled with who did it. False when one was ordered for this epoch before. */
export async function insertRollout(transaction: Queryable, rollout: Rollout, by: string, now: Date): Promise<boolean> {
  const { scope, fromEpoch, semanticVersions, policyVersions, retiring } = rollout;
  const { rowCount } = await transaction.query(
    `INSERT INTO ledger.rollout (scope, from_epoch, semantic_versions, policy_versions, ordered_at,
        retiring_semantic_versions, retiring_policy_versions)
      VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      scope,
      fromEpoch,
      semanticVersions,
      policyVersions,
      now,
      retiring?.semanticVersions ?? [],
      retiring?.policyVersions ?? [],
    ],
  );
  if (rowCount === 0) return false;
  const versions = { policyVersions, semanticVersions, ...(retiring === undefined ? {} : { retiring }) };
  const body = canonicalText({ act: "ordered", by, fromEpoch, ...versions });
  await appendJournal(transaction, [{ kind: "rollout", subject: Buffer.from(scope), body }], now);
  return true;
}

/** Documents kept in memory for each kind: an epoch's set holds a few versions. */
const documentsKept = 64;

/** A published registry; immutable under its version. */
export async function readRegistry(database: Queryable, version: string): Promise<Registry | undefined> {
  const statement = `SELECT body FROM ledger.registry WHERE semantic_version = $1`;
  const { rows } = await database.query<{ body: string }>(statement, [version]);
  return rows[0] && (JSON.parse(rows[0].body) as Registry);
}

/** The registry that was published last; undefined before the first. */
export async function readLastRegistry(database: Queryable): Promise<Registry | undefined> {
  const statement = `SELECT body FROM ledger.registry ORDER BY sequence DESC LIMIT 1`;
  const { rows } = await database.query<{ body: string }>(statement);
  return rows[0] && (JSON.parse(rows[0].body) as Registry);
}

/** A semantic version in a list: published, with its digest; or opened by an act and not published yet, with its base. */
export type ListedVersion = {
  readonly semanticVersion: string;
  readonly base: string | null;
  readonly digest: Hex | null;
  readonly at: string;
};

type ListedRow = {
  readonly semantic_version: string;
  readonly opening: string | null;
  readonly digest: Buffer | null;
  readonly at: Date;
  readonly sequence: bigint;
};

const listStatements = {
  published: `SELECT semantic_version, NULL AS opening, digest, published_at AS at, sequence FROM ledger.registry
    WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
  open: `SELECT semantic_version, body AS opening, NULL::bytea AS digest, at, sequence
    FROM ledger.governance_act a WHERE kind = 'open_version' AND sequence > $1
      AND NOT EXISTS (SELECT 1 FROM ledger.registry r WHERE r.semantic_version = a.semantic_version)
    ORDER BY sequence LIMIT $2`,
} as const;

const baseIn = ({ order }: GovernanceAct): string | null => ("base" in order ? order.base : null);

/** Semantic versions in the order in which they were published, or opened. */
export async function listVersions(
  database: Queryable,
  state: keyof typeof listStatements,
  { after, limit }: PageRequest,
): Promise<Page<ListedVersion>> {
  const { rows } = await database.query<ListedRow>(listStatements[state], [after ?? "0", limit + 1]);
  const kept = rows.slice(0, limit);
  const items = kept.map(({ semantic_version: semanticVersion, opening, digest, at }) => ({
    semanticVersion,
    base: opening === null ? null : baseIn(JSON.parse(opening) as GovernanceAct),
    digest: digest && bytesToHex(digest),
    at: at.toISOString(),
  }));
  const last = kept.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? String(last.sequence) : null };
}

/** Published policies by version; immutable, so that they may be kept. Unknown versions are not in the answer. */
export async function readPolicies(
  database: Queryable,
  versions: readonly string[],
): Promise<ReadonlyMap<string, Policy>> {
  const { rows } = await database.query<{ policy_version: string; body: string }>(
    `SELECT policy_version, body FROM ledger.policy WHERE policy_version = ANY($1)`,
    [versions],
  );
  return new Map(rows.map((row) => [row.policy_version, JSON.parse(row.body) as Policy]));
}

/** Published documents by version, read once each: they never change. */
export type Documents = {
  /** Unknown versions are not in the answer. */
  readonly policies: (database: Queryable, versions: readonly string[]) => Promise<ReadonlyMap<string, Policy>>;
  readonly registry: (database: Queryable, version: string) => Promise<Registry | undefined>;
};

/** Opens the memory of published documents. */
export function openDocuments(): Documents {
  const policies = new Map<string, Policy>();
  const registries = new Map<string, Registry>();
  return {
    policies: async (database, versions) => {
      const missing = [...new Set(versions)].filter((version) => !policies.has(version));
      const read = missing.length === 0 ? new Map<string, Policy>() : await readPolicies(database, missing);
      for (const [version, policy] of read) keep(policies, version, policy);
      return new Map([...policies, ...read]);
    },
    registry: async (database, version) => {
      const known = registries.get(version) ?? (await readRegistry(database, version));
      if (known !== undefined) keep(registries, version, known);
      return known;
    },
  };
}

/** Keeps an entry; the one that was kept first makes room. */
function keep<T>(documents: Map<string, T>, version: string, document: T): void {
  documents.set(version, document);
  const [first] = documents.keys();
  if (documents.size > documentsKept && first !== undefined) documents.delete(first);
}
