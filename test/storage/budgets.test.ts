// Budgets: deposited once for each reference, whoever repeats it and whenever; the books stay even.
import { afterAll, beforeAll, expect, test } from "vitest";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { accountNames, post, sumOfBalances } from "#storage/accounts.ts";
import { deposit, readBudget } from "#storage/budgets.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

const now = new Date("2026-11-21T12:00:00.000Z");
const accountOf = (byte: string): Hex => `0x${byte.repeat(20)}`;

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const url = testDatabase.urls.node;
  database = openDatabase({ url, applicationName: "budgets test", maxConnections: 8, statementTimeoutMs: 30_000 });
});
afterAll(async () => {
  expect(await sumOfBalances(database)).toBe(0n);
  await database.close();
  await testDatabase.drop();
});

const give = async (account: Hex, amount: string, reference: string, by = "treasury") =>
  await deposit(database, { account, amount, reference }, by, now);

test("an account never used has nothing", async () => {
  const account = accountOf("01");
  expect(await readBudget(database, account)).toEqual({ account, available: "0", reserved: "0" });
});

test("deposits add up, each reference once; what is reserved is shown apart", async () => {
  const account = accountOf("02");
  expect(await give(account, "1000", "a")).toEqual({
    budget: { account, available: "1000", reserved: "0" },
    isRepeated: false,
  });
  expect(await give(account, "1000", "a")).toMatchObject({ budget: { available: "1000" }, isRepeated: true });
  expect(await give(account, "5", "b")).toMatchObject({ budget: { available: "1005" }, isRepeated: false });
  const [debit, credit] = [accountNames.budget(account), accountNames.reserved(account)];
  await database.transaction(async (transaction) => {
    await post(transaction, [{ kind: "reserve", debit, credit, amount: 400n, reference: "task" }], now);
  });
  expect(await readBudget(database, account)).toEqual({ account, available: "605", reserved: "400" });
});

test("a reference is an account's own, and another amount under it is refused", async () => {
  const [first, second] = [accountOf("03"), accountOf("04")];
  await give(first, "7", "same");
  await expect(give(first, "8", "same")).rejects.toMatchObject({
    code: "POLICY_IDEMPOTENCY_CONFLICT",
    detail: { account: first, amount: "7" },
  });
  expect(await give(second, "8", "same")).toMatchObject({ budget: { available: "8" }, isRepeated: false });
  expect(await readBudget(database, first)).toMatchObject({ available: "7" });
});

test("the same deposit many times at once is one", async () => {
  const account = accountOf("05");
  const answers = await Promise.all(Array.from({ length: 10 }, async () => await give(account, "11", "race")));
  expect(answers.filter(({ isRepeated }) => !isRepeated)).toHaveLength(1);
  expect(await readBudget(database, account)).toMatchObject({ available: "11" });
});

test("a deposit is journalled once, with who made it [OPER-08]", async () => {
  const account = accountOf("06");
  await give(account, "3", "r", "somebody");
  await give(account, "3", "r", "somebody else");
  const { rows } = await database.query<{ kind: string; body: string }>(
    "SELECT kind, body FROM ledger.journal WHERE subject = $1",
    [hexToBytes(account)],
  );
  expect(rows.map(({ kind, body }) => [kind, JSON.parse(body) as unknown])).toEqual([
    ["budget", { act: "deposit", amount: "3", by: "somebody", reference: "r" }],
  ]);
});

test("all deposits together stay within what a balance holds", async () => {
  const account = accountOf("07");
  const most = "9".repeat(38);
  await expect(give(account, most, "too much")).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: { account, maximumTotal: most },
  });
  expect(await readBudget(database, account)).toMatchObject({ available: "0" });
  expect(await give(account, "1", "little")).toMatchObject({ isRepeated: false });
});
