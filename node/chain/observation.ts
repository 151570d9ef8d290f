// What a quorum of the endpoints shows about a transaction: the input of its decision.
import { TransactionNotFoundError, TransactionReceiptNotFoundError, type PublicClient } from "viem";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import {
  agreedBlockAt,
  agreedHead,
  readAgreed,
  readEach,
  readReached,
  type AgreedBlock,
  type ChainClient,
} from "./client.ts";
import type { FeeMarket } from "./gas-fees.ts";
import { findNonceUse } from "./nonce-use.ts";
import type { MinedOutcome, Observation } from "./submission-decision.ts";
import type { TransactionRecord } from "./transaction-journal.ts";

/** What is the same for all transactions of an account at one moment. */
export type AccountView = {
  readonly head: AgreedBlock;
  /** Transactions of the account up to `head`: the first nonce that is free there. */
  readonly nextNonce: number;
  readonly market: FeeMarket;
};

/** Reads an account's view. Throws as `readAgreed`. */
export async function readAccount(chain: ChainClient, address: Hex): Promise<AccountView> {
  const head = await agreedHead(chain);
  const nextNonce = await readAgreed(chain, (client) => client.getTransactionCount({ address, blockHash: head.hash }));
  const priorityFeePerGas = await readReached(chain, (client) => client.estimateMaxPriorityFeePerGas());
  return { head, nextNonce, market: { baseFeePerGas: head.baseFeePerGas, priorityFeePerGas } };
}

async function receiptOf(client: PublicClient, hash: Hex, headNumber: bigint): Promise<MinedOutcome | null> {
  try {
    const receipt = await client.getTransactionReceipt({ hash });
    // Above the common head endpoints differ honestly.
    if (receipt.blockNumber > headNumber) return null;
    return {
      kind: "mined",
      hash,
      reverted: receipt.status === "reverted",
      blockNumber: receipt.blockNumber,
      blockHash: receipt.blockHash,
      gasUsed: receipt.gasUsed,
      effectiveGasPrice: receipt.effectiveGasPrice,
      contractAddress: (receipt.contractAddress?.toLowerCase() as Hex | undefined) ?? null,
    };
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return null;
    throw error;
  }
}

async function findMined(
  chain: ChainClient,
  record: TransactionRecord,
  head: AgreedBlock,
): Promise<MinedOutcome | null> {
  for (const { hash } of record.attempts.toReversed()) {
    const mined = await readAgreed(chain, (client) => receiptOf(client, hash, head.number));
    if (mined === null) continue;
    // Indexes of receipts lag behind reorganizations: a receipt counts only with its block.
    const block = await agreedBlockAt(chain, mined.blockNumber);
    if (block?.hash === mined.blockHash) return mined;
    throw new ProtocolError("SETTLEMENT_CHAIN_DISAGREES", { reason: "a receipt names a block that is not there" });
  }
  return null;
}

async function isHeld(client: PublicClient, hash: Hex): Promise<boolean> {
  try {
    await client.getTransaction({ hash });
    return true;
  } catch (error) {
    if (error instanceof TransactionNotFoundError) return false;
    throw error;
  }
}

/**
 * Observes one record. Endpoints that are away or disagree give `unknown`, not an error: nothing may follow from it.
 * Throws SETTLEMENT_CHAIN_ID_MISMATCH.
 */
export async function observe(
  chain: ChainClient,
  record: TransactionRecord,
  view: AccountView,
  nowSeconds: number,
): Promise<Observation> {
  try {
    const { head, market } = view;
    const mined = await findMined(chain, record, head);
    const unused = view.nextNonce <= record.nonce;
    const nonce = mined !== null || unused ? { kind: "unused" as const } : await findNonceUse(chain, record, head);
    const newest = record.attempts.at(-1) ?? record.attempts[0];
    const held = mined === null && unused ? await readEach(chain, (client) => isHeld(client, newest.hash)) : [];
    const pooled = held.some((answer) => answer.kind === "value" && answer.value);
    return { kind: "seen", nowSeconds, headNumber: head.number, mined, nonce, pooled, market };
  } catch (error) {
    if (!(error instanceof ProtocolError) || !error.retry) throw error;
    return { kind: "unknown", reason: [error.code, ...[error.detail["reasons"] ?? []].flat()].join("; ") };
  }
}
