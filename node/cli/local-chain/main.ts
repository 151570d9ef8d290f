// The local chain as a process of its own: `node node/cli/local-chain/main.ts --data-dir … --port … --fund 0x…`.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { getAddress, parseEther } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { startLocalChain, type LocalChainOptions } from "./start.ts";

const usage = `Usage: local-chain --data-dir <folder> [options]
  --port <n>               port on 127.0.0.1 (default 8545; 0 takes a free one)
  --chain-id <n>           default 31337
  --fund <address>         account that begins with funds; may be repeated
  --mnemonic-file <path>   funds the first accounts of the mnemonic in this file
  --accounts <n>           how many of them (default 10)
  --balance-ether <n>      what each account begins with (default 1000000)
  --test-mode              also answers methods no real chain has
  --no-heartbeat           mines no empty blocks
  --exit-with-parent       ends when standard input ends
`;

const lowerCase = (address: string): Hex => getAddress(address).toLowerCase() as Hex;

async function mnemonicAddresses(path: string, count: number): Promise<readonly Hex[]> {
  const mnemonic = (await readFile(path, "utf8")).trim();
  return Array.from({ length: count }, (_, addressIndex) =>
    lowerCase(mnemonicToAccount(mnemonic, { addressIndex }).address),
  );
}

async function readOptions(
  args: readonly string[],
): Promise<{ options: LocalChainOptions; exitWithParent: boolean } | undefined> {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      "data-dir": { type: "string" },
      port: { type: "string", default: "8545" },
      "chain-id": { type: "string", default: "31337" },
      fund: { type: "string", multiple: true, default: [] },
      "mnemonic-file": { type: "string" },
      accounts: { type: "string", default: "10" },
      "balance-ether": { type: "string", default: "1000000" },
      "test-mode": { type: "boolean", default: false },
      heartbeat: { type: "boolean" },
      "exit-with-parent": { type: "boolean", default: false },
    },
  });
  const dataDir = values["data-dir"];
  if (dataDir === undefined) return undefined;
  const mnemonicFile = values["mnemonic-file"];
  const derived = mnemonicFile === undefined ? [] : await mnemonicAddresses(mnemonicFile, Number(values.accounts));
  return {
    exitWithParent: values["exit-with-parent"],
    options: {
      dataDir,
      port: Number(values.port),
      chainId: Number(values["chain-id"]),
      fundedAddresses: [...values.fund.map(lowerCase), ...derived],
      balanceWei: parseEther(values["balance-ether"]),
      testMode: values["test-mode"],
      ...(values.heartbeat === undefined ? {} : { heartbeat: values.heartbeat }),
    },
  };
}

async function main(): Promise<void> {
  const read = await readOptions(process.argv.slice(2));
  if (read === undefined) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const chain = await startLocalChain(read.options);
  // One line for the process that started this one; the port may have been chosen just now.
  process.stdout.write(`${JSON.stringify({ ready: true, url: chain.url, chainId: chain.chainId })}\n`);
  const end = (): void => {
    chain.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  if (read.exitWithParent) {
    process.stdin.once("end", end);
    process.stdin.resume();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
