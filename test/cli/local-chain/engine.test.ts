// Two engines with one genesis and the same requests make the same blocks; another genesis makes others.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEngine, readHead, type Engine } from "#cli/local-chain/engine.ts";
import type { Genesis } from "#cli/local-chain/request-log.ts";

const genesis: Genesis = {
  version: 1,
  chainId: 31_337,
  timestampSeconds: 1_700_000_000,
  hardfork: "prague",
  fundedAddresses: ["0x00000000000000000000000000000000000000aa"],
  balanceWei: "12345",
};

let engines: readonly [Engine, Engine, Engine];
beforeAll(async () => {
  const other = { ...genesis, balanceWei: "1" };
  engines = [await createEngine(genesis), await createEngine(genesis), await createEngine(other)];
});
afterAll(async () => {
  for (const engine of engines) await engine.close();
});

test("equal genesis and equal timestamps give equal blocks", async () => {
  const heads = [];
  for (const engine of engines) {
    expect((await readHead(engine)).timestampSeconds).toBe(genesis.timestampSeconds);
    for (const timestamp of [1_700_000_005, 1_700_000_009]) {
      await engine.request("evm_setNextBlockTimestamp", [timestamp]);
      await engine.request("evm_mine", []);
    }
    heads.push(await readHead(engine));
  }
  expect(heads[0]).toMatchObject({ number: 2n, timestampSeconds: 1_700_000_009 });
  expect(heads[1]).toEqual(heads[0]);
  expect(heads[2]?.hash).not.toBe(heads[0]?.hash);
});

test("the funded accounts hold what they were given, and no account is unlocked", async () => {
  const [engine] = engines;
  expect(await engine.request("eth_getBalance", [genesis.fundedAddresses[0], "latest"])).toBe("0x3039");
  expect(await engine.request("eth_accounts", [])).toEqual([]);
  expect(await engine.request("eth_chainId", [])).toBe("0x7a69");
});
