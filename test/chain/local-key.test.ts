// A key in memory: signs, and shows nothing of itself.
import { inspect } from "node:util";
import { parseTransaction, recoverTransactionAddress } from "viem";
import { expect, test } from "vitest";
import { localKey } from "#chain/local-key.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

const key: Hex = `0x${"4c".repeat(32)}`;

test("signs as the account of its key, named in lower case", async () => {
  const signer = localKey(key);
  expect(signer.address).toMatch(/^0x[0-9a-f]{40}$/);
  const raw = await signer.signTransaction({ type: "eip1559", chainId: 5, nonce: 1, gas: 21_000n, maxFeePerGas: 3n });
  expect(parseTransaction(raw)).toMatchObject({ chainId: 5, nonce: 1 });
  const signedBy = await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` });
  expect(signedBy.toLowerCase()).toBe(signer.address);
});

test("the key is not in what a log or a dump would show", () => {
  const signer = localKey(key);
  expect(JSON.stringify(signer)).not.toContain("4c4c");
  expect(inspect(signer, { depth: 9, showHidden: true })).not.toContain("4c4c");
});
