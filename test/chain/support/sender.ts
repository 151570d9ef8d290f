// A program that submits some intents and kills itself at a named point, the way a power cut would.
// Arguments: endpoint, journal file, emitter, private key, kill point (or "none"), its occurrence, seconds before a replacement.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connectChain } from "#chain/client.ts";
import { localKey } from "#chain/local-key.ts";
import { advanceAll, submit, type Submitter } from "#chain/submitter.ts";
import type { TransactionJournal, TransactionRecord } from "#chain/transaction-journal.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { sayCall } from "./emitter.ts";
import { memoryJournal } from "./memory-journal.ts";

const [url = "", file = "", emitter = "", key = "", killPoint = "none", occurrence = "1", replaceAfter = "60"] =
  process.argv.slice(2);

/** Intents every run asks for. */
const intents = 3;

const seen = new Map<string, number>();
function pass(point: string): void {
  const count = (seen.get(point) ?? 0) + 1;
  seen.set(point, count);
  if (point === killPoint && count === Number(occurrence)) process.kill(process.pid, "SIGKILL");
}

const write = (records: readonly TransactionRecord[]): void => {
  const text = JSON.stringify(records, (_, value: unknown) =>
    typeof value === "bigint" ? { bigint: `${value}` } : value,
  );
  const handle = openSync(`${file}.new`, "w");
  writeSync(handle, text);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(`${file}.new`, file);
};

const read = (): readonly TransactionRecord[] =>
  existsSync(file)
    ? (JSON.parse(readFileSync(file, "utf8"), (_, value: unknown) =>
        typeof value === "object" && value !== null && "bigint" in value ? BigInt(String(value.bigint)) : value,
      ) as readonly TransactionRecord[])
    : [];

/** The journal's writes with a point before and after each. */
function watched(journal: TransactionJournal): TransactionJournal {
  return {
    ...journal,
    insert: async (record) => {
      pass("before insert");
      const stored = await journal.insert(record);
      pass("after insert");
      return stored;
    },
    addAttempt: async (...args) => {
      pass("before attempt");
      const stored = await journal.addAttempt(...args);
      pass("after attempt");
      return stored;
    },
    setOutcome: async (...args) => {
      pass("before outcome");
      await journal.setOutcome(...args);
      pass("after outcome");
    },
  };
}

const send = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const sending = typeof init?.body === "string" && init.body.includes("eth_sendRawTransaction");
  if (sending) pass("before send");
  const response = await send(input, init);
  if (sending) pass("after send");
  return response;
};

const inner = localKey(key as Hex);
const submitter: Submitter = {
  chain: await connectChain({ endpoints: [url], chainId: 31_337, timeoutMs: 2_000 }),
  signer: {
    address: inner.address,
    signTransaction: async (transaction) => {
      pass("before sign");
      const raw = await inner.signTransaction(transaction);
      pass("after sign");
      return raw;
    },
  },
  journal: watched(memoryJournal(read(), write)),
  policy: {
    confirmations: 1n,
    replaceAfterSeconds: Number(replaceAfter),
    ceiling: { maxFeePerGas: 10n ** 13n, firstPriorityFeePerGas: 10n ** 9n },
    gasLimitCeiling: 1_000_000n,
  },
  nowSeconds: () => Math.floor(Date.now() / 1000),
};

await advanceAll(submitter);
for (let index = 0; index < intents; index++) {
  await submit(submitter, { key: `intent ${index}`, call: sayCall(emitter as Hex, BigInt(100 + index)) });
}
while ((await advanceAll(submitter)).some(({ outcome }) => outcome === null)) await sleep(20);
