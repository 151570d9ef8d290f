// The accounting law over long rows of random epochs: money is neither made nor lost, and what is owed is taken and no more.
import fc from "fast-check";
import { expect, test } from "vitest";
import { adjustmentRecords } from "#protocol/adjustments.ts";
import { payoutInstructions, meteredOf, rewardRecords, type Contribution } from "#protocol/rewards.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { AdjustmentRecord, OutstandingPenalty, RewardRecord } from "#protocol/schemas/settlement.ts";
import { feePostings, penaltyPostings, rewardPostings } from "#settlement/finalization-postings.ts";
import { accountNames, type Posting } from "#storage/accounts.ts";
import { policyOf } from "#test/layers/documents.ts";

const epochs = 100_000;
const epochsInARow = 100;
const scope = "trade";
const accounts = Array.from({ length: 5 }, (_, at): Hex => `0x${String(at + 1).padStart(40, "0")}`);
const submitter: Hex = `0x${"ee".repeat(20)}`;

/** Chance that a number repeats: xorshift32, so that a row of epochs costs no more than its own arithmetic. */
function chanceFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Chance = ReturnType<typeof chanceFrom>;
const anyone = (chance: Chance): Hex => accounts[chance(accounts.length)] ?? "0x";
/** Amounts of every size, nothing among them. */
const amount = (chance: Chance): bigint => BigInt(chance(1_000)) * 10n ** BigInt(chance(4) * 6);

function policyFrom(chance: Chance): Policy {
  const cuts = Array.from({ length: 4 }, () => chance(10_001)).sort((a, b) => a - b);
  const [a = 0, b = 0, c = 0, d = 0] = cuts;
  const shares = { producers: a, vaults: b - a, executors: c - b, verifiers: d - c, treasury: 10_000 - d };
  return policyOf({ rewards: { shares, subsidy: String(amount(chance)), treasuryAccount: anyone(chance) } });
}

function contributionFrom(chance: Chance): Contribution {
  const records = chance(4) * 7;
  const producers = records === 0 ? [] : [{ account: anyone(chance), records }];
  return {
    fee: amount(chance),
    executor: anyone(chance),
    verifiers: [anyone(chance)],
    records,
    vaults: [{ operator: anyone(chance), records, producers }],
  };
}

/** Accounts and their balances, folded from postings. */
class Books {
  readonly balances = new Map<string, bigint>();

  post(postings: readonly Posting[]): void {
    for (const { debit, credit, amount: moved } of postings) {
      if (moved < 0n) throw new Error("a posting of less than nothing");
      this.balances.set(debit, (this.balances.get(debit) ?? 0n) - moved);
      this.balances.set(credit, (this.balances.get(credit) ?? 0n) + moved);
    }
  }

  of(account: string): bigint {
    return this.balances.get(account) ?? 0n;
  }
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, each) => total + each, 0n);
const amountsOf = (records: readonly { readonly amount: string }[]): readonly bigint[] =>
  records.map((record) => BigInt(record.amount));

/** A row of epochs of one scope as it goes on: what is owed, what was taken of each penalty, and the books. */
type Row = {
  readonly chance: Chance;
  readonly books: Books;
  readonly penalties: OutstandingPenalty[];
  readonly owed: Map<Hex, bigint>;
  readonly history: (readonly (RewardRecord | AdjustmentRecord)[])[];
};

function penalize({ chance, penalties, owed }: Row): void {
  const penaltyId: Hex = `0x${String(owed.size).padStart(64, "0")}`;
  const owes = amount(chance) + 1n;
  owed.set(penaltyId, owes);
  penalties.push({ penaltyId, challengeId: penaltyId, account: anyone(chance), remaining: String(owes) });
}

