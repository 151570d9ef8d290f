// The chain as the node sees it: several endpoints, one chain id, and reads that a quorum must agree on.
import assert from "node:assert";
import { BlockNotFoundError, type PublicClient } from "viem";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { majority, quorumReaches, tally, type Answer } from "./agreement.ts";
import { describeFailure, Endpoint } from "./endpoint.ts";
import { parallelReads } from "./limits.ts";

/** Settings of {@link connectChain}. */
export type ChainOptions = {
  /** http(s) addresses; each should be run by somebody else. */
  readonly endpoints: readonly string[];
  readonly chainId: number;
  /** Milliseconds one request may take. */
  readonly timeoutMs: number;
  /** Endpoints that must agree on what decides about money. Default: more than half. */
  readonly quorum?: number;
};

/** A chain to read from and send to. Made by {@link connectChain}. */
export type ChainClient = {
  readonly chainId: number;
  readonly endpoints: readonly Endpoint[];
  readonly quorum: number;
};

/** A block as the endpoints agree on it. */
export type AgreedBlock = {
  readonly number: bigint;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly timestampSeconds: number;
  readonly baseFeePerGas: bigint;
};

/** One endpoint as an operator wants to see it. */
export type EndpointHealth = {
  readonly label: string;
  readonly headNumber: bigint | null;
  readonly failure: string | null;
};

const isWrongChain = (error: unknown): error is ProtocolError =>
  error instanceof ProtocolError && error.code === "SETTLEMENT_CHAIN_ID_MISMATCH";

async function answerOf<T>(endpoint: Endpoint, read: (client: PublicClient) => Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: "value", value: await endpoint.ask(read) };
  } catch (error) {
    // Another chain behind a configured address is never outvoted: somebody must look at it.
    if (isWrongChain(error)) throw error;
    return { kind: "none", reason: `${endpoint.label}: ${describeFailure(error)}` };
  }
}

const reasonsOf = (answers: readonly Answer<unknown>[]): readonly string[] =>
  answers.flatMap((answer) => (answer.kind === "none" ? [answer.reason] : []));

function requireQuorum(answers: readonly Answer<unknown>[], quorum: number): void {
  const reasons = reasonsOf(answers);
  const answered = answers.length - reasons.length;
  if (answered < quorum) throw new ProtocolError("SETTLEMENT_CHAIN_UNREACHABLE", { answered, quorum, reasons });
}

/**
 * Connects to a chain. Throws SETTLEMENT_CHAIN_ID_MISMATCH when any endpoint answers for another chain (ANCH-05), and
 * SETTLEMENT_CHAIN_UNREACHABLE (retry) when fewer than the quorum answer. An endpoint that is away is checked when it
 * comes back.
 *
 * @example
 * const chain = await connectChain({ endpoints: ["http://127.0.0.1:8545"], chainId: 31337, timeoutMs: 5_000 });
 */
export async function connectChain(options: ChainOptions): Promise<ChainClient> {
  const { chainId, timeoutMs } = options;
  const quorum = options.quorum ?? majority(options.endpoints.length);
  assert(options.endpoints.length > 0, "a chain needs an endpoint");
  assert(quorum >= 1 && quorum <= options.endpoints.length, "the quorum lies between 1 and the number of endpoints");
  const endpoints = options.endpoints.map((url) => new Endpoint({ url, chainId, timeoutMs }));
  const answers = await Promise.all(endpoints.map((endpoint) => answerOf(endpoint, (client) => client.getChainId())));
  requireQuorum(answers, quorum);
  return { chainId, endpoints, quorum };
}

/** Asks every endpoint and waits for all of them; in the order of configuration. */
export function readEach<T>(
  chain: ChainClient,
  read: (client: PublicClient) => Promise<T>,
): Promise<readonly Answer<T>[]> {
  return Promise.all(chain.endpoints.map((endpoint) => answerOf(endpoint, read)));
}

/**
 * Asks all endpoints and returns what a quorum of them agrees on, as soon as it does. `read` must ask for something
 * that cannot change: name a block, by hash where that is possible. Throws SETTLEMENT_CHAIN_UNREACHABLE when too few
 * answer, SETTLEMENT_CHAIN_DISAGREES when they answer differently; both may pass (retry).
 */
