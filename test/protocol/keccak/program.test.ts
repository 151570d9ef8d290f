// The keccak program itself: the bytes in the repository are what its source gives, and it leaves its state clean.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { keccak256 } from "viem";
import { inputAddress, memoryPages, moduleBase64 } from "#protocol/keccak/module.ts";
import { INPUT_ADDRESS, keccakModule, MEMORY_PAGES } from "#protocol/keccak/program.ts";
import { generatedSource } from "../../../scripts/build-keccak.ts";

/** The platform's interface; Node's own types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

test("the module in the repository is what its source assembles to", () => {
  expect(Buffer.from(keccakModule()).toString("base64")).toBe(moduleBase64);
  expect([inputAddress, memoryPages]).toEqual([INPUT_ADDRESS, MEMORY_PAGES]);
  expect(readFileSync("node/protocol/keccak/module.ts", "utf8")).toBe(generatedSource());
});

test("two different messages absorbed side by side give two digests, and the states are clear afterwards", () => {
  const program = new WebAssembly.Instance(new WebAssembly.Module(keccakModule())).exports as {
    readonly memory: { readonly buffer: ArrayBuffer };
    readonly absorb: (first: number, second: number, blocks: number) => void;
    readonly finish: (first: number, second: number, rest: number, digest: number, secondDigest: number) => void;
  };
  const memory = Buffer.from(program.memory.buffer);
  const [first, second] = [randomBytes(300), randomBytes(300)];
  const [at, secondAt, digest, secondDigest] = [INPUT_ADDRESS, INPUT_ADDRESS + 400, 4096, 5000];
  first.copy(memory, at);
  second.copy(memory, secondAt);
  program.absorb(at, secondAt, 2);
  program.finish(at + 272, secondAt + 272, 28, digest, secondDigest);
  expect(memory.toString("hex", digest, digest + 32)).toBe(keccak256(first).slice(2));
  expect(memory.toString("hex", secondDigest, secondDigest + 32)).toBe(keccak256(second).slice(2));
  expect(memory.subarray(0, 400).every((byte) => byte === 0)).toBe(true);
});
