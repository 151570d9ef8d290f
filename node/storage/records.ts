// Collections of vaults and their sealed records: positions without gaps, and a snapshot for each batch that was added.
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { CollectionDefinition } from "#protocol/schemas/vault.ts";
import type { Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";

/** Names a collection. */
export type CollectionName = { readonly vault: string; readonly collection: string };

/** A collection: who operates it, what its fields stand for, and its key as it is wrapped. */
export type StoredCollection = CollectionDefinition & { readonly wrappedKey: Uint8Array };

/** The first `size` records of a collection. */
export type StoredSnapshot = { readonly size: number; readonly digest: Hex };

/** A record as it is kept. */
export type SealedRecord = {
  readonly position: number;
  readonly recordId: string;
  readonly producer: Hex;
  readonly commitment: Hex;
  readonly wrappedKey: Uint8Array;
  readonly ciphertext: Uint8Array;
};

type CollectionRow = {
  readonly vault: string;
  readonly collection: string;
  readonly operator: Buffer;
  readonly fields: string;
  readonly aggregation_scope: string | null;
  readonly wrapped_key: Buffer;
};

const collectionOf = (row: CollectionRow): StoredCollection => ({
  vault: row.vault,
  collection: row.collection,
  operator: bytesToHex(row.operator),
  fields: JSON.parse(row.fields) as CollectionDefinition["fields"],
  ...(row.aggregation_scope === null ? {} : { aggregationScope: row.aggregation_scope }),
  wrappedKey: row.wrapped_key,
});

/** Makes everybody else who defines collections of this vault wait until the transaction ends. */
export async function lockVault(transaction: Queryable, vault: string): Promise<void> {
  await transaction.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`vault ${vault}`]);
}

/** Makes everybody else who adds to this collection wait until the transaction ends. */
export async function lockCollection(transaction: Queryable, { vault, collection }: CollectionName): Promise<void> {
  await transaction.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [
    `collection ${vault}/${collection}`,
  ]);
}

/** Every collection of a vault, by name. */
export async function readVault(database: Queryable, vault: string): Promise<readonly StoredCollection[]> {
  const { rows } = await database.query<CollectionRow>(
    `SELECT vault, collection, operator, fields, aggregation_scope, wrapped_key FROM ledger.collection
      WHERE vault = $1 ORDER BY collection`,
    [vault],
  );
  return rows.map(collectionOf);
}

