// Sending while endpoints lie, lose, drop and go away, and while the chain reorganizes.
import { expect, test } from "vitest";
import { advance, advanceAll, submit } from "#chain/submitter.ts";
import { sayCall, sayOnceCall } from "./support/emitter.ts";
import { away, honest, losing, lying } from "./support/proxy.ts";
import { everywhere, nonceOf, progressOf, said, settled, testSubmitter, useSending } from "./support/submitting.ts";
import { sendDirectly } from "./support/test-chain.ts";

const sending = useSending();

test("a lost answer is not 'not sent': the transaction is found mined and never sent again at another nonce", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  everywhere(sending, losing("eth_sendRawTransaction", "answer"));
  const intent = { key: "a", call: sayCall(sending.emitter, 1n) };
  expect(progressOf(await submit(submitter, intent))).toMatchObject({ waits: "sent", remarks: { length: 3 } });
  expect(progressOf(await submit(submitter, intent))).toMatchObject(settled);
  expect(await said(sending)).toBe(1n);
  expect(await nonceOf(sending, sending.signer)).toBe(1);
});

test("a lost request is sent again, the same bytes", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  everywhere(sending, losing("eth_sendRawTransaction", "request"));
  const first = progressOf(await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) }));
  expect(await nonceOf(sending, sending.signer)).toBe(0);
  await advanceAll(submitter);
  everywhere(sending, honest);
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "sent", attempts: 1, newestHash: first.newestHash }]);
  expect(await advanceAll(submitter)).toMatchObject([{ ...settled, newestHash: first.newestHash }]);
});

test("an endpoint that says it took the transaction and drops it is not believed", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  everywhere(sending, lying("eth_sendRawTransaction", `0x${"ab".repeat(32)}`));
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  everywhere(sending, honest);
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "sent" }]);
  expect(await advanceAll(submitter)).toMatchObject([settled]);
});

test("one endpoint that hides receipts or makes them up does not decide", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  const [record] = submitter.journal.records();
  const receipt = (await sending.chain.rpc("eth_getTransactionReceipt", record?.attempts[0].hash)) as object;
  sending.proxies[0].behave = lying("eth_getTransactionReceipt", null);
  sending.proxies[1].behave = lying("eth_getTransactionReceipt", { ...receipt, status: "0x0" });
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "unknown", outcome: null }]);
  sending.proxies[1].behave = honest;
  expect(await advanceAll(submitter)).toMatchObject([settled]);
});

test("endpoints away: waiting, and the intent goes on when they are back", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const intent = { key: "a", call: sayCall(sending.emitter, 1n) };
  everywhere(sending, away);
  await expect(submit(submitter, intent)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_UNREACHABLE" });
  expect(submitter.journal.records()).toEqual([]);
  everywhere(sending, honest);
  await submit(submitter, intent);
  everywhere(sending, away);
  expect(progressOf(await submit(submitter, intent))).toMatchObject({ waits: "unknown", outcome: null });
  everywhere(sending, honest);
  expect(progressOf(await submit(submitter, intent))).toMatchObject(settled);
});

test("dropped from the pool: the same bytes again", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await sending.chain.rpc("evm_setAutomine", false);
  const sent = progressOf(await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) }));
  await sending.chain.rpc("hardhat_dropTransaction", sent.newestHash);
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "sent", attempts: 1, newestHash: sent.newestHash }]);
  await sending.chain.mine();
  expect(await advanceAll(submitter)).toMatchObject([settled]);
});

test("reorganized out: live again, sent again, and carried out once", async () => {
  const submitter = testSubmitter(sending.three, sending.signer, { policy: { confirmations: 4n } });
  const snapshot = await sending.chain.rpc("evm_snapshot");
  await submit(submitter, { key: "a", call: sayOnceCall(sending.emitter, 7n) });
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "mined" }]);
  await sending.chain.rpc("evm_revert", snapshot);
  await sending.chain.mine(2);
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "sent", attempts: 1 }]);
  await sending.chain.mine(5);
  expect(await advanceAll(submitter)).toMatchObject([settled]);
  expect(await said(sending)).toBe(1n);
});

test("reorganized out below a settled outcome: found by the free nonce and reopened", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const snapshot = await sending.chain.rpc("evm_snapshot");
  await submit(submitter, { key: "a", call: sayOnceCall(sending.emitter, 7n) });
  expect(await advanceAll(submitter)).toMatchObject([settled]);
  await sending.chain.rpc("evm_revert", snapshot);
  await sending.chain.mine(3);
  expect(await advanceAll(submitter)).toMatchObject([{ nonce: 0, outcome: null, waits: "sent" }]);
  expect(await advanceAll(submitter)).toMatchObject([settled]);
  expect(await said(sending)).toBe(1n);
});

test("the nonce was used by somebody else with the same key: proven by the block, then superseded, never nonce + 1", async () => {
  const submitter = testSubmitter(sending.three, sending.signer, { policy: { confirmations: 3n } });
  everywhere(sending, losing("eth_sendRawTransaction", "request"));
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  everywhere(sending, honest);
  const foreign = await sendDirectly(sending.chain, sending.signer, { to: sending.signer.address });
  await sending.chain.mine(1);
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "mined", outcome: null }]);
  await sending.chain.mine(40);
  expect(await advanceAll(submitter)).toMatchObject([{ outcome: { kind: "superseded", byHash: foreign } }]);
  expect(await nonceOf(sending, sending.signer)).toBe(1);
  expect(await said(sending)).toBe(0n);
  const next = progressOf(await submit(submitter, { key: "a, second try", call: sayCall(sending.emitter, 1n) }));
  expect(next.nonce).toBe(1);
});

test("a chain that became another one stops everything", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  everywhere(sending, away);
  await advanceAll(submitter).catch(() => undefined);
  everywhere(sending, lying("eth_chainId", "0x5"));
  await expect(advanceAll(submitter)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_ID_MISMATCH" });
  const [record] = submitter.journal.records();
  if (record === undefined) throw new Error("no record");
  await expect(advance(submitter, record)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_ID_MISMATCH" });
});
