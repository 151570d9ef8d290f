// The node of the demo: `scs start` as a process of its own, as anybody would run it.
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Hex } from "#protocol/hash.ts";

/** What the node says when it is ready. */
export type Ready = {
  readonly url: string;
  readonly endpoints: readonly string[];
  readonly chainId: number;
  readonly token: Hex;
  readonly anchor: Hex;
  readonly treasury: Hex;
};

/** A running node; its log is in the data folder. `kill` ends it as a power cut would, and leaves what it started behind. */
export type NodeProcess = Ready & {
  readonly pid: number;
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
};

const entry = fileURLToPath(new URL("../scs.ts", import.meta.url));

/** Where the node of a data folder writes its log. */
export const logFile = (dataDir: string): string => join(dataDir, "node.log");

/** Starts a node on a data folder. @throws Error with the end of its log if it does not come up */
export async function startNodeProcess(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<NodeProcess> {
  const log = openSync(logFile(dataDir), "a", 0o600);
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SCS_")));
  const child = spawn(process.execPath, [entry, "start", "--json", "--exit-with-parent"], {
    env: { ...environment, ...settings, SCS_DATA_DIR: dataDir },
    stdio: ["pipe", "pipe", log],
  }) as ChildProcessByStdio<Writable, Readable, null>;
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, "line"), exited.then(() => [null])])) as [unknown];
  if (typeof line !== "string" || child.pid === undefined) {
    throw new Error(`the node did not start:\n${readFileSync(logFile(dataDir), "utf8").slice(-2_000)}`);
  }
  const stop = async () => {
    child.stdin.end();
    await exited;
  };
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return { ...(JSON.parse(line) as Ready), pid: child.pid, stop, kill };
}
