// One endpoint: when its chain id is asked for, and which failures say nothing.
import { HttpRequestError, RpcRequestError, TimeoutError } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeFailure, Endpoint, isTooLarge, isUnreachable } from "#chain/endpoint.ts";
import { away, lying, startProxy, type Interference, type Proxy } from "./support/proxy.ts";
import { startTestChain, testChainId, type TestChain } from "./support/test-chain.ts";

let chain: TestChain;
let proxy: Proxy;
beforeAll(async () => {
  chain = await startTestChain();
  proxy = await startProxy(chain.url);
});
afterAll(async () => {
  await proxy.close();
  await chain.close();
});

test("the chain id is asked for once, and again after an interruption", async () => {
  let asked = 0;
  const counting: Interference = async (call, forward) => {
    if (call.method === "eth_chainId") asked += 1;
    return forward();
  };
  proxy.behave = counting;
  const endpoint = new Endpoint({ url: proxy.url, chainId: testChainId, timeoutMs: 1_000 });
  for (let reads = 0; reads < 3; reads++) await endpoint.ask((client) => client.getBlockNumber());
  expect(asked).toBe(1);
  proxy.behave = away;
  const failure: unknown = await endpoint.ask((client) => client.getBlockNumber()).catch((error: unknown) => error);
  expect(isUnreachable(failure)).toBe(true);
  proxy.behave = counting;
  await endpoint.ask((client) => client.getBlockNumber());
  expect(asked).toBe(2);
  proxy.behave = away;
  await endpoint.ask((client) => client.getBlockNumber()).catch(() => undefined);
  proxy.behave = lying("eth_chainId", "0x1");
  await expect(endpoint.ask((client) => client.getBlockNumber())).rejects.toMatchObject({
    code: "SETTLEMENT_CHAIN_ID_MISMATCH",
    detail: { endpoint: endpoint.label, found: 1 },
  });
});

test("an answer that is an error is an answer; a timeout or a broken connection is none", () => {
  const url = "http://127.0.0.1/secret";
  const answered = new RpcRequestError({ body: {}, error: { code: -32_000, message: "nonce too low" }, url });
  expect(isUnreachable(answered)).toBe(false);
  expect(isUnreachable(new TimeoutError({ body: {}, url }))).toBe(true);
  expect(isUnreachable(new HttpRequestError({ body: {}, status: 502, url }))).toBe(true);
  expect(isUnreachable(new Error("other"))).toBe(false);
  expect(isTooLarge(answered)).toBe(false);
  for (const error of [
    answered,
    new TimeoutError({ body: {}, url }),
    new HttpRequestError({ body: {}, status: 502, url }),
  ]) {
    expect(describeFailure(error)).not.toContain("secret");
  }
  expect(describeFailure("thrown text")).toBe("unknown failure");
});
