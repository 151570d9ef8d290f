// Following a contract on a real chain through lies, gaps and outages.
import { expect, test } from "vitest";
import { followOnce, readPosition, type FollowSource } from "#chain/follower.ts";
import { follow, newReader, numbers, say, useFollowing } from "./support/following.ts";
import { away, honest, lying, type Interference } from "./support/proxy.ts";
import { connectTo } from "./support/test-chain.ts";

const following = useFollowing();

const editLogs =
  (edit: (logs: readonly Record<string, unknown>[]) => readonly unknown[]): Interference =>
  async (call, forward) => {
    const reply = await forward();
    return call.method === "eth_getLogs" ? { result: edit(reply.result as Record<string, unknown>[]) } : reply;
  };

test("follows from the contract's first block, step by step, and says when there is nothing new", async () => {
  const reader = newReader();
  await say(following, 1n, 3n);
  await say(following, 2n);
  expect(await follow(following, reader)).toMatchObject({
    kind: "advance",
    events: { length: 4 },
    cursor: { sequence: 4n },
  });
  expect(await follow(following, reader)).toEqual({ kind: "idle" });
  await following.chain.mine(3);
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: [], cursor: { sequence: 4n } });
  await say(following, 5n);
  await follow(following, reader);
  expect(numbers(reader)).toEqual([1n, 1n, 1n, 2n, 5n]);
  expect(reader.events.map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n, 5n]);
});

test("events in blocks without enough confirmations are left for later", async () => {
  const reader = newReader();
  const deep = { ...following.source, confirmations: 3n };
  await following.chain.mine(4);
  await say(following, 1n);
  await follow(following, reader, following.three, deep);
  expect(reader.events).toEqual([]);
  await following.chain.mine(3);
  await follow(following, reader, following.three, deep);
  expect(numbers(reader)).toEqual([1n]);
});

test("an empty answer is not 'no events': the counter gives it away, and another endpoint is asked", async () => {
  const reader = newReader();
  await say(following, 1n);
  const empty = lying("eth_getLogs", []);
  following.proxies[0].behave = empty;
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: { length: 1 } });
  await say(following, 2n);
  for (const proxy of following.proxies) proxy.behave = empty;
  const before = structuredClone(reader);
  expect(await follow(following, reader)).toEqual({ kind: "gap", at: { reason: "missing", sequence: 2n } });
  expect(reader).toEqual(before);
  following.proxies[2].behave = honest;
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: { length: 1 } });
  expect(numbers(reader)).toEqual([1n, 2n]);
});

test.each([
  ["leaves the middle out", editLogs((logs) => logs.toSpliced(1, 1)), { reason: "missing", sequence: 2n }],
  ["leaves the last out", editLogs((logs) => logs.slice(0, -1)), { reason: "missing", sequence: 3n }],
  ["says one twice", editLogs((logs) => [...logs, ...logs.slice(-1)]), { reason: "unexpected", sequence: 3n }],
  [
    "alters an amount",
    editLogs((logs) => logs.map((log) => ({ ...log, data: String(log["data"]).replace(/^0x./, "0xf") }))),
    { reason: "altered", sequence: 1n },
  ],
] as const)("an endpoint that %s is not believed", async (_, behaviour, at) => {
  const reader = newReader();
  await say(following, 1n, 3n);
  const alone = await connectTo(following.proxies[0].url);
  following.proxies[0].behave = behaviour;
  expect(await follow(following, reader, alone)).toEqual({ kind: "gap", at });
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: { length: 3 } });
});

test("events said to be in a block that is not there are not taken", async () => {
  const reader = newReader();
  await say(following, 1n);
  const alone = await connectTo(following.proxies[0].url);
  following.proxies[0].behave = editLogs((logs) => logs.map((log) => ({ ...log, blockHash: `0x${"ab".repeat(32)}` })));
  expect(await follow(following, reader, alone)).toEqual({ kind: "moved" });
  expect(reader.cursors).toEqual([]);
});

