// The local chain as a child process: it ends with its parent, and a new parent starts it again where it stood.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";

/** A running local chain. `stop` ends it in order. */
export type ChainProcess = { readonly url: string; readonly stop: () => Promise<void> };

const entry = fileURLToPath(new URL("../local-chain/main.ts", import.meta.url));

/** A chain whose parent was killed needs a moment to end and to give its folder free. */
const startTries = 20;
const startPauseMilliseconds = 500;

/** Starts the local chain of a data folder. @throws ProtocolError SETTLEMENT_CHAIN_UNREACHABLE if it does not come up */
export async function startChainProcess(options: {
  readonly dataDir: string;
  readonly port: number;
  readonly chainId: number;
  readonly fundedAddresses: readonly Hex[];
}): Promise<ChainProcess> {
  let reason = "";
  for (let attempt = 0; attempt < startTries; attempt++) {
    const started = await startOnce(options);
    if (typeof started === "object") return started;
    reason = started;
    await pause(startPauseMilliseconds);
  }
  throw new ProtocolError("SETTLEMENT_CHAIN_UNREACHABLE", { reason });
}

async function startOnce(options: {
  readonly dataDir: string;
  readonly port: number;
  readonly chainId: number;
  readonly fundedAddresses: readonly Hex[];
}): Promise<ChainProcess | string> {
  const { dataDir, port, chainId, fundedAddresses } = options;
  const funds = fundedAddresses.flatMap((address) => ["--fund", address]);
  const folder = join(dataDir, "chain");
  const named = ["--data-dir", folder, "--port", String(port), "--chain-id", String(chainId), "--exit-with-parent"];
  const child = spawn(process.execPath, [entry, ...named, ...funds], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2_000)));
  const exited = once(child, "exit");
  const firstLine = once(createInterface({ input: child.stdout }), "line");
  const [line] = (await Promise.race([firstLine, exited.then(() => [null])])) as [unknown];
  if (typeof line !== "string") return errors.trim() === "" ? "the local chain ended at once" : errors.trim();
  const { url } = JSON.parse(line) as { url: string };
  const stop = async () => {
    child.stdin.end();
    await exited;
  };
  return { url, stop };
}
