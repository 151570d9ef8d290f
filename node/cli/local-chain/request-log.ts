// The local chain's append-only file: every request that changes the chain, durable before it is carried out.
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";

/** What the chain begins with. Set once, when the data folder is created. */
export type Genesis = {
  readonly version: 1;
  readonly chainId: number;
  readonly timestampSeconds: number;
  readonly hardfork: string;
  readonly fundedAddresses: readonly Hex[];
  /** Decimal wei given to each funded address. */
  readonly balanceWei: string;
};

/**
 * One change of the chain. `head` is the hash of the block it was applied to, so that a replay which comes out
 * differently is noticed at the next line; `timestampSeconds` is given to the (first) block it makes;
 * `offsetSeconds` is how far the chain's clock ran ahead of the machine's afterwards.
 */
export type LoggedRequest = {
  readonly method: string;
  readonly params: readonly unknown[];
  readonly timestampSeconds: number;
  readonly offsetSeconds: number;
  readonly head: Hex;
};

const CHECKSUM_CHARACTERS = 16;
const NEWLINE = 0x0a;

const checksum = (json: string): string =>
  createHash("sha256").update(json).digest("hex").slice(0, CHECKSUM_CHARACTERS);

/** Renders one line: the first 16 hex digits of its SHA-256, a space, the JSON, a newline. */
export function renderLine(value: Genesis | LoggedRequest): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

/** The lines of a log file, and how many bytes of it are good. */
export type ParsedLog = {
  readonly genesis: Genesis | undefined;
  readonly requests: readonly LoggedRequest[];
  readonly goodBytes: number;
};

function parseLine(line: Buffer): unknown {
  const text = line.toString("utf8");
  const json = text.slice(CHECKSUM_CHARACTERS + 1);
  if (text.slice(0, CHECKSUM_CHARACTERS) !== checksum(json)) return undefined;
  return JSON.parse(json);
}

/**
 * Reads a log file's bytes. A last line that is torn (no newline, or a wrong checksum) was never acknowledged and is
 * left out; a wrong line with lines after it is damage and throws INTERNAL_OBJECT_CORRUPT with its line number.
 */
export function parseLog(bytes: Buffer): ParsedLog {
  const values: unknown[] = [];
  let goodBytes = 0;
  while (goodBytes < bytes.length) {
    const end = bytes.indexOf(NEWLINE, goodBytes);
    const value = end === -1 ? undefined : parseLine(bytes.subarray(goodBytes, end));
    if (value === undefined) {
      if (end === -1 || end === bytes.length - 1) break;
      throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { file: "local chain log", line: values.length + 1 });
    }
    values.push(value);
    goodBytes = end + 1;
  }
  const [genesis, ...requests] = values;
  // The checksum vouches for the shape: only renderLine makes such lines.
  return { genesis: genesis as Genesis | undefined, requests: requests as LoggedRequest[], goodBytes };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The open log file. One process writes it; a second writer is noticed by the file's size and stops the first. */
export class RequestLog {
  readonly #file: FileHandle;
  #sizeBytes: number;
  #previousSizeBytes: number;

  private constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#previousSizeBytes = sizeBytes;
  }

  /**
   * Opens (or creates, with `initial` as genesis) the log in `dataDir` and cuts off a torn last line.
   * Returns what it holds.
   */
  static async open(dataDir: string, initial: Genesis): Promise<{ log: RequestLog; parsed: ParsedLog }> {
    const path = join(dataDir, "local-chain.log");
    const file = await open(path, "a+");
    const parsed = parseLog(await file.readFile());
    await file.truncate(parsed.goodBytes);
    const log = new RequestLog(file, parsed.goodBytes);
    if (parsed.genesis !== undefined) return { log, parsed };
    await log.append(initial);
    await syncDirectory(dirname(path));
    return { log, parsed: { ...parsed, genesis: initial } };
  }

  /** Appends one line and returns when it is on the disk. When that fails, nothing of it is left behind. */
  async append(value: Genesis | LoggedRequest): Promise<void> {
    const { size } = await this.#file.stat();
    if (size !== this.#sizeBytes) {
      throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", {
        file: "local chain log",
        reason: "another process writes this data folder",
      });
    }
    const line = Buffer.from(renderLine(value), "utf8");
    try {
      await this.#file.appendFile(line);
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#sizeBytes);
      throw error;
    }
    this.#previousSizeBytes = this.#sizeBytes;
    this.#sizeBytes += line.length;
  }

  /** Takes back the line appended last: its request was refused and changed nothing. */
  async dropLast(): Promise<void> {
    await this.#file.truncate(this.#previousSizeBytes);
    this.#sizeBytes = this.#previousSizeBytes;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
