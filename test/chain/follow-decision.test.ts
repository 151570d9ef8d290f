// The decisions of following: where to go on from, what a range must hold, what logs amount to.
import fc from "fast-check";
import { expect, test } from "vitest";
import { chainOrigin, linkHash, type ChainPosition, type ContractLog } from "#chain/event-chain.ts";
import {
  expectRange,
  headersLink,
  judgeLogs,
  originCursor,
  standing,
  type FollowCursor,
  type HeaderLink,
} from "#chain/follow-decision.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { concatHex, numberToHex } from "viem";

const word = (value: number): Hex => numberToHex(value, { size: 32 });
const cursor = (height: number): FollowCursor => ({
  blockNumber: BigInt(height),
  blockHash: word(height),
  sequence: BigInt(height),
  runningHash: word(height),
});
const on = (height: number) => ({ cursor: cursor(height), canonicalHash: word(height) });
const moved = (height: number) => ({ cursor: cursor(height), canonicalHash: word(height + 1_000) });
const above = (height: number) => ({ cursor: cursor(height), canonicalHash: null });

test.each([
  ["the newest is canonical", [on(9)], { kind: "on", cursor: cursor(9) }],
  ["the newest was replaced, an older one holds", [moved(9), moved(8), on(7)], { kind: "rollback", cursor: cursor(7) }],
  ["the chain ends below the newest, nothing was replaced", [above(9), on(8)], { kind: "behind" }],
  ["the chain ends below all", [above(9), above(8)], { kind: "behind" }],
  [
    "it ends below the newest and replaced another",
    [above(9), moved(8), on(7)],
    { kind: "rollback", cursor: cursor(7) },
  ],
  ["all were replaced", [moved(9), moved(8)], { kind: "rollback", cursor: null }],
  ["it ends below the newest and replaced the rest", [above(9), moved(8)], { kind: "rollback", cursor: null }],
] as const)("standing: %s", (_, checked, expected) => {
  expect(standing(checked)).toEqual(expected);
});

const headers = (from: number, to: number, fork = 0): HeaderLink[] =>
  Array.from({ length: to - from }, (_, index) => ({
    number: BigInt(from + index + 1),
    hash: word(from + index + 1 + fork),
    parentHash: word(from + index + (index === 0 ? 0 : fork)),
  }));

test("headers link from the cursor to the target, block by block", () => {
  expect(headersLink(cursor(5), headers(5, 9), { number: 9n, hash: word(9) })).toBe(true);
  expect(headersLink(cursor(5), [], { number: 5n, hash: word(5) })).toBe(true);
});

test("one header missing, doubled, of another fork, or another target: no link", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.nat(),
      fc.constantFrom("drop", "double", "fork", "target"),
      (span, pick, harm) => {
        const chain = headers(5, 5 + span);
        const index = pick % span;
        const [header] = chain.slice(index, index + 1);
        if (header === undefined) throw new Error("no header");
        if (harm === "drop") chain.splice(index, 1);
        if (harm === "double") chain.splice(index, 0, header);
        if (harm === "fork") chain[index] = { ...header, parentHash: word(77_777) };
        const target = { number: BigInt(5 + span), hash: word(harm === "target" ? 66_666 : 5 + span) };
        expect(headersLink(cursor(5), chain, target)).toBe(false);
      },
    ),
  );
});

test.each([
  ["has not moved", { sequence: 4n, runningHash: word(4) }, { kind: "empty" }],
  ["went up", { sequence: 9n, runningHash: word(9) }, { kind: "events", count: 5n }],
  ["went down", { sequence: 3n, runningHash: word(3) }, { kind: "contradiction" }],
  ["has the same number with another hash", { sequence: 4n, runningHash: word(5) }, { kind: "contradiction" }],
] as const)("the counter %s", (_, position, expected) => {
  expect(expectRange(cursor(4), position)).toEqual(expected);
});

test("a contract's followed history begins just below its block", () => {
  expect(originCursor({ number: 7n, parentHash: word(6) })).toEqual({
    ...chainOrigin,
    blockNumber: 6n,
    blockHash: word(6),
  });
});

/** Lawful logs, `perBlock[i]` of them in block i. */
function logsIn(perBlock: readonly number[]): readonly ContractLog[] {
  let running = chainOrigin.runningHash;
  let sequence = 0;
  return perBlock.flatMap((count, block) =>
    Array.from({ length: count }, (_, logIndex) => {
      sequence += 1;
      const topics = [word(1), word(sequence)];
      running = linkHash(running, { topics, data: concatHex([word(sequence), running]) });
      const data = concatHex([word(sequence), running]);
      return { blockNumber: BigInt(block), blockHash: word(block), transactionHash: word(0), logIndex, topics, data };
    }),
  );
}

const positionAfter = (logs: readonly ContractLog[]): ChainPosition => {
  const last = logs.at(-1);
  return last === undefined ? chainOrigin : { sequence: BigInt(logs.length), runningHash: `0x${last.data.slice(-64)}` };
};

test("logs are complete only when they reach the contract's counter", () => {
  const logs = logsIn([2, 0, 3]);
  const to = positionAfter(logs);
  expect(judgeLogs(chainOrigin, logs, to, 10)).toMatchObject({ kind: "complete", events: { length: 5 } });
  expect(judgeLogs(chainOrigin, [], to, 10)).toEqual({ kind: "incomplete", at: { reason: "missing", sequence: 1n } });
  expect(judgeLogs(chainOrigin, logs.slice(0, -1), to, 10)).toEqual({
    kind: "incomplete",
    at: { reason: "missing", sequence: 5n },
  });
  expect(judgeLogs(chainOrigin, logs, { ...to, sequence: 4n }, 10)).toEqual({
    kind: "incomplete",
    at: { reason: "unexpected", sequence: 5n },
  });
  expect(judgeLogs(chainOrigin, logs, { ...to, runningHash: word(3) }, 10)).toEqual({
    kind: "incomplete",
    at: { reason: "altered", sequence: 5n },
  });
});

test("more events than a step takes: a prefix that ends with a block, and steps add up to all of them", () => {
  const perBlock = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(perBlock, fc.integer({ min: 1, max: 6 }), (counts, limit) => {
      const logs = logsIn(counts);
      const to = positionAfter(logs);
      let from = chainOrigin;
      let seen = 0;
      for (let steps = 0; seen < logs.length; steps++) {
        expect(steps).toBeLessThanOrEqual(logs.length);
        const verdict = judgeLogs(from, logs.slice(seen), to, limit);
        if (verdict.kind === "incomplete") throw new Error(verdict.at.reason);
        seen += verdict.events.length;
        if (verdict.kind === "complete") break;
        expect(logs[seen]?.blockNumber).toBeGreaterThan(verdict.cursor.blockNumber);
        expect(verdict.cursor).toMatchObject(positionAfter(logs.slice(0, seen)));
        expect(verdict.events.length).toBeLessThanOrEqual(Math.max(limit, 4));
        from = verdict.cursor;
      }
      expect(seen).toBe(logs.length);
    }),
  );
});
