// Sending on a real chain: stored, sent, replaced, settled; and what is refused before anything is consumed.
import { generatePrivateKey } from "viem/accounts";
import { expect, test } from "vitest";
import { describeRevert } from "#chain/contract-call.ts";
import { liveTransactionLimit } from "#chain/limits.ts";
import { localKey } from "#chain/local-key.ts";
import type { Signer } from "#chain/signer.ts";
import { advanceAll, submit } from "#chain/submitter.ts";
import { emitterAbi, sayCall, sayOnceCall } from "./support/emitter.ts";
import { honest, losing } from "./support/proxy.ts";
import { everywhere, nonceOf, progressOf, said, settled, testSubmitter, useSending } from "./support/submitting.ts";
import { signerOf } from "./support/test-chain.ts";

const sending = useSending();

test("an intent is stored, sent, mined and settled; asking again changes nothing", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const intent = { key: "a", call: sayCall(sending.emitter, 1n) };
  expect(progressOf(await submit(submitter, intent))).toMatchObject({
    nonce: 0,
    attempts: 1,
    waits: "sent",
    outcome: null,
  });
  const done = progressOf(await submit(submitter, intent));
  expect(done).toMatchObject({ ...settled, waits: null, outcome: { hash: done.newestHash } });
  expect(progressOf(await submit(submitter, intent))).toEqual(done);
  expect(await said(sending)).toBe(1n);
  expect(await nonceOf(sending, sending.signer)).toBe(1);
  expect(await advanceAll(submitter)).toEqual([]);
});

test("confirmations: mined, then deep enough", async () => {
  const submitter = testSubmitter(sending.three, sending.signer, { policy: { confirmations: 3n } });
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "mined", outcome: null }]);
  await sending.chain.mine();
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "mined" }]);
  await sending.chain.mine();
  expect(await advanceAll(submitter)).toMatchObject([settled]);
});

test("what would revert is refused with the contract's reason, and nothing is consumed", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const refused = await submit(submitter, { key: "a", call: sayCall(sending.emitter, 13n) });
  expect(refused.kind).toBe("refused");
  if (refused.kind === "refused") {
    expect(describeRevert(emitterAbi, refused.data)).toEqual({
      name: "Refused",
      args: { number: "13", reason: "unlucky" },
    });
  }
  expect(submitter.journal.records()).toEqual([]);
  expect(await nonceOf(sending, sending.signer)).toBe(0);
});

test("limits are named before anything is signed: fees, gas, funds", async () => {
  const call = sayCall(sending.emitter, 1n);
  const cheap = testSubmitter(sending.three, sending.signer, {
    policy: { ceiling: { maxFeePerGas: 1n, firstPriorityFeePerGas: 1n } },
  });
  expect(await submit(cheap, { key: "a", call })).toEqual({ kind: "deferred", limit: "fee-ceiling" });
  const small = testSubmitter(sending.three, sending.signer, { policy: { gasLimitCeiling: 21_000n } });
  expect(await submit(small, { key: "a", call })).toEqual({ kind: "deferred", limit: "gas-ceiling" });
  const poor = testSubmitter(sending.three, localKey(generatePrivateKey()));
  expect(await submit(poor, { key: "a", call })).toEqual({ kind: "deferred", limit: "funds" });
  expect(await submit(poor, { key: "a", call: { ...call, value: 1n } })).toEqual({ kind: "deferred", limit: "funds" });
  for (const { journal } of [cheap, small, poor]) expect(journal.records()).toEqual([]);
});

test("a key stands for one call for ever: another under the same key is a conflict", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await submit(submitter, { key: "epoch 1", call: sayCall(sending.emitter, 1n) });
  expect(await submit(submitter, { key: "epoch 1", call: sayCall(sending.emitter, 2n) })).toEqual({ kind: "conflict" });
  const other = testSubmitter(sending.three, signerOf(2), { journal: submitter.journal });
  expect(await submit(other, { key: "epoch 1", call: sayCall(sending.emitter, 1n) })).toEqual({ kind: "conflict" });
  expect(await said(sending)).toBe(1n);
});

test("in the pool too long: replaced at the same nonce for more, and whichever is mined settles the intent", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await sending.chain.rpc("evm_setAutomine", false);
  const first = progressOf(await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) }));
  expect(await advanceAll(submitter)).toMatchObject([{ waits: "pooled", attempts: 1 }]);
  submitter.pass(61);
  const [second] = await advanceAll(submitter);
  expect(second).toMatchObject({ nonce: first.nonce, attempts: 2, waits: "sent", remarks: [] });
  expect(second?.newestHash).not.toBe(first.newestHash);
  await sending.chain.mine();
  expect(await advanceAll(submitter)).toMatchObject([{ outcome: { kind: "mined", hash: second?.newestHash } }]);
  expect(await said(sending)).toBe(1n);
});

