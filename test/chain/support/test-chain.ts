// A real local chain in test mode, in this process, with funded keys and the means to make reorganizations.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicClient, http, type PublicClient } from "viem";
import { connectChain, type ChainClient } from "#chain/client.ts";
import { localKey } from "#chain/local-key.ts";
import type { Signer } from "#chain/signer.ts";
import { startLocalChain } from "#cli/local-chain/start.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

export const testChainId = 31_337;

/** Keys with funds; each test file begins with a chain of its own. */
export const keys: readonly Hex[] = ["11", "22", "33", "44", "55", "66", "77"].map(
  (byte): Hex => `0x${byte.repeat(32)}`,
);

export const signerOf = (index: number): Signer => localKey(keys[index] ?? "0x");

export type TestChain = {
  readonly url: string;
  readonly client: PublicClient;
  /** Any method of the chain, those of test mode included. */
  readonly rpc: (method: string, ...params: readonly unknown[]) => Promise<unknown>;
  /** Mines empty blocks. */
  readonly mine: (blocks?: number) => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startTestChain(chainId = testChainId): Promise<TestChain> {
  const dataDir = await mkdtemp(join(tmpdir(), "scs-chain-"));
  const fundedAddresses = keys.map((key) => localKey(key).address);
  const running = await startLocalChain({ dataDir, port: 0, chainId, fundedAddresses, testMode: true });
  const client = createPublicClient({ transport: http(running.url, { retryCount: 0 }), cacheTime: 0 });
  const rpc = (method: string, ...params: readonly unknown[]): Promise<unknown> =>
    client.request({ method, params } as Parameters<typeof client.request>[0]);
  const mine = async (blocks = 1): Promise<void> => {
    await rpc("hardhat_mine", blocks);
  };
  const close = async (): Promise<void> => {
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url: running.url, client, rpc, mine, close };
}

export const connectTo = (...endpoints: readonly string[]): Promise<ChainClient> =>
  connectChain({ endpoints, chainId: testChainId, timeoutMs: 2_000 });

/** Signs and sends a plain transaction directly, past everything under test; returns its hash. */
export async function sendDirectly(
  chain: TestChain,
  signer: Signer,
  transaction: { readonly to?: Hex | null; readonly data?: Hex; readonly value?: bigint; readonly nonce?: number },
): Promise<Hex> {
  const nonce = transaction.nonce ?? (await chain.client.getTransactionCount({ address: signer.address }));
  const serializedTransaction = await signer.signTransaction({
    type: "eip1559",
    chainId: testChainId,
    gas: 5_000_000n,
    maxFeePerGas: 10n ** 11n,
    maxPriorityFeePerGas: 10n ** 10n,
    ...transaction,
    nonce,
  });
  return chain.client.sendRawTransaction({ serializedTransaction });
}

/** Creates a contract directly; returns its address, lower-case. */
export async function deployDirectly(chain: TestChain, signer: Signer, code: Hex): Promise<Hex> {
  const hash = await sendDirectly(chain, signer, { data: code });
  const { contractAddress } = await chain.client.getTransactionReceipt({ hash });
  if (contractAddress === null || contractAddress === undefined) throw new Error("nothing was created");
  return contractAddress.toLowerCase() as Hex;
}
