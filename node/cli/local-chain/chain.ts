// The persistent local chain: every change is on the disk before it happens, and a restart repeats them all.
import { hexToNumber, isHex, numberToHex } from "viem";
import { ProtocolError } from "#protocol/errors.ts";
import { createEngine, readHead, type Engine, type EngineHead } from "./engine.ts";
import { methodKind } from "./methods.ts";
import { RequestLog, type Genesis, type LoggedRequest } from "./request-log.ts";

/** A JSON-RPC error, with the code clients expect. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

const INVALID_PARAMS = -32602;
const METHOD_REFUSED = -32601;
const LIMIT_EXCEEDED = -32005;

/** Changes waiting for their turn; more are refused rather than kept in memory. */
const MAX_WAITING_CHANGES = 1_000;
/** Blocks one hardhat_mine may ask for; each is mined and replayed singly. */
const MAX_MINED_BLOCKS = 10_000;

function readQuantity(value: unknown, name: string): number {
  const number = isHex(value) ? hexToNumber(value) : typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
    throw new RpcError(INVALID_PARAMS, `${name} must be a non-negative integer`);
  }
  return number;
}

/** Settings of {@link LocalChain.open}. `nowSeconds` is the machine's clock. */
export type LocalChainSettings = {
  readonly dataDir: string;
  readonly genesis: Genesis;
  readonly testMode: boolean;
  readonly nowSeconds: () => number;
};

