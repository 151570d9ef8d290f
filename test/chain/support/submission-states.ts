// Records and observations for the tests of deciding about a transaction.
import type {
  MinedOutcome,
  NonceUse,
  Observation,
  SubmissionPolicy,
  SubmissionState,
} from "#chain/submission-decision.ts";
import type { TransactionOutcome } from "#chain/transaction-journal.ts";

export const policy: SubmissionPolicy = {
  confirmations: 3n,
  replaceAfterSeconds: 60,
  ceiling: { maxFeePerGas: 1_000n, firstPriorityFeePerGas: 1_000n },
};

export const minedAt = (blockNumber: bigint, fields: Partial<MinedOutcome> = {}): MinedOutcome => ({
  kind: "mined",
  hash: "0xaa",
  reverted: false,
  blockNumber,
  blockHash: "0xb1",
  gasUsed: 21_000n,
  effectiveGasPrice: 1n,
  contractAddress: null,
  ...fields,
});
export const superseded: TransactionOutcome = { kind: "superseded", byHash: "0xff", blockNumber: 90n };

export const state = (fields: Partial<SubmissionState> = {}): SubmissionState => ({
  attempts: 1,
  newestHash: "0xaa",
  newestSignedAtSeconds: 1_000,
  newestFees: { maxFeePerGas: 200n, maxPriorityFeePerGas: 10n },
  outcome: null,
  ...fields,
});

export type Seen = Extract<Observation, { kind: "seen" }>;
export const seen = (fields: Partial<Seen> = {}): Seen => ({
  kind: "seen",
  nowSeconds: 1_010,
  headNumber: 100n,
  mined: null,
  nonce: { kind: "unused" },
  pooled: true,
  market: { baseFeePerGas: 100n, priorityFeePerGas: 10n },
  ...fields,
});

export const foreign = (blockNumber: bigint): NonceUse => ({ kind: "foreign", hash: "0xff", blockNumber });
