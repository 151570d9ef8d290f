// The sealing step seals what was journalled, and an audit of the real tables names what somebody changed.
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkJournal } from "#audit/journal-check.ts";
import { lastBatch, readBatches, readJournal } from "#storage/journal.ts";
import { sealingStep } from "#settlement/sealing.ts";
import { finishedTask } from "./finished-tasks.ts";
import { storeFinished } from "./stored-tasks.ts";
import { openSettling, type Settling } from "./settling.ts";

let settling: Settling;

beforeAll(async () => {
  settling = await openSettling();
  await storeFinished(settling.database, [finishedTask(1), finishedTask(2), finishedTask(3)], settling.now);
});

afterAll(async () => {
  await settling.close();
});

test("a sealed journal passes, and a row changed behind its back is found and named [ASSR-02]", async () => {
  const { database, migrator, deps } = settling;
  const step = sealingStep(deps);
  const sealed = async (): Promise<number> => {
    await step.run();
    return (await lastBatch(database))?.treeSize ?? 0;
  };
  await expect.poll(sealed, { timeout: 30_000 }).toBe(15);
  expect(await checkJournal(readJournal(database), readBatches(database))).toMatchObject({ entries: 15, faults: [] });
  const { rows } = await database.query<{ entry_no: bigint }>(
    `SELECT entry_no FROM ledger.journal ORDER BY transaction_id, entry_no OFFSET 7 LIMIT 1`,
  );
  const entryNo = rows[0]?.entry_no ?? 0n;
  // What only an owner who also takes the locks away can do.
  await migrator.query(`ALTER TABLE ledger.journal DISABLE TRIGGER append_only`);
  await migrator.query(
    `UPDATE ledger.journal SET body = replace(body, 'settlement', 'something') WHERE entry_no = $1`,
    [entryNo],
  );
  await migrator.query(`UPDATE ledger.journal SET body = body || ' ' WHERE entry_no = $1`, [entryNo]);
  const { faults } = await checkJournal(readJournal(database), readBatches(database));
  expect(faults).toMatchObject([{ fault: "changed", entryNo: Number(entryNo) }]);
});
