// The law of chained events against lawful logs and against every way to harm them.
import fc from "fast-check";
import { concatHex, hexToNumber, keccak256, numberToHex, padHex, toHex } from "viem";
import { expect, test } from "vitest";
import { anchorAbi } from "#chain/abi/anchor.ts";
import { treasuryAbi } from "#chain/abi/treasury.ts";
import { chainedTopics, chainOrigin, followLinks, linkHash, type ContractLog } from "#chain/event-chain.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { emitterAbi, emitterTopics } from "./support/emitter.ts";

const signature: Hex = `0x${"5a".repeat(32)}`;

/** Logs as a lawful contract emits them: three topics, then a body of `words`, then the running hash. */
function lawfulLogs(bodies: readonly (readonly number[])[]): readonly ContractLog[] {
  let running: Hex = `0x${"00".repeat(32)}`;
  return bodies.map((words, index) => {
    const topics = [signature, numberToHex(index + 1, { size: 32 }), padHex(toHex(words.length), { size: 32 })];
    const body = concatHex(["0x", ...words.map((word) => numberToHex(word, { size: 32 }))]);
    running = keccak256(concatHex([running, ...topics, body]));
    return {
      blockNumber: BigInt(index),
      blockHash: signature,
      transactionHash: signature,
      logIndex: 0,
      topics,
      data: concatHex([body, running]),
    };
  });
}

const bodies = fc.array(fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 4 }), { minLength: 1, maxLength: 12 });

test("lawful logs are followed to their last link, from the beginning or from any place in between", () => {
  fc.assert(
    fc.property(bodies, fc.nat(), (given, cut) => {
      const logs = lawfulLogs(given);
      const at = cut % logs.length;
      const first = followLinks(chainOrigin, logs.slice(0, at));
      if ("reason" in first) throw new Error(first.reason);
      const rest = followLinks(first.position, logs.slice(at));
      expect(rest).toMatchObject({
        position: { sequence: BigInt(logs.length), runningHash: logs.at(-1)?.data.slice(-64).padStart(66, "0x") },
      });
    }),
  );
});

test("whatever is left out, doubled, swapped or altered is found at its place", () => {
  const harm = fc.constantFrom("leave out", "double", "swap", "alter body", "alter topic", "alter hash");
  fc.assert(
    fc.property(bodies, fc.nat(), harm, (given, pick, kind) => {
      const logs = [...lawfulLogs(given)];
      const index = pick % logs.length;
      const [log] = logs.slice(index, index + 1);
      if (log === undefined) throw new Error("no log");
      const flipped = (hex: Hex, at: number): Hex => {
        const digit = (hexToNumber(`0x${hex.at(at) ?? "0"}`) ^ 1).toString(16);
        const position = at < 0 ? hex.length + at : at;
        return `${hex.slice(0, position)}${digit}${hex.slice(position + 1)}` as Hex;
      };
      if (kind === "leave out") logs.splice(index, 1);
      if (kind === "double") logs.splice(index, 0, log);
      if (kind === "swap") logs.splice(index, 2, ...logs.slice(index, index + 2).toReversed());
      if (kind === "alter body") logs[index] = { ...log, data: flipped(log.data, 2) };
      if (kind === "alter topic")
        logs[index] = { ...log, topics: [...log.topics.slice(0, 2), flipped(log.topics[2] ?? "0x", -1)] };
      if (kind === "alter hash") logs[index] = { ...log, data: flipped(log.data, -1) };
      const lastIsGone = kind === "leave out" && index === given.length - 1;
      const nothingToSwap = kind === "swap" && index === given.length - 1;
      const followed = followLinks(chainOrigin, logs);
      // A missing last event shows only against the contract's counter; see judgeLogs.
      expect("reason" in followed).toBe(!lastIsGone && !nothingToSwap);
      const expected =
        kind === "double"
          ? { reason: "unexpected" }
          : kind.startsWith("alter")
            ? { reason: "altered", sequence: BigInt(index + 1) }
            : { reason: "missing", sequence: BigInt(index + 1) };
      if ("reason" in followed) expect(followed).toMatchObject(expected);
    }),
  );
});

test("a log without data or topics breaks the chain instead of the reader", () => {
  const [log] = lawfulLogs([[1]]);
  if (log === undefined) throw new Error("no log");
  expect(followLinks(chainOrigin, [{ ...log, data: "0x" }])).toEqual({ reason: "altered", sequence: 1n });
  expect(followLinks(chainOrigin, [{ ...log, topics: [signature] }])).toEqual({ reason: "unexpected", sequence: 0n });
  expect(linkHash(signature, { topics: [], data: signature })).toBe(keccak256(signature));
});

test("an ABI's chained events are those that carry number and running hash; OpenZeppelin's stand outside", () => {
  expect(emitterTopics.size).toBe(1);
  expect(chainedTopics(emitterAbi)).toEqual(emitterTopics);
  const outside = ["Paused", "Unpaused", "RoleGranted", "RoleRevoked", "RoleAdminChanged"];
  for (const abi of [anchorAbi, treasuryAbi]) {
    const events = abi.filter((item) => item.type === "event");
    expect(chainedTopics(abi).size).toBe(events.filter(({ name }) => !outside.includes(name)).length);
  }
});
