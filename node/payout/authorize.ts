// From finalized rewards to authorized payouts: instructions are prepared, proven against the chain, and let through by policy.
import { readCandidate } from "#chain/anchor.ts";
import { agreedHead } from "#chain/client.ts";
import { readFunds } from "#chain/treasury.ts";
import { scopeId } from "#protocol/leaves.ts";
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
import { authorize, type EpochFunds, type RangeAmount } from "./policy.ts";
import { epochRanges, rangeStart, type EpochRanges } from "./ranges.ts";

/** How often the payouts of a dead transaction are authorized again; what fails this often needs a person. */
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
  const { database, clock, log } = deps;
  const instructions = await instructionsOf(database, key);
  const due = instructions.filter(isDue);
  if (due.length === 0) return 0;
  const at = await agreedHead(deps.anchor.chain);
  const place = { scope: scopeId(key.scope), epoch: BigInt(key.epoch) };
  const candidate = await readCandidate(deps.anchor, place.scope, place.epoch, at);
  const finalized = candidate.state === "finalized";
  const proven = await provenRanges(deps, key, instructions);
  // A root that is not final yet, or not there after a reorganization, says nothing against the leaves.
  if (finalized && candidate.root !== proven.root) {
    const why = `the leaves lead to ${proven.root}, the chain holds ${candidate.root}`;
    log.error({ ...key, code: "PAYOUT_MISMATCH", why }, "payouts do not lead to the anchored root");
    return await move(
      deps,
      due.map((instruction) => ({ instruction, to: "mismatched", why })),
    );
  }
  const { funded } = await readFunds(deps.treasury, place, at);
  const funds: EpochFunds = { committed: candidate.payoutTotal, funded, finalized };
  const spent = await authorizedSince(database, new Date(clock().getTime() - hourMilliseconds));
  const { authorized, held } = authorize(deps.limits, funds, rangeAmounts(due, instructions), spent);
  if (held) log.warn({ ...key, code: held.code, ...held.detail }, "payouts are held back");
  const starts = new Set(authorized);
  const passing = due.filter(({ index }) => starts.has(rangeStart(index)));
  return await move(
    deps,
    passing.map((instruction) => ({ instruction, to: "authorized", why: "policy allows it" })),
  );
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

/** Prepared ones, and those of transactions that are dead and were not tried too often. A refusing recipient is not asked again. */
function isDue({ state, intent, refused }: Instruction): boolean {
  if (state === "prepared") return true;
  return state === "failed" && !refused && intent !== null && triesOf(intent) < triesLimit;
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
