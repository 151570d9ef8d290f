// Money and states are worked out again from what they follow from.
import { expect, test } from "vitest";
import { checkAccounts, checkTaskStates, type PostingRow } from "#audit/database-check.ts";
import type { Hex } from "#protocol/hash.ts";

async function* stream<T>(...items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const posting = (debit: string, credit: string, amount: bigint): PostingRow => ({
  kind: "deposit",
  debit,
  credit,
  amount,
  reference: "r",
});
const postings = () => stream(posting("external", "budget:a", 10n), posting("budget:a", "reserved:a", 4n));
const balance = (account: string, amount: bigint) => ({ account, amount });

test("balances follow from postings, and a changed one is named", async () => {
  const right = [balance("external", -10n), balance("budget:a", 6n), balance("reserved:a", 4n)];
  expect(await checkAccounts(postings(), stream(...right))).toEqual([]);
  const wrong = [balance("external", -10n), balance("budget:a", 7n), balance("reserved:a", 4n)];
  expect(await checkAccounts(postings(), stream(...wrong))).toEqual([
    { subject: "budget:a", stored: "7", expected: "6" },
    { subject: "sum of all accounts", stored: "1", expected: "0" },
  ]);
  expect(await checkAccounts(postings(), stream(...right.slice(0, 2)))).toContainEqual({
    subject: "reserved:a",
    stored: "no balance",
    expected: "4",
  });
});

test("no account but a source is below zero", async () => {
  const found = await checkAccounts(
    stream(posting("pot:a/1", "earned:b", 1n)),
    stream(balance("pot:a/1", -1n), balance("earned:b", 1n)),
  );
  expect(found).toEqual([{ subject: "pot:a/1", stored: "-1", expected: "≥ 0" }]);
});

const task = (digit: string): Hex => `0x${digit.repeat(64)}`;

test("a task's state follows from its moves [TASK-08]", async () => {
  const history = [
    { from: null, to: "accepted", step: 0 },
    { from: "accepted", to: "resolving", step: 1 },
  ];
  expect(await checkTaskStates(stream({ taskId: task("1"), state: "resolving", history }))).toEqual([]);
  expect(await checkTaskStates(stream({ taskId: task("1"), state: "completed", history }))).toMatchObject([
    { stored: "completed" },
  ]);
  const gap = [...history, { from: "dispatched", to: "verifying", step: 2 }];
  expect(await checkTaskStates(stream({ taskId: task("1"), state: "verifying", history: gap }))).toMatchObject([
    { stored: "move 2 from dispatched", expected: "move 2 from resolving" },
  ]);
});
