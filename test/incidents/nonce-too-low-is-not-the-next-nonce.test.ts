// What broke elsewhere: "nonce too low" was answered with the next nonce, although the first transaction had been mined.
import { expect, test } from "vitest";
import { advanceAll, submit } from "#chain/submitter.ts";
import { sayCall } from "#test/chain/support/emitter.ts";
import { honest, type Interference } from "#test/chain/support/proxy.ts";
import {
  everywhere,
  nonceOf,
  progressOf,
  said,
  settled,
  testSubmitter,
  useSending,
} from "#test/chain/support/submitting.ts";

const sending = useSending();

/** Takes the transaction, and says that its nonce is too low. */
const tooLow: Interference = async (call, forward) => {
  if (call.method !== "eth_sendRawTransaction") return await forward();
  await forward();
  return { error: { code: -32_000, message: "nonce too low" } };
};

test("an intent keeps its nonce whatever an endpoint says of it, and is carried out once", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const intent = { key: "pay", call: sayCall(sending.emitter, 1n) };
  everywhere(sending, tooLow);
  const { nonce } = progressOf(await submit(submitter, intent));
  everywhere(sending, honest);
  await advanceAll(submitter);
  expect(progressOf(await submit(submitter, intent))).toMatchObject({ ...settled, nonce });
  expect(submitter.journal.records()).toHaveLength(1);
  expect(await said(sending)).toBe(1n);
  expect(await nonceOf(sending, sending.signer)).toBe(nonce + 1);
});
