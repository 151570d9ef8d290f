// Tries that people ask for, in PostgreSQL: one for each transaction that ended in vain, and with a name and a reason.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { openTransactions } from "#storage/chain-transactions.ts";
import { openDatabase, sqlState, type Database } from "#storage/database.ts";
import { askForRetry } from "#storage/payout-retries.ts";
import {
  epochsDue,
  instructionsOf,
  moveInstructions,
  prepareInstructions,
  recipientRefused,
  type Instruction,
} from "#storage/payouts.ts";
import { settle } from "#test/contracts/support/settlement.ts";
import { payoutIdOf, paymentsTo, storeFinalized } from "#test/payout/stage.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

const now = new Date("2026-01-01T00:00:00Z");
const anchor: Hex = `0x${"a1".repeat(20)}`;

let server: TestDatabase;
let signer: Database;
let node: Database;
let counter = 0;
let scope = "";
beforeAll(async () => {
  server = await createTestDatabase();
  const options = { applicationName: "payout retries test", maxConnections: 4, statementTimeoutMs: 10_000 };
  signer = openDatabase({ url: server.urls.signer, ...options });
  node = openDatabase({ url: server.urls.node, ...options });
});
beforeEach(() => {
  scope = `scope-${counter++}`;
});
afterAll(async () => {
  await Promise.all([signer.close(), node.close()]);
  await server.drop();
});

/** Makes the scope's first epoch final in the ledger, and its instructions. */
async function prepared(count: number): Promise<readonly Instruction[]> {
  const place = { chainId: 31_337n, anchor, scope: scopeId(scope), epoch: 1n };
  const settlement = settle(place, paymentsTo(count));
  await storeFinalized(node, scope, settlement, settlement.root);
  expect(await prepareInstructions(signer, now)).toBe(count);
  return await instructionsOf(signer, { scope, epoch: 1 });
}

/** A payout whose transaction of this try is over, as what it became. */
async function tried(tries: number, to: "failed" | "mismatched", why: string): Promise<Instruction> {
  const [first] = await prepared(1);
  if (!first) throw new Error("no instruction");
  const intent = `pay:${scope}/1/0#${tries}`;
  const attempt = { hash: payoutIdOf(scope, 99), raw: "0x01" as const, signedAtSeconds: 1 };
  const record = { chainId: 2, sender: anchor, nonce: counter, sinceBlock: 1n, outcome: null };
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
  const [first] = await prepared(1);
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
