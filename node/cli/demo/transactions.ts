// The transactions that the demo's node and signer sent, with the gas each used, as their journals have them.
import type { Database } from "#storage/database.ts";
import { readSentTransactions } from "#storage/chain-transactions.ts";

/** One transaction that was mined. */
export type MinedTransaction = { readonly act: string; readonly hash: string; readonly gasUsed: string };

/** All mined transactions of both journals, in order of intent. */
export async function gatherTransactions(database: Database): Promise<readonly MinedTransaction[]> {
  const sent = [...(await readSentTransactions(database, "work")), ...(await readSentTransactions(database, "payout"))];
  return sent.flatMap(({ intentKey, outcome }) =>
    outcome?.kind === "mined" ? [{ act: intentKey, hash: outcome.hash, gasUsed: String(outcome.gasUsed) }] : [],
  );
}
