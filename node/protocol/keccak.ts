// Keccak-256 (the EVM's hash) in WebAssembly: one message, a batch of equal-sized messages, or a level of a sorted tree.
import assert from "node:assert";
import { bytesToHex, type Hex } from "./hash.ts";
import { inputAddress, memoryPages, moduleBase64 } from "./keccak/module.ts";

/** The part of the platform's WebAssembly interface that is used here; Node's own types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What the program in `keccak/program.ts` exports; its comments say what each function does. */
type Program = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly absorb: (first: number, second: number, blocks: number) => void;
  readonly finish: (first: number, second: number, rest: number, digest: number, secondDigest: number) => void;
  readonly hashMessages: (source: number, size: number, count: number, target: number) => void;
  readonly hashPairs: (source: number, count: number, target: number) => void;
};

const DIGEST_BYTES = 32;
const RATE_BYTES = 136;

const program = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(moduleBase64, "base64")))
  .exports as Program;
const memory = new Uint8Array(program.memory.buffer);

/** The program's memory after its own part: two thirds take messages, one third digests, as pairs of nodes need it. */
const inputBytes = Math.floor((memoryPages * 65_536 - inputAddress) / 3 / RATE_BYTES) * 2 * RATE_BYTES;
const outputAddress = inputAddress + inputBytes;
const outputDigests = Math.floor((memory.length - outputAddress) / DIGEST_BYTES);
assert(inputBytes % RATE_BYTES === 0 && memory.length === memoryPages * 65_536);

/** Keccak-256 of a message of any length. */
export function keccak256(message: Uint8Array): Uint8Array {
  if (message.length <= inputBytes) {
    memory.set(message, inputAddress);
    program.hashMessages(inputAddress, message.length, 1, outputAddress);
  } else {
    keccakLong(message);
  }
  return memory.slice(outputAddress, outputAddress + DIGEST_BYTES);
}

/** Absorbs a message that the memory does not hold at once, in whole blocks; the digest lands at `outputAddress`. */
function keccakLong(message: Uint8Array): void {
  const whole = message.length - (message.length % inputBytes);
  for (let start = 0; start < whole; start += inputBytes) {
    memory.set(message.subarray(start, start + inputBytes), inputAddress);
    program.absorb(inputAddress, inputAddress, inputBytes / RATE_BYTES);
  }
  const rest = message.length - whole;
  const blocks = Math.floor(rest / RATE_BYTES);
  const last = inputAddress + blocks * RATE_BYTES;
  memory.set(message.subarray(whole), inputAddress);
  program.absorb(inputAddress, inputAddress, blocks);
  program.finish(last, last, rest % RATE_BYTES, outputAddress, outputAddress);
}

/** {@link keccak256} as text. */
export function keccakHex(message: Uint8Array): Hex {
  return bytesToHex(keccak256(message));
}

/** Keccak-256 of a string's UTF-8 bytes. */
export function keccakText(text: string): Uint8Array {
  return keccak256(Buffer.from(text, "utf8"));
}

/**
 * Keccak-256 of many messages of one size that lie side by side.
 * @param messages `count · size` bytes.
 * @param size bytes of one message, at least 1.
 * @param digests receives 32 bytes a message from `at` on; may be `messages` itself as long as no digest is written
 * over a message that is still to be read (size ≥ 32 and `at` = 0, say).
 */
export function keccakMessages(messages: Uint8Array, size: number, digests: Uint8Array, at = 0): void {
  const count = messages.length / size;
  assert(size >= 1 && Number.isInteger(count), "messages are of equal size");
  assert(digests.length - at >= count * DIGEST_BYTES, "digests have room");
  if (size > inputBytes) {
    for (let index = 0; index < count; index++) {
      digests.set(keccak256(messages.subarray(index * size, (index + 1) * size)), at + index * DIGEST_BYTES);
    }
    return;
  }
  const batch = Math.min(Math.floor(inputBytes / size), outputDigests);
  for (let done = 0; done < count; done += batch) {
    const now = Math.min(batch, count - done);
    memory.set(messages.subarray(done * size, (done + now) * size), inputAddress);
    program.hashMessages(inputAddress, size, now, outputAddress);
    digests.set(memory.subarray(outputAddress, outputAddress + now * DIGEST_BYTES), at + done * DIGEST_BYTES);
  }
}

/**
 * The parents of pairs of 32-byte nodes: keccak256(min(a, b) ‖ max(a, b)), the smaller first in byte order.
 * @param nodes pairs side by side, 64 bytes each.
 * @param parents receives 32 bytes a pair from `at` on; it may share memory with `nodes` if that part does not overlap.
 */
export function keccakPairs(nodes: Uint8Array, parents: Uint8Array, at = 0): void {
  const pairBytes = 2 * DIGEST_BYTES;
  const count = nodes.length / pairBytes;
  assert(Number.isInteger(count), "nodes come in pairs");
  assert(parents.length - at >= count * DIGEST_BYTES, "parents have room");
  const batch = Math.min(Math.floor(inputBytes / pairBytes), outputDigests);
  for (let done = 0; done < count; done += batch) {
    const now = Math.min(batch, count - done);
    memory.set(nodes.subarray(done * pairBytes, (done + now) * pairBytes), inputAddress);
    program.hashPairs(inputAddress, now, outputAddress);
    parents.set(memory.subarray(outputAddress, outputAddress + now * DIGEST_BYTES), at + done * DIGEST_BYTES);
  }
}
