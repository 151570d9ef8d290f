// A WebAssembly assembler just large enough for the keccak program: instructions as nested bytes, and the module around them.

/** Machine code: bytes, nested as it is convenient to write. */
export type Code = readonly (number | Code)[];

/** Value types by their byte in the binary format. */
export const valueType = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;
export type ValueType = (typeof valueType)[keyof typeof valueType];

/** One function; `locals` follow the parameters in the index space. An `exportName` makes it callable from outside. */
export type FunctionSource = {
  readonly exportName?: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
};

/** A module with one exported memory (named `memory`) and constant data in it. */
export type ModuleSource = {
  readonly memoryPages: number;
  readonly functions: readonly FunctionSource[];
  readonly data: readonly { readonly address: number; readonly bytes: readonly number[] }[];
};

/** LEB128 without sign, for indices, counts and offsets. */
const unsigned = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];

/** LEB128 with sign, for constants. */
const signed = (value: bigint): number[] =>
  value >= -64n && value < 64n ? [Number(value & 0x7fn)] : [Number(value & 0x7fn) | 0x80, ...signed(value >> 7n)];

const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];
const address = (alignmentLog2: number, offset: number): number[] => [alignmentLog2, ...unsigned(offset)];

export const local = {
  get: (index: number): Code => [0x20, unsigned(index)],
  set: (index: number, value: Code): Code => [value, 0x21, unsigned(index)],
};

export const control = {
  call: (index: number, ...values: readonly Code[]): Code => [values, 0x10, unsigned(index)],
  /** Runs the body, and again as long as `condition` leaves a non-zero i32. */
  repeatWhile: (body: Code, condition: Code): Code => [0x03, 0x40, body, condition, 0x0d, 0x00, 0x0b],
  if: (condition: Code, body: Code): Code => [condition, 0x04, 0x40, body, 0x0b],
  select: (whenTrue: Code, whenFalse: Code, condition: Code): Code => [whenTrue, whenFalse, condition, 0x1b],
  return: (value: Code): Code => [value, 0x0f],
};

const binary =
  (opcode: number) =>
  (left: Code, right: Code): Code => [left, right, opcode];

export const i32 = {
  const: (value: number): Code => [0x41, signed(BigInt(value))],
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  divUnsigned: binary(0x6e),
  shl: binary(0x74),
  ltUnsigned: binary(0x49),
  gtUnsigned: binary(0x4b),
  geUnsigned: binary(0x4f),
  extend: (value: Code): Code => [value, 0xad],
};

export const i64 = {
  const: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  load: (from: Code, offset = 0): Code => [from, 0x29, address(3, offset)],
  and: binary(0x83),
  sub: binary(0x7d),
  xor: binary(0x85),
  shl: binary(0x86),
  shrUnsigned: binary(0x88),
  ne: binary(0x52),
  ltUnsigned: binary(0x54),
  trailingZeros: (value: Code): Code => [value, 0x7a],
};

const vector =
  (opcode: number) =>
  (left: Code, right: Code): Code => [left, right, simd(opcode)];
const shiftLeft = vector(0xcb);
const shiftRightUnsigned = vector(0xcd);

export const v128 = {
  load: (from: Code, offset = 0): Code => [from, simd(0x00), address(4, offset)],
  store: (to: Code, value: Code, offset = 0): Code => [to, value, simd(0x0b), address(4, offset)],
  /** One 64-bit word from each of two places, as the two halves of a vector. */
  load64Pair: (fromLow: Code, fromHigh: Code, offset = 0): Code => [
    fromHigh,
    [fromLow, simd(0x5d), address(3, offset)],
    [simd(0x57), address(3, offset), 1],
  ],
  load64Splat: (from: Code, offset = 0): Code => [from, simd(0x0a), address(3, offset)],
  store64Lane: (to: Code, value: Code, lane: 0 | 1, offset = 0): Code => [
    to,
    value,
    simd(0x5b),
    address(3, offset),
    lane,
  ],
  splat64: (value: Code): Code => [value, simd(0x12)],
  and: vector(0x4e),
  /** left AND NOT right. */
  andNot: vector(0x4f),
  xor: vector(0x51),
  /** Both 64-bit halves rotated left; `value` is evaluated twice, so let it be a local. */
  rotateLeft64: (value: Code, bits: number): Code =>
    bits === 0
      ? value
      : [shiftLeft(value, i32.const(bits)), shiftRightUnsigned(value, i32.const(64 - bits)), simd(0x50)],
};

export const memory = {
  /** Sets `length` bytes from `start` to zero. */
  clear: (start: number, length: number): Code => [
    i32.const(start),
    i32.const(0),
    i32.const(length),
    [0xfc, 0x0b, 0x00],
  ],
};

const vectorOf = (items: readonly Code[]): Code => [unsigned(items.length), items];
const sized = (content: Code): Code => {
  const bytes = flatten(content);
  return [unsigned(bytes.length), bytes];
};
const section = (id: number, content: Code): Code => [id, sized(content)];
const text = (value: string): Code => sized([...new TextEncoder().encode(value)]);
const flatten = (code: Code): number[] => code.flatMap((part) => (typeof part === "number" ? [part] : flatten(part)));

/**
 * The module in the WebAssembly binary format (WebAssembly core specification, chapter "Binary Format").
 * The same source always gives the same bytes. Functions are indexed in the order given.
 */
export function assemble(source: ModuleSource): Uint8Array {
  const { functions } = source;
  const exported = functions.flatMap(({ exportName }, index) =>
    exportName === undefined ? [] : [[text(exportName), 0x00, unsigned(index)]],
  );
  const code = functions.map(({ locals, body }) =>
    sized([vectorOf(locals.map((type) => [unsigned(1), type])), body, 0x0b]),
  );
  return Uint8Array.from(
    flatten([
      [0x00, 0x61, 0x73, 0x6d],
      [0x01, 0x00, 0x00, 0x00],
      section(
        1,
        vectorOf(
          functions.map(({ parameters, results }) => [
            0x60,
            vectorOf(parameters.map((type) => [type])),
            vectorOf(results.map((type) => [type])),
          ]),
        ),
      ),
      section(3, vectorOf(functions.map((_, index) => unsigned(index)))),
      section(5, vectorOf([[0x01, unsigned(source.memoryPages), unsigned(source.memoryPages)]])),
      section(7, vectorOf([...exported, [text("memory"), 0x02, 0x00]])),
      section(10, vectorOf(code)),
      section(11, vectorOf(source.data.map(({ address: at, bytes }) => [0x00, i32.const(at), 0x0b, sized(bytes)]))),
    ]),
  );
}
