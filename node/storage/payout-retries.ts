// Tries that people ask for: one more transaction for a payout whose automatic ones came to an end in vain.
import { strict as assert } from "node:assert";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { PayoutState } from "#protocol/lifecycles.ts";
import type { Database } from "./database.ts";

/** An operator's order to try once more, as it is stored: the dead transaction it follows, who asked, why and when. */
type RetryOrder = {
  readonly payoutId: Hex;
  readonly intent: string;
  readonly by: string;
  readonly why: string;
  readonly at: Date;
};

/**
 * Asks for one more transaction for the range of a failed or mismatched payout, however often it was tried. The policy still
 * decides, and the next dead transaction needs the next order. Asking again for the same one changes nothing and answers
 * the first order.
 * @throws ProtocolError PAYOUT_NOT_FOUND; SETTLEMENT_TRANSITION_REFUSED where no transaction of it came to an end in vain
 */
export async function askForRetry(database: Database, order: Omit<RetryOrder, "intent">): Promise<RetryOrder> {
  const { payoutId, by, why, at } = order;
  return await database.transaction(async (transaction) => {
    const { rows: found } = await transaction.query<{ state: PayoutState; intent: string | null }>(
      "SELECT state, intent FROM payout.instruction WHERE payout_id = $1 FOR UPDATE",
      [hexToBytes(payoutId)],
    );
    const [instruction] = found;
    if (!instruction) throw new ProtocolError("PAYOUT_NOT_FOUND", { payoutId });
    const { state, intent } = instruction;
    if (intent === null || (state !== "failed" && state !== "mismatched")) {
      throw new ProtocolError("SETTLEMENT_TRANSITION_REFUSED", { payoutId, from: state, to: "authorized" });
    }
    await transaction.query(
      `INSERT INTO payout.retry (intent, payout_id, asked_by, why, at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (intent) DO NOTHING`,
      [intent, hexToBytes(payoutId), by, why, at],
    );
    const { rows } = await transaction.query<{ payout_id: Buffer; asked_by: string; why: string; at: Date }>(
      "SELECT payout_id, asked_by, why, at FROM payout.retry WHERE intent = $1",
      [intent],
    );
    const [stored] = rows;
    assert(stored, "the order was stored, or stood there before");
    return { payoutId: bytesToHex(stored.payout_id), intent, by: stored.asked_by, why: stored.why, at: stored.at };
  });
}
