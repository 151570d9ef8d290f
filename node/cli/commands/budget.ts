// `scs budget`: what submitters may spend, over the REST API.
import { Argument, Option, type Command } from "commander";
import { randomUUID } from "node:crypto";
import type { Hex } from "#protocol/hash.ts";
import type { BudgetView } from "#protocol/schemas/vault.ts";
import type { Output } from "../output.ts";
import { ask, type ApiOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { accountArgument, apiOptions, parseAmount } from "./options.ts";

const show = (output: Output, budget: BudgetView): void =>
  output.answer(budget, () =>
    output.table(["account", "available", "reserved"], [[budget.account, budget.available, budget.reserved]]),
  );

export function register(program: Command): void {
  const budget = group(program, "budget", "Deposit budgets of submitters, and read them.");
  define<readonly [Hex, string], ApiOptions & { readonly reference?: string }>(budget, {
    name: "deposit",
    summary: "Add to an account's budget, once for each reference. For tokens with budget:write.",
    example: `scs budget deposit 0x${"12".repeat(20)} 1000000000000000000 --reference invoice-17`,
    arguments: [accountArgument(), new Argument("<amount>", "amount in base units").argParser(parseAmount)],
    options: [
      ...apiOptions(),
      new Option("--reference <text>", "makes the deposit idempotent (default: one made for this call)"),
    ],
    run: async (invocation) => {
      const [account, amount] = invocation.args;
      const reference = invocation.options.reference ?? randomUUID();
      const body = { account, amount, reference };
      show(invocation.output, await ask<BudgetView>(invocation, "POST", "/v1/budgets", body));
    },
  });
  define<readonly [Hex], ApiOptions>(budget, {
    name: "show",
    summary: "Show what an account has left and what is reserved.",
    example: `scs budget show 0x${"12".repeat(20)}`,
    arguments: [accountArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const [account] = invocation.args;
      show(invocation.output, await ask<BudgetView>(invocation, "GET", `/v1/budgets/${account}`));
    },
  });
}
