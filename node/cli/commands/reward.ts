// `scs reward` and `scs payout`: what accounts earned and were paid, over the REST API.
import type { Command } from "commander";
import type { Hex } from "#protocol/hash.ts";
import type { PayoutView, RewardView } from "#protocol/schemas/settlement.ts";
import { showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { accountArgument, apiOptions, pageOptions } from "./options.ts";

export function register(program: Command): void {
  const reward = group(program, "reward", "Read rewards.");
  define<readonly [Hex], ApiOptions & PageOptions>(reward, {
    name: "list",
    summary: "List what an account earned, in every epoch and revision.",
    example: `scs reward list 0x${"12".repeat(20)}`,
    arguments: [accountArgument()],
    options: [...apiOptions(), ...pageOptions()],
    run: async (invocation) => {
      await showPage<RewardView>(invocation, {
        path: "/v1/rewards",
        query: { account: invocation.args[0] },
        headings: ["reward", "epoch", "role", "amount", "units", "state"],
        row: ({ record, state }) => [
          record.rewardId,
          `${record.scope}/${record.epoch}`,
          record.role,
          record.amount,
          `${record.basis.units} of ${record.basis.totalUnits}`,
          state,
        ],
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
