// What is kept of a treasury event: enough to explain a payout, to take it back, and to match it when its epoch is known later.
import type { TreasuryEvent } from "#chain/treasury.ts";
import type { Hex } from "#protocol/hash.ts";
import type { SeenEvent } from "#storage/payout-events.ts";
import { settles, type Settled } from "./match.ts";

/** The stored form. `paid` are the indexes that were paid; `args` all arguments, numbers in decimal. */
type EventBody = {
  readonly name: string;
  readonly scope: string | null;
  readonly epoch: string | null;
  readonly paid: readonly number[];
  readonly amount: string | null;
  readonly args: Readonly<Record<string, string>>;
};

/** What an event paid, and of which epoch. */
export type PaidPlace = { readonly scope: string; readonly epoch: number; readonly indexes: readonly number[] };

/** An event as it is stored; foreign where the epoch it pays is not final here. */
export function seenEvent(event: TreasuryEvent, isForeign: boolean): SeenEvent {
  const { sequence, blockNumber, blockHash, transactionHash, logIndex } = event.place;
  const foreignScope = isForeign && settles(event) ? event.args.scope : null;
  const body = JSON.stringify(bodyOf(event));
  return { sequence, blockNumber, blockHash, transactionHash, logIndex, body, foreignScope };
}

function bodyOf(event: TreasuryEvent): EventBody {
  if (!settles(event)) return { name: event.eventName, scope: null, epoch: null, paid: [], amount: null, args: {} };
  const { scope, epoch, amount } = event.args;
  const args = Object.fromEntries(Object.entries(event.args).map(([name, value]) => [name, String(value)]));
  const paid = paidBy(event);
  return { name: event.eventName, scope, epoch: String(epoch), paid, amount: String(amount), args };
}

function paidBy(event: Settled): readonly number[] {
  if (event.eventName === "Claimed") return [Number(event.args.index)];
  const { firstIndex, count, paidMask } = event.args;
  return Array.from({ length: Number(count) }, (_, offset) => offset)
    .filter((offset) => ((paidMask >> BigInt(offset)) & 1n) === 1n)
    .map((offset) => Number(firstIndex) + offset);
}

/** What a stored event paid; undefined where it paid nothing. The scope is its hash. */
export function paidPlaceOf({ body }: SeenEvent): PaidPlace | undefined {
  const { scope, epoch, paid } = JSON.parse(body) as EventBody;
  if (scope === null || paid.length === 0) return undefined;
  return { scope, epoch: Number(epoch), indexes: paid };
}

/** The event as it was before it was stored; undefined where it does not speak of payments. */
export function settledOf({ body, ...place }: SeenEvent): Settled | undefined {
  const { name, args } = JSON.parse(body) as EventBody;
  const number = (key: string): bigint => BigInt(args[key] ?? "0");
  const hex = (key: string): Hex => args[key] as Hex;
  const { sequence, blockNumber, blockHash, transactionHash, logIndex } = place;
  const links = { sequence, scope: hex("scope"), epoch: number("epoch"), runningHash: hex("runningHash") };
  const at = { sequence, blockNumber, blockHash, transactionHash, logIndex };
  if (name === "Claimed") {
    const [index, amount] = [number("index"), number("amount")];
    const paid = { index, amount, account: hex("account"), by: hex("by") };
    return { eventName: name, args: { ...links, ...paid }, place: at };
  }
  if (name !== "RangePaid") return undefined;
  const masks = { paidMask: number("paidMask"), refusedMask: number("refusedMask") };
  const range = { firstIndex: number("firstIndex"), count: number("count"), amount: number("amount") };
  return { eventName: name, args: { ...links, ...range, ...masks }, place: at };
}
