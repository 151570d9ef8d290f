// The local chain repeats its history block by block, and refuses what a real chain would not do.
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { LocalChain, type LocalChainSettings } from "#cli/local-chain/chain.ts";
import type { Genesis } from "#cli/local-chain/request-log.ts";

const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
const genesis: Genesis = {
  version: 1,
  chainId: 31_337,
  timestampSeconds: 1_700_000_000,
  hardfork: "prague",
  fundedAddresses: [account.address.toLowerCase() as Hex],
  balanceWei: (10n ** 24n).toString(),
};

let dataDir = "";
let clockSeconds = 0;
let open: LocalChain[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "scs-local-"));
  clockSeconds = 1_700_000_010;
});
afterEach(async () => {
  for (const chain of open) await chain.close();
  open = [];
  await rm(dataDir, { recursive: true, force: true });
});

async function openChain(settings: Partial<LocalChainSettings> = {}): Promise<LocalChain> {
  const chain = await LocalChain.open({
    dataDir,
    genesis,
    testMode: true,
    nowSeconds: () => clockSeconds,
    ...settings,
  });
  open.push(chain);
  return chain;
}

const transfer = (nonce: number, fields: { maxFeePerGas?: bigint; value?: bigint } = {}): Promise<Hex> =>
  account.signTransaction({
    type: "eip1559",
    chainId: genesis.chainId,
    nonce,
    to: "0x000000000000000000000000000000000000dead",
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
    ...fields,
  });

