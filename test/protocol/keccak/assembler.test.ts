// The assembler: small modules are valid WebAssembly, run, and compute what their source says.
import { expect, test } from "vitest";
import { assemble, control, i32, i64, local, memory, v128, valueType } from "#protocol/keccak/assembler.ts";
import type { Code, FunctionSource, ValueType } from "#protocol/keccak/assembler.ts";

/** The platform's interface; Node's own types do not declare it. */
declare const WebAssembly: {
  readonly validate: (bytes: Uint8Array) => boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};
type Run = (...values: (number | bigint)[]) => number | bigint;

const { i32: int, i64: long } = valueType;

function instance(functions: readonly FunctionSource[], data: readonly number[] = []): Record<string, Run> {
  const bytes = assemble({ memoryPages: 1, functions, data: [{ address: 64, bytes: data }] });
  expect(WebAssembly.validate(bytes)).toBe(true);
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Record<string, Run>;
}

/** A module of one exported function `run`, called at once. */
function run(parameters: readonly ValueType[], result: ValueType, body: Code, values: readonly (number | bigint)[]) {
  return instance([{ exportName: "run", parameters, results: [result], locals: [], body }])["run"]?.(...values);
}

test("constants of every length of encoding", () => {
  for (let bits = 0; bits < 31; bits++) {
    for (const value of [2 ** bits - 1, 2 ** bits, -(2 ** bits), -(2 ** bits) - 1]) {
      expect(run([], int, i32.const(value), [])).toBe(value);
    }
  }
  for (let bits = 0n; bits < 64n; bits++) {
    for (const value of [2n ** bits - 1n, 2n ** bits, -(2n ** bits)]) {
      expect(run([], long, i64.const(value), [])).toBe(BigInt.asIntN(64, value));
    }
  }
});

test.each<[keyof typeof i32, number, number, number]>([
  ["add", 7, -9, -2],
  ["sub", 7, 9, -2],
  ["mul", -3, 5, -15],
  ["divUnsigned", 272, 136, 2],
  ["divUnsigned", -1, 2, 2 ** 31 - 1],
  ["shl", 3, 5, 96],
  ["ltUnsigned", 1, -1, 1],
  ["gtUnsigned", 1, -1, 0],
  ["geUnsigned", 8, 8, 1],
])("i32.%s of %i and %i is %i", (name, left, right, expected) => {
  const operation = i32[name] as (left: Code, right: Code) => Code;
  expect(run([int, int], int, operation(local.get(0), local.get(1)), [left, right])).toBe(expected);
});

test.each<[keyof typeof i64, bigint, bigint, bigint | number]>([
  ["and", 12n, 10n, 8n],
  ["sub", 1n, 2n, -1n],
  ["xor", 12n, 10n, 6n],
  ["shl", 1n, 63n, -(2n ** 63n)],
  ["shrUnsigned", -1n, 60n, 15n],
  ["ne", 1n, 2n, 1],
  ["ltUnsigned", -1n, 1n, 0],
])("i64.%s of %s and %s is %s", (name, left, right, expected) => {
  const operation = i64[name] as (left: Code, right: Code) => Code;
  const result = typeof expected === "bigint" ? long : int;
  expect(run([long, long], result, operation(local.get(0), local.get(1)), [left, right])).toBe(expected);
});

test("i64 of an i32, and trailing zeros", () => {
  expect(run([int], long, i32.extend(local.get(0)), [-1])).toBe(2n ** 32n - 1n);
  expect(run([long], long, i64.trailingZeros(local.get(0)), [2n ** 40n])).toBe(40n);
});

test("a loop, a choice, an early return and a call: the sum of 1 to n", () => {
  const sum: FunctionSource = {
    parameters: [int],
    results: [int],
    locals: [int],
    body: [
      control.if(
        local.get(0),
        control.repeatWhile(
          [local.set(1, i32.add(local.get(1), local.get(0))), local.set(0, i32.sub(local.get(0), i32.const(1)))],
          local.get(0),
        ),
      ),
      control.if(i32.gtUnsigned(local.get(1), i32.const(1000)), control.return(i32.const(-1))),
      control.select(local.get(1), i32.const(-2), local.get(1)),
    ],
  };
  const caller: FunctionSource = {
    exportName: "run",
    parameters: [int],
    results: [int],
    locals: [],
    body: control.call(0, local.get(0)),
  };
  const { run: sumTo } = instance([sum, caller]);
  expect([0, 1, 4, 44, 45].map((n) => sumTo?.(n))).toEqual([-2, 1, 10, 990, -1]);
});

test("vectors: two words from two places, operations on both halves, and back to memory", () => {
  const words = [0x0123456789abcdefn, 0xfedcba9876543210n];
  const data = words.flatMap((word) =>
    [0, 8, 16, 24, 32, 40, 48, 56].map((shift) => Number((word >> BigInt(shift)) & 255n)),
  );
  const pair = v128.load64Pair(i32.const(64), i32.const(64), 0);
  const turned = (bits: number): Code => [
    v128.store(i32.const(0), v128.load64Pair(i32.const(64), i32.const(72))),
    v128.store(i32.const(16), v128.rotateLeft64(v128.load(i32.const(0)), bits)),
  ];
  const word = (address: number): Code => i64.load(i32.const(address));
  const result = (setUp: Code, address: number): unknown =>
    instance([{ exportName: "run", parameters: [], results: [long], locals: [], body: [setUp, word(address)] }], data)[
      "run"
    ]?.();
  const rotated = (value: bigint, bits: bigint): bigint => BigInt.asIntN(64, (value << bits) | (value >> (64n - bits)));
  for (const bits of [0, 1, 8, 31, 63]) {
    expect(result(turned(bits), 16)).toBe(rotated(words[0] ?? 0n, BigInt(bits)));
    expect(result(turned(bits), 24)).toBe(rotated(words[1] ?? 0n, BigInt(bits)));
  }
  const other = v128.load64Splat(i32.const(72));
  const [first = 0n, second = 0n] = words;
  const at0 = (value: Code): Code => v128.store(i32.const(0), value);
  expect(result(at0(v128.xor(pair, other)), 8)).toBe(BigInt.asIntN(64, first ^ second));
  expect(result(at0(v128.and(pair, other)), 0)).toBe(BigInt.asIntN(64, first & second));
  expect(result(at0(v128.andNot(pair, v128.splat64(i64.const(255n)))), 0)).toBe(first & ~255n);
  expect(result(v128.store64Lane(i32.const(0), v128.load64Pair(i32.const(64), i32.const(72)), 1), 0)).toBe(
    BigInt.asIntN(64, second),
  );
  expect(result(memory.clear(64, 8), 64)).toBe(0n);
});

test("the same source gives the same bytes, and only named functions are exported", () => {
  const source = (): FunctionSource[] => [
    { parameters: [], results: [int], locals: [], body: i32.const(1) },
    { exportName: "two", parameters: [], results: [int], locals: [], body: i32.const(2) },
  ];
  const bytes = (): Uint8Array => assemble({ memoryPages: 1, functions: source(), data: [] });
  expect(Buffer.compare(bytes(), bytes())).toBe(0);
  expect(Object.keys(instance(source()))).toEqual(["two", "memory"]);
});
