// The node's journal: every act in the order of commit, sealed in batches into a tree that only grows.
import assert from "node:assert/strict";
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, contentId, hexToBytes } from "#protocol/hash.ts";
import { appendLeaves, emptyFrontier, frontierRoot, journalLeaf, type Frontier } from "#protocol/journal-tree.ts";
import { journalBatchLimit } from "#protocol/limits.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Database, Queryable } from "./database.ts";

/** An act to be journalled. `subject` says what it is about: a task's id, or the UTF-8 bytes of a name. */
export type Act = { readonly kind: string; readonly subject: Uint8Array; readonly body: string };

/** A journalled act as it was read back. */
export type JournalEntry = {
  readonly transactionId: bigint;
  readonly entryNo: number;
  readonly kind: string;
  readonly subject: Hex;
  readonly body: string;
  readonly at: Date;
};

/** A sealed run of entries: the leaves it added to the tree, where the tree stood after them, and the chain of batches. */
export type JournalBatch = {
  readonly batchNo: number;
  readonly lastTransactionId: bigint;
  readonly lastEntryNo: number;
  readonly entries: number;
  readonly treeSize: number;
  readonly root: Hex;
  readonly frontier: readonly Hex[];
  readonly leaves: readonly Hex[];
  readonly previous: Hex;
  readonly hash: Hex;
};

/** What precedes the first batch. */
const noBatch: Hex = `0x${"00".repeat(32)}`;
/** The one lock of everybody who seals: batches follow one another. */
const sealLock = 0x5c5002;

/** Appends acts to the journal, in their order. */
export async function appendJournal(transaction: Queryable, acts: readonly Act[], now: Date): Promise<void> {
  if (acts.length === 0) return;
  await transaction.query(
    {
      name: "append-journal",
      text: `INSERT INTO ledger.journal (kind, subject, body, at)
        SELECT kind, subject, body, $4 FROM unnest($1::text[], $2::bytea[], $3::text[])
          WITH ORDINALITY AS a (kind, subject, body, position) ORDER BY position`,
    },
    [acts.map(({ kind }) => kind), acts.map(({ subject }) => subject), acts.map(({ body }) => body), now],
  );
}

/** The bytes of an entry that its leaf is the hash of. */
export function entryText({ kind, subject, body, at, entryNo }: Omit<JournalEntry, "transactionId">): string {
  return canonicalText({ at: at.toISOString(), body, entryNo, kind, subject });
}

/** The hash of a batch: over its content and the hash of the one before (ASSR-02). */
export function batchHash(batch: Omit<JournalBatch, "hash" | "frontier" | "leaves">): Hex {
  const { batchNo, entries, lastEntryNo, lastTransactionId, previous, root, treeSize } = batch;
  const text = String(lastTransactionId);
  return contentId("scs.journal-batch", {
    batchNo,
    entries,
    lastEntryNo,
    lastTransactionId: text,
    previous,
    root,
    treeSize,
  });
}

type EntryRow = {
  readonly transaction_id: string;
  readonly entry_no: bigint;
  readonly kind: string;
  readonly subject: Buffer;
  readonly body: string;
  readonly at: Date;
};

const entryOf = (row: EntryRow): JournalEntry => ({
  transactionId: BigInt(row.transaction_id),
  entryNo: Number(row.entry_no),
  kind: row.kind,
  subject: bytesToHex(row.subject),
  body: row.body,
  at: row.at,
});

/** Entries after a place, as far as no transaction is open that could still add one before them. */
const entriesText = (
  settled: string,
): string => `SELECT transaction_id::text AS transaction_id, entry_no, kind, subject, body, at
  FROM ledger.journal WHERE (transaction_id, entry_no) > ($1::text::xid8, $2::bigint) ${settled}
  ORDER BY journal.transaction_id, journal.entry_no LIMIT $3`;

const settledStatement = {
  name: "settled-entries",
  text: entriesText("AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())"),
};

const committedStatement = { name: "committed-entries", text: entriesText("") };

const batchColumns = `batch_no, last_transaction_id::text AS last_transaction_id, last_entry_no, entries, tree_size, root,
  frontier, previous, hash`;

type BatchRow = {
  readonly batch_no: bigint;
  readonly last_transaction_id: string;
  readonly last_entry_no: bigint;
  readonly entries: number;
  readonly tree_size: bigint;
  readonly root: Buffer;
  readonly frontier: Buffer;
  readonly previous: Buffer;
  readonly hash: Buffer;
};

function hashesIn(bytes: Buffer): Hex[] {
  assert(bytes.length % 32 === 0, "hashes are 32 bytes each");
  return Array.from({ length: bytes.length / 32 }, (_, at) => bytesToHex(bytes.subarray(at * 32, at * 32 + 32)));
}

/** The column `frontier` holds the tree's frontier, one hash for each 1 in its size, and then the batch's own leaves. */
function batchOf(row: BatchRow): JournalBatch {
  const hashes = hashesIn(row.frontier);
  return {
    batchNo: Number(row.batch_no),
    lastTransactionId: BigInt(row.last_transaction_id),
    lastEntryNo: Number(row.last_entry_no),
    entries: row.entries,
    treeSize: Number(row.tree_size),
    root: bytesToHex(row.root),
    frontier: hashes.slice(0, hashes.length - row.entries),
    leaves: hashes.slice(hashes.length - row.entries),
    previous: bytesToHex(row.previous),
    hash: bytesToHex(row.hash),
  };
}

