// What the demo tells at its end: a table for people, one object for machines.
import type { Output } from "../output.ts";

/** The outcome of a run. Amounts are base units as decimal texts. */
export type Summary = {
  readonly tasks: Readonly<Record<string, number>>;
  /** Settled tasks that select or group by query attributes. */
  readonly byQueryAttributes: number;
  readonly refusedAtTheDoor: Readonly<Record<string, string>>;
  /** The codes of the tasks that were admitted and then rejected. */
  readonly rejectedFor: readonly string[];
  readonly repeatedSubmissions: number;
  readonly records: number;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly root: string;
    readonly items: number;
    readonly pot: string;
  }[];
  readonly transactions: readonly { readonly act: string; readonly hash: string; readonly gasUsed: string }[];
  readonly payouts: { readonly count: number; readonly total: string; readonly gasPerPayee: number };
  readonly sumOfAccounts: string;
  readonly stranger: Readonly<Record<string, boolean>>;
  readonly seconds: Readonly<Record<string, number>>;
  readonly tasksPerSecond: number;
};

/** Base units of the demo's token in one token. */
const unit = 10n ** 18n;

const tokens = (amount: string): string => {
  const fraction = String(BigInt(amount) % unit)
    .padStart(18, "0")
    .replace(/0+$/, "");
  return `${BigInt(amount) / unit}${fraction === "" ? "" : `.${fraction}`}`;
};

/** Shows a summary to people. */
export function showSummary(output: Output, summary: Summary): void {
  output.say("");
  output.table(
    ["tasks", "count"],
    Object.entries(summary.tasks).map(([state, count]) => [state, String(count)]),
  );
  output.table(
    ["refused at the door", "code"],
    Object.entries(summary.refusedAtTheDoor).map(([what, code]) => [what, code]),
  );
  output.table(
    ["rejected after admission, for"],
    summary.rejectedFor.map((code) => [code]),
  );
  output.say(`${summary.byQueryAttributes} of the settled tasks select or group by query attributes`);
  output.table(
    ["epoch", "tasks", "pot (tokens)", "root"],
    summary.epochs.map(({ epoch, items, pot, root }) => [String(epoch), String(items), tokens(pot), root]),
  );
  output.table(
    ["transaction", "hash", "gas"],
    summary.transactions.map(({ act, hash, gasUsed }) => [act, hash, gasUsed]),
  );
  const { count, total, gasPerPayee } = summary.payouts;
  output.say(`paid: ${count} payouts, ${tokens(total)} tokens, ${gasPerPayee} gas a payee`);
  output.say(`sum over all ledger accounts: ${summary.sumOfAccounts}`);
  output.table(
    ["a stranger checked", "holds"],
    Object.entries(summary.stranger).map(([what, holds]) => [what, holds ? "yes" : "NO"]),
  );
  output.table(
    ["stage", "seconds"],
    Object.entries(summary.seconds).map(([stage, seconds]) => [stage, seconds.toFixed(1)]),
  );
  output.say(
    `${summary.records} records, ${summary.repeatedSubmissions} repeated submissions, ${summary.tasksPerSecond} tasks/s from submission to verified`,
  );
}
