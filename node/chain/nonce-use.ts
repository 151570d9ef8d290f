// Finds the transaction that used an account's nonce: a nonce that is gone is explained by a block, never by a guess.
import { readAgreed, type AgreedBlock, type ChainClient } from "./client.ts";
import type { NonceUse } from "./submission-decision.ts";
import type { TransactionRecord } from "./transaction-journal.ts";

/**
 * Which transaction used the record's nonce, up to `head`, where the account's count is known to be beyond it. Looks for
 * the first block after which the count is higher, then into that block. `unknown` when the block does not show it. Throws
 * as `readAgreed`, also when the endpoints no longer hold the state of blocks that old.
 */
export async function findNonceUse(
  chain: ChainClient,
  record: TransactionRecord,
  head: Pick<AgreedBlock, "number">,
): Promise<NonceUse> {
  const { sender, nonce } = record;
  const usedAt = async (blockNumber: bigint): Promise<boolean> =>
    nonce < (await readAgreed(chain, (client) => client.getTransactionCount({ address: sender, blockNumber })));
  const since = record.sinceBlock < head.number ? record.sinceBlock : head.number;
  // A reorganization may have moved it below the block it was signed at.
  let below = (await usedAt(since)) ? 0n : since;
  let above = head.number;
  while (below + 1n < above) {
    const middle = (below + above) / 2n;
    if (await usedAt(middle)) above = middle;
    else below = middle;
  }
  const hash = await readAgreed(chain, async (client) => {
    const { transactions } = await client.getBlock({ blockNumber: above, includeTransactions: true });
    const user = transactions.find((each) => each.from.toLowerCase() === sender && each.nonce === nonce);
    return user?.hash ?? null;
  });
  if (hash === null) return { kind: "unknown" };
  if (record.attempts.some((attempt) => attempt.hash === hash)) return { kind: "own" };
  return { kind: "foreign", hash, blockNumber: above };
}
