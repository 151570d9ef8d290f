// What the tests of payouts in PostgreSQL share: a database, scopes whose first epoch is final in its ledger, and their instructions.
import { afterAll, expect } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { instructionsOf, prepareInstructions, type Instruction } from "#storage/payouts.ts";
import { settle } from "#test/contracts/support/settlement.ts";
import { optionsOf, paymentsTo, storeFinalized } from "#test/payout/stage.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

export const now = new Date("2026-01-01T00:00:00Z");
export const anchor: Hex = `0x${"a1".repeat(20)}`;

export type PayoutLedger = {
  readonly server: TestDatabase;
  /** The signer's role. */
  readonly signer: Database;
  /** The node's role: fills the ledger. */
  readonly node: Database;
  /** A scope that nothing has happened in. */
  readonly newScope: () => string;
  /** Makes the scope's first epoch final in the ledger, with so many payments. */
  readonly finalize: (scope: string, count: number) => Promise<void>;
  /** The same, with the epoch's instructions made. */
  readonly prepare: (scope: string, count: number) => Promise<readonly Instruction[]>;
};

/** Makes the database, and has it dropped when the file's tests are done. */
export async function usePayoutLedger(): Promise<PayoutLedger> {
  const server = await createTestDatabase();
  const signer = openDatabase(optionsOf(server.urls.signer));
  const node = openDatabase(optionsOf(server.urls.node));
  afterAll(async () => {
    await Promise.all([signer.close(), node.close()]);
    await server.drop();
  });
  let scopes = 0;
  const finalize = async (scope: string, count: number): Promise<void> => {
    const place = { chainId: 31_337n, anchor, scope: scopeId(scope), epoch: 1n };
    const settlement = settle(place, paymentsTo(count));
    await storeFinalized(node, scope, settlement, settlement.root);
  };
  return {
    server,
    signer,
    node,
    newScope: () => `scope-${scopes++}`,
    finalize,
    prepare: async (scope, count) => {
      await finalize(scope, count);
      expect(await prepareInstructions(signer, now)).toBe(count);
      return await instructionsOf(signer, { scope, epoch: 1 });
    },
  };
}
