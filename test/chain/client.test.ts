// Several endpoints as one chain: agreement, liars, laggards, outages, and another chain in disguise.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  agreedBlockAt,
  agreedBlocksAt,
  agreedHead,
  connectChain,
  endpointHealth,
  readAgreed,
  readReached,
} from "#chain/client.ts";
import { away, honest, lagging, lying, startProxy, type Proxy } from "./support/proxy.ts";
import { connectTo, signerOf, startTestChain, testChainId, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let stranger: TestChain;
let proxies: readonly [Proxy, Proxy, Proxy];
beforeAll(async () => {
  chain = await startTestChain();
  stranger = await startTestChain(5);
  await chain.mine(20);
  proxies = [await startProxy(chain.url), await startProxy(chain.url), await startProxy(chain.url)];
});
afterEach(() => {
  for (const proxy of proxies) proxy.behave = honest;
});
afterAll(async () => {
  for (const proxy of proxies) await proxy.close();
  await chain.close();
  await stranger.close();
});

const three = () => connectTo(...proxies.map((proxy) => proxy.url));
const balance = { address: signerOf(0).address, blockNumber: 3n };

test("a wrong chain id is refused, by name, on whichever endpoint it is", async () => {
  await expect(connectTo(proxies[0].url, stranger.url, proxies[1].url)).rejects.toMatchObject({
    code: "SETTLEMENT_CHAIN_ID_MISMATCH",
    retry: false,
    detail: { expected: testChainId, found: 5, endpoint: new URL(stranger.url).host },
  });
});

test("an address shows up in errors without its path, which may be a key", async () => {
  const secret = connectTo(`${stranger.url}/v3/secret-key?token=t0ken`, "http://127.0.0.1:9/secret-key");
  const error: unknown = await secret.catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "SETTLEMENT_CHAIN_ID_MISMATCH" });
  expect(JSON.stringify(error)).not.toMatch(/secret|t0ken/);
  const unreachable: unknown = await connectTo("http://127.0.0.1:9/secret-key").catch((caught: unknown) => caught);
  expect(unreachable).toMatchObject({ code: "SETTLEMENT_CHAIN_UNREACHABLE", retry: true });
  expect(JSON.stringify(unreachable)).not.toContain("secret");
});

test("fewer endpoints than the quorum: unreachable, to be tried again; the quorum is enough", async () => {
  proxies[0].behave = away;
  proxies[1].behave = away;
  await expect(three()).rejects.toMatchObject({
    code: "SETTLEMENT_CHAIN_UNREACHABLE",
    retry: true,
    detail: { answered: 1, quorum: 2 },
  });
  proxies[1].behave = honest;
  const connected = await three();
  expect((await agreedHead(connected)).number).toBe(20n);
});

test("an endpoint that comes back as another chain is caught before it is believed", async () => {
  const connected = await three();
  proxies[2].behave = away;
  expect(await readAgreed(connected, (client) => client.getBalance(balance))).toBe(10n ** 24n);
  await endpointHealth(connected);
  proxies[2].behave = lying("eth_chainId", "0x5");
  await expect(endpointHealth(connected)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_ID_MISMATCH" });
});

test("one liar among three is outvoted; two different answers of two are a disagreement", async () => {
  const connected = await three();
  proxies[0].behave = lying("eth_getBalance", "0x1");
  expect(await readAgreed(connected, (client) => client.getBalance(balance))).toBe(10n ** 24n);
  const two = await connectTo(proxies[0].url, proxies[1].url);
  await expect(readAgreed(two, (client) => client.getBalance(balance))).rejects.toMatchObject({
    code: "SETTLEMENT_CHAIN_DISAGREES",
    retry: true,
    detail: { distinct: 2, quorum: 2 },
  });
});

test("an endpoint that hangs costs its timeout at most, and no answer is not an answer", async () => {
  proxies[0].behave = honest;
  const connected = await connectChain({
    endpoints: proxies.map(({ url }) => url),
    chainId: testChainId,
    timeoutMs: 300,
  });
  proxies[0].behave = () => Promise.resolve("hang");
  expect(await readAgreed(connected, (client) => client.getBalance(balance))).toBe(10n ** 24n);
  proxies[1].behave = () => Promise.resolve("hang");
  await expect(readAgreed(connected, (client) => client.getBalance(balance))).rejects.toMatchObject({
    code: "SETTLEMENT_CHAIN_UNREACHABLE",
    detail: { answered: 1 },
  });
});

test("the head is what a quorum has reached: one that lags or runs ahead does not move it", async () => {
  const connected = await three();
  proxies[0].behave = lagging(7n);
  expect((await agreedHead(connected)).number).toBe(20n);
  proxies[0].behave = lying("eth_blockNumber", "0xffffff");
  expect((await agreedHead(connected)).number).toBe(20n);
  expect((await agreedHead(connected, 6n)).number).toBe(14n);
  expect((await agreedHead(connected, 60n)).number).toBe(0n);
  proxies[0].behave = lagging(7n);
  proxies[1].behave = lagging(9n);
  expect((await agreedHead(connected)).number).toBe(9n);
});

test("blocks are agreed on by hash and in order; beyond the chain there is none", async () => {
  const connected = await three();
  const blocks = await agreedBlocksAt(
    connected,
    Array.from({ length: 21 }, (_, index) => BigInt(index)),
  );
  for (const [index, block] of blocks.entries()) {
    expect(block).toMatchObject({
      number: BigInt(index),
      parentHash: blocks[index - 1]?.hash ?? `0x${"00".repeat(32)}`,
    });
  }
  expect(await agreedBlockAt(connected, 21n)).toBeNull();
  const block = (await chain.rpc("eth_getBlockByNumber", "0x3", false)) as object;
  const fake = { ...block, hash: `0x${"ab".repeat(32)}` };
  const two = await connectTo(proxies[0].url, proxies[1].url);
  proxies[0].behave = lying("eth_getBlockByNumber", fake);
  await expect(agreedBlockAt(two, 3n)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_DISAGREES" });
});

test("a number that endpoints differ on needs a quorum to be reached", async () => {
  const connected = await three();
  for (const proxy of proxies) proxy.behave = away;
  await expect(readReached(connected, (client) => client.getBlockNumber())).rejects.toMatchObject({
    code: "SETTLEMENT_CHAIN_UNREACHABLE",
  });
});

test("health names each endpoint, its head or its failure", async () => {
  const connected = await three();
  proxies[1].behave = away;
  const health = await endpointHealth(connected);
  expect(health.map(({ headNumber }) => headNumber)).toEqual([20n, null, 20n]);
  expect(health[1]?.failure).toEqual(expect.any(String));
  expect(health[1]?.label).toBe(new URL(proxies[1].url).host);
});

test("a configuration without endpoints, or with an impossible quorum, is a programming error", async () => {
  await expect(connectTo()).rejects.toThrow(/endpoint/);
  const wrong = { endpoints: [chain.url], chainId: testChainId, timeoutMs: 100, quorum: 2 };
  await expect(connectChain(wrong)).rejects.toThrow(/quorum/);
});
