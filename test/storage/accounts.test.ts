// Accounts on a real database: postings once, balances that follow, a sum that stays zero, and no debt where none is allowed.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountNames, lockBalances, post, readBalances, sumOfBalances, type Posting } from "#storage/accounts.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";

let created: TestDatabase;
let database: Database;
const now = new Date("2026-03-01T12:00:00Z");

beforeAll(async () => {
  created = await createTestDatabase();
  const options = { applicationName: "accounts test", maxConnections: 8, statementTimeoutMs: 20_000 };
  database = openDatabase({ url: created.urls.node, ...options });
});

afterAll(async () => {
  await database.close();
  await created.drop();
});

const deposit = (account: string, amount: bigint, reference: string): Posting => ({
  kind: "deposit",
  debit: accountNames.external,
  credit: account,
  amount,
  reference,
});

const postAll = (postings: readonly Posting[]) =>
  database.transaction((transaction) => post(transaction, postings, now));

const balanceOf = async (account: string): Promise<bigint | undefined> =>
  (await readBalances(database, [account])).get(account);

test("a posting moves its amount once, however often it is made", async () => {
  const account = accountNames.budget("0x01");
  await postAll([deposit(account, 100n, "a"), deposit(account, 5n, "b")]);
  await postAll([deposit(account, 100n, "a")]);
  expect(await balanceOf(account)).toBe(105n);
});

test("an account that may not go negative refuses the whole transaction", async () => {
  const [budget, reserved] = [accountNames.budget("0x02"), accountNames.reserved("0x02")];
  await postAll([deposit(budget, 10n, "c")]);
  const reserve = (amount: bigint, reference: string): Posting => ({
    kind: "reserve",
    debit: budget,
    credit: reserved,
    amount,
    reference,
  });
  await expect(postAll([reserve(4n, "d"), reserve(7n, "e")])).rejects.toThrow(/check constraint/);
  expect([await balanceOf(budget), await balanceOf(reserved)]).toEqual([10n, 0n]);
});

test(
  "the sum over all accounts stays zero under concurrent postings between any of them",
  { timeout: 60_000 },
  async () => {
    const names = ["x", "y", "z"].map((name) => accountNames.budget(name));
    await postAll(names.map((name) => deposit(name, 10n ** 20n, "start")));
    let reference = 0;
    const movement = fc.record({
      from: fc.constantFrom(...names),
      to: fc.constantFrom(...names, accountNames.external),
      amount: fc.bigInt(1n, 10n ** 9n),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(movement, { minLength: 1, maxLength: 5 }), { maxLength: 6 }),
        async (batches) => {
          const postings = batches.map((batch) =>
            batch
              .filter(({ from, to }) => from !== to)
              .map(({ from, to, amount }): Posting => ({
                kind: "spend",
                debit: from,
                credit: to,
                amount,
                reference: `m${reference++}`,
              })),
          );
          await Promise.all(postings.map(postAll));
          expect(await sumOfBalances(database)).toBe(0n);
        },
      ),
      { numRuns: 25 },
    );
  },
);

test("locking opens what does not exist and answers every amount", async () => {
  const account = accountNames.budget("0x03");
  const locked = await database.transaction((transaction) =>
    lockBalances(transaction, [account, accountNames.external]),
  );
  expect(locked.get(account)).toBe(0n);
  expect(locked.size).toBe(2);
});