test("headers that do not link are not one chain, near the head and far from it", async () => {
  const reader = newReader();
  await say(following, 1n);
  await following.chain.mine(3);
  const alone = await connectTo(following.proxies[0].url);
  const target = await following.chain.client.getBlockNumber();
  const strange = (number: bigint, after: number): Interference => {
    let reads = 0;
    return async (call, forward) => {
      const reply = await forward();
      if (call.method !== "eth_getBlockByNumber" || BigInt(String(call.params[0])) !== number) return reply;
      reads += 1;
      if (reads <= after) return reply;
      const elsewhere = `0x${"ab".repeat(32)}`;
      return { result: { ...(reply.result as object), hash: elsewhere, parentHash: elsewhere } };
    };
  };
  following.proxies[0].behave = strange(target - 1n, 0);
  expect(await follow(following, reader, alone)).toEqual({ kind: "moved" });
  await following.chain.mine(200);
  // The target is read when it is chosen, and once more at the end.
  following.proxies[0].behave = strange(target + 200n, 1);
  expect(await follow(following, reader, alone)).toEqual({ kind: "moved" });
  following.proxies[0].behave = honest;
  expect(await follow(following, reader, alone)).toMatchObject({ kind: "advance", events: { length: 1 } });
});

test("a counter that one endpoint makes up is outvoted", async () => {
  const reader = newReader();
  await say(following, 1n);
  following.proxies[0].behave = lying("eth_call", `0x${"00".repeat(32)}`);
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: { length: 1 } });
});

test("a chain where the contract is not: foreign, and a height that is not reached yet: behind", async () => {
  const elsewhere: FollowSource = { ...following.source, address: "0x00000000000000000000000000000000000000aa" };
  await following.chain.mine();
  expect(await followOnce(following.three, elsewhere, [])).toEqual({ kind: "foreign" });
  const head = await following.chain.client.getBlockNumber();
  expect(await followOnce(following.three, { ...following.source, deploymentBlock: head + 5n }, [])).toEqual({
    kind: "behind",
  });
});

test("endpoints away: an error to try again, and nothing is stored", async () => {
  const reader = newReader();
  await say(following, 1n);
  for (const proxy of following.proxies) proxy.behave = away;
  await expect(follow(following, reader)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_UNREACHABLE", retry: true });
  for (const proxy of following.proxies) {
    proxy.behave = async (call, forward) => (call.method === "eth_getLogs" ? "break" : forward());
  }
  await expect(follow(following, reader)).rejects.toMatchObject({ code: "SETTLEMENT_CHAIN_UNREACHABLE" });
  for (const proxy of following.proxies) proxy.behave = honest;
  await follow(following, reader);
  expect(numbers(reader)).toEqual([1n]);
});

test("a long way behind, with an endpoint that takes few blocks at once, all is found", async () => {
  const reader = newReader();
  await following.chain.mine(300);
  await say(following, 1n);
  await following.chain.mine(300);
  await say(following, 2n);
  await following.chain.mine(200);
  let asked = 0;
  const narrow: Interference = async (call, forward) => {
    if (call.method !== "eth_getLogs") return forward();
    const [{ fromBlock, toBlock }] = call.params as readonly [{ fromBlock: string; toBlock: string }];
    asked += 1;
    if (Number(toBlock) - Number(fromBlock) < 100) return forward();
    return { error: { code: -32_005, message: "query exceeds the largest range of 100 blocks" } };
  };
  for (const proxy of following.proxies) proxy.behave = narrow;
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: { length: 2 } });
  expect(asked).toBeGreaterThan(8);
  expect(await follow(following, reader)).toEqual({ kind: "idle" });
  expect(numbers(reader)).toEqual([1n, 2n]);
});

test("the counter is read at the block that was asked for", async () => {
  const before = await following.chain.client.getBlock();
  await say(following, 1n, 2n);
  expect(await readPosition(following.three, following.emitter, before.hash)).toMatchObject({ sequence: 0n });
  expect(
    await readPosition(following.three, following.emitter, (await following.chain.client.getBlock()).hash),
  ).toMatchObject({ sequence: 2n });
});
