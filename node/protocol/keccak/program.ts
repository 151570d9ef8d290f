// Keccak-256 as a WebAssembly program: two messages at once, one in each half of a 128-bit vector (FIPS 202, notation kept).
import {
  assemble,
  control,
  i32,
  i64,
  local,
  memory,
  v128,
  valueType,
  type Code,
  type FunctionSource,
} from "./assembler.ts";
import { lane, rotations, roundConstantBytes } from "./constants.ts";

/** Bytes that one permutation absorbs at 256 bits of security (FIPS 202: r = 1600 − 512). */
const RATE_BYTES = 136;
const RATE_LANES = RATE_BYTES / 8;

/** Layout of the memory: the state (25 pairs of lanes), the 24 round constants, then what the caller writes. */
const STATE = 0;
const STATE_BYTES = 25 * 16;
const ROUND_CONSTANTS = 512;
const ROUND_CONSTANTS_END = ROUND_CONSTANTS + 24 * 8;
export const INPUT_ADDRESS = 1024;
/** Pages of 64 KiB: small enough to stay in a core's second-level cache. */
export const MEMORY_PAGES = 4;

/** Functions by index; the order of the list in `keccakModule`. */
const PERMUTE = 0;
const ABSORB = 1;
const FINISH = 2;
const SMALLER = 3;

const five = [0, 1, 2, 3, 4] as const;

/** Locals of the permutation. The two copies of the state take turns, so that no lane is moved. */
const P = { constants: 0, a: 1, b: 26, column: 51, theta: 56, row: 61, count: 66 } as const;

/** One round from the lanes at `from` to the lanes at `to`; its constant lies at `constants` + `constantOffset`. */
function round(from: number, to: number, constantOffset: number): Code {
  const offsets = rotations();
  const get = (first: number, index: number): Code => local.get(first + index);
  const code: Code[] = [];
  for (const x of five) {
    const sum = five.slice(1).reduce<Code>((all, y) => v128.xor(all, get(from, lane(x, y))), get(from, lane(x, 0)));
    code.push(local.set(P.column + x, sum));
  }
  for (const x of five) {
    const turned = v128.rotateLeft64(get(P.column, (x + 1) % 5), 1);
    code.push(local.set(P.theta + x, v128.xor(get(P.column, (x + 4) % 5), turned)));
  }
  for (const y of five) {
    for (const x of five) {
      // π brings the lane (x + 3y, x) to (x, y).
      const source = lane(x + 3 * y, x);
      code.push(local.set(P.row + x, v128.xor(get(from, source), get(P.theta, source % 5))));
      code.push(local.set(P.row + x, v128.rotateLeft64(get(P.row, x), offsets[source] ?? 0)));
    }
    for (const x of five) {
      const chi = v128.xor(get(P.row, x), v128.andNot(get(P.row, (x + 2) % 5), get(P.row, (x + 1) % 5)));
      const iota = v128.xor(chi, v128.load64Splat(local.get(P.constants), constantOffset));
      code.push(local.set(to + lane(x, y), x === 0 && y === 0 ? iota : chi));
    }
  }
  return code;
}

/** permute(): Keccak-f[1600] on both states in memory. A loop over two rounds runs faster than 24 written out. */
function permute(): FunctionSource {
  const lanes = Array.from({ length: 25 }, (_, index) => index);
  const states = i32.const(STATE);
  return {
    parameters: [],
    results: [],
    locals: [valueType.i32, ...Array.from({ length: P.count - 1 }, () => valueType.v128)],
    body: [
      lanes.map((index) => local.set(P.a + index, v128.load(states, index * 16))),
      local.set(P.constants, i32.const(ROUND_CONSTANTS)),
      control.repeatWhile(
        [
          round(P.a, P.b, 0),
          round(P.b, P.a, 8),
          local.set(P.constants, i32.add(local.get(P.constants), i32.const(16))),
        ],
        i32.ltUnsigned(local.get(P.constants), i32.const(ROUND_CONSTANTS_END)),
      ),
      lanes.map((index) => v128.store(states, local.get(P.a + index), index * 16)),
    ],
  };
}

const advance = (index: number, bytes: number): Code => local.set(index, i32.add(local.get(index), i32.const(bytes)));