const lastBatchStatement = {
  name: "last-batch",
  text: `SELECT ${batchColumns} FROM ledger.journal_batch ORDER BY batch_no DESC LIMIT 1`,
};

/** The newest sealed batch; undefined before the first. */
export async function lastBatch(database: Queryable): Promise<JournalBatch | undefined> {
  const { rows } = await database.query<BatchRow>(lastBatchStatement);
  return rows[0] && batchOf(rows[0]);
}

/** The batch that entries make after `before`. */
function seal(before: JournalBatch | undefined, entries: readonly JournalEntry[]): JournalBatch {
  const last = entries.at(-1);
  assert(last !== undefined, "a batch has entries");
  const frontier: Frontier =
    before === undefined
      ? emptyFrontier
      : { size: before.treeSize, roots: before.frontier.map((root) => hexToBytes(root)) };
  const leaves = entries.map((entry) => journalLeaf(Buffer.from(entryText(entry), "utf8")));
  const grown = appendLeaves(frontier, leaves);
  const content = {
    batchNo: (before?.batchNo ?? 0) + 1,
    lastTransactionId: last.transactionId,
    lastEntryNo: last.entryNo,
    entries: entries.length,
    treeSize: grown.size,
    root: bytesToHex(frontierRoot(grown)),
    previous: before?.hash ?? noBatch,
  };
  return {
    ...content,
    frontier: grown.roots.map(bytesToHex),
    leaves: leaves.map(bytesToHex),
    hash: batchHash(content),
  };
}

/**
 * Seals the next entries, at most one batch of them, and answers how many. Entries are taken in the order (transaction,
 * entry) and only from transactions below every open one: nothing can appear later before what is sealed. Callers may compete.
 */
export async function sealJournal(database: Database, now: Date): Promise<number> {
  return await database.transaction(async (transaction) => {
    await transaction.query(`SELECT pg_advisory_xact_lock($1)`, [sealLock]);
    const before = await lastBatch(transaction);
    const { rows } = await transaction.query<EntryRow>(settledStatement, [
      String(before?.lastTransactionId ?? 0n),
      before?.lastEntryNo ?? 0,
      journalBatchLimit,
    ]);
    if (rows.length === 0) return 0;
    const batch = seal(before, rows.map(entryOf));
    await transaction.query(
      {
        name: "insert-batch",
        text: `INSERT INTO ledger.journal_batch (batch_no, last_transaction_id, last_entry_no, entries, tree_size, root,
          frontier, previous, hash, sealed_at) VALUES ($1, $2::text::xid8, $3, $4, $5, $6, $7, $8, $9, $10)`,
      },
      [
        batch.batchNo,
        String(batch.lastTransactionId),
        batch.lastEntryNo,
        batch.entries,
        batch.treeSize,
        hexToBytes(batch.root),
        Buffer.concat([...batch.frontier, ...batch.leaves].map((hash) => hexToBytes(hash))),
        hexToBytes(batch.previous),
        hexToBytes(batch.hash),
        now,
      ],
    );
    return batch.entries;
  });
}

/**
 * Refuses to go on where the cluster counts transactions from below what the journal holds, as after a restore into a
 * new cluster: new entries would sort before sealed ones and never be sealed. Checked at start-up.
 * @throws ProtocolError INTERNAL_JOURNAL_BROKEN
 */
export async function requireForwardTransactionIds(database: Queryable): Promise<void> {
  const { rows } = await database.query<{ next: string; highest: string | null }>(
    `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next,
      (SELECT transaction_id::text FROM ledger.journal ORDER BY journal.transaction_id DESC LIMIT 1) AS highest`,
  );
  const row = rows[0];
  if (row === undefined || row.highest === null || BigInt(row.next) > BigInt(row.highest)) return;
  throw new ProtocolError("INTERNAL_JOURNAL_BROKEN", {
    reason: "the cluster's transaction ids lie below the journal's; restore it with its transaction counter",
    nextTransactionId: row.next,
    journalTransactionId: row.highest,
  });
}

/**
 * Entries in the journal's order; reads in pages. `settled` are those before which nothing can appear any more; `committed` are
 * all there are, for who compares them with other tables.
 */
export async function* readJournal(
  database: Queryable,
  reach: "settled" | "committed" = "settled",
): AsyncGenerator<JournalEntry> {
  const statement = reach === "settled" ? settledStatement : committedStatement;
  let place: readonly [string, bigint] = ["0", 0n];
  for (;;) {
    const { rows } = await database.query<EntryRow>(statement, [...place, journalBatchLimit]);
    for (const row of rows) yield entryOf(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < journalBatchLimit) return;
    place = [last.transaction_id, last.entry_no];
  }
}

/** All sealed batches in order; reads in pages. */
export async function* readBatches(database: Queryable): AsyncGenerator<JournalBatch> {
  const page = 16;
  for (let after = 0; ;) {
    const { rows } = await database.query<BatchRow>(
      `SELECT ${batchColumns} FROM ledger.journal_batch WHERE batch_no > $1 ORDER BY batch_no LIMIT $2`,
      [after, page],
    );
    for (const row of rows) yield batchOf(row);
    if (rows.length < page) return;
    after += page;
  }
}