test("the older attempt is mined after all: it settles the intent, nothing is sent twice", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await sending.chain.rpc("evm_setAutomine", false);
  const first = progressOf(await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) }));
  submitter.pass(61);
  everywhere(sending, losing("eth_sendRawTransaction", "request"));
  expect(await advanceAll(submitter)).toMatchObject([{ attempts: 2 }]);
  everywhere(sending, honest);
  await sending.chain.mine();
  expect(await advanceAll(submitter)).toMatchObject([
    { attempts: 2, outcome: { kind: "mined", hash: first.newestHash } },
  ]);
  expect(await said(sending)).toBe(1n);
});

test("the base fee rises above the offer: replaced at once, up to the ceiling and no further", async () => {
  const submitter = testSubmitter(sending.three, sending.signer, {
    policy: { ceiling: { maxFeePerGas: 4n * 10n ** 9n, firstPriorityFeePerGas: 10n ** 8n } },
  });
  await sending.chain.rpc("evm_setAutomine", false);
  await sending.chain.rpc("hardhat_setNextBlockBaseFeePerGas", "0x3b9aca00");
  await sending.chain.rpc("evm_mine");
  await submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) });
  await sending.chain.rpc("hardhat_setNextBlockBaseFeePerGas", `0x${(35n * 10n ** 8n).toString(16)}`);
  await sending.chain.rpc("evm_mine");
  expect(await advanceAll(submitter)).toMatchObject([{ attempts: 2, waits: "sent", remarks: [] }]);
  await sending.chain.rpc("hardhat_setNextBlockBaseFeePerGas", `0x${(10n ** 11n).toString(16)}`);
  await sending.chain.rpc("evm_mine");
  expect(await advanceAll(submitter)).toMatchObject([{ attempts: 2, waits: "stuck" }]);
  await sending.chain.rpc("hardhat_setNextBlockBaseFeePerGas", "0x3b9aca00");
  await sending.chain.rpc("evm_mine");
  expect(await advanceAll(submitter)).toMatchObject([settled]);
});

test("a reverted transaction is settled as reverted: its nonce is gone and it is not tried again", async () => {
  const first = testSubmitter(sending.three, sending.signer);
  const second = testSubmitter(sending.three, signerOf(3));
  await sending.chain.rpc("evm_setAutomine", false);
  await submit(first, { key: "a", call: sayOnceCall(sending.emitter, 1n) });
  await submit(second, { key: "b", call: sayOnceCall(sending.emitter, 2n) });
  await sending.chain.mine();
  const outcomes = [...(await advanceAll(first)), ...(await advanceAll(second))].map(({ outcome }) => outcome);
  expect(new Set(outcomes.map((outcome) => outcome?.kind === "mined" && outcome.reverted))).toEqual(
    new Set([false, true]),
  );
  expect(await said(sending)).toBe(1n);
});

test("many intents at once take consecutive nonces, one each, also when two processes share the journal", async () => {
  const one = testSubmitter(sending.three, sending.signer);
  const two = testSubmitter(sending.three, sending.signer, { journal: one.journal });
  const keys = Array.from({ length: 10 }, (_, index) => `intent ${index}`);
  const all = keys.flatMap((key, index) => {
    const intent = { key, call: sayCall(sending.emitter, BigInt(100 + index)) };
    return [submit(one, intent), submit(two, intent)];
  });
  for (const submission of await Promise.all(all)) expect(submission.kind).toBe("tracked");
  for (let steps = 0; steps < 12; steps++) await advanceAll(one);
  expect(one.journal.records().map(({ nonce, attempts }) => [nonce, attempts.length])).toEqual(
    keys.map((_, index) => [index, 1]),
  );
  expect(one.journal.records().every(({ outcome }) => outcome?.kind === "mined")).toBe(true);
  expect(await said(sending)).toBe(10n);
});

test("no more live transactions than pools keep", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  await sending.chain.rpc("evm_setAutomine", false);
  for (let index = 0; index < liveTransactionLimit; index++) {
    expect((await submit(submitter, { key: `${index}`, call: sayCall(sending.emitter, 1n) })).kind).toBe("tracked");
  }
  expect(await submit(submitter, { key: "more", call: sayCall(sending.emitter, 1n) })).toEqual({
    kind: "deferred",
    limit: "live-transactions",
  });
});

test("a contract is created, and its address is part of the outcome", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const intent = { key: "create", call: { to: null, data: sending.code, value: 0n } };
  await submit(submitter, intent);
  const { outcome } = progressOf(await submit(submitter, intent));
  const address = outcome?.kind === "mined" ? outcome.contractAddress : null;
  expect(
    await sending.chain.client.readContract({ address: address ?? "0x", abi: emitterAbi, functionName: "sequence" }),
  ).toBe(0n);
});

test("a signer that signs something else is caught before anything is stored", async () => {
  const wrong: Signer = {
    ...sending.signer,
    signTransaction: (tx) => sending.signer.signTransaction({ ...tx, value: 1n }),
  };
  const submitter = testSubmitter(sending.three, wrong);
  await expect(submit(submitter, { key: "a", call: sayCall(sending.emitter, 1n) })).rejects.toThrow(
    /another transaction/,
  );
  expect(submitter.journal.records()).toEqual([]);
});
