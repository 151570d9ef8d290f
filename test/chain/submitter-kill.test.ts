// Killed at every point between wish and outcome, and started again: each intent is carried out exactly once.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generatePrivateKey } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { localKey } from "#chain/local-key.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { compileEmitter, emitterAbi } from "./support/emitter.ts";
import { deployDirectly, signerOf, startTestChain, type TestChain } from "./support/test-chain.ts";

const program = fileURLToPath(new URL("./support/sender.ts", import.meta.url));

let chain: TestChain;
let code: Hex;
let folder = "";
let emitter: Hex;
let key: Hex;
beforeAll(async () => {
  code = compileEmitter();
  chain = await startTestChain();
});
afterAll(() => chain.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "scs-kill-"));
  emitter = await deployDirectly(chain, signerOf(0), code);
  key = generatePrivateKey();
  await chain.rpc("hardhat_setBalance", localKey(key).address, "0xde0b6b3a7640000");
});
afterEach(async () => {
  await chain.rpc("evm_setAutomine", true);
  await rm(folder, { recursive: true, force: true });
});

/** Runs the sender; returns its exit code, or the signal that ended it. */
async function run(killPoint: string, occurrence = 1, replaceAfterSeconds = 60): Promise<number | string> {
  const args = [
    chain.url,
    join(folder, "journal.json"),
    emitter,
    key,
    killPoint,
    `${occurrence}`,
    `${replaceAfterSeconds}`,
  ];
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "inherit", "inherit"] });
  const [exitCode, signal] = (await once(child, "exit")) as [number | null, string | null];
  return exitCode ?? signal ?? "";
}

async function expectEachIntentOnce(): Promise<void> {
  const said = await chain.client.getContractEvents({
    address: emitter,
    abi: emitterAbi,
    eventName: "Said",
    fromBlock: 0n,
  });
  expect(said.map(({ args }) => args.number)).toEqual([100n, 101n, 102n]);
  expect(await chain.client.getTransactionCount({ address: localKey(key).address })).toBe(3);
}

const points = [
  "before sign",
  "after sign",
  "before insert",
  "after insert",
  "before send",
  "after send",
  "before outcome",
  "after outcome",
];

// The second time, so that another intent's nonce lies before it and a third's after it.
test.each(points)("killed %s", async (point) => {
  expect(await run(point, 2)).toBe("SIGKILL");
  expect(await run("none")).toBe(0);
  await expectEachIntentOnce();
});

test.each(["before attempt", "after attempt", "before send", "after send"])(
  "killed %s of a replacement, while nothing is mined",
  async (point) => {
    await chain.rpc("evm_setAutomine", false);
    // The first three sendings are the intents' own.
    expect(await run(point, point.endsWith("attempt") ? 1 : 4, 0)).toBe("SIGKILL");
    await chain.rpc("evm_setAutomine", true);
    await chain.mine();
    expect(await run("none")).toBe(0);
    await expectEachIntentOnce();
  },
);

test("killed again and again, at another point each time, it still ends with each intent once", async () => {
  for (const point of points) await run(point);
  expect(await run("none")).toBe(0);
  await expectEachIntentOnce();
});
