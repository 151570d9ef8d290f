// From finalized rewards to authorized payouts: instructions are prepared, proven against the chain, and let through by policy.
import { readCandidate } from "#chain/anchor.ts";
import { agreedHead, type AgreedBlock } from "#chain/client.ts";
import { advance } from "#chain/submitter.ts";
import { readFunds, readPaidWord, type EpochPlace } from "#chain/treasury.ts";
import { scopeId } from "#protocol/leaves.ts";
import { payoutRangeLimit } from "#protocol/limits.ts";
import type { SettlementHeader, SettlementSubRoots } from "#protocol/schemas/settlement.ts";
import {
  authorizedSince,
  commitmentOf,
  epochsDue,
  instructionsOf,
  moveInstructions,
  prepareInstructions,
  type EpochKey,
  type Instruction,
  type PayoutMove,
} from "#storage/payouts.ts";
import type { PayoutDeps } from "./deps.ts";
import { isUnpaidAgain } from "./match.ts";
import { authorize, type EpochFunds, type RangeAmount } from "./policy.ts";
import { epochRanges, rangeStart, type EpochRanges } from "./ranges.ts";

/** How often a range is tried by itself; what fails this often needs a person (`scs treasury retry`). */
const triesLimit = 3;

const hourMilliseconds = 3_600_000;

/** Makes instructions of newly finalized epochs (PAYO-01) and authorizes what policy allows. Answers how many moved. */
export async function authorizePayouts(deps: PayoutDeps): Promise<number> {
  const { database, clock } = deps;
  let moved = await database.transaction((transaction) => prepareInstructions(transaction, clock()));
  for (const key of await epochsDue(database, triesLimit)) moved += await authorizeEpoch(deps, key);
  return moved;
}

async function authorizeEpoch(deps: PayoutDeps, key: EpochKey): Promise<number> {
  const { database, clock, log, notices } = deps;
  const place = { scope: scopeId(key.scope), epoch: BigInt(key.epoch) };
  const instructions = await instructionsOf(database, key);
  const tried = instructions.filter(isDue);
  // Before the chain is looked at: a transaction that is over now is not mined after the block that shows what is unpaid.
  const over = await tryOver(deps, tried);
  const at = await agreedHead(deps.anchor.chain);
  const unpaid = await unpaidAgain(deps, place, tried, over, at);
  const due = tried.filter((each) => each.state !== "mismatched" || unpaid.has(each));
  if (due.length === 0) return 0;
  const candidate = await readCandidate(deps.anchor, place.scope, place.epoch, at);
  const finalized = candidate.state === "finalized";
  const proven = await provenRanges(deps, key, instructions);
  // A root that is not final yet, or not there after a reorganization, says nothing against the leaves.
  if (finalized && candidate.root !== proven.root) {
    const why = `the leaves lead to ${proven.root}, the chain holds ${candidate.root}`;
    const differing = due.filter(({ state }) => state !== "mismatched");
    if (differing.length === 0) return 0;
    log.error({ ...key, code: "PAYOUT_MISMATCH", why }, "payouts do not lead to the anchored root");
    return await move(
      deps,
      differing.map((instruction) => ({ instruction, to: "mismatched", why })),
    );
  }
  const { funded } = await readFunds(deps.treasury, place, at);
  const funds: EpochFunds = { committed: candidate.payoutTotal, funded, finalized };
  const spent = await authorizedSince(database, new Date(clock().getTime() - hourMilliseconds));
  const { authorized, held } = authorize(deps.limits, funds, rangeAmounts(due, instructions), spent);
  const subject = `${key.scope}/${key.epoch}`;
  if (held) notices.say(subject, { ...key, code: held.code, ...held.detail }, "payouts are held back");
  else notices.end(subject);
  const starts = new Set(authorized);
  const passing = due.filter(({ index }) => starts.has(rangeStart(index)));
  return await move(
    deps,
    passing.map((instruction) => ({ instruction, to: "authorized", why: whyAgain(instruction) })),
  );
}