/** A local EVM chain kept in a data folder. One process may have it open. */
export class LocalChain {
  readonly genesis: Genesis;
  readonly #engine: Engine;
  readonly #log: RequestLog;
  readonly #settings: LocalChainSettings;
  #head: EngineHead;
  #offsetSeconds = 0;
  #nextTimestampSeconds: number | undefined;
  #lastTransactionSeconds: number;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(parts: {
    engine: Engine;
    log: RequestLog;
    settings: LocalChainSettings;
    genesis: Genesis;
    head: EngineHead;
  }) {
    this.#engine = parts.engine;
    this.#log = parts.log;
    this.#settings = parts.settings;
    this.genesis = parts.genesis;
    this.#head = parts.head;
    this.#lastTransactionSeconds = parts.genesis.timestampSeconds;
  }

  /**
   * Opens the chain kept in `dataDir`, or begins one with `genesis`. Throws INTERNAL_CONFIGURATION when the folder
   * holds a chain begun with other settings, INTERNAL_OBJECT_CORRUPT when its log is damaged or repeats differently.
   */
  static async open(settings: LocalChainSettings): Promise<LocalChain> {
    const { log, parsed } = await RequestLog.open(settings.dataDir, settings.genesis);
    let engine: Engine | undefined;
    try {
      const genesis = parsed.genesis ?? settings.genesis;
      requireSameChain(genesis, settings.genesis);
      engine = await createEngine(genesis);
      const chain = new LocalChain({ engine, log, settings, genesis, head: await readHead(engine) });
      await chain.#repeat(parsed.requests);
      return chain;
    } catch (error) {
      await engine?.close();
      await log.close();
      throw error;
    }
  }

  get head(): EngineHead {
    return this.#head;
  }

  /** The chain's clock: what a block mined now would carry, in seconds. */
  get nowSeconds(): number {
    return Math.max(this.#settings.nowSeconds() + this.#offsetSeconds, this.#head.timestampSeconds + 1);
  }

  /** Seconds on the chain's clock since the last transaction was mined. */
  get secondsSinceTransaction(): number {
    return Math.max(0, this.nowSeconds - this.#lastTransactionSeconds);
  }

  /** Answers one JSON-RPC method. A change is answered only once it is on the disk and carried out. */
  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    switch (methodKind(method)) {
      case "read":
        return this.#engine.request(method, params);
      case "write":
        return this.#inTurn(() => this.#change(method, params));
      case "test":
        if (this.#settings.testMode) return this.#inTurn(() => this.#change(method, params));
        throw new RpcError(METHOD_REFUSED, `${method} is answered in test mode only`);
      case "refused":
        throw new RpcError(METHOD_REFUSED, `${method} is not a method of this chain`);
    }
  }

  /** Waits for the change in progress, then lets go of the engine and the file. */
  async close(): Promise<void> {
    await this.#turn;
    await this.#engine.close();
    await this.#log.close();
  }

  async #inTurn(work: () => Promise<unknown>): Promise<unknown> {
    if (this.#waiting >= MAX_WAITING_CHANGES) throw new RpcError(LIMIT_EXCEEDED, "too many changes are waiting");
    this.#waiting += 1;
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #change(method: string, params: readonly unknown[]): Promise<unknown> {
    const request = this.#plan(method, params);
    await this.#log.append(request);
    try {
      return await this.#carryOut(request);
    } catch (error) {
      // What the engine refused left no trace in the blocks, and leaves none in the file. (It does count up the
      // engine's snapshot ids, which only test mode hands out: there the line stays.)
      if (!this.#settings.testMode && request.head === this.#head.hash) await this.#log.dropLast();
      throw error;
    }
  }

  /** Fixes everything about a change that must be equal when it is repeated. */
  #plan(method: string, params: readonly unknown[]): LoggedRequest {
    const planned = { method, params, head: this.#head.hash };
    const timestampAt = (timestampSeconds: number, laterSeconds = 0) => ({
      timestampSeconds,
      offsetSeconds: timestampSeconds + laterSeconds - this.#settings.nowSeconds(),
    });
    const nowSeconds = this.#nextTimestampSeconds ?? this.nowSeconds;
    if (method === "evm_increaseTime") {
      return { ...planned, ...timestampAt(nowSeconds + readQuantity(params[0], "seconds")) };
    }
    if (method === "evm_setNextBlockTimestamp" || (method === "evm_mine" && params[0] !== undefined)) {
      const timestampSeconds = readQuantity(params[0], "timestamp");
      if (timestampSeconds <= this.#head.timestampSeconds) {
        throw new RpcError(INVALID_PARAMS, "timestamp must be later than the newest block's");
      }
      return { ...planned, ...timestampAt(timestampSeconds) };
    }
    if (method === "hardhat_mine") {
      const blocks = params[0] === undefined ? 1 : readQuantity(params[0], "blocks");
      const intervalSeconds = Math.max(1, params[1] === undefined ? 1 : readQuantity(params[1], "interval"));
      if (blocks > MAX_MINED_BLOCKS) throw new RpcError(INVALID_PARAMS, `at most ${MAX_MINED_BLOCKS} blocks at once`);
      const spanSeconds = Math.max(0, blocks - 1) * intervalSeconds;
      return { ...planned, params: [blocks, intervalSeconds], ...timestampAt(nowSeconds, spanSeconds) };
    }
    return { ...planned, timestampSeconds: nowSeconds, offsetSeconds: this.#offsetSeconds };
  }

  async #carryOut(request: LoggedRequest): Promise<unknown> {
    this.#offsetSeconds = request.offsetSeconds;
    try {
      return await this.#apply(request);
    } finally {
      const before = this.#head;
      this.#head = await readHead(this.#engine);
      if (this.#head.number > before.number) {
        this.#nextTimestampSeconds = undefined;
        if (request.method.startsWith("eth_send")) this.#lastTransactionSeconds = this.#head.timestampSeconds;
      }
    }
  }

  async #apply(request: LoggedRequest): Promise<unknown> {
    const { method, params, timestampSeconds } = request;
    switch (method) {
      case "evm_increaseTime":
        return this.#engine.request(method, params);
      case "evm_setNextBlockTimestamp":
        this.#nextTimestampSeconds = timestampSeconds;
        return this.#engine.request(method, [timestampSeconds]);
      case "hardhat_mine": {
        const [blocks, intervalSeconds] = params as readonly [number, number];
        for (let index = 0; index < blocks; index++) await this.#mine(timestampSeconds + index * intervalSeconds);
        return true;
      }
      case "evm_mine":
        return this.#mine(timestampSeconds);
      case "eth_sendRawTransaction":
      case "eth_sendTransaction":
        await this.#engine.request("evm_setNextBlockTimestamp", [timestampSeconds]);
        return this.#engine.request(method, params);
      default:
        return this.#engine.request(method, params);
    }
  }

  async #mine(timestampSeconds: number): Promise<unknown> {
    await this.#engine.request("evm_setNextBlockTimestamp", [timestampSeconds]);
    return this.#engine.request("evm_mine", []);
  }

  async #repeat(requests: readonly LoggedRequest[]): Promise<void> {
    for (const [index, request] of requests.entries()) {
      if (request.head !== this.#head.hash) {
        throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", {
          file: "local chain log",
          line: index + 2,
          expected: request.head,
          found: this.#head.hash,
          reason: "the repeated block differs; the chain was made by another version, so begin with a new data folder",
        });
      }
      // A request that failed when it was new fails again in the same way.
      await this.#carryOut(request).catch(() => undefined);
    }
    // The engine's clock now stands at the last block; views of the pending block need the present.
    const behindSeconds = this.nowSeconds - this.#head.timestampSeconds;
    if (behindSeconds > 0) await this.#engine.request("evm_increaseTime", [numberToHex(behindSeconds)]);
  }
}

/** A folder's chain goes on as it was begun: another chain id or other funds would be another chain. */
function requireSameChain(found: Genesis, wanted: Genesis): void {
  for (const setting of ["chainId", "hardfork", "balanceWei"] as const) {
    if (found[setting] !== wanted[setting]) {
      throw new ProtocolError("INTERNAL_CONFIGURATION", {
        setting: `local chain ${setting}`,
        configured: wanted[setting],
        found: found[setting],
      });
    }
  }
  const missing = wanted.fundedAddresses.filter((address) => !found.fundedAddresses.includes(address));
  if (missing.length > 0) {
    throw new ProtocolError("INTERNAL_CONFIGURATION", { setting: "local chain fundedAddresses", missing });
  }
}
