// Following a contract while blocks are replaced under it, and telling that from endpoints that lag.
import { expect, test } from "vitest";
import { follow, newReader, numbers, say, useFollowing } from "./support/following.ts";
import { lagging, type Interference } from "./support/proxy.ts";

const following = useFollowing();

test("a reorganization rolls back to the last common block and goes on along the new one", async () => {
  const reader = newReader();
  await say(following, 1n);
  await follow(following, reader);
  await following.chain.mine();
  await follow(following, reader);
  const fork = await following.chain.client.getBlockNumber();
  const snapshot = await following.chain.rpc("evm_snapshot");
  await say(following, 2n);
  await follow(following, reader);
  await say(following, 3n, 2n);
  await follow(following, reader);
  expect(numbers(reader)).toEqual([1n, 2n, 3n, 3n]);
  await following.chain.rpc("evm_revert", snapshot);
  await say(following, 4n);
  await say(following, 5n);
  await say(following, 6n);
  expect(await follow(following, reader)).toMatchObject({ kind: "rollback", toBlock: fork });
  expect(numbers(reader)).toEqual([1n]);
  await follow(following, reader);
  expect(numbers(reader)).toEqual([1n, 4n, 5n, 6n]);
});

test("a shorter chain is no reorganization yet: nothing is undone until another block stands there", async () => {
  const reader = newReader();
  await say(following, 1n);
  await follow(following, reader);
  const snapshot = await following.chain.rpc("evm_snapshot");
  await say(following, 2n);
  await follow(following, reader);
  await following.chain.rpc("evm_revert", snapshot);
  expect(await follow(following, reader)).toEqual({ kind: "behind" });
  expect(numbers(reader)).toEqual([1n, 2n]);
  await following.chain.mine();
  expect(await follow(following, reader)).toMatchObject({ kind: "rollback" });
  expect(numbers(reader)).toEqual([1n]);
});

test("endpoints that lag are waited for", async () => {
  const reader = newReader();
  await say(following, 1n);
  await follow(following, reader);
  const height = await following.chain.client.getBlockNumber();
  following.proxies[0].behave = lagging(height - 1n);
  await say(following, 2n);
  expect(await follow(following, reader)).toMatchObject({ kind: "advance", events: { length: 1 } });
  following.proxies[1].behave = lagging(height - 1n);
  expect(await follow(following, reader)).toEqual({ kind: "behind" });
  expect(numbers(reader)).toEqual([1n, 2n]);
});

test("a reorganization below everything stored rolls back to the beginning", async () => {
  const reader = newReader();
  const snapshot = await following.chain.rpc("evm_snapshot");
  await say(following, 1n);
  await follow(following, reader);
  await following.chain.rpc("evm_revert", snapshot);
  await say(following, 2n);
  expect(await follow(following, reader)).toEqual({
    kind: "rollback",
    toBlock: following.source.deploymentBlock - 1n,
    cursor: null,
  });
  await follow(following, reader);
  expect(numbers(reader)).toEqual([2n]);
});

test("a reorganization in the middle of a step leaves nothing half stored", async () => {
  const reader = newReader();
  await say(following, 1n);
  await follow(following, reader);
  const snapshot = await following.chain.rpc("evm_snapshot");
  await say(following, 2n);
  let turned = false;
  const turning: Interference = async (call, forward) => {
    const reply = await forward();
    if (call.method === "eth_getLogs" && !turned) {
      turned = true;
      await following.chain.rpc("evm_revert", snapshot);
      await say(following, 3n);
      await say(following, 4n);
    }
    return reply;
  };
  following.proxies[0].behave = turning;
  expect(await follow(following, reader)).toEqual({ kind: "moved" });
  for (let steps = 0; steps < 3; steps++) await follow(following, reader);
  expect(numbers(reader)).toEqual([1n, 3n, 4n]);
});
