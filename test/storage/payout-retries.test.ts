// Tries that people ask for, in PostgreSQL: one for each transaction that ended in vain, and with a name and a reason.
import { beforeEach, expect, test } from "vitest";
import { openTransactions } from "#storage/chain-transactions.ts";
import { sqlState } from "#storage/database.ts";
import { askForRetry } from "#storage/payout-retries.ts";
import { epochsDue, instructionsOf, moveInstructions, recipientRefused, type Instruction } from "#storage/payouts.ts";
import { payoutIdOf } from "#test/payout/stage.ts";
import { anchor, now, usePayoutLedger } from "./payout-ledger.ts";

const { signer, newScope, prepare } = await usePayoutLedger();
let nonces = 0;
let scope = "";
beforeEach(() => {
  scope = newScope();
});

/** A payout whose transaction of this try is over, as what it became. */
async function tried(tries: number, to: "failed" | "mismatched", why: string): Promise<Instruction> {
  const [first] = await prepare(scope, 1);
  if (!first) throw new Error("no instruction");
  const intent = `pay:${scope}/1/0#${tries}`;
  const attempt = { hash: payoutIdOf(scope, 99), raw: "0x01" as const, signedAtSeconds: 1 };
  const record = { chainId: 2, sender: anchor, nonce: nonces++, sinceBlock: 1n, outcome: null };
  await openTransactions(signer, "payout").insert({ ...record, intentKey: intent, attempts: [attempt] });
  await moveInstructions(signer, [{ instruction: first, to: "authorized", why: "test" }], now);
  const authorized = { ...first, state: "authorized" as const };
  await moveInstructions(signer, [{ instruction: authorized, to: "submitted", why: "sent", intent }], now);
  const submitted = { ...authorized, state: "submitted" as const, intent };
  await moveInstructions(signer, [{ instruction: submitted, to, why }], now);
  return { ...submitted, state: to };
}

const isDueAt = async (tries: number): Promise<boolean> =>
  (await epochsDue(signer, tries)).some((each) => each.scope === scope);

test.each([
  ["failed", "its transaction reverted"],
  ["failed", recipientRefused],
  ["mismatched", "the chain no longer has it"],
] as const)(
  "a payout that is %s (%s) is due again when somebody asks, once, and says who and why",
  async (state, why) => {
    const { payoutId, intent } = await tried(3, state, why);
    expect(await isDueAt(3)).toBe(false);
    const order = { payoutId, by: "ada", why: "the token is unpaused", at: now };
    expect(await askForRetry(signer, order)).toEqual({ ...order, intent });
    expect(await askForRetry(signer, { ...order, by: "bob" })).toEqual({ ...order, intent });
    expect(await isDueAt(3)).toBe(true);
    const [instruction] = await instructionsOf(signer, { scope, epoch: 1 });
    expect(instruction?.retry).toBe("ada asked for another try: the token is unpaused");
    const refused = await signer.query("UPDATE payout.retry SET why = ''").catch((error: unknown) => error);
    expect(sqlState(refused)).toBe("SC001");
  },
);

test("a try is asked for only after one that came to an end in vain; what is not known is named", async () => {
  const [first] = await prepare(scope, 1);
  const order = { by: "ada", why: "test", at: now };
  await expect(askForRetry(signer, { ...order, payoutId: first?.payoutId ?? "0x" })).rejects.toMatchObject({
    code: "SETTLEMENT_TRANSITION_REFUSED",
    detail: { from: "prepared", to: "authorized" },
  });
  const payoutId = payoutIdOf("nobody", 1);
  await expect(askForRetry(signer, { ...order, payoutId })).rejects.toMatchObject({
    code: "PAYOUT_NOT_FOUND",
    detail: { payoutId },
  });
});
