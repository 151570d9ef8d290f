// A changed, removed or inserted journal entry is found and named.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkJournal, type Batch, type Entry } from "#audit/journal-check.ts";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { appendLeaves, emptyFrontier, frontierRoot, journalLeaf, type Frontier } from "#protocol/journal-tree.ts";
import { batchHash, entryText } from "#storage/journal.ts";

const at = new Date("2026-02-01T00:00:00.000Z");
const entry = (number: number, body = `entry ${number}`): Entry => ({
  transactionId: BigInt(100 + Math.floor(number / 3)),
  entryNo: number * 2,
  kind: "task",
  subject: `0x${String(number % 10).repeat(64)}`,
  body,
  at,
});

const entries = Array.from({ length: 20 }, (_, number) => entry(number + 1));

function seal(sealed: readonly Entry[], sizes: readonly number[]): Batch[] {
  const batches: Batch[] = [];
  let tree: Frontier = emptyFrontier;
  let previous: Hex = `0x${"00".repeat(32)}`;
  let from = 0;
  for (const [index, size] of sizes.entries()) {
    const part = sealed.slice(from, from + size);
    from += size;
    const last = part.at(-1);
    if (last === undefined) break;
    const leaves = part.map((each) => journalLeaf(Buffer.from(entryText(each), "utf8")));
    tree = appendLeaves(tree, leaves);
    const content = {
      batchNo: index + 1,
      lastTransactionId: last.transactionId,
      lastEntryNo: last.entryNo,
      entries: part.length,
      treeSize: tree.size,
      root: bytesToHex(frontierRoot(tree)),
      previous,
    };
    previous = batchHash(content);
    batches.push({ ...content, leaves: leaves.map(bytesToHex), hash: previous });
  }
  return batches;
}

const batches = seal(entries, [7, 1, 9]);

// Arrays are iterated as a database cursor would be.
async function* stream<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const faultsOf = async (stored: readonly Entry[], sealed: readonly Batch[] = batches) =>
  (await checkJournal(stream(stored), stream(sealed))).faults.map(({ fault, batchNo, entryNo }) => [
    fault,
    batchNo,
    entryNo,
  ]);

test("an untouched journal holds; entries that are not sealed yet are no fault [ASSR-02]", async () => {
  expect(await checkJournal(stream(entries), stream(batches))).toEqual({ entries: 17, batches: 3, faults: [] });
});

test("a changed entry is named, wherever it is [ASSR-02]", async () => {
  const seed = 12;
  console.error(`[seed] journal ${seed}`);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 16 }), async (index) => {
      const found = entries[index];
      if (found === undefined) return;
      const batchNo = index < 7 ? 1 : index < 8 ? 2 : 3;
      expect(await faultsOf(entries.with(index, { ...found, body: "forged" }))).toEqual([
        ["changed", batchNo, found.entryNo],
      ]);
      expect(await faultsOf(entries.with(index, { ...found, at: new Date(1) }))).toEqual([
        ["changed", batchNo, found.entryNo],
      ]);
    }),
    { seed, numRuns: 40 },
  );
});

test("a removed entry is named by its place, an inserted one by its number [ASSR-02]", async () => {
  expect(await faultsOf(entries.toSpliced(3, 1))).toEqual([["removed", 1, 6]]);
  expect(await faultsOf(entries.toSpliced(0, 1))).toEqual([["removed", 1, 0]]);
  expect(await faultsOf(entries.slice(0, 16))).toEqual([["removed", 3, 32]]);
  // The last entry of a batch that has others behind it, and the whole of one.
  expect(await faultsOf(entries.toSpliced(6, 1))).toEqual([["removed", 1, 12]]);
  expect(await faultsOf(entries.toSpliced(7, 1))).toEqual([["removed", 2, 14]]);
  const inserted = { ...entry(4), entryNo: 7, body: "inserted" };
  expect(await faultsOf(entries.toSpliced(3, 0, inserted))).toEqual([["inserted", 1, 7]]);
  expect(await faultsOf(entries.toSpliced(17, 0, { ...inserted, transactionId: 105n }))).toEqual([["inserted", 3, 7]]);
});

test("a changed batch is found, and so is one that was made again without its successors", async () => {
  const [first, second, third] = batches;
  if (first === undefined || second === undefined || third === undefined) throw new Error("not sealed");
  expect(await faultsOf(entries, [first, { ...second, lastEntryNo: 5 }, third])).toMatchObject([["batch", 2, 5]]);
  expect(await faultsOf(entries, [first, third])).toMatchObject([["batch", 3, third.lastEntryNo]]);
  const forged = entries.with(2, { ...entry(3), body: "forged" });
  const [again] = seal(forged, [7]);
  if (again === undefined) throw new Error("not sealed");
  expect(await faultsOf(forged, [again, second, third])).toMatchObject([["batch", 2, second.lastEntryNo]]);
  expect(await faultsOf(entries, [{ ...first, leaves: first.leaves.toReversed() }, second])).toMatchObject([
    ["batch", 1, 14],
  ]);
});
