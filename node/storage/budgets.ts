// Budgets of submitters: what they deposited, what is reserved for tasks on their way, what is left.
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import type { BudgetDeposit, BudgetView } from "#protocol/schemas/vault.ts";
import { accountNames, lockBalances, post, readBalances } from "./accounts.ts";
import type { Database, Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";

/** All deposits together: what a balance can hold, in base units. */
const mostDeposited = 10n ** 38n - 1n;

/** A submitter's budget; zero for an account never used. */
export async function readBudget(database: Queryable, account: Hex): Promise<BudgetView> {
  const [budget, reserved] = [accountNames.budget(account), accountNames.reserved(account)];
  const balances = await readBalances(database, [budget, reserved]);
  return {
    account,
    available: String(balances.get(budget) ?? 0n),
    reserved: String(balances.get(reserved) ?? 0n),
  };
}

/**
 * Adds to a submitter's budget, once for each reference and account; journalled with who did it. Answers the budget after
 * it, and whether the deposit had been made before.
 * @throws ProtocolError POLICY_IDEMPOTENCY_CONFLICT when the reference was used for another amount; GOVERNANCE_ACT_REFUSED when
 * all deposits together would be more than a balance holds
 */
export async function deposit(
  database: Database,
  { account, amount, reference }: BudgetDeposit,
  by: string,
  now: Date,
): Promise<{ readonly budget: BudgetView; readonly isRepeated: boolean }> {
  return await database.transaction(async (transaction) => {
    const credit = accountNames.budget(account);
    // Held until the end, so that the same reference cannot be used twice at the same time.
    const balances = await lockBalances(transaction, [accountNames.external, credit]);
    const { rows } = await transaction.query<{ amount: bigint }>(
      `SELECT amount FROM ledger.posting WHERE kind = 'deposit' AND reference = $1 AND debit = $2 AND credit = $3`,
      [reference, accountNames.external, credit],
    );
    const [earlier] = rows;
    if (earlier !== undefined && earlier.amount !== BigInt(amount)) {
      throw new ProtocolError("POLICY_IDEMPOTENCY_CONFLICT", { account, amount: String(earlier.amount) });
    }
    const afterwards = (balances.get(accountNames.external) ?? 0n) - BigInt(amount);
    if (earlier === undefined && afterwards < -mostDeposited) {
      throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { account, maximumTotal: String(mostDeposited) });
    }
    if (earlier === undefined && BigInt(amount) > 0n) {
      const posting = { debit: accountNames.external, credit, amount: BigInt(amount), reference };
      await post(transaction, [{ kind: "deposit", ...posting }], now);
      const body = canonicalText({ act: "deposit", amount, by, reference });
      await appendJournal(transaction, [{ kind: "budget", subject: hexToBytes(account), body }], now);
    }
    return { budget: await readBudget(transaction, account), isRepeated: earlier !== undefined };
  });
}
