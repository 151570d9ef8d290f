// Matching events with instructions: every kind, every bit of the masks, and both sides where they differ.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TreasuryEvent } from "#chain/treasury.ts";
import { isUnpaidAgain, matchEvent, settles, type Settled } from "#payout/match.ts";
import { allows, payoutLifecycle, type PayoutState } from "#protocol/lifecycles.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Instruction } from "#storage/payouts.ts";

const word = (byte: string): Hex => `0x${byte.repeat(32)}`;
const accountAt = (index: number): Hex => `0x${(0xaa0000 + index).toString(16).padStart(40, "0")}`;

function instructionAt(index: number, state: PayoutState = "submitted"): Instruction {
  const payoutId: Hex = `0x${index.toString(16).padStart(64, "0")}`;
  const amount = BigInt(100 + index);
  const intent = state === "prepared" || state === "authorized" ? null : "pay:films/1/0#1";
  return {
    scope: "films",
    epoch: 1,
    payoutId,
    index,
    account: accountAt(index),
    amount,
    state,
    intent,
    refused: false,
    retry: null,
  };
}

const place = {
  sequence: 1n,
  blockNumber: 1n,
  blockHash: word("01"),
  transactionHash: word("02"),
  logIndex: 0,
};
const links = { sequence: 1n, scope: word("0a"), epoch: 1n, runningHash: word("0b") };

function rangePaid(args: {
  firstIndex: bigint;
  count: bigint;
  paidMask: bigint;
  refusedMask: bigint;
  amount: bigint;
}): Settled {
  return { eventName: "RangePaid", args: { ...links, ...args }, place };
}

function claimed(index: bigint, account: Hex, amount: bigint): Settled {
  return { eventName: "Claimed", args: { ...links, index, account, amount, by: accountAt(999) }, place };
}

const sumOf = (instructions: readonly Instruction[]): bigint =>
  instructions.reduce((sum, { amount }) => sum + amount, 0n);

test("only ranges and claims speak of payments", () => {
  const args = { ...links, from: accountAt(1), amount: 5n, funded: 5n };
  const funded: TreasuryEvent = { eventName: "Funded", args, place };
  expect(settles(funded)).toBe(false);
  expect(settles(claimed(0n, accountAt(0), 100n))).toBe(true);
  expect(settles(rangePaid({ firstIndex: 0n, count: 1n, paidMask: 1n, refusedMask: 0n, amount: 1n }))).toBe(true);
});

test("each bit of a range's masks speaks of its own payout, and nothing of the others", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3 }),
      fc.array(fc.constantFrom("paid", "refused", "neither"), { minLength: 1, maxLength: 256 }),
      (block, fates) => {
        const first = block * 256;
        const instructions = fates.map((_, offset) => instructionAt(first + offset));
        const mask = (fate: string): bigint =>
          fates.reduce((bits, each, offset) => (each === fate ? bits | (1n << BigInt(offset)) : bits), 0n);
        const amount = sumOf(instructions.filter((_, offset) => fates[offset] === "paid"));
        const event = rangePaid({
          firstIndex: BigInt(first),
          count: BigInt(fates.length),
          paidMask: mask("paid"),
          refusedMask: mask("refused"),
          amount,
        });
        const { steps, difference } = matchEvent(event, instructions, "pay:films/1/0#1");
        expect(difference).toBeNull();
        const moved = new Map(steps.flat().map(({ instruction, to }) => [instruction.index - first, to]));
        const expected = { paid: "reconciled", refused: "failed", neither: undefined } as const;
        fates.forEach((fate, offset) => {
          expect(moved.get(offset)).toBe(expected[fate]);
        });
      },
    ),
  );
});

test("a sum that differs makes what was paid mismatched, and names both sides [PAYO-05]", () => {
  const instructions = [0, 1, 2].map((index) => instructionAt(index));
  const event = rangePaid({ firstIndex: 0n, count: 3n, paidMask: 0b011n, refusedMask: 0b100n, amount: 202n });
  const { steps, difference } = matchEvent(event, instructions, null);
  expect(difference).toBe("the treasury paid 202, the instructions say 201");
  const moves = steps.flat().map(({ instruction, to, why }) => [instruction.index, to, why]);
  expect(moves).toEqual([
    [0, "mismatched", difference],
    [1, "mismatched", difference],
    [2, "failed", "its recipient refused it"],
  ]);
});

