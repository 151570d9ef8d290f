// What to do about a transaction, given what is remembered of it and what the chain shows: one pure, total function.
import type { Hex } from "#protocol/schemas/primitives.ts";
import { replacementFees, type FeeCeiling, type FeeMarket, type GasFees } from "./gas-fees.ts";
import { attemptLimit } from "./limits.ts";
import type { TransactionOutcome } from "./transaction-journal.ts";

/** A mined outcome as an endpoint's receipt tells it. */
export type MinedOutcome = Extract<TransactionOutcome, { readonly kind: "mined" }>;

/** Bounds on how a transaction is driven. */
export type SubmissionPolicy = {
  /** Blocks that must hold the result, its own included, before it counts; at least 1. */
  readonly confirmations: bigint;
  /** Seconds an attempt waits in the pool before it is replaced at a higher fee. */
  readonly replaceAfterSeconds: number;
  readonly ceiling: FeeCeiling;
};

/** What the decision needs of a record. */
export type SubmissionState = {
  readonly attempts: number;
  readonly newestHash: Hex;
  readonly newestSignedAtSeconds: number;
  readonly newestFees: GasFees;
  readonly outcome: TransactionOutcome | null;
};

/** Which transaction used the nonce, where no receipt of an attempt was found. */
export type NonceUse =
  | { readonly kind: "unused" }
  /** Used, but the endpoints could not say by what. */
  | { readonly kind: "unknown" }
  /** Used by one of the attempts, whose receipt is not served yet. */
  | { readonly kind: "own" }
  | { readonly kind: "foreign"; readonly hash: Hex; readonly blockNumber: bigint };

/** What a quorum of the endpoints shows of a record at one block. */
export type Observation =
  | { readonly kind: "unknown"; readonly reason: string }
  | {
      readonly kind: "seen";
      readonly nowSeconds: number;
      readonly headNumber: bigint;
      readonly mined: MinedOutcome | null;
      readonly nonce: NonceUse;
      /** Whether any endpoint holds the newest attempt in its pool. */
      readonly pooled: boolean;
      readonly market: FeeMarket;
    };

/** What to do next. `wait` means: look again later. */
export type SubmissionAction =
  | { readonly kind: "wait"; readonly why: WaitReason; readonly detail?: string }
  | { readonly kind: "rebroadcast"; readonly stuck: boolean }
  | { readonly kind: "replace"; readonly fees: GasFees }
  | { readonly kind: "settle"; readonly outcome: TransactionOutcome }
  /** The settled outcome was on blocks that are gone: the record is live again. */
  | { readonly kind: "reopen" }
  /** The settled outcome still holds. */
  | { readonly kind: "keep" };

/** Why nothing is done now. */
export type WaitReason =
  /** The endpoints do not answer or do not agree; nothing is concluded. */
  | "unknown"
  /** In a pool, offering enough, not long. */
  | "pooled"
  /** Mined, not deep enough. */
  | "mined"
  /** The nonce is used; by what is not established. */
  | "nonce-used"
  /** In a pool, offering too little, and the ceiling allows no more. */
  | "stuck";

const sameOutcome = (left: TransactionOutcome, right: TransactionOutcome): boolean => {
  if (left.kind === "mined")
    return right.kind === "mined" && left.hash === right.hash && left.blockHash === right.blockHash;
  return right.kind === "superseded" && left.byHash === right.byHash;
};

/** An outcome is settled once deep enough, kept if it is what was settled before. */
function atDepth(
  state: SubmissionState,
  found: TransactionOutcome,
  headNumber: bigint,
  confirmations: bigint,
): SubmissionAction {
  if (state.outcome !== null && sameOutcome(state.outcome, found)) return { kind: "keep" };
  // A settled record whose transaction now sits elsewhere is not settled any more.
  if (headNumber - found.blockNumber + 1n >= confirmations) return { kind: "settle", outcome: found };
  return state.outcome === null ? { kind: "wait", why: "mined" } : { kind: "reopen" };
}

/** The nonce is free: the transaction can only be in a pool, or nowhere. */
function decideUnmined(
  state: SubmissionState,
  seen: Extract<Observation, { readonly kind: "seen" }>,
  policy: SubmissionPolicy,
): SubmissionAction {
  if (state.outcome !== null) {
    // Endpoints that have not reached the settled block yet show nothing against it.
    const reached = seen.headNumber >= state.outcome.blockNumber;
    return reached ? { kind: "reopen" } : { kind: "wait", why: "unknown" };
  }
  const underpriced = state.newestFees.maxFeePerGas < seen.market.baseFeePerGas;
  const old = seen.nowSeconds - state.newestSignedAtSeconds >= policy.replaceAfterSeconds;
  const due = underpriced || (seen.pooled && old);
  const fees =
    due && state.attempts < attemptLimit ? replacementFees(state.newestFees, seen.market, policy.ceiling) : undefined;
  if (fees !== undefined) return { kind: "replace", fees };
  // Bytes that are nowhere are sent again, at any age: they are the intent's one transaction.
  if (!seen.pooled) return { kind: "rebroadcast", stuck: due };
  return { kind: "wait", why: due ? "stuck" : "pooled" };
}

/**
 * Decides about one record (PAYO-06, ANCH-05). Nothing is ever concluded from an answer that is missing: a transaction is
 * dead only when a block shows what used its nonce, and it is done only when a receipt lies deep enough.
 */
export function decideSubmission(
  state: SubmissionState,
  observation: Observation,
  policy: SubmissionPolicy,
): SubmissionAction {
  if (observation.kind === "unknown") return { kind: "wait", why: "unknown", detail: observation.reason };
  const { headNumber, mined, nonce } = observation;
  if (mined !== null) return atDepth(state, mined, headNumber, policy.confirmations);
  switch (nonce.kind) {
    case "unused":
      return decideUnmined(state, observation, policy);
    case "unknown":
    case "own":
      return { kind: "wait", why: "nonce-used" };
    case "foreign": {
      const { hash, blockNumber } = nonce;
      return atDepth(state, { kind: "superseded", byHash: hash, blockNumber }, headNumber, policy.confirmations);
    }
  }
}
