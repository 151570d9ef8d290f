// The journal of the transactions that this product sends: persisted before they are, and found again after any crash.
import { strict as assert } from "node:assert";
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Database, Queryable } from "./database.ts";

/** Where transactions are kept: the node's own, or the signer's, whose role writes nowhere else. */
export type TransactionSchema = "work" | "payout";

/** One signed form of a transaction. */
export type SignedAttempt = { readonly hash: Hex; readonly raw: Hex; readonly signedAtSeconds: number };

/** What became of a transaction, in blocks deep enough. */
export type SentOutcome =
  | {
      readonly kind: "mined";
      readonly hash: Hex;
      readonly reverted: boolean;
      readonly blockNumber: bigint;
      readonly blockHash: Hex;
      readonly gasUsed: bigint;
      readonly effectiveGasPrice: bigint;
      readonly contractAddress: Hex | null;
    }
  | { readonly kind: "superseded"; readonly byHash: Hex; readonly blockNumber: bigint };

/** One intent's transaction: one nonce, its attempts with the oldest first, and its outcome; null while it is live. */
export type SentTransaction = {
  readonly intentKey: string;
  readonly chainId: number;
  readonly sender: Hex;
  readonly nonce: number;
  readonly sinceBlock: bigint;
  readonly attempts: readonly [SignedAttempt, ...SignedAttempt[]];
  readonly outcome: SentOutcome | null;
};

/** A store of transactions in one of the schemas; the `TransactionJournal` that chain/submitter.ts writes to. */
export type TransactionStore = {
  readonly find: (intentKey: string) => Promise<SentTransaction | undefined>;
  readonly load: (chainId: number, sender: Hex, fromNonce: number) => Promise<readonly SentTransaction[]>;
  readonly insert: (record: SentTransaction) => Promise<boolean>;
  readonly addAttempt: (intentKey: string, after: number, attempt: SignedAttempt) => Promise<boolean>;
  readonly setOutcome: (intentKey: string, outcome: SentOutcome | null) => Promise<void>;
};

type TransactionRow = {
  readonly intent: string;
  readonly chain_id: bigint;
  readonly sender: Buffer;
  readonly nonce: bigint;
  readonly since_block: bigint;
  readonly outcome: string | null;
  readonly hashes: readonly Buffer[];
  readonly raws: readonly Buffer[];
  readonly signed_at: readonly Date[];
};

/** A transaction with its attempts, oldest first, as one row. */
const selectText = (
  schema: TransactionSchema,
): string => `SELECT t.intent, chain_id, sender, nonce, since_block, outcome,
    array_agg(hash::bytea ORDER BY attempt) AS hashes, array_agg(raw ORDER BY attempt) AS raws,
    array_agg(signed_at ORDER BY attempt) AS signed_at
  FROM ${schema}.chain_transaction t JOIN ${schema}.chain_attempt USING (intent)`;

function transactionOf(row: TransactionRow): SentTransaction {
  const attempts = row.hashes.map((hash, at) => ({
    hash: bytesToHex(hash),
    raw: bytesToHex(row.raws[at] ?? Buffer.alloc(0)),
    signedAtSeconds: (row.signed_at[at]?.getTime() ?? 0) / 1000,
  }));
  const [first, ...others] = attempts;
  assert(first, "a stored transaction has an attempt");
  return {
    intentKey: row.intent,
    chainId: Number(row.chain_id),
    sender: bytesToHex(row.sender),
    nonce: Number(row.nonce),
    sinceBlock: row.since_block,
    attempts: [first, ...others],
    outcome: row.outcome === null ? null : outcomeOf(row.outcome),
  };
}

function outcomeOf(text: string): SentOutcome {
  type Written = Record<string, string> & { readonly kind: string; readonly reverted?: boolean };
  const { kind, ...fields } = JSON.parse(text) as Written;
  const hex = (name: string): Hex => fields[name] as Hex;
  const blockNumber = BigInt(fields["blockNumber"] ?? "0");
  if (kind === "superseded") return { kind, byHash: hex("byHash"), blockNumber };
  return {
    kind: "mined",
    hash: hex("hash"),
    reverted: Boolean(fields["reverted"]),
    blockNumber,
    blockHash: hex("blockHash"),
    gasUsed: BigInt(fields["gasUsed"] ?? "0"),
    effectiveGasPrice: BigInt(fields["effectiveGasPrice"] ?? "0"),
    contractAddress: fields["contractAddress"] === undefined ? null : hex("contractAddress"),
  };
}

