// Matching: what one treasury event says about an epoch's instructions. Pure; both sides are named where they differ.
import { maskHas, type TreasuryEvent } from "#chain/treasury.ts";
import { payoutRangeLimit } from "#protocol/limits.ts";
import { recipientRefused, type Instruction, type PayoutMove } from "#storage/payouts.ts";

/** What the treasury paid, or what a recipient refused, as one event says it. */
export type Settled = Extract<TreasuryEvent, { readonly eventName: "RangePaid" | "Claimed" }>;

/** Whether an event speaks of payments. */
export function settles(event: TreasuryEvent): event is Settled {
  return event.eventName === "RangePaid" || event.eventName === "Claimed";
}

/** What one event means. */
export type Match = {
  /** Moves in the order in which they are made; those of one list do not touch each other. */
  readonly steps: readonly (readonly PayoutMove[])[];
  /** Both sides, where treasury and instructions differ. */
  readonly difference: string | null;
};

/**
 * Matches an event with the instructions it speaks of (PAYO-05, PAYO-08): paid ones become reconciled, refused ones failed. An
 * event that the instructions cannot explain makes those that it paid mismatched. `intent` is the node's own transaction
 * that the event is from, null for somebody else's.
 */
export function matchEvent(event: Settled, instructions: readonly Instruction[], intent: string | null): Match {
  return event.eventName === "Claimed" ? matchClaim(event, instructions) : matchRange(event, instructions, intent);
}

type Claimed = Extract<Settled, { readonly eventName: "Claimed" }>;
type RangePaid = Extract<Settled, { readonly eventName: "RangePaid" }>;

function matchClaim({ args }: Claimed, instructions: readonly Instruction[]): Match {
  const { index, account, amount } = args;
  const instruction = instructions.find((each) => BigInt(each.index) === index);
  const same = instruction?.account === account && instruction.amount === amount;
  const known = instruction ? `${instruction.amount} to ${instruction.account}` : "nothing";
  const difference = same ? null : `the treasury paid ${amount} to ${account}, the instruction says ${known}`;
  return {
    steps: [paidMoves(instruction ? [instruction] : [], difference, "the recipient's claim was paid")],
    difference,
  };
}

function matchRange({ args }: RangePaid, instructions: readonly Instruction[], intent: string | null): Match {
  const { firstIndex, paidMask, refusedMask, amount } = args;
  const named = (mask: bigint): readonly Instruction[] =>
    instructions.filter(({ index }) => maskHas(mask, index - Number(firstIndex)));
  const paid = named(paidMask);
  const refused = named(refusedMask);
  const expected = paid.reduce((sum, each) => sum + each.amount, 0n);
  const difference = expected === amount ? null : `the treasury paid ${amount}, the instructions say ${expected}`;
  // A process that ended between sending and noting it left its payouts authorized.
  const unnoted = refused
    .filter(({ state }) => state === "authorized")
    .map((instruction) => ({ instruction, to: "submitted" as const, why: "its transaction was mined", intent }));
  const noted = [
    ...refused.filter(({ state }) => state === "submitted" || state === "confirmed"),
    ...unnoted.map(({ instruction, to }) => ({ ...instruction, state: to, intent: intent ?? instruction.intent })),
  ];
  const failed = noted.map((instruction) => ({ instruction, to: "failed" as const, why: recipientRefused, intent }));
  const moves = paidMoves(paid, difference, "the treasury's event matches").map((move) => ({ ...move, intent }));
  return { steps: [unnoted, [...moves, ...failed]], difference };
}

function paidMoves(
  instructions: readonly Instruction[],
  difference: string | null,
  why: string,
): readonly PayoutMove[] {
  const to = difference === null ? ("reconciled" as const) : ("mismatched" as const);
  return instructions
    .filter(({ state }) => state !== to)
    .map((instruction) => ({ instruction, to, why: difference ?? why }));
}

/**
 * Whether a mismatched payout may be authorized again (PAYO-04, PAYO-05): a deep reorganization took its payment, the chain
 * shows it unpaid (`paidWord` are the bits of its range), and its last transaction can pay it no more.
 */
export function isUnpaidAgain({ state, index }: Instruction, paidWord: bigint, isLastTryOver: boolean): boolean {
  return state === "mismatched" && isLastTryOver && !maskHas(paidWord, index % payoutRangeLimit);
}
