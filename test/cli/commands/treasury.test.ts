// `scs treasury retry` against a real database, under the signer's role; what speaks to the chain is tested with `scs verify`.
import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { openTransactions } from "#storage/chain-transactions.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { instructionsOf, moveInstructions, prepareInstructions, type PayoutMove } from "#storage/payouts.ts";
import { settle } from "#test/contracts/support/settlement.ts";
import { optionsOf, payoutIdOf, paymentsTo, storeFinalized } from "#test/payout/stage.ts";
import { createTestDatabase, queryRows, type TestDatabase } from "#test/setup/database.ts";
import { run, runJson, scratchFolder, type Settings } from "../running.ts";

const dataDir = scratchFolder();
const settings: Settings = { SCS_DATA_DIR: dataDir };
const now = new Date("2026-01-01T00:00:00Z");
const intent = "pay:films/1/0#3";
const anchor: Hex = `0x${"a1".repeat(20)}`;

let server: TestDatabase;
let signer: Database;
beforeAll(async () => {
  server = await createTestDatabase();
  mkdirSync(join(dataDir, "keys"));
  writeFileSync(join(dataDir, "keys", "signer-database-url"), server.urls.signer, { mode: 0o600 });
  signer = openDatabase(optionsOf(server.urls.signer));
  const node = openDatabase(optionsOf(server.urls.node));
  const settlement = settle({ chainId: 31_337n, anchor, scope: scopeId("films"), epoch: 1n }, paymentsTo(2));
  await storeFinalized(node, "films", settlement, settlement.root);
  await node.close();
  await prepareInstructions(signer, now);
});
afterAll(async () => {
  await signer.close();
  await server.drop();
});

/** Lets the first payout fail in its third transaction. */
async function failThirdTime(): Promise<void> {
  const attempt = { hash: payoutIdOf("any", 1), raw: "0x01" as const, signedAtSeconds: 1 };
  const record = { chainId: 1, sender: anchor, nonce: 1, sinceBlock: 1n, outcome: null };
  await openTransactions(signer, "payout").insert({ ...record, intentKey: intent, attempts: [attempt] });
  const moves: readonly Omit<PayoutMove, "instruction">[] = [
    { to: "authorized", why: "test" },
    { to: "submitted", why: "test", intent },
    { to: "failed", why: "its transaction reverted" },
  ];
  for (const move of moves) {
    const [instruction] = await instructionsOf(signer, { scope: "films", epoch: 1 });
    if (instruction) await moveInstructions(signer, [{ instruction, ...move }], now);
  }
}

test("a payout that failed too often is given another try, with who and why; one that did not is refused", async () => {
  const [failed, waiting] = [payoutIdOf("films", 0), payoutIdOf("films", 1)];
  await failThirdTime();
  const why = "the treasury was paused; it is not any more";
  const asked = await runJson(["treasury", "retry", failed, "--why", why, "--by", "ada"], settings);
  expect(asked).toMatchObject({ code: 0, value: { payoutId: failed, intent, by: "ada", why } });
  const stored = await queryRows(server.adminUrl, "SELECT intent, asked_by, why FROM payout.retry");
  expect(stored).toEqual([{ intent, asked_by: "ada", why }]);
  // Again is the same order, whoever asks.
  const again = await runJson(["treasury", "retry", failed, "--why", "once more"], settings);
  expect(again).toMatchObject({ code: 0, value: { by: "ada", why } });
  expect(userInfo().username).not.toBe("ada");

  const refused = await run(["treasury", "retry", waiting, "--why", why], settings);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^SETTLEMENT_TRANSITION_REFUSED/) as string,
  });
  const unknown = await run(["treasury", "retry", payoutIdOf("nobody", 1), "--why", why], settings);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/^PAYOUT_NOT_FOUND/) as string });
});

test("a reason is wanted, and a signer's machine", async () => {
  expect((await run(["treasury", "retry", payoutIdOf("films", 0)], settings)).code).toBe(64);
  const elsewhere = { SCS_DATA_DIR: join(dataDir, "nowhere") };
  const { code, stderr } = await run(["treasury", "retry", payoutIdOf("films", 0), "--why", "x"], elsewhere);
  expect(code).toBe(2);
  expect(stderr).toContain("signer-database-url is missing");
});
