// The treasury's events as they were seen: appended in blocks, taken back by reorganizations, and kept while nobody knows them.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { Queryable } from "./database.ts";

/** A treasury event as it was seen in a block. */
export type SeenEvent = {
  readonly sequence: bigint;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  readonly logIndex: number;
  readonly body: string;
  /** The hash of its scope while nothing is final here of the epoch it pays; null otherwise. */
  readonly foreignScope: Hex | null;
};

type EventRow = {
  readonly sequence: bigint;
  readonly block_number: bigint;
  readonly block_hash: Buffer;
  readonly transaction_hash: Buffer;
  readonly log_index: number;
  readonly body: string;
  readonly foreign_scope: Buffer | null;
};

const columns = "sequence, block_number, block_hash, transaction_hash, log_index, body, foreign_scope";

function eventOf(row: EventRow): SeenEvent {
  return {
    sequence: row.sequence,
    blockNumber: row.block_number,
    blockHash: bytesToHex(row.block_hash),
    transactionHash: bytesToHex(row.transaction_hash),
    logIndex: row.log_index,
    body: row.body,
    foreignScope: row.foreign_scope === null ? null : bytesToHex(row.foreign_scope),
  };
}

/**
 * Makes the open transaction the only one that follows events: another waits here until it ends. What was read before is
 * to be read again.
 */
export async function lockEvents(transaction: Queryable): Promise<void> {
  await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('payout.event', 0))");
}

/** Appends events as seen. The caller's transaction stores the cursor with them, so none is appended twice. */
export async function recordEvents(transaction: Queryable, events: readonly SeenEvent[], now: Date): Promise<void> {
  await appendEvents(transaction, events, false, now);
}

/** The events of blocks above a height that still stand. */
export async function eventsAbove(database: Queryable, blockNumber: bigint): Promise<readonly SeenEvent[]> {
  const { rows } = await database.query<EventRow>(
    `SELECT ${columns} FROM (
       SELECT DISTINCT ON (block_hash, log_index) ${columns}, superseded
       FROM payout.event WHERE block_number > $1 ORDER BY block_hash, log_index, event_no DESC) latest
     WHERE NOT superseded ORDER BY sequence`,
    [blockNumber],
  );
  return rows.map(eventOf);
}

/** Whether any event was ever foreign: then {@link foreignEvents} may have something. */
export async function hasForeignEvents(database: Queryable): Promise<boolean> {
  const { rowCount } = await database.query("SELECT 1 FROM payout.event WHERE foreign_scope IS NOT NULL LIMIT 1");
  return rowCount > 0;
}

/** The standing events of scopes, named by their hashes, of whose epochs nothing was final here when they were seen. */
export async function foreignEvents(database: Queryable, scopes: readonly Hex[]): Promise<readonly SeenEvent[]> {
  const { rows } = await database.query<EventRow>(
    `SELECT ${columns} FROM payout.event WHERE foreign_scope = ANY($1::bytea[]) AND NOT EXISTS (
       SELECT 1 FROM payout.event later WHERE later.block_hash = event.block_hash AND later.log_index = event.log_index
         AND later.event_no > event.event_no)
     ORDER BY sequence`,
    [scopes.map((scope) => hexToBytes(scope))],
  );
  return rows.map(eventOf);
}

/** Appends that events were removed by a reorganization; what was seen stays readable. */
export async function supersedeEvents(transaction: Queryable, events: readonly SeenEvent[], now: Date): Promise<void> {
  const removed = events.map((event) => ({ ...event, foreignScope: null }));
  await appendEvents(transaction, removed, true, now);
}

async function appendEvents(
  transaction: Queryable,
  events: readonly SeenEvent[],
  superseded: boolean,
  now: Date,
): Promise<void> {
  if (events.length === 0) return;
  await transaction.query(
    `INSERT INTO payout.event (${columns}, superseded, at)
     SELECT e.*, $8, $9
     FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::int[], $6::text[], $7::bytea[]) AS e`,
    [
      events.map(({ sequence }) => sequence),
      events.map(({ blockNumber }) => blockNumber),
      events.map(({ blockHash }) => hexToBytes(blockHash)),
      events.map(({ transactionHash }) => hexToBytes(transactionHash)),
      events.map(({ logIndex }) => logIndex),
      events.map(({ body }) => body),
      events.map(({ foreignScope }) => (foreignScope === null ? null : hexToBytes(foreignScope))),
      superseded,
      now,
    ],
  );
}
