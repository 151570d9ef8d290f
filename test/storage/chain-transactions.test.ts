// What is stored of sent transactions: one per intent and nonce, every attempt, and an outcome that may be taken back.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TransactionJournal } from "#chain/transaction-journal.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { openTransactions, type SentOutcome, type SentTransaction } from "#storage/chain-transactions.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
let database: Database;
let signerDatabase: Database;
let journal: TransactionJournal;

beforeAll(async () => {
  server = await createTestDatabase();
  const open = (url: string): Database =>
    openDatabase({ url, applicationName: "transactions test", maxConnections: 4, statementTimeoutMs: 10_000 });
  database = open(server.urls.node);
  signerDatabase = open(server.urls.signer);
  journal = openTransactions(database, "work");
});

afterAll(async () => {
  await database.close();
  await signerDatabase.close();
  await server.drop();
});

const sender: Hex = `0x${"5e".repeat(20)}`;
const attempt = (name: string) => ({
  hash: sha256Hex(name),
  raw: "0x02c0ffee" as const,
  signedAtSeconds: 1_700_000_000.5,
});

const record = (intentKey: string, nonce: number): SentTransaction => ({
  intentKey,
  chainId: 31337,
  sender,
  nonce,
  sinceBlock: 12n,
  attempts: [attempt(intentKey)],
  outcome: null,
});

const mined = (name: string, reverted = false): SentOutcome => ({
  kind: "mined",
  hash: sha256Hex(name),
  reverted,
  blockNumber: 20n,
  blockHash: `0x${"b1".repeat(32)}`,
  gasUsed: 2n ** 70n,
  effectiveGasPrice: 7n,
  contractAddress: null,
});

test("a record comes back as it was stored; its intent and its nonce are taken", async () => {
  expect(await journal.find("i1")).toBeUndefined();
  expect(await journal.insert(record("i1", 0))).toBe(true);
  expect(await journal.find("i1")).toEqual(record("i1", 0));
  expect(await journal.insert(record("i1", 1))).toBe(false);
  expect(await journal.insert(record("i1b", 0))).toBe(false);
  expect(await journal.find("i1b")).toBeUndefined();
});

test("of many that insert the same intent or nonce at once, one succeeds [ANCH-05]", async () => {
  const sameIntent = await Promise.all(
    [1, 2, 3, 4, 5].map((at) => journal.insert({ ...record("race", 100 + at), attempts: [attempt(`race${at}`)] })),
  );
  expect(sameIntent.filter(Boolean)).toHaveLength(1);
  const sameNonce = await Promise.all([1, 2, 3, 4, 5].map((at) => journal.insert(record(`nonce${at}`, 200))));
  expect(sameNonce.filter(Boolean)).toHaveLength(1);
});

test("an attempt is added only after exactly those that are there, and only while the record is live", async () => {
  await journal.insert(record("i2", 2));
  expect(await journal.addAttempt("i2", 2, attempt("i2.2"))).toBe(false);
  const both = await Promise.all([
    journal.addAttempt("i2", 1, attempt("i2.2")),
    journal.addAttempt("i2", 1, attempt("i2.x")),
  ]);
  expect(both.filter(Boolean)).toHaveLength(1);
  const known = await journal.find("i2");
  expect(known?.attempts).toHaveLength(2);
  await journal.setOutcome("i2", mined("i2"));
  expect(await journal.addAttempt("i2", 2, attempt("i2.3"))).toBe(false);
});

test("an outcome names the attempt that was carried out, and a reorganization takes it back", async () => {
  await journal.insert(record("i3", 3));
  await journal.addAttempt("i3", 1, attempt("i3.2"));
  await journal.setOutcome("i3", mined("i3"));
  expect((await journal.find("i3"))?.outcome).toEqual(mined("i3"));
  await journal.setOutcome("i3", null);
  expect((await journal.find("i3"))?.outcome).toBeNull();
  await journal.setOutcome("i3", mined("i3.2", true));
  expect((await journal.find("i3"))?.outcome).toEqual(mined("i3.2", true));
  const superseded = { kind: "superseded", byHash: sha256Hex("other"), blockNumber: 9n } as const;
  await journal.setOutcome("i3", superseded);
  expect((await journal.find("i3"))?.outcome).toEqual(superseded);
});

test("loading gives what is live, and everything from a nonce on, by nonce", async () => {
  const other: Hex = `0x${"0a".repeat(20)}`;
  for (const nonce of [7, 5, 6]) await journal.insert({ ...record(`l${nonce}`, nonce), sender: other });
  await journal.setOutcome("l5", mined("l5"));
  await journal.setOutcome("l7", mined("l7"));
  const keys = async (fromNonce: number, chainId = 31337) =>
    (await journal.load(chainId, other, fromNonce)).map(({ intentKey }) => intentKey);
  expect(await keys(8)).toEqual(["l6"]);
  expect(await keys(7)).toEqual(["l6", "l7"]);
  expect(await keys(0)).toEqual(["l5", "l6", "l7"]);
  expect(await keys(0, 1)).toEqual([]);
});

test("the signer's transactions are its own", async () => {
  const own = openTransactions(signerDatabase, "payout");
  expect(await own.insert(record("i1", 0))).toBe(true);
  expect(await own.find("i1")).toEqual(record("i1", 0));
  await expect(openTransactions(signerDatabase, "work").find("i1")).rejects.toThrow(/permission denied/);
});
