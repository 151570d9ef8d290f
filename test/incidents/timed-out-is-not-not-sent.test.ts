// What broke elsewhere: a broadcast that timed out was taken as not sent, sent again at another nonce, and paid twice.
import { expect, test } from "vitest";
import { submit } from "#chain/submitter.ts";
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

/** Passes a transaction on and never says so. */
const silent: Interference = async (call, forward) => {
  const reply = await forward();
  return call.method === "eth_sendRawTransaction" ? "hang" : reply;
};

test("a broadcast without an answer is looked for on the chain; the intent is carried out once", async () => {
  const submitter = testSubmitter(sending.three, sending.signer);
  const intent = { key: "pay", call: sayCall(sending.emitter, 1n) };
  everywhere(sending, silent);
  expect(progressOf(await submit(submitter, intent))).toMatchObject({ waits: "sent", outcome: null });
  everywhere(sending, honest);
  expect(progressOf(await submit(submitter, intent))).toMatchObject(settled);
  expect(await said(sending)).toBe(1n);
  expect(await nonceOf(sending, sending.signer)).toBe(1);
});