/** absorb(first, second, blocks): takes whole blocks of 136 bytes from two places into the two states. */
function absorb(): FunctionSource {
  const [first, second, blocks] = [0, 1, 2];
  const words = Array.from({ length: RATE_LANES }, (_, index) => index);
  const word = (index: number): Code => v128.load64Pair(local.get(first), local.get(second), index * 8);
  return {
    exportName: "absorb",
    parameters: [valueType.i32, valueType.i32, valueType.i32],
    results: [],
    locals: [],
    body: control.if(
      local.get(blocks),
      control.repeatWhile(
        [
          words.map((index) =>
            v128.store(i32.const(STATE), v128.xor(v128.load(i32.const(STATE), index * 16), word(index)), index * 16),
          ),
          control.call(PERMUTE),
          advance(first, RATE_BYTES),
          advance(second, RATE_BYTES),
          advance(blocks, -1),
        ],
        local.get(blocks),
      ),
    ),
  };
}

/**
 * finish(first, second, rest, firstDigest, secondDigest): takes the last `rest` < 136 bytes, pads as Keccak did before
 * FIPS 202 (0x01 … 0x80), writes both digests and clears the states. May read up to 7 bytes past the messages.
 */
function finish(): FunctionSource {
  const [first, second, rest, firstDigest, secondDigest, state, bits] = [0, 1, 2, 3, 4, 5, 6];
  const word = v128.load64Pair(local.get(first), local.get(second));
  const add = (value: Code): Code => v128.store(local.get(state), v128.xor(v128.load(local.get(state)), value));
  const endBit = i64.shl(i64.const(1n), local.get(bits));
  const lastBit = v128.splat64(i64.const(1n << 63n));
  const lastLane = (RATE_LANES - 1) * 16;
  return {
    exportName: "finish",
    parameters: [valueType.i32, valueType.i32, valueType.i32, valueType.i32, valueType.i32],
    results: [],
    locals: [valueType.i32, valueType.i64],
    body: [
      local.set(state, i32.const(STATE)),
      control.if(
        i32.geUnsigned(local.get(rest), i32.const(8)),
        control.repeatWhile(
          [add(word), advance(first, 8), advance(second, 8), advance(state, 16), advance(rest, -8)],
          i32.geUnsigned(local.get(rest), i32.const(8)),
        ),
      ),
      local.set(bits, i64.shl(i32.extend(local.get(rest)), i64.const(3n))),
      add(v128.xor(v128.and(word, v128.splat64(i64.sub(endBit, i64.const(1n)))), v128.splat64(endBit))),
      v128.store(i32.const(STATE), v128.xor(v128.load(i32.const(STATE), lastLane), lastBit), lastLane),
      control.call(PERMUTE),
      [0, 1, 2, 3].map((index) => [
        v128.store64Lane(local.get(firstDigest), v128.load(i32.const(STATE), index * 16), 0, index * 8),
        v128.store64Lane(local.get(secondDigest), v128.load(i32.const(STATE), index * 16), 1, index * 8),
      ]),
      memory.clear(STATE, STATE_BYTES),
    ],
  };
}

/** smaller(left, right): 1 if the 32 bytes at `left` come before or equal those at `right` in byte order, else 0. */
function smaller(): FunctionSource {
  const [left, right, x, y, shift] = [0, 1, 2, 3, 4];
  const byte = (index: number): Code => i64.and(i64.shrUnsigned(local.get(index), local.get(shift)), i64.const(255n));
  return {
    parameters: [valueType.i32, valueType.i32],
    results: [valueType.i32],
    locals: [valueType.i64, valueType.i64, valueType.i64],
    body: [
      [0, 8, 16, 24].map((offset) => [
        local.set(x, i64.load(local.get(left), offset)),
        local.set(y, i64.load(local.get(right), offset)),
        control.if(i64.ne(local.get(x), local.get(y)), [
          // Words load least significant byte first: the lowest bit that differs lies in the first byte that differs.
          local.set(shift, i64.and(i64.trailingZeros(i64.xor(local.get(x), local.get(y))), i64.const(56n))),
          control.return(i64.ltUnsigned(byte(x), byte(y))),
        ]),
      ]),
      i32.const(1),
    ],
  };
}

/** Runs `body` for each pair of items; before it, `second` is the second item or, past an odd end, the first again. */
function forEachPair(count: number, second: number, whenTwo: Code, whenOne: Code, body: Code): Code {
  const two = i32.gtUnsigned(local.get(count), i32.const(1));
  return control.if(
    local.get(count),
    control.repeatWhile(
      [
        local.set(second, control.select(whenTwo, whenOne, two)),
        body,
        local.set(count, control.select(i32.sub(local.get(count), i32.const(2)), i32.const(0), two)),
      ],
      local.get(count),
    ),
  );
}

