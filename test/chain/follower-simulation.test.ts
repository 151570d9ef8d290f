// Random histories with forks and faults: whatever happened, what is stored in the end is what the chain says.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectChain } from "#chain/client.ts";
import { decodeEvents } from "#chain/contract-events.ts";
import { followOnce, type FollowSource } from "#chain/follower.ts";
import { followCheckpoints } from "#chain/limits.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { compileEmitter, emitterAbi, emitterTopics, sayCall } from "./support/emitter.ts";
import { newReader, store } from "./support/following.ts";
import { away, honest, lying, startProxy, type Interference, type Proxy } from "./support/proxy.ts";
import {
  deployDirectly,
  sendDirectly,
  signerOf,
  startTestChain,
  testChainId,
  type TestChain,
} from "./support/test-chain.ts";

let chain: TestChain;
let proxies: readonly Proxy[];
let code: Hex;
beforeAll(async () => {
  code = compileEmitter();
  chain = await startTestChain();
  proxies = [await startProxy(chain.url), await startProxy(chain.url), await startProxy(chain.url)];
});
afterAll(async () => {
  for (const proxy of proxies) await proxy.close();
  await chain.close();
});

type Act =
  | { readonly kind: "say"; readonly times: number }
  | { readonly kind: "mine"; readonly blocks: number }
  | { readonly kind: "remember" }
  | { readonly kind: "fork"; readonly blocks: number }
  | { readonly kind: "behave"; readonly endpoint: number; readonly how: keyof typeof behaviours }
  | { readonly kind: "follow" };

const half: Interference = async (call, forward) => {
  const reply = await forward();
  if (call.method !== "eth_getLogs" || !Array.isArray(reply.result)) return reply;
  return { result: reply.result.slice(0, Math.floor(reply.result.length / 2)) };
};

const behaviours = { honest, away, empty: lying("eth_getLogs", []), half, low: lying("eth_blockNumber", "0x1") };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("say" as const), times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("mine" as const), blocks: fc.integer({ min: 1, max: 70 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remember" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("fork" as const), blocks: fc.integer({ min: 0, max: 4 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("behave" as const),
      endpoint: fc.integer({ min: 0, max: 2 }),
      how: fc.constantFrom(...(Object.keys(behaviours) as (keyof typeof behaviours)[])),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("follow" as const) }) },
);

async function play(acts: readonly Act[]): Promise<void> {
  for (const proxy of proxies) proxy.behave = honest;
  const emitter = await deployDirectly(chain, signerOf(0), code);
  const deploymentBlock = await chain.client.getBlockNumber();
  const source: FollowSource = { address: emitter, topics: emitterTopics, deploymentBlock, confirmations: 0n };
  const client = await connectChain({
    endpoints: proxies.map(({ url }) => url),
    chainId: testChainId,
    timeoutMs: 2_000,
  });
  const reader = newReader();
  const step = async (): Promise<string> => {
    const taken = await followOnce(client, source, reader.cursors.slice(0, followCheckpoints));
    store(reader, taken);
    return taken.kind;
  };
  const snapshots: unknown[] = [];
  let number = 0n;
  for (const each of acts) {
    if (each.kind === "say")
      await sendDirectly(chain, signerOf(0), sayCall(emitter, (number += 20n), BigInt(each.times)));
    if (each.kind === "mine") await chain.mine(each.blocks);
    if (each.kind === "remember") snapshots.push(await chain.rpc("evm_snapshot"));
    if (each.kind === "behave") (proxies[each.endpoint] as Proxy).behave = behaviours[each.how];
    if (each.kind === "fork" && snapshots.length > 0) {
      await chain.rpc("evm_revert", snapshots.pop());
      await chain.mine(each.blocks);
    }
    if (each.kind === "follow") {
      await step().catch((error: unknown) => expect(error).toMatchObject({ retry: true }));
    }
  }
  for (const proxy of proxies) proxy.behave = honest;
  // Whatever fork was left behind must be outgrown for it to be told from a lagging endpoint.
  await chain.mine(5);
  let last = "";
  for (let steps = 0; last !== "idle"; steps++) {
    if (steps > 100) throw new Error(`still at "${last}"`);
    if (last === "behind") await chain.mine(20);
    last = await step();
  }
  const truth = await chain.client.getContractEvents({
    address: emitter,
    abi: emitterAbi,
    eventName: "Said",
    fromBlock: deploymentBlock,
  });
  const said = decodeEvents(emitterAbi, reader.events).flatMap((event) =>
    event.eventName === "Said" ? [event.args] : [],
  );
  expect(said).toEqual(truth.map(({ args }) => args));
  expect(reader.events.map(({ blockHash, logIndex }) => [blockHash, logIndex])).toEqual(
    truth.map(({ blockHash, logIndex }) => [blockHash, logIndex]),
  );
}

test("through forks and faulty endpoints, what is stored in the end is exactly the chain's history", async () => {
  await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 30 }), play), { numRuns: 25 });
});
