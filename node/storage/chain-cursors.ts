// How far the events of a contract were followed, with earlier places to go back to after a reorganization.
import { canonicalText } from "#protocol/canonical.ts";
import { hexToBytes } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";

/** Where cursors are kept: the node's own, or the signer's, whose role writes nowhere else. */
export type CursorSchema = "work" | "payout";

/** A place on the chain up to which all events of a contract are known. */
export type ChainCursor = {
  readonly sequence: bigint;
  readonly runningHash: Hex;
  readonly blockNumber: bigint;
  readonly blockHash: Hex;
};

type StoredCursor = Omit<ChainCursor, "sequence" | "blockNumber"> & {
  readonly sequence: string;
  readonly blockNumber: string;
};

/** The stored places of a contract, newest first; none before it was followed. */
export async function loadCursors(
  database: Queryable,
  schema: CursorSchema,
  contract: Hex,
): Promise<readonly ChainCursor[]> {
  const { rows } = await database.query<{ body: string }>(
    { name: `load-cursors-${schema}`, text: `SELECT body FROM ${schema}.chain_cursor WHERE contract = $1` },
    [hexToBytes(contract)],
  );
  if (rows[0] === undefined) return [];
  const stored = JSON.parse(rows[0].body) as readonly StoredCursor[];
  return stored.map(({ sequence, runningHash, blockNumber, blockHash }) => ({
    sequence: BigInt(sequence),
    runningHash,
    blockNumber: BigInt(blockNumber),
    blockHash,
  }));
}

/** Stores the places of a contract, newest first, in the transaction that stores what was learned up to there. */
export async function storeCursors(
  transaction: Queryable,
  schema: CursorSchema,
  contract: Hex,
  cursors: readonly ChainCursor[],
): Promise<void> {
  const stored = cursors.map(({ sequence, runningHash, blockNumber, blockHash }) => ({
    sequence: String(sequence),
    runningHash,
    blockNumber: String(blockNumber),
    blockHash,
  }));
  await transaction.query(
    {
      name: `store-cursors-${schema}`,
      text: `INSERT INTO ${schema}.chain_cursor (contract, body) VALUES ($1, $2)
        ON CONFLICT (contract) DO UPDATE SET body = $2`,
    },
    [hexToBytes(contract), canonicalText(stored)],
  );
}