/** hashMessages(source, size, count, target): the digests of `count` messages of `size` bytes that lie side by side. */
function hashMessages(): FunctionSource {
  const [source, size, count, target, second, blocks, absorbed, secondTarget] = [0, 1, 2, 3, 4, 5, 6, 7];
  const sum = (left: number, right: number): Code => i32.add(local.get(left), local.get(right));
  return {
    exportName: "hashMessages",
    parameters: [valueType.i32, valueType.i32, valueType.i32, valueType.i32],
    results: [],
    locals: [valueType.i32, valueType.i32, valueType.i32, valueType.i32],
    body: [
      local.set(blocks, i32.divUnsigned(local.get(size), i32.const(RATE_BYTES))),
      local.set(absorbed, i32.mul(local.get(blocks), i32.const(RATE_BYTES))),
      forEachPair(count, second, sum(source, size), local.get(source), [
        local.set(
          secondTarget,
          i32.add(local.get(target), i32.shl(i32.gtUnsigned(local.get(count), i32.const(1)), i32.const(5))),
        ),
        control.call(ABSORB, local.get(source), local.get(second), local.get(blocks)),
        control.call(
          FINISH,
          sum(source, absorbed),
          sum(second, absorbed),
          i32.sub(local.get(size), local.get(absorbed)),
          local.get(target),
          local.get(secondTarget),
        ),
        local.set(source, sum(second, size)),
        advance(target, 64),
      ]),
    ],
  };
}

/** hashPairs(source, count, target): keccak(min(a, b) ‖ max(a, b)) for `count` pairs of 32-byte nodes side by side. */
function hashPairs(): FunctionSource {
  const [source, count, target, second, low, secondLow, high, secondHigh] = [0, 1, 2, 3, 4, 5, 6, 7];
  const order = (pair: number, lowIndex: number, highIndex: number): Code => {
    const right = i32.add(local.get(pair), i32.const(32));
    return [
      local.set(lowIndex, control.select(local.get(pair), right, control.call(SMALLER, local.get(pair), right))),
      local.set(
        highIndex,
        i32.sub(i32.add(i32.shl(local.get(pair), i32.const(1)), i32.const(32)), local.get(lowIndex)),
      ),
    ];
  };
  const set = (index: number, value: Code): Code => v128.store(i32.const(STATE), value, index * 16);
  const words = [0, 1, 2, 3];
  const result = (index: number): Code => v128.load(i32.const(STATE), index * 16);
  return {
    exportName: "hashPairs",
    parameters: [valueType.i32, valueType.i32, valueType.i32],
    results: [],
    locals: Array.from({ length: 5 }, () => valueType.i32),
    body: [
      forEachPair(count, second, i32.add(local.get(source), i32.const(64)), local.get(source), [
        order(source, low, high),
        order(second, secondLow, secondHigh),
        memory.clear(STATE, STATE_BYTES),
        words.map((index) => set(index, v128.load64Pair(local.get(low), local.get(secondLow), index * 8))),
        words.map((index) => set(index + 4, v128.load64Pair(local.get(high), local.get(secondHigh), index * 8))),
        set(8, v128.splat64(i64.const(1n))),
        set(RATE_LANES - 1, v128.splat64(i64.const(1n << 63n))),
        control.call(PERMUTE),
        words.map((index) => v128.store64Lane(local.get(target), result(index), 0, index * 8)),
        control.if(
          i32.gtUnsigned(local.get(count), i32.const(1)),
          words.map((index) => v128.store64Lane(local.get(target), result(index), 1, 32 + index * 8)),
        ),
        local.set(source, i32.add(local.get(second), i32.const(64))),
        advance(target, 64),
      ]),
      memory.clear(STATE, STATE_BYTES),
    ],
  };
}

/** The whole program in WebAssembly's binary format. */
export function keccakModule(): Uint8Array {
  return assemble({
    memoryPages: MEMORY_PAGES,
    functions: [permute(), absorb(), finish(), smaller(), hashMessages(), hashPairs()],
    data: [{ address: ROUND_CONSTANTS, bytes: roundConstantBytes() }],
  });
}
