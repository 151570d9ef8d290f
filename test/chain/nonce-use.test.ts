// Finding the transaction that used a nonce.
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreedHead, type ChainClient } from "#chain/client.ts";
import { findNonceUse } from "#chain/nonce-use.ts";
import type { TransactionRecord } from "#chain/transaction-journal.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { honest, lying, startProxy, type Proxy } from "./support/proxy.ts";
import {
  connectTo,
  sendDirectly,
  signerOf,
  startTestChain,
  testChainId,
  type TestChain,
} from "./support/test-chain.ts";

let chain: TestChain;
let proxy: Proxy;
let client: ChainClient;
const sender = signerOf(0);
/** Hash of the sender's transaction for each nonce; blocks of others and empty ones lie between. */
const hashes: Hex[] = [];
beforeAll(async () => {
  chain = await startTestChain();
  proxy = await startProxy(chain.url);
  client = await connectTo(proxy.url);
  for (let nonce = 0; nonce < 7; nonce++) {
    await chain.mine(nonce * 3);
    await sendDirectly(chain, signerOf(1), { to: sender.address });
    hashes.push(await sendDirectly(chain, sender, { to: sender.address }));
  }
  await chain.mine(11);
});
afterAll(async () => {
  await proxy.close();
  await chain.close();
});

const record = (nonce: number, sinceBlock: bigint, hash: Hex = "0xaa"): TransactionRecord => ({
  intentKey: "a",
  chainId: testChainId,
  sender: sender.address,
  nonce,
  sinceBlock,
  attempts: [{ hash, raw: "0x", signedAtSeconds: 0 }],
  outcome: null,
});

test("finds the block and the transaction of every nonce, from wherever the search begins", async () => {
  const head = await agreedHead(client);
  for (const [nonce, hash] of hashes.entries()) {
    const { blockNumber } = await chain.client.getTransactionReceipt({ hash });
    // Its own block and later ones are what a reorganization leaves behind.
    for (const sinceBlock of [0n, blockNumber - 1n, blockNumber, head.number, head.number + 9n]) {
      expect(await findNonceUse(client, record(nonce, sinceBlock), head)).toEqual({
        kind: "foreign",
        hash,
        blockNumber,
      });
    }
  }
});

test("an own attempt is recognized", async () => {
  const head = await agreedHead(client);
  expect(await findNonceUse(client, record(3, 0n, hashes[3]), head)).toEqual({ kind: "own" });
});

test("a block that does not show the transaction proves nothing", async () => {
  const head = await agreedHead(client);
  const block = (await chain.rpc("eth_getBlockByNumber", "0x1", true)) as object;
  proxy.behave = lying("eth_getBlockByNumber", { ...block, transactions: [] });
  expect(await findNonceUse(client, record(2, 0n), head)).toEqual({ kind: "unknown" });
  proxy.behave = honest;
});

test("state that the endpoints no longer hold is an error to try again, not a verdict", async () => {
  const head = await agreedHead(client);
  proxy.behave = (call, forward) =>
    call.method === "eth_getTransactionCount"
      ? Promise.resolve({ error: { code: -32_000, message: "missing trie node" } })
      : forward();
  await expect(findNonceUse(client, record(2, 0n), head)).rejects.toMatchObject({ retry: true });
  proxy.behave = honest;
});
