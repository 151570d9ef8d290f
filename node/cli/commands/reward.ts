// `scs reward` and `scs payout`: what accounts earned and were paid, over the REST API.
import type { Command } from "commander";
import type { Hex } from "#protocol/hash.ts";
import type { AdjustmentView, PayoutView, RewardView } from "#protocol/schemas/settlement.ts";
import { showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { accountArgument, apiOptions, pageOptions } from "./options.ts";

/** An adjustment is shown with the account it is taken from, and below zero where that is the account that was asked for. */
function earningRow(account: Hex, { record, state }: RewardView | AdjustmentView): readonly string[] {
  const epoch = `${record.scope}/${record.epoch}`;
  if ("role" in record) {
    const units = `${record.basis.units} of ${record.basis.totalUnits}`;
    return [record.rewardId, epoch, record.role, record.amount, units, state];
  }
  const isPaid = record.account === account;
  const amount = isPaid ? `-${record.amount}` : record.amount;
  return [record.adjustmentId, epoch, isPaid ? "penalty" : `penalty of ${record.account}`, amount, "", state];
}

export function register(program: Command): void {
  const reward = group(program, "reward", "Read rewards.");
  define<readonly [Hex], ApiOptions & PageOptions>(reward, {
    name: "list",
    summary: "List what an account earned, and what penalties took from it, in every epoch and revision.",
    example: `scs reward list 0x${"12".repeat(20)}`,
    arguments: [accountArgument()],
    options: [...apiOptions(), ...pageOptions()],
    run: async (invocation) => {
      const [account] = invocation.args;
      await showPage<RewardView | AdjustmentView>(invocation, {
        path: "/v1/rewards",
        query: { account },
        headings: ["reward", "epoch", "role", "amount", "units", "state"],
        row: (earning) => earningRow(account, earning),
      });
    },
  });
  const payout = group(program, "payout", "Read payouts.");
  define<readonly [Hex], ApiOptions & PageOptions>(payout, {
    name: "list",
    summary: "List what was or will be paid to an account.",
    example: `scs payout list 0x${"12".repeat(20)}`,
    arguments: [accountArgument()],
    options: [...apiOptions(), ...pageOptions()],
    run: async (invocation) => {
      await showPage<PayoutView>(invocation, {
        path: "/v1/payouts",
        query: { account: invocation.args[0] },
        headings: ["payout", "epoch", "index", "amount", "state", "transaction"],
        row: ({ payoutId, scope, epoch, index, amount, state, transactionHash }) => [
          payoutId,
          `${scope}/${epoch}`,
          String(index),
          amount,
          state,
          transactionHash ?? "",
        ],
      });
    },
  });
}
