// Simulating and estimating calls at a block, and telling a revert from a failure.
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreedHead, type ChainClient } from "#chain/client.ts";
import { describeRevert, estimateGas, simulate } from "#chain/contract-call.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { compileEmitter, emitterAbi, sayCall, sayOnceCall } from "./support/emitter.ts";
import { honest, startProxy, type Proxy } from "./support/proxy.ts";
import {
  connectTo,
  deployDirectly,
  sendDirectly,
  signerOf,
  startTestChain,
  type TestChain,
} from "./support/test-chain.ts";

let chain: TestChain;
let proxy: Proxy;
let client: ChainClient;
let emitter: Hex;
const from = signerOf(1).address;
beforeAll(async () => {
  chain = await startTestChain();
  proxy = await startProxy(chain.url);
  client = await connectTo(proxy.url);
  emitter = await deployDirectly(chain, signerOf(0), compileEmitter());
});
afterAll(async () => {
  await proxy.close();
  await chain.close();
});

test("a call is judged at the block that is named, not at the newest", async () => {
  const before = await agreedHead(client);
  const call = sayOnceCall(emitter, 5n);
  await sendDirectly(chain, signerOf(0), call);
  expect(await simulate(client, from, call, before)).toEqual({ kind: "succeeds" });
  const after = await simulate(client, from, call, await agreedHead(client));
  expect(after.kind === "reverts" && describeRevert(emitterAbi, after.data)).toEqual({
    name: "Refused",
    args: { number: "5", reason: "twice" },
  });
});

test("a revert without data is a revert; an endpoint's failure is not", async () => {
  const head = await agreedHead(client);
  const unknownFunction = { to: emitter, data: "0x12345678" as const, value: 0n };
  expect(await simulate(client, from, unknownFunction, head)).toEqual({ kind: "reverts", data: "0x" });
  proxy.behave = (call, forward) =>
    call.method === "eth_call" ? Promise.resolve({ error: { code: -32_000, message: "header not found" } }) : forward();
  await expect(simulate(client, from, sayCall(emitter, 1n), head)).rejects.toMatchObject({ retry: true });
  proxy.behave = honest;
});

test.each([
  ["geth's", { code: 3, message: "execution reverted: unlucky", data: "0xdeadbeef" }, "0xdeadbeef"],
  ["a bare message", { code: -32_000, message: "execution reverted" }, "0x"],
])("%s way to say that a call reverts is understood", async (_, error, data) => {
  const head = await agreedHead(client);
  proxy.behave = (call, forward) => (call.method === "eth_call" ? Promise.resolve({ error }) : forward());
  expect(await simulate(client, from, sayCall(emitter, 1n), head)).toEqual({ kind: "reverts", data });
  proxy.behave = honest;
});

test("gas is estimated at the block; zero says that the call reverts there", async () => {
  const head = await agreedHead(client);
  const gas = await estimateGas(client, from, sayCall(emitter, 1n, 3n), head);
  expect(gas).toBeGreaterThan(21_000n);
  expect(await estimateGas(client, from, sayCall(emitter, 1n), head)).toBeLessThan(gas);
  expect(await estimateGas(client, from, sayCall(emitter, 13n), head)).toBe(0n);
});
