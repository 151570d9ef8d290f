// The local chain as a process: killed and started again, funded, ended with its parent.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createPublicClient, http, type PublicClient } from "viem";
import { mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Hex } from "#protocol/schemas/primitives.ts";

const entry = fileURLToPath(new URL("../../../node/cli/local-chain/main.ts", import.meta.url));
const account = privateKeyToAccount(`0x${"11".repeat(32)}`);

let dataDir = "";
let children: ChildProcess[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "scs-local-"));
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await rm(dataDir, { recursive: true, force: true });
});

type Started = { readonly child: ChildProcess; readonly client: PublicClient };

async function start(args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [entry, "--data-dir", dataDir, "--port", "0", ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return { child, client: createPublicClient({ transport: http(url, { retryCount: 0 }), cacheTime: 0 }) };
}

const transfer = (nonce: number): Promise<Hex> =>
  account.signTransaction({
    type: "eip1559",
    chainId: 31_337,
    nonce,
    to: "0x000000000000000000000000000000000000dead",
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
  });

/** Sends transfers until the process is gone; returns the hashes it acknowledged. */
async function sendUntilKilled(client: PublicClient, firstNonce: number): Promise<readonly Hex[]> {
  const acknowledged: Hex[] = [];
  for (let nonce = firstNonce; ; nonce++) {
    const serializedTransaction = await transfer(nonce);
    try {
      acknowledged.push(await client.sendRawTransaction({ serializedTransaction }));
    } catch {
      return acknowledged;
    }
  }
}

test("killed at five moments, it comes back with every acknowledged transaction and every block it showed", async () => {
  const args = ["--fund", account.address, "--no-heartbeat"];
  const known = new Map<Hex, Hex>();
  for (const delayMilliseconds of [3, 40, 110, 7, 75]) {
    const { child, client } = await start(args);
    const firstNonce = await client.getTransactionCount({ address: account.address });
    for (const [hash, blockHash] of known) {
      expect(await client.getTransactionReceipt({ hash })).toMatchObject({ blockHash, status: "success" });
    }
    const sending = sendUntilKilled(client, firstNonce);
    setTimeout(() => child.kill("SIGKILL"), delayMilliseconds);
    const acknowledged = await sending;
    const { client: after, child: again } = await start(args);
    for (const hash of acknowledged) {
      known.set(hash, (await after.getTransactionReceipt({ hash })).blockHash);
    }
    const head = await after.getBlock();
    again.kill("SIGKILL");
    await once(again, "exit");
    const { client: last, child: third } = await start(args);
    expect((await last.getBlock()).hash).toBe(head.hash);
    third.kill("SIGTERM");
    expect(await once(third, "exit")).toEqual([0, null]);
  }
  expect(known.size).toBeGreaterThan(0);
});

test("funds the accounts of a mnemonic, and ends with its parent's input", async () => {
  const mnemonic = "test test test test test test test test test test test junk";
  const file = join(dataDir, "mnemonic.txt");
  await writeFile(file, `${mnemonic}\n`);
  const args = ["--mnemonic-file", file, "--accounts", "2", "--balance-ether", "5", "--exit-with-parent"];
  const { child, client } = await start([...args, "--chain-id", "99"]);
  expect(await client.getChainId()).toBe(99);
  const balances = [0, 1, 2].map((addressIndex) =>
    client.getBalance({ address: mnemonicToAccount(mnemonic, { addressIndex }).address }),
  );
  expect(await Promise.all(balances)).toEqual([5n * 10n ** 18n, 5n * 10n ** 18n, 0n]);
  child.stdin?.end();
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("without a folder it says how to use it", async () => {
  const child = spawn(process.execPath, [entry], { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  const [text] = (await once(child.stderr, "data")) as [Buffer];
  expect(text.toString()).toMatch(/^Usage: local-chain --data-dir/);
  expect(await once(child, "exit")).toEqual([2, null]);
});