test("a payment for which there is no instruction is a difference", () => {
  const event = rangePaid({ firstIndex: 0n, count: 2n, paidMask: 0b11n, refusedMask: 0n, amount: 201n });
  const { steps, difference } = matchEvent(event, [instructionAt(0)], null);
  expect(difference).toBe("the treasury paid 201, the instructions say 100");
  expect(steps.flat().map(({ to }) => to)).toEqual(["mismatched"]);
  expect(matchEvent(claimed(7n, accountAt(7), 107n), [instructionAt(0)], null)).toEqual({
    steps: [[]],
    difference: `the treasury paid 107 to ${accountAt(7)}, the instruction says nothing`,
  });
});

test("a claim counts as paid in every state before; another amount or account is a mismatch that names both [PAYO-08]", () => {
  const before: readonly PayoutState[] = ["prepared", "authorized", "submitted", "confirmed", "failed", "mismatched"];
  for (const state of before) {
    const { steps, difference } = matchEvent(claimed(0n, accountAt(0), 100n), [instructionAt(0, state)], null);
    expect(difference).toBeNull();
    expect(steps.flat().map(({ to }) => to)).toEqual(["reconciled"]);
  }
  const other = matchEvent(claimed(0n, accountAt(1), 100n), [instructionAt(0)], null);
  expect(other.difference).toBe(
    `the treasury paid 100 to ${accountAt(1)}, the instruction says 100 to ${accountAt(0)}`,
  );
  expect(other.steps.flat().map(({ to, why }) => [to, why])).toEqual([["mismatched", other.difference]]);
  expect(matchEvent(claimed(0n, accountAt(0), 99n), [instructionAt(0)], null).difference).not.toBeNull();
});

test("what is reconciled already is not moved again", () => {
  const instructions = [instructionAt(0, "reconciled"), instructionAt(1, "reconciled")];
  const event = rangePaid({ firstIndex: 0n, count: 2n, paidMask: 0b11n, refusedMask: 0n, amount: 201n });
  expect(matchEvent(event, instructions, null).steps.flat()).toEqual([]);
  expect(matchEvent(claimed(1n, accountAt(1), 101n), instructions, null).steps.flat()).toEqual([]);
});

test("a refusal of what was sent but not noted is noted as sent first; of what was never sent it says nothing", () => {
  const event = rangePaid({ firstIndex: 0n, count: 2n, paidMask: 0n, refusedMask: 0b11n, amount: 0n });
  const { steps } = matchEvent(
    event,
    [instructionAt(0, "authorized"), instructionAt(1, "prepared")],
    "pay:films/1/0#1",
  );
  expect(steps.map((moves) => moves.map(({ instruction, to, intent }) => [instruction.state, to, intent]))).toEqual([
    [["authorized", "submitted", "pay:films/1/0#1"]],
    [["submitted", "failed", "pay:films/1/0#1"]],
  ]);
});

test("whatever the states are, every move is one that the published table allows [PAYO-04]", () => {
  const states = fc.constantFrom(...(Object.keys(payoutLifecycle.states) as PayoutState[]));
  const bits = fc.bigInt({ min: 0n, max: 255n });
  fc.assert(
    fc.property(
      fc.array(states, { minLength: 8, maxLength: 8 }),
      bits,
      bits,
      fc.boolean(),
      (each, paid, mask, differs) => {
        const instructions = each.map((state, index) => instructionAt(index, state));
        const amount =
          sumOf(instructions.filter(({ index }) => ((paid >> BigInt(index)) & 1n) === 1n)) + (differs ? 1n : 0n);
        const event = rangePaid({ firstIndex: 0n, count: 8n, paidMask: paid, refusedMask: mask & ~paid, amount });
        for (const { instruction, to } of matchEvent(event, instructions, null).steps.flat()) {
          expect(allows(payoutLifecycle, instruction.state, to)).toBe(true);
        }
      },
    ),
  );
});

test("authorized again is what is mismatched, unpaid on the chain, and out of reach of its last transaction [PAYO-04]", () => {
  const states = Object.keys(payoutLifecycle.states) as PayoutState[];
  fc.assert(
    fc.property(
      fc.constantFrom(...states),
      fc.integer({ min: 0, max: 1_000 }),
      fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      fc.boolean(),
      (state, index, word, isOver) => {
        const isPaid = ((word >> BigInt(index % 256)) & 1n) === 1n;
        const again = isUnpaidAgain(instructionAt(index, state), word, isOver);
        expect(again).toBe(state === "mismatched" && !isPaid && isOver);
        if (again) expect(allows(payoutLifecycle, state, "authorized")).toBe(true);
      },
    ),
  );
});