export async function readAgreed<T>(chain: ChainClient, read: (client: PublicClient) => Promise<T>): Promise<T> {
  const answers: Answer<T>[] = [];
  const agreed = new Promise<T>((resolve, reject) => {
    const arrivals = chain.endpoints.map(async (endpoint) => {
      answers.push(await answerOf(endpoint, read));
      const result = tally(answers, chain.quorum);
      if (result.kind === "agreed") resolve(result.value);
    });
    Promise.all(arrivals).then(() => reject(new ProtocolError("SETTLEMENT_CHAIN_DISAGREES")), reject);
  });
  try {
    return await agreed;
  } catch (error) {
    if (isWrongChain(error)) throw error;
    requireQuorum(answers, chain.quorum);
    const result = tally(answers, chain.quorum);
    const distinct = result.kind === "disagree" ? result.distinct : 0;
    throw new ProtocolError("SETTLEMENT_CHAIN_DISAGREES", {
      distinct,
      quorum: chain.quorum,
      reasons: reasonsOf(answers),
    });
  }
}

/**
 * The block at a height as a quorum sees it; null when the chain does not reach that height. Throws as
 * {@link readAgreed}.
 */
export function agreedBlockAt(chain: ChainClient, number: bigint): Promise<AgreedBlock | null> {
  return readAgreed(chain, (client) => blockAt(client, number));
}

/** {@link agreedBlockAt} for several heights, in their order, a bounded number at once. */
export async function agreedBlocksAt(
  chain: ChainClient,
  numbers: readonly bigint[],
): Promise<readonly (AgreedBlock | null)[]> {
  const blocks: (AgreedBlock | null)[] = [];
  for (let start = 0; start < numbers.length; start += parallelReads) {
    const part = numbers.slice(start, start + parallelReads);
    blocks.push(...(await Promise.all(part.map((number) => agreedBlockAt(chain, number)))));
  }
  return blocks;
}

async function blockAt(client: PublicClient, number: bigint): Promise<AgreedBlock | null> {
  try {
    const block = await client.getBlock({ blockNumber: number });
    return {
      number: block.number,
      hash: block.hash,
      parentHash: block.parentHash,
      timestampSeconds: Number(block.timestamp),
      baseFeePerGas: block.baseFeePerGas ?? 0n,
    };
  } catch (error) {
    if (error instanceof BlockNotFoundError) return null;
    throw error;
  }
}

/**
 * Asks every endpoint for a number and returns the highest that a quorum reaches: for heights, tips and gas, where
 * endpoints differ honestly. Throws SETTLEMENT_CHAIN_UNREACHABLE when too few answer.
 */
export async function readReached(
  chain: ChainClient,
  read: (client: PublicClient) => Promise<bigint>,
): Promise<bigint> {
  const answers = await readEach(chain, read);
  requireQuorum(answers, chain.quorum);
  const reached = quorumReaches(
    answers.flatMap((answer) => (answer.kind === "value" ? [answer.value] : [])),
    chain.quorum,
  );
  assert(reached !== undefined);
  return reached;
}

/**
 * The newest block that a quorum has reached and agrees on, less `depth` blocks. One endpoint that runs ahead or lags does
 * not move it. Throws as {@link readAgreed}.
 */
export async function agreedHead(chain: ChainClient, depth = 0n): Promise<AgreedBlock> {
  const reached = await readReached(chain, (client) => client.getBlockNumber());
  const block = await agreedBlockAt(chain, reached > depth ? reached - depth : 0n);
  if (block === null) throw new ProtocolError("SETTLEMENT_CHAIN_DISAGREES", { reason: "a reached block is not found" });
  return block;
}

/** Asks every endpoint for its head, for readiness and operators; never throws but for a wrong chain id. */
export async function endpointHealth(chain: ChainClient): Promise<readonly EndpointHealth[]> {
  const answers = await readEach(chain, (client) => client.getBlockNumber());
  return chain.endpoints.map(({ label }, index) => {
    const answer = answers[index];
    if (answer?.kind === "value") return { label, headNumber: answer.value, failure: null };
    return { label, headNumber: null, failure: answer?.reason ?? "no answer" };
  });
}
