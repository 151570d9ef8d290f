// Seals a test's whole journal: open transactions in other databases of the server hold sealing back for a while.
import { expect } from "vitest";
import type { Database } from "#storage/database.ts";
import { lastBatch, sealJournal } from "#storage/journal.ts";

/** Seals until nothing that is committed is left unsealed. */
export async function sealEverything(database: Database, now: Date): Promise<void> {
  const { rows } = await database.query<{ entries: bigint }>("SELECT count(*) AS entries FROM ledger.journal");
  const sealed = async (): Promise<bigint> => {
    await sealJournal(database, now);
    return BigInt((await lastBatch(database))?.treeSize ?? 0);
  };
  await expect.poll(sealed, { timeout: 30_000 }).toBe(rows[0]?.entries ?? 0n);
}
