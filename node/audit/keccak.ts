// Keccak-256, written for this second opinion: the permutation as a WebAssembly function that is put together here, on lanes of 64 bits.

/** The part of the platform's WebAssembly interface that is used here; Node's own types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const LANES = 25;
const ROUNDS = 24;
/** Bytes absorbed at a time: 1600 bits less twice the 256 of the digest. */
const RATE = 136;

const lanes = Array.from({ length: LANES }, (_, lane) => lane);
const five = [0, 1, 2, 3, 4];

/** The constants of the rounds, from the LFSR x^8 + x^6 + x^5 + x^4 + 1. */
function roundConstants(): readonly bigint[] {
  let register = 1;
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit++) {
      if ((register & 1) === 1) constant |= 1n << BigInt(2 ** bit - 1);
      register = register < 128 ? register << 1 : ((register << 1) ^ 0x171) & 0xff;
    }
    return BigInt.asIntN(64, constant);
  });
}

/** Rho and pi: where each lane goes, and by how much it turns on the way. */
function journeys(): readonly { readonly from: number; readonly to: number; readonly turn: number }[] {
  const found = [{ from: 0, to: 0, turn: 0 }];
  let [x, y, turn] = [1, 0, 0];
  for (let step = 1; step < LANES; step++) {
    turn += step;
    const next = (2 * x + 3 * y) % 5;
    found.push({ from: x + 5 * y, to: y + 5 * next, turn: turn % 64 });
    [x, y] = [y, next];
  }
  return found;
}

/** A signed number in LEB128. */
function leb(value: bigint): readonly number[] {
  const low = Number(value & 127n);
  const rest = value >> 7n;
  const isLast = (rest === 0n && low < 64) || (rest === -1n && low >= 64);
  return isLast ? [low] : [low | 128, ...leb(rest)];
}

/** An unsigned number in LEB128. */
const size = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...size(value >>> 7)];

const get = (local: number): readonly number[] => [0x20, local];
const set = (local: number): readonly number[] => [0x21, local];
const constant = (value: bigint): readonly number[] => [0x42, ...leb(value)];
const [xor, and, rotateLeft] = [0x85, 0x83, 0x89];

/** Locals: the lanes, the lanes on their way, the parities of the columns, and what a column takes in. */
const [moved, parity, taken] = [LANES, 2 * LANES, 2 * LANES + 5];
const locals = 2 * LANES + 10;

/** One round: theta, rho and pi, chi, iota. */
function round(iota: bigint): readonly number[] {
  const columns = five.flatMap((x) => [
    ...get(x),
    ...five.slice(1).flatMap((y) => [...get(x + 5 * y), xor]),
    ...set(parity + x),
  ]);
  const takings = five.flatMap((x) => [
    ...get(parity + ((x + 1) % 5)),
    ...constant(1n),
    rotateLeft,
    ...get(parity + ((x + 4) % 5)),
    xor,
    ...set(taken + x),
  ]);
  const moves = journeys().flatMap(({ from, to, turn }) => [
    ...get(from),
    ...get(taken + (from % 5)),
    xor,
    ...(turn === 0 ? [] : [...constant(BigInt(turn)), rotateLeft]),
    ...set(moved + to),
  ]);
  const chi = lanes.flatMap((lane) => {
    const row = lane - (lane % 5);
    const [next, afterNext] = [row + ((lane + 1) % 5), row + ((lane + 2) % 5)];
    const inverted = [...get(moved + next), ...constant(-1n), xor, ...get(moved + afterNext), and];
    return [...get(moved + lane), ...inverted, xor, ...set(lane)];
  });
  return [...columns, ...takings, ...moves, ...chi, ...get(0), ...constant(iota), xor, ...set(0)];
}

const section = (id: number, content: readonly number[]): readonly number[] => [
  id,
  ...size(content.length),
  ...content,
];

/** A module with one page of memory, which begins with the lanes, and one function, which permutes them. */
function moduleBytes(): Uint8Array {
  const load = lanes.flatMap((lane) => [0x41, 0, 0x29, 3, ...size(8 * lane), ...set(lane)]);
  const store = lanes.flatMap((lane) => [0x41, 0, ...get(lane), 0x37, 3, ...size(8 * lane)]);
  const body = [1, locals, 0x7e, ...load, ...roundConstants().flatMap(round), ...store, 0x0b];
  const [memoryName, functionName] = ["memory", "permute"].map((name) => [name.length, ...Buffer.from(name)]);
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...(memoryName ?? []), 2, 0, ...(functionName ?? []), 0, 0]),
    ...section(10, [1, ...size(body.length), ...body]),
  ]);
}

type Program = { readonly memory: { readonly buffer: ArrayBuffer }; readonly permute: () => void };

const { memory, permute } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes())).exports as Program;
/** The lanes absorb in halves of 32 bits; a block is put together beside them, in the same order of bytes as the machine's. */
const state = new Int32Array(memory.buffer, 0, 2 * LANES);
const digest = new Uint8Array(memory.buffer, 0, 32);
const block = new Uint8Array(RATE);
const blockHalves = new Int32Array(block.buffer);

function absorb(): void {
  for (let half = 0; half < RATE / 4; half++) state[half] = (state[half] ?? 0) ^ (blockHalves[half] ?? 0);
  permute();
}

/** Keccak-256 of bytes. */
export function keccak256(message: Uint8Array): Buffer {
  state.fill(0);
  let from = 0;
  for (; from + RATE <= message.length; from += RATE) {
    block.set(message.subarray(from, from + RATE));
    absorb();
  }
  block.fill(0);
  block.set(from === 0 ? message : message.subarray(from));
  block[message.length - from] = 0x01;
  block[RATE - 1] = (block[RATE - 1] ?? 0) | 0x80;
  absorb();
  return Buffer.from(digest);
}
