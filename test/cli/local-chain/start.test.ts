// The running local chain: its HTTP side, its heartbeat, its port.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { heartbeatSeconds, startLocalChain, type RunningLocalChain } from "#cli/local-chain/start.ts";

const account = privateKeyToAccount(`0x${"11".repeat(32)}`);
const fundedAddresses: readonly Hex[] = [account.address.toLowerCase() as Hex];

let dataDir = "";
let running: RunningLocalChain[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "scs-local-"));
});
afterEach(async () => {
  for (const chain of running) await chain.close();
  running = [];
  await rm(dataDir, { recursive: true, force: true });
});

test("viem talks to it: funds, a transfer, its receipt", async () => {
  const chain = await startLocalChain({ dataDir, port: 0, chainId: 1_337, fundedAddresses });
  running.push(chain);
  const client = createPublicClient({ transport: http(chain.url) });
  expect(await client.getChainId()).toBe(1_337);
  expect(await client.getBalance({ address: account.address })).toBe(10n ** 24n);
  const serializedTransaction = await account.signTransaction({
    type: "eip1559",
    chainId: 1_337,
    nonce: 0,
    to: account.address,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
  });
  const hash = await client.sendRawTransaction({ serializedTransaction });
  expect(await client.getTransactionReceipt({ hash })).toMatchObject({ status: "success" });
});

test("empty blocks are mined while it is quiet, so that confirmations come", async () => {
  let clockSeconds = 1_700_000_000;
  const nowSeconds = (): number => clockSeconds;
  const chain = await startLocalChain({ dataDir, port: 0, chainId: 1, fundedAddresses, nowSeconds });
  running.push(chain);
  const client = createPublicClient({ transport: http(chain.url), cacheTime: 0 });
  clockSeconds += 100;
  await expect.poll(() => client.getBlockNumber(), { timeout: 30_000 }).toBeGreaterThan(0n);
});

test("a second process cannot take the port", async () => {
  const first = await startLocalChain({ dataDir, port: 0, chainId: 1, fundedAddresses });
  running.push(first);
  await expect(startLocalChain({ dataDir, port: first.port, chainId: 1, fundedAddresses })).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

test("the heartbeat slows down with the quiet, by a sixteenth of it, and never stops", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (quietSeconds) => {
      const seconds = heartbeatSeconds(quietSeconds);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(Math.max(1, quietSeconds / 16));
      expect(seconds).toBeLessThanOrEqual(600);
      expect(heartbeatSeconds(quietSeconds + 1)).toBeGreaterThanOrEqual(seconds);
    }),
  );
});
