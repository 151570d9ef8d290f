// What is kept of an event is enough to have the event again, and to say what it paid.
import { expect, test } from "vitest";
import type { TreasuryEvent } from "#chain/treasury.ts";
import { paidPlaceOf, seenEvent, settledOf } from "#payout/event-body.ts";
import type { Hex } from "#protocol/hash.ts";

const word = (byte: string): Hex => `0x${byte.repeat(32)}`;
const account = (byte: string): Hex => `0x${byte.repeat(20)}`;
const place = { sequence: 9n, blockNumber: 8n, blockHash: word("01"), transactionHash: word("02"), logIndex: 3 };
const links = { sequence: 9n, scope: word("0a"), epoch: 4n, runningHash: word("0b") };

test("a range and a claim come back as they were, and name what they paid", () => {
  const masks = { paidMask: 0b1011n, refusedMask: 0b0100n };
  const range: TreasuryEvent = {
    eventName: "RangePaid",
    args: { ...links, firstIndex: 256n, count: 4n, ...masks, amount: 2n ** 90n },
    place,
  };
  const claim: TreasuryEvent = {
    eventName: "Claimed",
    args: { ...links, index: 7n, account: account("11"), amount: 5n, by: account("12") },
    place,
  };
  const paid = { scope: links.scope, epoch: 4 };
  for (const [event, indexes] of [
    [range, [256, 257, 259]],
    [claim, [7]],
  ] as const) {
    const seen = seenEvent(event, true);
    expect(seen).toMatchObject({ ...place, foreignScope: links.scope });
    expect(seenEvent(event, false)).toEqual({ ...seen, foreignScope: null });
    expect(settledOf(seen)).toEqual(event);
    expect(paidPlaceOf(seen)).toEqual({ ...paid, indexes });
  }
});

test("what speaks of no payment is kept, paid nothing, and is foreign to nobody", () => {
  const args = { ...links, from: account("11"), amount: 5n, funded: 5n };
  const seen = seenEvent({ eventName: "Funded", args, place }, true);
  expect(seen.foreignScope).toBeNull();
  expect(settledOf(seen)).toBeUndefined();
  expect(paidPlaceOf(seen)).toBeUndefined();
});
