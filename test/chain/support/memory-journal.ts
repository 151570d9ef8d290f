// A transaction journal in memory that keeps its promises: copies in and out, both unique indexes.
import type { TransactionJournal, TransactionRecord } from "#chain/transaction-journal.ts";

export type MemoryJournal = TransactionJournal & { readonly records: () => readonly TransactionRecord[] };

export function memoryJournal(
  initial: readonly TransactionRecord[] = [],
  save: (records: readonly TransactionRecord[]) => void = () => undefined,
): MemoryJournal {
  const byKey = new Map<string, TransactionRecord>(initial.map((record) => [record.intentKey, record]));
  const records = (): readonly TransactionRecord[] =>
    [...byKey.values()].toSorted((left, right) => left.nonce - right.nonce).map((record) => structuredClone(record));
  const put = (record: TransactionRecord): void => {
    byKey.set(record.intentKey, structuredClone(record));
    save(records());
  };
  const mustHave = (intentKey: string): TransactionRecord => {
    const record = byKey.get(intentKey);
    if (record === undefined) throw new Error(`no record of ${intentKey}`);
    return record;
  };
  return {
    records,
    find: (intentKey) => Promise.resolve(structuredClone(byKey.get(intentKey))),
    load: (chainId, sender, fromNonce) =>
      Promise.resolve(
        records().filter(
          (record) =>
            record.chainId === chainId &&
            record.sender === sender &&
            (record.outcome === null || record.nonce >= fromNonce),
        ),
      ),
    insert: (record) => {
      const taken = records().some(
        (other) =>
          other.intentKey === record.intentKey ||
          (other.chainId === record.chainId && other.sender === record.sender && other.nonce === record.nonce),
      );
      if (!taken) put(record);
      return Promise.resolve(!taken);
    },
    addAttempt: (intentKey, after, attempt) => {
      const record = mustHave(intentKey);
      const fits = record.outcome === null && record.attempts.length === after;
      if (fits) put({ ...record, attempts: [...record.attempts, attempt] });
      return Promise.resolve(fits);
    },
    setOutcome: (intentKey, outcome) => {
      put({ ...mustHave(intentKey), outcome });
      return Promise.resolve();
    },
  };
}
