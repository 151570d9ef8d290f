// What is remembered of every transaction, and what a store must promise so that a crash neither loses nor doubles one.
import type { Hex } from "#protocol/schemas/primitives.ts";

/** One signed form of a transaction. The raw bytes hold all of its fields. */
export type Attempt = {
  /** Hash of the signed bytes. */
  readonly hash: Hex;
  /** Signed bytes, ready to be sent. */
  readonly raw: Hex;
  readonly signedAtSeconds: number;
};

/** What became of a transaction, each known from blocks deep enough. */
export type TransactionOutcome =
  /** One attempt was carried out; `reverted` means it failed there and only cost its fee. */
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
  /** A transaction that is not in the journal used its nonce: no attempt can ever be carried out. */
  | { readonly kind: "superseded"; readonly byHash: Hex; readonly blockNumber: bigint };

/** One intent's transaction: one nonce, one or more attempts (oldest first), and its outcome once it has one. */
export type TransactionRecord = {
  readonly intentKey: string;
  readonly chainId: number;
  /** The signing account, lower-case. */
  readonly sender: Hex;
  readonly nonce: number;
  /** The head when the nonce was taken: whatever uses it lies above. */
  readonly sinceBlock: bigint;
  readonly attempts: readonly [Attempt, ...Attempt[]];
  /** Null while the transaction is live. */
  readonly outcome: TransactionOutcome | null;
};

/**
 * The store of transactions. Every method is durable when it returns, and atomic. Implementations keep two unique
 * indexes: one record per `intentKey`, and one per (chainId, sender, nonce).
 */
export type TransactionJournal = {
  /** The intent's record, if there is one. */
  readonly find: (intentKey: string) => Promise<TransactionRecord | undefined>;
  /**
   * All live records of an account, and all records whatever their outcome whose nonce is at least `fromNonce`; by
   * nonce, ascending.
   */
  readonly load: (chainId: number, sender: Hex, fromNonce: number) => Promise<readonly TransactionRecord[]>;
  /** Stores a new live record; false, and nothing stored, when its intent or its nonce is taken. */
  readonly insert: (record: TransactionRecord) => Promise<boolean>;
  /** Adds an attempt; false, and nothing stored, unless the record is live and has exactly `after` attempts. */
  readonly addAttempt: (intentKey: string, after: number, attempt: Attempt) => Promise<boolean>;
  /** Sets the outcome; null makes the record live again. */
  readonly setOutcome: (intentKey: string, outcome: TransactionOutcome | null) => Promise<void>;
};
