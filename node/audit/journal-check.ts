// The journal checked against its sealed batches: which entry was changed, removed or inserted (ASSR-02).
import type { Hex } from "#protocol/schemas/primitives.ts";
import { idOf, jcs } from "./digests.ts";
import { emptyTree, grow, shaLeaf, shaRoot, type ShaTree } from "./sha-tree.ts";

/** An entry as it is stored. */
export type Entry = {
  readonly transactionId: bigint;
  readonly entryNo: number;
  readonly kind: string;
  readonly subject: Hex;
  readonly body: string;
  readonly at: Date;
};

/** A sealed batch as it is stored. */
export type Batch = {
  readonly batchNo: number;
  readonly lastTransactionId: bigint;
  readonly lastEntryNo: number;
  readonly entries: number;
  readonly treeSize: number;
  readonly root: Hex;
  readonly leaves: readonly Hex[];
  readonly previous: Hex;
  readonly hash: Hex;
};

/** What is wrong with an entry or a batch. A removed entry is named by its place: after which entry it stood. */
export type JournalFault = {
  readonly fault: "changed" | "removed" | "inserted" | "batch";
  readonly batchNo: number;
  /** The entry's number; of a removed one, that of the entry before it, 0 at the beginning. */
  readonly entryNo: number;
  readonly detail: string;
};

/** What a check found. `sealed` entries were checked; the newest ones may not be sealed yet. */
export type JournalReport = {
  readonly entries: number;
  readonly batches: number;
  readonly faults: readonly JournalFault[];
};

/** Faults reported at most: the first ones say where to look. */
const faultLimit = 100;
const origin: Hex = `0x${"00".repeat(32)}`;

/** The hash of an entry as a leaf of the journal's tree. */
function leafOfEntry({ kind, subject, body, at, entryNo }: Entry): Hex {
  return `0x${shaLeaf(jcs({ kind, subject, body, at: at.toISOString(), entryNo })).toString("hex")}`;
}

/** Checks a batch by itself: its place in the chain, its hash, and that its leaves make the tree it says. */
function checkBatch(batch: Batch, before: Batch | undefined, tree: ShaTree): string | undefined {
  const { batchNo, entries, lastEntryNo, lastTransactionId, previous, root, treeSize } = batch;
  if (batchNo !== (before?.batchNo ?? 0) + 1) return "its number does not follow";
  if (previous !== (before?.hash ?? origin)) return "it does not name the hash of the batch before";
  const content = {
    batchNo,
    entries,
    lastEntryNo,
    lastTransactionId: `${lastTransactionId}`,
    previous,
    root,
    treeSize,
  };
  if (idOf("scs.journal-batch", jcs(content)) !== batch.hash) return "its content does not have its hash";
  if (batch.leaves.length !== entries) return "it does not have as many leaves as entries";
  for (const leaf of batch.leaves) grow(tree, Buffer.from(leaf.slice(2), "hex"));
  if (tree.size !== treeSize) return "the tree is of another size";
  if (`0x${shaRoot(tree).toString("hex")}` !== root) return "its leaves do not lead to its root";
  return undefined;
}

/** Reads entries one ahead, so that it can be told whether the next one is the one that was expected here. */
type Ahead = { current: Entry | undefined; next: Entry | undefined; readonly more: () => Promise<Entry | undefined> };

async function step(ahead: Ahead): Promise<void> {
  ahead.current = ahead.next;
  ahead.next = await ahead.more();
}

/**
 * Checks stored entries, in the journal's order, against sealed batches in theirs, and names what was changed, removed or
 * inserted. Entries after the last batch are not sealed yet and are only counted.
 */
export async function checkJournal(
  entries: AsyncIterable<Entry>,
  batches: AsyncIterable<Batch>,
): Promise<JournalReport> {
  const iterator = entries[Symbol.asyncIterator]();
  const more = async (): Promise<Entry | undefined> => {
    const read = await iterator.next();
    return read.done === true ? undefined : read.value;
  };
  const ahead: Ahead = { current: undefined, next: await more(), more };
  await step(ahead);
  const faults: JournalFault[] = [];
  const tree = emptyTree();
  let before: Batch | undefined;
  let checked = 0;
  let lastNo = 0;
  let count = 0;
  for await (const batch of batches) {
    count++;
    const broken = checkBatch(batch, before, tree);
    if (broken !== undefined) {
      faults.push({ fault: "batch", batchNo: batch.batchNo, entryNo: batch.lastEntryNo, detail: broken });
      return { entries: checked, batches: count, faults };
    }
    before = batch;
    for (const [at, leaf] of batch.leaves.entries()) {
      const fault = await matchLeaf(ahead, leaf, { nextLeaf: batch.leaves[at + 1], batch }, lastNo);
      if (fault.entry) lastNo = fault.entry.entryNo;
      checked++;
      faults.push(...fault.faults.map((each) => ({ ...each, batchNo: batch.batchNo })));
      if (faults.length >= faultLimit) return { entries: checked, batches: count, faults };
    }
  }
  faults.push(...(await unsealedBefore(ahead, before)));
  return { entries: checked, batches: count, faults };
}

type Match = {
  readonly entry: Entry | undefined;
  readonly faults: readonly Omit<JournalFault, "batchNo">[];
};

/** Finds the entry that a sealed leaf stands for, or says what happened to it. */
async function matchLeaf(
  ahead: Ahead,
  leaf: Hex,
  { nextLeaf, batch }: { readonly nextLeaf: Hex | undefined; readonly batch: Batch },
  lastNo: number,
): Promise<Match> {
  const { current, next } = ahead;
  if (current === undefined) {
    return { entry: undefined, faults: [{ fault: "removed", entryNo: lastNo, detail: "it is not there any more" }] };
  }
  const found = leafOfEntry(current);
  if (found === leaf) {
    await step(ahead);
    return { entry: current, faults: [] };
  }
  const about = `sealed as ${leaf}, found ${found}`;
  if (next !== undefined && leafOfEntry(next) === leaf) {
    // What was sealed here comes right after: this entry was put before it.
    await step(ahead);
    await step(ahead);
    return { entry: next, faults: [{ fault: "inserted", entryNo: current.entryNo, detail: about }] };
  }
  if (found === nextLeaf || sortsAfter(current, batch)) {
    return { entry: undefined, faults: [{ fault: "removed", entryNo: lastNo, detail: `sealed as ${leaf}` }] };
  }
  await step(ahead);
  return { entry: current, faults: [{ fault: "changed", entryNo: current.entryNo, detail: about }] };
}

/** Whether an entry comes after everything that a batch sealed. */
function sortsAfter({ transactionId, entryNo }: Entry, last: Batch): boolean {
  return transactionId === last.lastTransactionId ? entryNo > last.lastEntryNo : transactionId > last.lastTransactionId;
}

/** Entries after the last batch must sort after it: one that sorts before was put in later. */
async function unsealedBefore(ahead: Ahead, last: Batch | undefined): Promise<readonly JournalFault[]> {
  const faults: JournalFault[] = [];
  for (; ahead.current !== undefined && last !== undefined && faults.length < faultLimit; await step(ahead)) {
    if (sortsAfter(ahead.current, last)) break;
    const { entryNo } = ahead.current;
    faults.push({ fault: "inserted", batchNo: last.batchNo, entryNo, detail: "it sorts before what is sealed" });
  }
  return faults;
}
