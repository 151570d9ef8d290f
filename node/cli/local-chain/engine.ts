// The EVM behind the local chain: Hardhat's in-process network, begun from a fixed genesis so that blocks repeat exactly.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import { numberToHex } from "viem";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Genesis } from "./request-log.ts";

/** An in-process EVM that answers JSON-RPC methods. `request` rejects with the RPC error of the method. */
export type Engine = {
  readonly request: (method: string, params: readonly unknown[]) => Promise<unknown>;
  readonly close: () => Promise<void>;
};

/** The head of the chain, as far as the local chain itself needs it. */
export type EngineHead = { readonly number: bigint; readonly hash: Hex; readonly timestampSeconds: number };

const projectRoot = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * Starts an EVM at `genesis`. Two engines with equal genesis that get equal requests in equal order, each block with
 * its timestamp given, make equal blocks, hashes included (fees, mixHash and the beacon root are seeded by the engine).
 */
export async function createEngine(genesis: Genesis): Promise<Engine> {
  // Hardhat reports its use to its makers unless told not to; a settlement node talks to nobody on its own.
  process.env["HARDHAT_DISABLE_TELEMETRY"] = "true";
  const hre = await createHardhatRuntimeEnvironment(
    {
      // No build artifacts are wanted: they would be loaded for stack traces and only cost time.
      paths: { artifacts: join(projectRoot, "node_modules", ".cache", "local-chain") },
      networks: {
        localchain: {
          type: "edr-simulated",
          chainType: "l1",
          chainId: genesis.chainId,
          hardfork: genesis.hardfork,
          initialDate: new Date(genesis.timestampSeconds * 1000),
          accounts: [],
          mining: { auto: true, interval: 0 },
          // As on a real chain: a transaction that reverts is mined, and its receipt says so.
          throwOnTransactionFailures: false,
        },
      },
    },
    {},
    projectRoot,
  );
  const { provider } = await hre.network.create("localchain");
  for (const address of genesis.fundedAddresses) {
    await provider.request({
      method: "hardhat_setBalance",
      params: [address, numberToHex(BigInt(genesis.balanceWei))],
    });
  }
  return {
    request: async (method, params): Promise<unknown> => provider.request({ method, params }),
    close: () => provider.close(),
  };
}

/** Reads the engine's newest block. */
export async function readHead(engine: Engine): Promise<EngineHead> {
  const block = (await engine.request("eth_getBlockByNumber", ["latest", false])) as {
    readonly number: Hex;
    readonly hash: Hex;
    readonly timestamp: Hex;
  };
  return { number: BigInt(block.number), hash: block.hash, timestampSeconds: Number(block.timestamp) };
}
