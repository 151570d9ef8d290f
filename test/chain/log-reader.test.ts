// Reading logs in the pieces an endpoint can answer.
import { createPublicClient, http } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readLogs, type LogQuery } from "#chain/log-reader.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { compileEmitter, emitterTopics, sayCall } from "./support/emitter.ts";
import { honest, startProxy, type Interference, type Proxy } from "./support/proxy.ts";
import { deployDirectly, sendDirectly, signerOf, startTestChain, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let proxy: Proxy;
let query: LogQuery;
beforeAll(async () => {
  chain = await startTestChain();
  proxy = await startProxy(chain.url);
  const code = compileEmitter();
  const address = await deployDirectly(chain, signerOf(0), code);
  const other = await deployDirectly(chain, signerOf(0), code);
  for (let index = 1n; index <= 8n; index++) {
    await sendDirectly(chain, signerOf(0), sayCall(address, index, 5n));
    await sendDirectly(chain, signerOf(0), sayCall(other, index));
  }
  query = { address, topics: emitterTopics, fromBlock: 0n, toBlock: await chain.client.getBlockNumber() };
});
afterAll(async () => {
  await proxy.close();
  await chain.close();
});

const numbersOf = (logs: readonly { readonly topics: readonly Hex[] }[]): readonly number[] =>
  logs.map(({ topics }) => Number(topics[1]));
const all = Array.from({ length: 40 }, (_, index) => index + 1);

test("reads one contract's chained events in order, others' and asides left out", async () => {
  expect(numbersOf(await readLogs(chain.client, query))).toEqual(all);
});

test("an answer too large for the client is asked for in pieces", async () => {
  const small = createPublicClient({ transport: http(chain.url, { retryCount: 0, maxResponseBodySize: 12_000 }) });
  expect(numbersOf(await readLogs(small, query))).toEqual(all);
});

test("an endpoint that answers more than it was asked for, or in another order, is put right", async () => {
  const client = createPublicClient({ transport: http(proxy.url, { retryCount: 0 }) });
  const everything: Interference = async (call, forward) => {
    const reply = await forward();
    if (call.method !== "eth_getLogs") return reply;
    const logs = (await chain.rpc("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" })) as unknown[];
    return { result: logs.toReversed() };
  };
  proxy.behave = everything;
  expect(numbersOf(await readLogs(client, query))).toEqual(all);
  proxy.behave = honest;
});

test("an endpoint that refuses even one block ends the reading, and soon", async () => {
  const client = createPublicClient({ transport: http(proxy.url, { retryCount: 0 }) });
  let asked = 0;
  proxy.behave = (call, forward) => {
    if (call.method !== "eth_getLogs") return forward();
    asked += 1;
    return Promise.resolve({ error: { code: -32_001, message: "not allowed" } });
  };
  await expect(readLogs(client, query)).rejects.toThrow(/not allowed/);
  expect(asked).toBeLessThan(10);
  proxy.behave = async (call, forward) => (call.method === "eth_getLogs" ? "break" : forward());
  await expect(readLogs(client, query)).rejects.toThrow(/fetch failed/i);
  proxy.behave = honest;
});

test("a log without a place, as of a pending block, is not taken", async () => {
  const client = createPublicClient({ transport: http(proxy.url, { retryCount: 0 }) });
  proxy.behave = async (call, forward) => {
    const reply = await forward();
    if (call.method !== "eth_getLogs") return reply;
    return { result: (reply.result as object[]).map((log) => ({ ...log, blockHash: null })) };
  };
  await expect(readLogs(client, query)).rejects.toThrow(/without a block/);
  proxy.behave = honest;
});