async function hashes(chain: LocalChain): Promise<readonly string[]> {
  const all: string[] = [];
  for (let number = 0n; number <= chain.head.number; number++) {
    const block = await chain.request("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);
    all.push((block as { hash: string }).hash);
  }
  return all;
}

/** Every kind of change, with refused ones and reads of the pending block in between. */
async function history(chain: LocalChain): Promise<void> {
  await chain.request("eth_sendRawTransaction", [await transfer(0)]);
  await chain.request("evm_increaseTime", [3_600]);
  await chain.request("eth_sendRawTransaction", [await transfer(1)]);
  clockSeconds += 7;
  await expect(chain.request("eth_sendRawTransaction", [await transfer(1)])).rejects.toThrow(/nonce/i);
  await expect(chain.request("eth_sendRawTransaction", [await transfer(9)])).rejects.toThrow(/nonce/i);
  await expect(chain.request("eth_sendRawTransaction", [await transfer(2, { maxFeePerGas: 1n })])).rejects.toThrow(
    /fee/i,
  );
  await expect(chain.request("eth_sendRawTransaction", [await transfer(2, { value: 10n ** 30n })])).rejects.toThrow(
    /funds/,
  );
  await expect(chain.request("eth_sendRawTransaction", ["0x02"])).rejects.toThrow(/too short/);
  await chain.request("eth_getBlockByNumber", ["pending", false]);
  await chain.request("evm_setNextBlockTimestamp", [1_700_010_000]);
  await chain.request("eth_call", [{ to: account.address }, "pending"]);
  await chain.request("eth_sendRawTransaction", [await transfer(2)]);
  await chain.request("hardhat_mine", ["0x5", "0xc"]);
  await chain.request("evm_mine", []);
  await chain.request("evm_mine", [1_700_020_000]);
  const snapshot = await chain.request("evm_snapshot", []);
  await chain.request("eth_sendRawTransaction", [await transfer(3)]);
  await chain.request("evm_revert", [snapshot]);
  await chain.request("evm_setAutomine", [false]);
  await chain.request("eth_sendRawTransaction", [await transfer(3, { value: 5n })]);
  await chain.request("eth_sendRawTransaction", [await transfer(4)]);
  await chain.request("evm_mine", []);
  await chain.request("evm_setAutomine", [true]);
  await chain.request("hardhat_setBalance", ["0x000000000000000000000000000000000000beef", "0x7"]);
  await chain.request("eth_sendRawTransaction", [await transfer(5)]);
}

test("a restart repeats every block, hash by hash, whatever the machine's clock says", async () => {
  const first = await openChain();
  await history(first);
  const before = await hashes(first);
  await first.close();
  open = [];
  clockSeconds += 86_400;
  const second = await openChain();
  expect(await hashes(second)).toEqual(before);
  expect(await second.request("eth_getBalance", ["0x000000000000000000000000000000000000beef", "latest"])).toBe("0x7");
  await second.request("eth_sendRawTransaction", [await transfer(6)]);
  expect(second.head.number).toBe(BigInt(before.length));
});

test("blocks carry the asked time, and time moved ahead stays ahead after a restart", async () => {
  const first = await openChain();
  await first.request("evm_setNextBlockTimestamp", ["0x6553F500"]);
  clockSeconds += 1;
  await first.request("eth_sendRawTransaction", [await transfer(0)]);
  expect(first.head.timestampSeconds).toBe(0x6553f500);
  await first.request("evm_increaseTime", [1_000_000]);
  const { nowSeconds } = first;
  await first.close();
  open = [];
  const second = await openChain();
  expect(second.nowSeconds).toBe(nowSeconds);
  const pending = (await second.request("eth_getBlockByNumber", ["pending", false])) as { timestamp: string };
  expect(Number(pending.timestamp)).toBeGreaterThanOrEqual(nowSeconds);
  await expect(second.request("evm_setNextBlockTimestamp", [5])).rejects.toMatchObject({ code: -32_602 });
});

test("a refused transaction leaves no line behind", async () => {
  const chain = await openChain({ testMode: false });
  await chain.request("eth_sendRawTransaction", [await transfer(0)]);
  const before = await readFile(join(dataDir, "local-chain.log"), "utf8");
  await expect(chain.request("eth_sendRawTransaction", [await transfer(0)])).rejects.toThrow(/nonce/i);
  expect(await readFile(join(dataDir, "local-chain.log"), "utf8")).toBe(before);
});

test("a change that cannot be written down does not happen", async () => {
  const chain = await openChain();
  await chain.request("eth_sendRawTransaction", [await transfer(0)]);
  const { head } = chain;
  await appendFile(join(dataDir, "local-chain.log"), "somebody else's line\n");
  await expect(chain.request("eth_sendRawTransaction", [await transfer(1)])).rejects.toMatchObject({
    code: "INTERNAL_OBJECT_CORRUPT",
  });
  await expect(chain.request("evm_mine", [])).rejects.toMatchObject({ code: "INTERNAL_OBJECT_CORRUPT" });
  expect(chain.head).toEqual(head);
  expect(await chain.request("eth_blockNumber", [])).toBe("0x1");
});

test("changes asked for at once are carried out one after the other", async () => {
  const chain = await openChain();
  const raws = await Promise.all(Array.from({ length: 20 }, (_, nonce) => transfer(nonce)));
  await Promise.all(raws.map((raw) => chain.request("eth_sendRawTransaction", [raw])));
  expect(chain.head.number).toBe(20n);
});

test.each(["hardhat_setBalance", "hardhat_impersonateAccount", "evm_revert", "evm_setAutomine", "eth_sendTransaction"])(
  "%s is refused outside test mode",
  async (method) => {
    const chain = await openChain({ testMode: false });
    await expect(chain.request(method, [])).rejects.toMatchObject({ code: -32_601 });
    expect(chain.head.number).toBe(0n);
  },
);

test.each(["hardhat_reset", "debug_setHead", "personal_sign", "eth_sign", ""])(
  "%s is never answered",
  async (method) => {
    const chain = await openChain();
    await expect(chain.request(method, [])).rejects.toMatchObject({ code: -32_601 });
  },
);

test("a folder begun with other settings is refused by name", async () => {
  await (await openChain()).close();
  open = [];
  await expect(openChain({ genesis: { ...genesis, chainId: 5 } })).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
    detail: { configured: 5, found: 31_337 },
  });
  const stranger: Hex = "0x000000000000000000000000000000000000beef";
  await expect(openChain({ genesis: { ...genesis, fundedAddresses: [stranger] } })).rejects.toMatchObject({
    code: "INTERNAL_CONFIGURATION",
    detail: { missing: [stranger] },
  });
});