/** Keeps a new collection; journalled. */
export async function insertCollection(
  transaction: Queryable,
  { wrappedKey, ...definition }: StoredCollection,
  now: Date,
): Promise<void> {
  const { vault, collection, operator, fields, aggregationScope = null } = definition;
  await transaction.query(
    `INSERT INTO ledger.collection (vault, collection, operator, fields, aggregation_scope, wrapped_key, at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [vault, collection, hexToBytes(operator), canonicalText(fields), aggregationScope, wrappedKey, now],
  );
  const body = canonicalText({ act: "defined", ...definition });
  const subject = Buffer.from(`${vault}/${collection}`);
  await appendJournal(transaction, [{ kind: "collection", subject, body }], now);
}

/** A collection with its newest snapshot; null while it is empty. */
export type CollectionHead = StoredCollection & { readonly snapshot: StoredSnapshot | null };

const headStatement = {
  name: "collection-heads",
  text: `SELECT c.vault, c.collection, c.operator, c.fields, c.aggregation_scope, c.wrapped_key, s.size, s.digest
    FROM unnest($1::text[], $2::text[]) AS w (vault, collection) JOIN ledger.collection c USING (vault, collection)
      LEFT JOIN LATERAL (SELECT size, digest FROM ledger.snapshot s
        WHERE s.vault = c.vault AND s.collection = c.collection ORDER BY size DESC LIMIT 1) s ON true`,
};

/** The named collections that exist, each with its newest snapshot. Name each once. */
export async function readHeads(
  database: Queryable,
  names: readonly CollectionName[],
): Promise<readonly CollectionHead[]> {
  type HeadRow = CollectionRow & { readonly size: bigint | null; readonly digest: Buffer | null };
  const { rows } = await database.query<HeadRow>(headStatement, [
    names.map(({ vault }) => vault),
    names.map(({ collection }) => collection),
  ]);
  return rows.map((row) => ({
    ...collectionOf(row),
    snapshot:
      row.size === null || row.digest === null ? null : { size: Number(row.size), digest: bytesToHex(row.digest) },
  }));
}

/** The commitments of those records that are kept already, by record id. */
export async function readCommitments(
  database: Queryable,
  { vault, collection }: CollectionName,
  recordIds: readonly string[],
): Promise<ReadonlyMap<string, Hex>> {
  const { rows } = await database.query<{ record_id: string; commitment: Buffer }>(
    {
      name: "known-records",
      text: `SELECT record_id, commitment FROM ledger.record WHERE vault = $1 AND collection = $2 AND record_id = ANY($3)`,
    },
    [vault, collection, recordIds],
  );
  return new Map(rows.map((row) => [row.record_id, bytesToHex(row.commitment)]));
}

/**
 * Adds records behind the newest snapshot, and the snapshot that they end in; journalled. Comes after {@link lockCollection}
 * in the same transaction.
 */
export async function insertRecords(
  transaction: Queryable,
  { vault, collection }: CollectionName,
  added: { readonly records: readonly SealedRecord[]; readonly snapshot: StoredSnapshot; readonly producer: Hex },
  now: Date,
): Promise<void> {
  const { records, snapshot, producer } = added;
  await transaction.query(
    {
      name: "insert-records",
      text: `INSERT INTO ledger.record (vault, collection, position, record_id, producer, commitment, wrapped_key, ciphertext)
        SELECT $1, $2, position, record_id, $3, commitment, wrapped_key, ciphertext
        FROM unnest($4::bigint[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[])
          AS r (position, record_id, commitment, wrapped_key, ciphertext)`,
    },
    [
      vault,
      collection,
      hexToBytes(producer),
      records.map(({ position }) => position),
      records.map(({ recordId }) => recordId),
      records.map(({ commitment }) => hexToBytes(commitment)),
      records.map(({ wrappedKey }) => wrappedKey),
      records.map(({ ciphertext }) => ciphertext),
    ],
  );
  await transaction.query(
    `INSERT INTO ledger.snapshot (vault, collection, size, digest, at) VALUES ($1, $2, $3, $4, $5)`,
    [vault, collection, snapshot.size, hexToBytes(snapshot.digest), now],
  );
  const { size, digest } = snapshot;
  const body = canonicalText({ act: "added", digest, producer, records: records.length, size });
  const subject = Buffer.from(`${vault}/${collection}`);
  await appendJournal(transaction, [{ kind: "collection", subject, body }], now);
}

type RecordRow = {
  readonly position: bigint;
  readonly record_id: string;
  readonly producer: Buffer;
  readonly commitment: Buffer;
  readonly wrapped_key: Buffer;
  readonly ciphertext: Buffer;
};

/** Sealed records at positions `from` to `to` (exclusive), in order. */
export async function readRecords(
  database: Queryable,
  { vault, collection }: CollectionName,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<readonly SealedRecord[]> {
  const { rows } = await database.query<RecordRow>(
    {
      name: "read-records",
      text: `SELECT position, record_id, producer, commitment, wrapped_key, ciphertext FROM ledger.record
        WHERE vault = $1 AND collection = $2 AND position >= $3 AND position < $4 ORDER BY position`,
    },
    [vault, collection, from, to],
  );
  return rows.map((row) => ({
    position: Number(row.position),
    recordId: row.record_id,
    producer: bytesToHex(row.producer),
    commitment: bytesToHex(row.commitment),
    wrappedKey: row.wrapped_key,
    ciphertext: row.ciphertext,
  }));
}

/** The snapshots of a collection with more than `above` and at most `upTo` records, ascending. */
export async function readSnapshots(
  database: Queryable,
  { vault, collection }: CollectionName,
  { above, upTo }: { readonly above: number; readonly upTo: number },
): Promise<readonly StoredSnapshot[]> {
  const { rows } = await database.query<{ size: bigint; digest: Buffer }>(
    `SELECT size, digest FROM ledger.snapshot WHERE vault = $1 AND collection = $2 AND size > $3 AND size <= $4 ORDER BY size`,
    [vault, collection, above, upTo],
  );
  return rows.map(({ size, digest }) => ({ size: Number(size), digest: bytesToHex(digest) }));
}
