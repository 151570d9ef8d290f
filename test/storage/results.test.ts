// Results: written once for each task, read back as they were, never touched again.
import { expect, test } from "vitest";
import { insertResults, readResults } from "#storage/results.ts";
import { query } from "#test/layers/sales.ts";
import { setStage } from "#test/layers/stage.ts";
import { resultOf } from "./artifacts-of-tasks.ts";

const { database, submit } = await setStage({ records: 5 });
const ids = [await submit(query({ function: "count" })), await submit(query({ function: "count" }))];

test("results come back by task, as they were written", async () => {
  await insertResults(database, []);
  await insertResults(database, ids.map(resultOf));
  expect(await readResults(database, ids)).toEqual(new Map(ids.map((id) => [id, resultOf(id)])));
});

test("a task has one result, for ever [LAYR-15]", async () => {
  const [id] = ids;
  if (!id) throw new Error("a task");
  const other = { ...resultOf(id), bundleId: `0x${"77".repeat(32)}` as const };
  await expect(insertResults(database, [other])).rejects.toThrow(/duplicate key/);
  for (const change of [
    `UPDATE ledger.result SET result = '{}'`,
    `DELETE FROM ledger.result`,
    `TRUNCATE ledger.result CASCADE`,
  ]) {
    await expect(database.query(change)).rejects.toThrow(/permission denied/);
  }
});
