// Sending: one transaction per range of authorized payouts, and what became of those that were sent.
import { strict as assert } from "node:assert";
import { advance, advanceAll, submit, type Submission } from "#chain/submitter.ts";
import { describeTreasuryRevert, payRangeCall } from "#chain/treasury.ts";
import type { TransactionOutcome } from "#chain/transaction-journal.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { PayoutState } from "#protocol/lifecycles.ts";
import { epochsWith, instructionsOf, moveInstructions, type EpochKey, type Instruction } from "#storage/payouts.ts";
import { nextIntent, provenRanges, triesOf } from "./authorize.ts";
import type { PayoutDeps } from "./deps.ts";
import { rangeStart, type Range } from "./ranges.ts";

/**
 * Sends every authorized range (PAYO-06, PAYO-07). The transaction is persisted under a key made from its place before it is
 * broadcast; after a crash the same key is found again, so nothing is sent twice. Answers how many moved.
 */
export async function sendPayouts(deps: PayoutDeps): Promise<number> {
  let moved = 0;
  for (const key of await epochsWith(deps.database, ["authorized"])) {
    const instructions = await instructionsOf(deps.database, key);
    const { ranges } = await provenRanges(deps, key, instructions);
    for (const range of ranges) {
      const due = instructions.filter(
        ({ index, state }) => state === "authorized" && rangeStart(index) === range.firstIndex,
      );
      if (due.length === 0) continue;
      const sent = await sendRange(deps, key, range, due);
      if (sent === "account-waits") return moved;
      moved += sent;
    }
  }
  return moved;
}

/** Sends one range; `account-waits` when nothing more can be sent from this account for now. */
async function sendRange(
  deps: PayoutDeps,
  key: EpochKey,
  range: Range,
  due: readonly Instruction[],
): Promise<number | "account-waits"> {
  const tried = due.flatMap((each) => each.intent ?? []).sort((a, b) => triesOf(a) - triesOf(b));
  const intent = nextIntent(key, range.firstIndex, tried.at(-1) ?? null);
  const place = { scope: scopeId(key.scope), epoch: BigInt(key.epoch) };
  const call = payRangeCall(deps.treasury.address, place, range.leaves, range.proof);
  const submission = await submit(deps.submitter, { key: intent, call });
  const waits = waitsFor(submission);
  if (waits !== null) {
    deps.notices.say(intent, { ...key, intent, why: waits }, "a payout waits");
    return submission.kind === "deferred" && submission.limit !== "gas-ceiling" ? "account-waits" : 0;
  }
  deps.notices.end(intent);
  const moves = due.map((instruction) => ({
    instruction,
    to: "submitted" as const,
    why: "signed and persisted",
    intent,
  }));
  return await deps.database.transaction(async (transaction) => {
    const count = await moveInstructions(transaction, moves, deps.clock());
    if (submission.kind !== "conflict" || count === 0) return count;
    const failed = due.map((instruction) => ({
      instruction: { ...instruction, state: "submitted" as const, intent },
      to: "failed" as const,
      why: "its key belongs to another transaction",
    }));
    return await moveInstructions(transaction, failed, deps.clock());
  });
}

/** Why a submission leaves its payouts where they are: nothing was consumed. Null where it did not. */
function waitsFor(submission: Submission): string | null {
  switch (submission.kind) {
    case "deferred":
      return `held back by ${submission.limit}`;
    // Asking again costs nothing, and what stands against it (a pause, say) may pass.
    case "refused":
      return `the treasury refuses it: ${describeTreasuryRevert(submission.data).name}`;
    case "tracked":
    case "conflict":
      return null;
  }
}

/**
 * Drives every transaction that was sent, and moves the payouts of those that came to an end; a confirmed one may still come to
 * another end when a reorganization undoes the first. Answers how many moved.
 */
export async function trackPayouts(deps: PayoutDeps): Promise<number> {
  await advanceAll(deps.submitter);
  let moved = 0;
  for (const key of await epochsWith(deps.database, ["submitted", "confirmed"])) {
    const sent = (await instructionsOf(deps.database, key)).filter(isSent);
    for (const intent of new Set(sent.map((each) => each.intent))) {
      assert(intent !== null, "a payout that was sent names its transaction");
      const record = await deps.submitter.journal.find(intent);
      if (!record?.outcome) continue;
      // Looked at again: what was settled may have been undone, and its nonce used by another since.
      const { outcome } = await advance(deps.submitter, record);
      if (!outcome) continue;
      const [to, why] = afterOutcome(outcome);
      const moves = sent
        .filter((each) => each.intent === intent && each.state !== to)
        .map((instruction) => ({ instruction, to, why }));
      moved += await deps.database.transaction((transaction) => moveInstructions(transaction, moves, deps.clock()));
    }
  }
  return moved;
}

function isSent({ state }: Instruction): boolean {
  return state === "submitted" || state === "confirmed";
}

function afterOutcome(outcome: TransactionOutcome): readonly [PayoutState, string] {
  if (outcome.kind === "superseded") return ["failed", "another transaction used its nonce"];
  return outcome.reverted ? ["failed", "its transaction reverted"] : ["confirmed", "receipt and nonce agree"];
}
