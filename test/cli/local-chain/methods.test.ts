// Which methods the local chain answers.
import { expect, test } from "vitest";
import { methodKind } from "#cli/local-chain/methods.ts";

test.each([
  ["eth_call", "read"],
  ["eth_getLogs", "read"],
  ["eth_sendRawTransaction", "write"],
  ["evm_increaseTime", "write"],
  ["hardhat_setBalance", "test"],
  ["evm_revert", "test"],
  ["eth_sendTransaction", "test"],
  ["hardhat_reset", "refused"],
  ["eth_sign", "refused"],
  ["constructor", "refused"],
])("%s: %s", (method, kind) => {
  expect(methodKind(method)).toBe(kind);
});
