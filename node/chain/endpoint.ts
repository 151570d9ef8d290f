// One JSON-RPC endpoint: asked only while it is known to answer for the configured chain.
import {
  BaseError,
  createPublicClient,
  http,
  HttpRequestError,
  ResponseBodyTooLargeError,
  TimeoutError,
  type PublicClient,
} from "viem";
import { ProtocolError } from "#protocol/errors.ts";
import { answerBytesLimit } from "./limits.ts";

/** What an {@link Endpoint} is made of. */
export type EndpointOptions = { readonly url: string; readonly chainId: number; readonly timeoutMs: number };

const findCause = (error: unknown, matches: (cause: unknown) => boolean): boolean =>
  error instanceof BaseError ? error.walk(matches) !== null : matches(error);

/** Whether a request failed before the endpoint gave a JSON-RPC answer: it may or may not have been carried out. */
export function isUnreachable(error: unknown): boolean {
  return findCause(error, (cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError);
}

/** Whether an answer was refused for its size. */
export function isTooLarge(error: unknown): boolean {
  return findCause(error, (cause) => cause instanceof ResponseBodyTooLargeError);
}

/** An error in one line without the endpoint's address, whose path often holds a key. */
export function describeFailure(error: unknown): string {
  // Some of viem's errors come without details, whatever its types say.
  if (error instanceof BaseError) return error.details || error.shortMessage;
  return error instanceof Error ? error.message : "unknown failure";
}

/** A connection to one endpoint. Its chain id is checked before first use and again after every interruption. */
export class Endpoint {
  /** Host and port: what may be shown. */
  readonly label: string;
  readonly #client: PublicClient;
  readonly #chainId: number;
  #verified = false;

  constructor(options: EndpointOptions) {
    this.label = new URL(options.url).host;
    this.#chainId = options.chainId;
    // No retries in here: callers repeat whole steps, and a hidden retry would hide how long an endpoint was away.
    const transport = http(options.url, {
      timeout: options.timeoutMs,
      retryCount: 0,
      maxResponseBodySize: answerBytesLimit,
    });
    this.#client = createPublicClient({ transport, cacheTime: 0 });
  }

  /**
   * Asks this endpoint. Throws SETTLEMENT_CHAIN_ID_MISMATCH when it answers for another chain, else whatever `read`
   * throws.
   */
  async ask<T>(read: (client: PublicClient) => Promise<T>): Promise<T> {
    try {
      if (!this.#verified) await this.#verify();
      return await read(this.#client);
    } catch (error) {
      // Behind the same address may be another chain when it comes back.
      if (isUnreachable(error)) this.#verified = false;
      throw error;
    }
  }

  async #verify(): Promise<void> {
    const found = await this.#client.getChainId();
    if (found !== this.#chainId) {
      throw new ProtocolError("SETTLEMENT_CHAIN_ID_MISMATCH", {
        endpoint: this.label,
        expected: this.#chainId,
        found,
      });
    }
    this.#verified = true;
  }
}