/** The mismatched payouts' last transactions that came to an end, looked at again: a reorganization may have changed it. */
async function tryOver({ submitter }: PayoutDeps, instructions: readonly Instruction[]): Promise<ReadonlySet<string>> {
  const over = new Set<string>();
  const mismatched = instructions.filter(({ state }) => state === "mismatched");
  for (const intent of new Set(mismatched.flatMap((each) => each.intent ?? []))) {
    const record = await submitter.journal.find(intent);
    if (!record || (await advance(submitter, record)).outcome !== null) over.add(intent);
  }
  return over;
}

/** The mismatched payouts that the chain shows unpaid at a block, and that no transaction of ours can pay any more. */
async function unpaidAgain(
  { treasury }: PayoutDeps,
  place: EpochPlace,
  instructions: readonly Instruction[],
  over: ReadonlySet<string>,
  at: AgreedBlock,
): Promise<ReadonlySet<Instruction>> {
  const unpaid = new Set<Instruction>();
  const words = new Map<number, bigint>();
  for (const each of instructions) {
    if (each.state !== "mismatched") continue;
    const word = rangeStart(each.index) / payoutRangeLimit;
    const bits = words.get(word) ?? (await readPaidWord(treasury, place, BigInt(word), at));
    words.set(word, bits);
    if (isUnpaidAgain(each, bits, each.intent === null || over.has(each.intent))) unpaid.add(each);
  }
  return unpaid;
}

function whyAgain({ state, retry }: Instruction): string {
  if (retry !== null) return retry;
  return state === "mismatched" ? "the chain shows it unpaid, and its last transaction is over" : "policy allows it";
}

/** The epoch's ranges, from the ledger's own commitment. */
export async function provenRanges(
  deps: PayoutDeps,
  key: EpochKey,
  instructions: readonly Instruction[],
): Promise<EpochRanges> {
  const commitment = await commitmentOf(deps.database, key);
  if (!commitment) return { root: "0x", ranges: [] };
  const header = JSON.parse(commitment.header) as SettlementHeader;
  const subRoots = JSON.parse(commitment.subRoots) as SettlementSubRoots;
  const leaves = instructions.map(({ index, account, amount }) => ({ index: BigInt(index), account, amount }));
  const place = { chainId: BigInt(deps.anchor.chain.chainId), anchor: deps.anchor.address };
  return epochRanges(place, key.scope, header, subRoots, leaves);
}

/**
 * What may be authorized if nothing stands against it: prepared ones, failed and mismatched ones that were not tried too often,
 * and those that somebody asked for. A refusing recipient is not asked again by itself.
 */
function isDue({ state, intent, refused, retry }: Instruction): boolean {
  if (state === "prepared") return true;
  if (state !== "failed" && state !== "mismatched") return false;
  return retry !== null || (!refused && (intent === null || triesOf(intent) < triesLimit));
}

/** The number of the try at the end of an intent's key; see {@link nextIntent}. */
export function triesOf(intent: string): number {
  return Number(intent.slice(intent.lastIndexOf("#") + 1));
}

/** The key of the next transaction for a range: its place, and how often it was tried. */
export function nextIntent(key: EpochKey, firstIndex: number, lastIntent: string | null): string {
  return `pay:${key.scope}/${key.epoch}/${firstIndex}#${lastIntent === null ? 1 : triesOf(lastIntent) + 1}`;
}

/** What is due of each range, by index; `largest` is of all its payouts, for a transaction carries them all. */
function rangeAmounts(due: readonly Instruction[], all: readonly Instruction[]): readonly RangeAmount[] {
  const ranges = new Map<number, RangeAmount>();
  for (const { index, amount } of due) {
    const firstIndex = rangeStart(index);
    const sum = (ranges.get(firstIndex)?.amount ?? 0n) + amount;
    ranges.set(firstIndex, { firstIndex, amount: sum, largest: 0n });
  }
  for (const { index, amount } of all) {
    const range = ranges.get(rangeStart(index));
    if (range && amount > range.largest) ranges.set(range.firstIndex, { ...range, largest: amount });
  }
  return [...ranges.values()];
}

async function move(deps: PayoutDeps, moves: readonly PayoutMove[]): Promise<number> {
  return await deps.database.transaction((transaction) => moveInstructions(transaction, moves, deps.clock()));
}