function outcomeText(outcome: SentOutcome): string {
  const fields = Object.entries(outcome).filter(([, value]) => value !== null);
  return canonicalText(
    Object.fromEntries(fields.map(([name, value]) => [name, typeof value === "bigint" ? String(value) : value])),
  );
}

const named = (name: string, schema: TransactionSchema, text: string) => ({ name: `${name}-${schema}`, text });

async function insert(queryable: Queryable, schema: TransactionSchema, record: SentTransaction): Promise<boolean> {
  const { intentKey, chainId, sender, nonce, sinceBlock, attempts } = record;
  const { rowCount } = await queryable.query(
    named(
      "insert-transaction",
      schema,
      `WITH stored AS (
         INSERT INTO ${schema}.chain_transaction (intent, chain_id, sender, nonce, since_block)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING intent)
       INSERT INTO ${schema}.chain_attempt (intent, attempt, hash, raw, signed_at)
       SELECT intent, 1, $6, $7, to_timestamp($8) FROM stored`,
    ),
    [
      intentKey,
      chainId,
      hexToBytes(sender),
      nonce,
      sinceBlock,
      hexToBytes(attempts[0].hash),
      hexToBytes(attempts[0].raw),
      attempts[0].signedAtSeconds,
    ],
  );
  return rowCount === 1;
}

async function addAttempt(
  database: Database,
  schema: TransactionSchema,
  intentKey: string,
  after: number,
  attempt: SignedAttempt,
): Promise<boolean> {
  return await database.transaction(async (transaction) => {
    const live = `SELECT 1 FROM ${schema}.chain_transaction WHERE intent = $1 AND outcome IS NULL FOR UPDATE`;
    if ((await transaction.query(live, [intentKey])).rowCount === 0) return false;
    const { rowCount } = await transaction.query(
      `INSERT INTO ${schema}.chain_attempt (intent, attempt, hash, raw, signed_at)
       SELECT $1::text, $2::integer + 1, $3::bytea, $4::bytea, to_timestamp($5)
       WHERE (SELECT count(*) FROM ${schema}.chain_attempt WHERE intent = $1::text) = $2::integer`,
      [intentKey, after, hexToBytes(attempt.hash), hexToBytes(attempt.raw), attempt.signedAtSeconds],
    );
    return rowCount === 1;
  });
}

/** Every transaction of a schema, in order of intent. */
export async function readSentTransactions(
  database: Queryable,
  schema: TransactionSchema,
): Promise<readonly SentTransaction[]> {
  const { rows } = await database.query<TransactionRow>(`${selectText(schema)} GROUP BY t.intent ORDER BY t.intent`);
  return rows.map(transactionOf);
}

/** Opens the journal of transactions in a schema. Every method is one transaction, durable when it returns. */
export function openTransactions(database: Database, schema: TransactionSchema): TransactionStore {
  const findText = `${selectText(schema)} WHERE t.intent = $1 GROUP BY t.intent`;
  const loadText = `${selectText(schema)} WHERE chain_id = $1 AND sender = $2 AND (outcome IS NULL OR nonce >= $3)
    GROUP BY t.intent ORDER BY nonce`;
  return {
    find: async (intentKey) => {
      const { rows } = await database.query<TransactionRow>(named("find-transaction", schema, findText), [intentKey]);
      return rows[0] && transactionOf(rows[0]);
    },
    load: async (chainId, sender, fromNonce) => {
      const values = [chainId, hexToBytes(sender), fromNonce];
      const { rows } = await database.query<TransactionRow>(named("load-transactions", schema, loadText), values);
      return rows.map(transactionOf);
    },
    insert: async (record) => await insert(database, schema, record),
    addAttempt: async (intentKey, after, attempt) => await addAttempt(database, schema, intentKey, after, attempt),
    setOutcome: async (intentKey, outcome) => {
      await database.query(`UPDATE ${schema}.chain_transaction SET outcome = $2 WHERE intent = $1`, [
        intentKey,
        outcome === null ? null : outcomeText(outcome),
      ]);
    },
  };
}
