// What the tests of following share: a chain behind three proxies, a fresh contract, and a reader that stores what it is told.
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { ChainClient } from "#chain/client.ts";
import { decodeEvents } from "#chain/contract-events.ts";
import type { ChainedLog } from "#chain/event-chain.ts";
import type { FollowCursor } from "#chain/follow-decision.ts";
import { followOnce, type FollowSource, type FollowStep } from "#chain/follower.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { compileEmitter, emitterAbi, emitterTopics, sayCall } from "./emitter.ts";
import { honest, startProxy, type Proxy } from "./proxy.ts";
import { connectTo, deployDirectly, sendDirectly, signerOf, startTestChain, type TestChain } from "./test-chain.ts";

/** What a test of following works with; the contract is new for each test. */
export type Following = {
  chain: TestChain;
  proxies: readonly [Proxy, Proxy, Proxy];
  /** A client of all three proxies. */
  three: ChainClient;
  code: Hex;
  emitter: Hex;
  source: FollowSource;
};

/** Sets up and tears down a {@link Following} for a test file; its fields are there once a test runs. */
export function useFollowing(): Following {
  const following = {} as Following;
  beforeAll(async () => {
    following.code = compileEmitter();
    following.chain = await startTestChain();
    const { url } = following.chain;
    following.proxies = [await startProxy(url), await startProxy(url), await startProxy(url)];
  });
  beforeEach(async () => {
    following.emitter = await deployDirectly(following.chain, signerOf(0), following.code);
    const deploymentBlock = await following.chain.client.getBlockNumber();
    following.source = { address: following.emitter, topics: emitterTopics, deploymentBlock, confirmations: 0n };
    following.three = await connectTo(...following.proxies.map((proxy) => proxy.url));
  });
  afterEach(() => {
    for (const proxy of following.proxies) proxy.behave = honest;
  });
  afterAll(async () => {
    for (const proxy of following.proxies) await proxy.close();
    await following.chain.close();
  });
  return following;
}

/** Makes the contract emit. */
export async function say({ chain, emitter }: Following, number: bigint, times = 1n): Promise<void> {
  await sendDirectly(chain, signerOf(0), sayCall(emitter, number, times));
}

/** What a caller keeps: events and cursors, written and rolled back together. */
export type Reader = { events: readonly ChainedLog[]; cursors: readonly FollowCursor[] };

export const newReader = (): Reader => ({ events: [], cursors: [] });

/** Does with a reader's store what a step says. */
export function store(reader: Reader, step: FollowStep): void {
  if (step.kind === "advance") {
    reader.events = [...reader.events, ...step.events];
    reader.cursors = [step.cursor, ...reader.cursors];
  }
  if (step.kind === "rollback") {
    reader.events = reader.events.filter((event) => event.blockNumber <= step.toBlock);
    reader.cursors = reader.cursors.filter((cursor) => cursor.blockNumber <= step.toBlock);
  }
}

/** One step, stored. */
export async function follow(
  following: Following,
  reader: Reader,
  client: ChainClient = following.three,
  source: FollowSource = following.source,
): Promise<FollowStep> {
  const step = await followOnce(client, source, reader.cursors);
  store(reader, step);
  return step;
}

/** What the reader holds, as the numbers that were said. */
export const numbers = (reader: Reader): readonly bigint[] =>
  decodeEvents(emitterAbi, reader.events).flatMap((event) => (event.eventName === "Said" ? [event.args.number] : []));
