// Double-entry accounting: postings are appended, balances follow, and the sum over all accounts stays zero.
import type { Queryable } from "./database.ts";

/** One movement of money in base units. `reference` makes it idempotent within its kind and accounts. */
export type Posting = {
  readonly kind: "deposit" | "reserve" | "release" | "spend" | "subsidy" | "reward" | "payout" | "penalty";
  readonly debit: string;
  readonly credit: string;
  readonly amount: bigint;
  readonly reference: string;
};

/** Names of accounts. Only `external` and `subsidy` may go negative: they are where money comes from. */
export const accountNames = {
  external: "external",
  subsidy: "subsidy",
  budget: (address: string): string => `budget:${address}`,
  reserved: (address: string): string => `reserved:${address}`,
  pot: (scope: string, epoch: number): string => `pot:${scope}/${epoch}`,
  earned: (address: string): string => `earned:${address}`,
} as const;

const sources: ReadonlySet<string> = new Set([accountNames.external, accountNames.subsidy]);

const openStatement = {
  name: "open-accounts",
  text: `INSERT INTO work.balance (account, amount, may_go_negative)
    SELECT account, 0, negative FROM unnest($1::text[], $2::boolean[]) AS a (account, negative)
    ON CONFLICT (account) DO NOTHING`,
};

const lockStatement = {
  name: "lock-balances",
  text: `SELECT account, amount FROM work.balance WHERE account = ANY($1) ORDER BY account FOR UPDATE`,
};

/**
 * Locks the balances of accounts for the rest of the transaction, in one order everywhere so that two transactions cannot
 * wait for each other; opens those that do not exist. Answers their amounts.
 */
export async function lockBalances(
  transaction: Queryable,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const wanted = [...new Set(accounts)].sort();
  const lock = async () => {
    const { rows } = await transaction.query<{ account: string; amount: bigint }>(lockStatement, [wanted]);
    return new Map(rows.map((row) => [row.account, row.amount]));
  };
  const found = await lock();
  if (found.size === wanted.length) return found;
  const missing = wanted.filter((account) => !found.has(account));
  await transaction.query(openStatement, [missing, missing.map((account) => sources.has(account))]);
  return await lock();
}

const postStatement = {
  name: "post",
  text: `WITH posted AS (
      INSERT INTO ledger.posting (kind, debit, credit, amount, reference, at)
      SELECT kind, debit, credit, amount, reference, $6
      FROM unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::text[]) AS p (kind, debit, credit, amount, reference)
      ON CONFLICT (kind, reference, debit, credit) WHERE kind <> 'reserve' DO NOTHING
      RETURNING debit, credit, amount),
    changes AS (
      SELECT account, sum(change) AS change FROM (
        SELECT debit AS account, -amount AS change FROM posted UNION ALL SELECT credit, amount FROM posted) both_sides
      GROUP BY account)
    UPDATE work.balance SET amount = balance.amount + changes.change
    FROM changes WHERE balance.account = changes.account`,
};

/**
 * Appends postings and moves their balances; a posting made before is left out. The caller's transaction fails when an
 * account would go negative that may not, or a second reservation comes under one reference.
 */
export async function post(transaction: Queryable, postings: readonly Posting[], now: Date): Promise<void> {
  const moving = postings.filter(({ amount }) => amount > 0n);
  if (moving.length === 0) return;
  await lockBalances(
    transaction,
    moving.flatMap(({ debit, credit }) => [debit, credit]),
  );
  await transaction.query(postStatement, [
    moving.map(({ kind }) => kind),
    moving.map(({ debit }) => debit),
    moving.map(({ credit }) => credit),
    moving.map(({ amount }) => amount),
    moving.map(({ reference }) => reference),
    now,
  ]);
}

/** The sum over all accounts: zero, always (design: accounting). */
export async function sumOfBalances(database: Queryable): Promise<bigint> {
  const { rows } = await database.query<{ sum: bigint }>(`SELECT coalesce(sum(amount), 0) AS sum FROM work.balance`);
  return rows[0]?.sum ?? 0n;
}

/** The balances of accounts; an account never used has zero. */
export async function readBalances(
  database: Queryable,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await database.query<{ account: string; amount: bigint }>(
    `SELECT account, amount FROM work.balance WHERE account = ANY($1)`,
    [accounts],
  );
  const known = new Map(rows.map((row) => [row.account, row.amount]));
  return new Map(accounts.map((account) => [account, known.get(account) ?? 0n]));
}
