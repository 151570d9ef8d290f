// Taking records in: each is canonicalized, committed to, sealed, and given its position, once for each record id.
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import type { CanonicalRecord, RecordBatch, RecordBatchReceipt } from "#protocol/schemas/vault.ts";
import type { Queryable } from "#storage/database.ts";
import { countInPool } from "#storage/local-pools.ts";
import { insertRecords, lockCollection, readCommitments, readHeads, type CollectionHead } from "#storage/records.ts";
import { countLocalAttributes } from "./local-pool.ts";
import { sealingBytes, sealRecord, unwrapVaultKey } from "./sealing.ts";
import { emptyDigest, foldDigest } from "./snapshot.ts";
import type { VaultDeps } from "./vault-deps.ts";

/** A record of a batch with its canonical text and its commitment (LAYR-08). */
type Committed = {
  readonly recordId: string;
  readonly record: CanonicalRecord;
  readonly text: string;
  readonly commitment: Hex;
};

type IngestDeps = Pick<VaultDeps, "database" | "clock" | "random" | "masterKey">;

/**
 * Keeps the records of a batch that are not kept yet, in their order, behind those that are there; all of them or none.
 * @throws ProtocolError SCHEMA_NOT_FOUND for an unknown collection, SCHEMA_INVALID for a record without canonical form,
 * POLICY_IDEMPOTENCY_CONFLICT for a record id that is in use for other content. Records are named by their place in the batch.
 */
export async function ingest(
  deps: IngestDeps,
  vault: string,
  collection: string,
  batch: RecordBatch,
): Promise<RecordBatchReceipt> {
  const committed = batch.records.map(({ recordId, record }, index) => commit(recordId, record, index));
  return await deps.database.transaction(async (transaction) => {
    const name = { vault, collection };
    await lockCollection(transaction, name);
    const [head] = await readHeads(transaction, [name]);
    if (head === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", name);
    const fresh = await freshRecords(transaction, head, committed);
    const before = head.snapshot ?? { size: 0, digest: emptyDigest(vault, collection) };
    const snapshot = {
      size: before.size + fresh.length,
      digest: foldDigest(
        before.digest,
        fresh.map(({ commitment }) => commitment),
      ),
    };
    if (fresh.length > 0) {
      const records = sealAll(deps, head, fresh, { from: before.size, producer: batch.producer });
      await insertRecords(transaction, name, { records, snapshot, producer: batch.producer }, deps.clock());
      await countFresh(transaction, head, fresh);
    }
    return {
      added: fresh.length,
      repeated: committed.length - fresh.length,
      size: snapshot.size,
      digest: snapshot.digest,
      commitments: committed.map(({ commitment }) => commitment),
    };
  });
}

/** Counts what no canonical attribute stands for, where the collection takes part in aggregation (ATTR-09). */
async function countFresh(
  transaction: Queryable,
  { vault, collection, fields, aggregationScope: scope }: CollectionHead,
  fresh: readonly Committed[],
): Promise<void> {
  if (scope === undefined) return;
  const records = fresh.map(({ record }) => record);
  const counts = countLocalAttributes(records, fields);
  await countInPool(transaction, { vault, collection, scope, records: records.length, counts });
}

function commit(recordId: string, record: CanonicalRecord, index: number): Committed {
  let text: string;
  try {
    text = canonicalText(record);
  } catch (error) {
    // A lone surrogate, which JSON can spell; the message names the place in the record, which may be private.
    if (error instanceof TypeError) throw new ProtocolError("SCHEMA_INVALID", { record: index });
    throw error;
  }
  return { recordId, record, text, commitment: sha256Hex(text) };
}

/** The records that are not kept yet, each id once. */
async function freshRecords(
  transaction: Queryable,
  { vault, collection }: CollectionHead,
  committed: readonly Committed[],
): Promise<readonly Committed[]> {
  const ids = [...new Set(committed.map(({ recordId }) => recordId))];
  const known = new Map(await readCommitments(transaction, { vault, collection }, ids));
  return committed.filter(({ recordId, commitment }, index) => {
    const earlier = known.get(recordId);
    if (earlier !== undefined && earlier !== commitment) {
      throw new ProtocolError("POLICY_IDEMPOTENCY_CONFLICT", { vault, collection, record: index });
    }
    known.set(recordId, commitment);
    return earlier === undefined;
  });
}

function sealAll(
  { random, masterKey }: IngestDeps,
  { vault, collection, wrappedKey }: CollectionHead,
  fresh: readonly Committed[],
  { from, producer }: { readonly from: number; readonly producer: Hex },
) {
  const vaultKey = unwrapVaultKey(masterKey, { vault, collection }, wrappedKey);
  const chance = random(sealingBytes * fresh.length);
  return fresh.map(({ recordId, text, commitment }, index) => {
    const place = { vault, collection, position: from + index, recordId, producer, commitment };
    const own = chance.subarray(index * sealingBytes, (index + 1) * sealingBytes);
    return { ...place, ...sealRecord(vaultKey, place, text, own) };
  });
}