/** One epoch from its items to its payouts; throws where a law is broken. */
function settle(row: Row, epoch: number): void {
  const { chance, books, penalties } = row;
  const policy = policyFrom(chance);
  const items = Array.from({ length: chance(3) }, () => contributionFrom(chance));
  const { pot, records } = rewardRecords(scope, epoch, policy, meteredOf(items));
  const beneficiary = policy.rewards.treasuryAccount;
  const adjustments = adjustmentRecords({ scope, epoch, beneficiary }, records, penalties);
  const payouts = payoutInstructions(scope, epoch, records, adjustments);
  law(sum(amountsOf(payouts)) === pot, "payouts add up to the pot");
  law(
    amountsOf(payouts).every((each) => each > 0n),
    "nobody is paid nothing, or less",
  );
  for (const [role, of] of Map.groupBy(records, (each) => each.role)) {
    law(sum(amountsOf(of)) === BigInt(of[0]?.basis.rolePool ?? "-1"), `the part of ${role} is shared out whole`);
  }
  for (const [account, of] of Map.groupBy(adjustments, (each) => each.account)) {
    const earned = sum(amountsOf(records.filter((each) => each.account === account)));
    law(account !== beneficiary && sum(amountsOf(of)) <= earned, "no more is taken than was earned");
  }
  takeNote(row, adjustments);
  const fees = sum(items.map(({ fee }) => fee));
  books.post([
    {
      kind: "deposit",
      debit: accountNames.external,
      credit: accountNames.reserved(submitter),
      amount: fees,
      reference: "",
    },
    ...feePostings({ scope, epoch }, pot, items.length === 0 ? [] : [{ submitter, fees, reserved: fees }]),
    ...rewardPostings(
      { scope, epoch },
      records.map((each) => ({ ...each, amount: BigInt(each.amount) })),
    ),
    ...penaltyPostings(adjustments.map((each) => ({ ...each, amount: BigInt(each.amount) }))),
  ]);
  law(books.of(accountNames.pot(scope, epoch)) === 0n, "the pot is emptied");
  for (const payout of payouts) {
    const debit = accountNames.earned(payout.account);
    law(books.of(debit) === BigInt(payout.amount), "what is paid is what is there of this epoch");
    const posting = { debit, credit: accountNames.external, amount: BigInt(payout.amount), reference: "" };
    books.post([{ kind: "payout", ...posting }]);
  }
  row.history.push([...records, ...adjustments].map((record) => Object.freeze(record)));
}

/** What is left of each penalty: it goes down by what is taken, and those with nothing left are gone. */
function takeNote({ penalties, owed }: Row, adjustments: readonly AdjustmentRecord[]): void {
  for (const { penaltyId, amount: taken, remaining } of adjustments) {
    const at = penalties.findIndex((each) => each.penaltyId === penaltyId);
    const penalty = penalties[at];
    law(penalty !== undefined && BigInt(taken) > 0n, "what is taken was owed");
    const left = BigInt(penalty?.remaining ?? "0") - BigInt(taken);
    law(left >= 0n && left === BigInt(remaining), "what remains goes down by what is taken");
    owed.set(penaltyId, (owed.get(penaltyId) ?? 0n) - BigInt(taken));
    if (penalty === undefined) continue;
    if (left === 0n) penalties.splice(at, 1);
    else penalties[at] = { ...penalty, remaining };
  }
}

function law(holds: boolean, words: string): void {
  if (!holds) throw new Error(`broken: ${words}`);
}

/** Plays a row of epochs; answers the row as it stands then. */
function play(seed: number): Row {
  const row: Row = { chance: chanceFrom(seed), books: new Books(), penalties: [], owed: new Map(), history: [] };
  for (let epoch = 1; epoch <= epochsInARow; epoch++) {
    if (row.chance(4) === 0) penalize(row);
    settle(row, epoch);
  }
  return row;
}

test(`over ${epochs} random epochs money adds up, and penalties are taken to the last unit [RWRD-02] [RWRD-04]`, () => {
  const seed = 20261121;
  console.error(`[seed] accounting ${seed}`);
  let adjusted = 0;
  let paidOff = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0x7fffffff }), (of) => {
      const { books, penalties, owed, history } = play(of);
      law(sum([...books.balances.values()]) === 0n, "the sum over all accounts is zero");
      const sources: readonly string[] = [accountNames.external, accountNames.subsidy];
      const negative = [...books.balances].filter(([account, balance]) => balance < 0n && !sources.includes(account));
      law(negative.length === 0, "only sources are below zero");
      for (const { penaltyId, remaining } of penalties)
        law(owed.get(penaltyId) === BigInt(remaining), "nothing is lost");
      adjusted += history.flat().filter((record) => "penaltyId" in record).length;
      paidOff += owed.size - penalties.length;
    }),
    { numRuns: epochs / epochsInARow, seed },
  );
  expect(adjusted).toBeGreaterThan(epochs / 100);
  expect(paidOff).toBeGreaterThan(epochs / 100);
});

test("epochs that follow change nothing of the records before them; the same row again gives the same records [RWRD-01] [RWRD-04]", () => {
  const seed = 42;
  const whole = play(seed).history;
  const row: Row = { chance: chanceFrom(seed), books: new Books(), penalties: [], owed: new Map(), history: [] };
  for (let epoch = 1; epoch <= epochsInARow; epoch++) {
    if (row.chance(4) === 0) penalize(row);
    settle(row, epoch);
    expect(row.history.at(-1)).toEqual(whole[epoch - 1]);
  }
  expect(row.history).toEqual(whole);
});
