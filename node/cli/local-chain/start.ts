// Starts the persistent local chain with its HTTP server and its heartbeat.
import { mkdir } from "node:fs/promises";
import { parseEther } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { LocalChain } from "./chain.ts";
import { listenRpc } from "./http-server.ts";

/** Settings of {@link startLocalChain}. */
export type LocalChainOptions = {
  /** Folder of the chain's one file; created when absent. */
  readonly dataDir: string;
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly chainId: number;
  /** Accounts that exist with `balanceWei` from the first block on; lower-case addresses. */
  readonly fundedAddresses: readonly Hex[];
  /** Default: one million ether each. */
  readonly balanceWei?: bigint;
  /** Also answers methods no real chain has: impersonation, balances out of nothing, snapshots. Default: false. */
  readonly testMode?: boolean;
  /** Mines empty blocks so that time and confirmations pass without transactions. Default: true outside test mode. */
  readonly heartbeat?: boolean;
  /** The machine's clock, in seconds since 1970. */
  readonly nowSeconds?: () => number;
};

/** A running local chain. */
export type RunningLocalChain = {
  readonly url: string;
  readonly port: number;
  readonly chainId: number;
  readonly close: () => Promise<void>;
};

const HARDFORK = "prague";
const DEFAULT_BALANCE_WEI = parseEther("1000000");
/** How much of the quiet time behind it the next empty block may wait. */
const QUIET_FRACTION = 16;
const MAX_HEARTBEAT_SECONDS = 600;

/**
 * Seconds between empty blocks. A second while something happens, then ever longer: whoever waits for a time after the
 * last transaction sees it pass at most a sixteenth late, and a quiet day costs under two hundred blocks to repeat.
 */
export function heartbeatSeconds(quietSeconds: number): number {
  return Math.min(MAX_HEARTBEAT_SECONDS, Math.max(1, Math.floor(quietSeconds / QUIET_FRACTION)));
}

function beginHeartbeat(chain: LocalChain): () => void {
  let busy = false;
  const beat = async (): Promise<void> => {
    const ageSeconds = chain.nowSeconds - chain.head.timestampSeconds;
    if (busy || ageSeconds < heartbeatSeconds(chain.secondsSinceTransaction)) return;
    busy = true;
    // A failed append (a full disk) is reported to whoever sends the next transaction; the beat goes on.
    await chain.request("evm_mine", []).catch(() => undefined);
    busy = false;
  };
  const timer = setInterval(() => void beat(), 1_000);
  return () => clearInterval(timer);
}

/**
 * Starts (or continues) the local chain kept in `dataDir` and answers JSON-RPC on 127.0.0.1. Every change is on the
 * disk before it is answered; after a crash the same blocks, hashes included, are there again.
 * Throws INTERNAL_CONFIGURATION when the folder's chain was begun with other settings, INTERNAL_OBJECT_CORRUPT when its
 * file is damaged.
 */
export async function startLocalChain(options: LocalChainOptions): Promise<RunningLocalChain> {
  const nowSeconds = options.nowSeconds ?? ((): number => Math.floor(Date.now() / 1000));
  await mkdir(options.dataDir, { recursive: true });
  let opened: Promise<LocalChain> | undefined;
  // The port first: a second process on the same port stops here, before it touches the file.
  const server = await listenRpc(options.port, async (method, params) => {
    const chain = await opened;
    if (chain === undefined) throw new Error("the chain is starting");
    return chain.request(method, params);
  });
  try {
    opened = LocalChain.open({
      dataDir: options.dataDir,
      testMode: options.testMode ?? false,
      nowSeconds,
      genesis: {
        version: 1,
        chainId: options.chainId,
        timestampSeconds: nowSeconds(),
        hardfork: HARDFORK,
        fundedAddresses: options.fundedAddresses,
        balanceWei: (options.balanceWei ?? DEFAULT_BALANCE_WEI).toString(),
      },
    });
    const chain = await opened;
    const endHeartbeat =
      (options.heartbeat ?? options.testMode !== true) ? beginHeartbeat(chain) : (): void => undefined;
    const close = async (): Promise<void> => {
      endHeartbeat();
      await server.close();
      await chain.close();
    };
    return { url: `http://127.0.0.1:${server.port}`, port: server.port, chainId: options.chainId, close };
  } catch (error) {
    await server.close();
    throw error;
  }
}
