// What a signer returns is checked before it is believed.
import { keccak256, parseTransaction, type TransactionSerializableEIP1559 } from "viem";
import { expect, test } from "vitest";
import { localKey } from "#chain/local-key.ts";
import { signChecked, type Signer } from "#chain/signer.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

const key: Hex = `0x${"4c".repeat(32)}`;
const transaction: TransactionSerializableEIP1559 = {
  type: "eip1559",
  chainId: 31_337,
  nonce: 3,
  to: "0x00000000000000000000000000000000000000aa",
  value: 0n,
  data: "0x1234",
  gas: 50_000n,
  maxFeePerGas: 10n,
  maxPriorityFeePerGas: 2n,
};

test("what a signer returns as asked is taken, with its hash", async () => {
  const signer = localKey(key);
  expect(signer.address).toMatch(/^0x[0-9a-f]{40}$/);
  const { raw, hash } = await signChecked(signer, transaction);
  expect(hash).toBe(keccak256(raw));
  expect(parseTransaction(raw)).toMatchObject({ nonce: 3, data: "0x1234", gas: 50_000n });
});

test("creating a contract, nonce and value of zero survive the check", async () => {
  const signed = await signChecked(localKey(key), { ...transaction, to: null, nonce: 0, data: "0x00" });
  expect(signed.raw).toMatch(/^0x02/);
});

test.each<[string, Partial<TransactionSerializableEIP1559>]>([
  ["another nonce", { nonce: 4 }],
  ["another recipient", { to: "0x00000000000000000000000000000000000000ab" }],
  ["another amount", { value: 1n }],
  ["other data", { data: "0x1235" }],
  ["another chain", { chainId: 1 }],
  ["another fee", { maxFeePerGas: 11n }],
  ["another tip", { maxPriorityFeePerGas: 3n }],
  ["more gas", { gas: 50_001n }],
])("a signer that returns %s is refused", async (_, change) => {
  const inner = localKey(key);
  const signer: Signer = { ...inner, signTransaction: (given) => inner.signTransaction({ ...given, ...change }) };
  await expect(signChecked(signer, transaction)).rejects.toThrow(/another transaction/);
});

test("a signer that uses another key than its address is refused", async () => {
  const signer: Signer = { ...localKey(`0x${"4d".repeat(32)}`), address: localKey(key).address };
  await expect(signChecked(signer, transaction)).rejects.toThrow(/another key/);
});
