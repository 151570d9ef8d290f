// What the tests of sending share: a chain behind three proxies, a fresh contract and account, a submitter with a clock moved by hand.
import { generatePrivateKey } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { ChainClient } from "#chain/client.ts";
import { localKey } from "#chain/local-key.ts";
import type { Signer } from "#chain/signer.ts";
import type { Progress, Submission, Submitter } from "#chain/submitter.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { compileEmitter, emitterAbi } from "./emitter.ts";
import { memoryJournal, type MemoryJournal } from "./memory-journal.ts";
import { honest, startProxy, type Interference, type Proxy } from "./proxy.ts";
import { connectTo, deployDirectly, signerOf, startTestChain, type TestChain } from "./test-chain.ts";

export type TestSubmitter = Submitter & { readonly journal: MemoryJournal; readonly pass: (seconds: number) => void };

export function testSubmitter(
  chain: ChainClient,
  signer: Signer,
  changes: { readonly policy?: Partial<Submitter["policy"]>; readonly journal?: MemoryJournal } = {},
): TestSubmitter {
  let nowSeconds = 1_000;
  return {
    chain,
    signer,
    journal: changes.journal ?? memoryJournal(),
    policy: {
      confirmations: 1n,
      replaceAfterSeconds: 60,
      ceiling: { maxFeePerGas: 10n ** 12n, firstPriorityFeePerGas: 10n ** 11n },
      gasLimitCeiling: 10_000_000n,
      ...changes.policy,
    },
    nowSeconds: () => nowSeconds,
    pass: (seconds) => {
      nowSeconds += seconds;
    },
  };
}

/** What a test of sending works with; emitter and signer are new for each test, so that nonces tell what was consumed. */
export type Sending = {
  chain: TestChain;
  proxies: readonly [Proxy, Proxy, Proxy];
  /** A client of all three proxies. */
  three: ChainClient;
  code: Hex;
  emitter: Hex;
  signer: Signer;
};

/** Sets up and tears down a {@link Sending} for a test file; its fields are there once a test runs. */
export function useSending(): Sending {
  const sending = {} as Sending;
  beforeAll(async () => {
    sending.code = compileEmitter();
    sending.chain = await startTestChain();
    const { url } = sending.chain;
    sending.proxies = [await startProxy(url), await startProxy(url), await startProxy(url)];
  });
  beforeEach(async () => {
    sending.emitter = await deployDirectly(sending.chain, signerOf(0), sending.code);
    sending.signer = localKey(generatePrivateKey());
    await sending.chain.rpc("hardhat_setBalance", sending.signer.address, "0xde0b6b3a7640000");
    sending.three = await connectTo(...sending.proxies.map((proxy) => proxy.url));
  });
  afterEach(async () => {
    everywhere(sending, honest);
    await sending.chain.rpc("evm_setAutomine", true);
  });
  afterAll(async () => {
    for (const proxy of sending.proxies) await proxy.close();
    await sending.chain.close();
  });
  return sending;
}

/** Makes all three endpoints behave in one way. */
export function everywhere({ proxies }: Sending, behaviour: Interference): void {
  for (const proxy of proxies) proxy.behave = behaviour;
}

export const nonceOf = ({ chain }: Sending, account: Signer): Promise<number> =>
  chain.client.getTransactionCount({ address: account.address });

/** How many events the contract has emitted: how often intents were carried out. */
export const said = ({ chain, emitter }: Sending): Promise<bigint> =>
  chain.client.readContract({ address: emitter, abi: emitterAbi, functionName: "sequence" });

export function progressOf(submission: Submission): Progress {
  if (submission.kind !== "tracked") throw new Error(submission.kind);
  return submission.progress;
}

/** What a record carried out without a revert matches. */
export const settled = { outcome: { kind: "mined", reverted: false } };
