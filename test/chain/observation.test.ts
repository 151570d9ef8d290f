// What is observed of a transaction, and that a doubtful answer is observed as unknown.
import { numberToHex } from "viem";
import { expect, test } from "vitest";
import { observe, readAccount } from "#chain/observation.ts";
import { submit } from "#chain/submitter.ts";
import type { TransactionRecord } from "#chain/transaction-journal.ts";
import { sayCall } from "./support/emitter.ts";
import { away, losing, lying } from "./support/proxy.ts";
import { everywhere, testSubmitter, useSending } from "./support/submitting.ts";
import { sendDirectly } from "./support/test-chain.ts";

const sending = useSending();

/** Stores one transaction and lets it reach the chain, or not. */
async function stored(isSent: boolean): Promise<TransactionRecord> {
  const submitter = testSubmitter(sending.three, sending.signer);
  if (!isSent) everywhere(sending, losing("eth_sendRawTransaction", "request"));
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  const [record] = submitter.journal.records();
  if (record === undefined) throw new Error("no record");
  return record;
}

const look = async (record: TransactionRecord) =>
  observe(sending.three, record, await readAccount(sending.three, record.sender), 1_234);

test("mined, with its block and what it cost", async () => {
  const record = await stored(true);
  const receipt = await sending.chain.client.getTransactionReceipt({ hash: record.attempts[0].hash });
  const { blockNumber, blockHash, gasUsed } = receipt;
  expect(await look(record)).toMatchObject({
    kind: "seen",
    nowSeconds: 1_234,
    headNumber: blockNumber,
    mined: { reverted: false, blockNumber, blockHash, gasUsed, contractAddress: null },
  });
});

test("in a pool, in none, and its nonce used by another", async () => {
  await sending.chain.rpc("evm_setAutomine", false);
  expect(await look(await stored(true))).toMatchObject({ mined: null, nonce: { kind: "unused" }, pooled: true });
  await sending.chain.mine();
  await sending.chain.rpc("evm_setAutomine", true);
  const lost = await stored(false);
  expect(await look(lost)).toMatchObject({ mined: null, nonce: { kind: "unused" }, pooled: false });
  const hash = await sendDirectly(sending.chain, sending.signer, { to: sending.signer.address });
  expect(await look(lost)).toMatchObject({ mined: null, nonce: { kind: "foreign", hash } });
});

test("a receipt above the common head is not there yet", async () => {
  const record = await stored(true);
  const height = (await sending.chain.client.getBlockNumber()) - 1n;
  // The endpoints agree on a head below the block whose receipt they already serve.
  everywhere(sending, lying("eth_blockNumber", numberToHex(height)));
  expect(await look(record)).toMatchObject({ kind: "seen", headNumber: height, mined: null });
});

test("a receipt whose block is not there, and endpoints that are away, are unknown", async () => {
  const record = await stored(true);
  const view = await readAccount(sending.three, record.sender);
  const receipt = (await sending.chain.rpc("eth_getTransactionReceipt", record.attempts[0].hash)) as object;
  everywhere(sending, lying("eth_getTransactionReceipt", { ...receipt, blockHash: `0x${"ab".repeat(32)}` }));
  expect(await look(record)).toMatchObject({ kind: "unknown" });
  everywhere(sending, away);
  expect(await observe(sending.three, record, view, 0)).toMatchObject({
    kind: "unknown",
    reason: expect.stringMatching(/^SETTLEMENT_CHAIN_UNREACHABLE/) as unknown,
  });
});

test("an account's view: head, next nonce and what the chain asks", async () => {
  await stored(true);
  const view = await readAccount(sending.three, sending.signer.address);
  expect(view.nextNonce).toBe(1);
  expect(view.head.hash).toBe((await sending.chain.client.getBlock()).hash);
  expect(view.market.baseFeePerGas).toBe(view.head.baseFeePerGas);
  expect(view.market.priorityFeePerGas).toBeGreaterThan(0n);
});
