// Checks of what a node's database says of itself, each over plain rows: money and states.
import type { Hex } from "#protocol/schemas/primitives.ts";

/** Something that does not hold: about what, what is stored, and what follows from the rest. */
export type Finding = { readonly subject: string; readonly stored: string; readonly expected: string };

/** Findings reported at most: the first ones say where to look. */
export const findingLimit = 100;

/** One movement of money. */
export type PostingRow = {
  readonly kind: string;
  readonly debit: string;
  readonly credit: string;
  readonly amount: bigint;
  readonly reference: string;
};

/** Accounts that money comes from; only they may be below zero. */
const sources: ReadonlySet<string> = new Set(["external", "subsidy"]);

/**
 * Works out every balance from the postings and compares it with what is stored; no account but a source is below zero, and
 * the sum over all is zero (accounting).
 */
export async function checkAccounts(
  postings: AsyncIterable<PostingRow>,
  balances: AsyncIterable<{ readonly account: string; readonly amount: bigint }>,
): Promise<readonly Finding[]> {
  const totals = new Map<string, bigint>();
  const add = (account: string, amount: bigint): void => void totals.set(account, (totals.get(account) ?? 0n) + amount);
  for await (const { debit, credit, amount } of postings) {
    add(debit, -amount);
    add(credit, amount);
  }
  const findings: Finding[] = [];
  let sum = 0n;
  for await (const { account, amount } of balances) {
    const expected = totals.get(account) ?? 0n;
    totals.delete(account);
    sum += amount;
    if (amount !== expected) findings.push({ subject: account, stored: `${amount}`, expected: `${expected}` });
    if (amount < 0n && !sources.has(account)) findings.push({ subject: account, stored: `${amount}`, expected: "≥ 0" });
  }
  for (const [account, expected] of totals) {
    if (expected !== 0n) findings.push({ subject: account, stored: "no balance", expected: `${expected}` });
  }
  if (sum !== 0n) findings.push({ subject: "sum of all accounts", stored: `${sum}`, expected: "0" });
  return findings.slice(0, findingLimit);
}

/** A task with the moves that were journalled of it, in their order. */
export type TaskWithHistory = {
  readonly taskId: Hex;
  readonly state: string;
  readonly history: readonly { readonly from: string | null; readonly to: string; readonly step: number }[];
};

/** Folds each task's journalled moves to the state they end in and compares it with the stored one (TASK-08). */
export async function checkTaskStates(tasks: AsyncIterable<TaskWithHistory>): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for await (const { taskId, state, history } of tasks) {
    let reached: string | null = null;
    for (const [at, { from, to, step }] of history.entries()) {
      const expected = `move ${at} from ${reached}`;
      const stored = `move ${step} from ${from}`;
      if (stored !== expected) findings.push({ subject: taskId, stored, expected });
      reached = to;
    }
    if (state !== reached) findings.push({ subject: taskId, stored: state, expected: reached ?? "not journalled" });
    if (findings.length >= findingLimit) break;
  }
  return findings.slice(0, findingLimit);
}
