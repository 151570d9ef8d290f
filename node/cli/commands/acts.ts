// `scs govern`, `scs acts`, `scs epoch close|aggregate`: acts of governance as they are, and what is ordered of epochs.
import { Option, type Command } from "commander";
import { GovernanceAct } from "#protocol/schemas/governance.ts";
import { readDocument } from "../documents/json-document.ts";
import type { ApiOptions, PageOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { answerReceipt, defineAct, sendAct, sendingOptions, showHistory, type SendingOptions } from "./governing.ts";
import { apiOptions, epochArgument, fileArgument, pageOptions, scopeArgument } from "./options.ts";

type HistoryOptions = ApiOptions & PageOptions & { readonly subject?: string; readonly semanticVersion?: string };

export function register(program: Command): void {
  define<readonly [string], SendingOptions>(program, {
    name: "govern",
    summary: "Order an act of governance that a file holds; the same act again changes nothing.",
    example: "scs govern act.json --key-file governance.key",
    arguments: [fileArgument("file", "the act as JSON; - for stdin")],
    options: sendingOptions(),
    run: async (invocation) => {
      const act = readDocument(invocation.args[0], GovernanceAct);
      answerReceipt(invocation.output, await sendAct(invocation, act));
    },
  });
  define<readonly [], HistoryOptions>(program, {
    name: "acts",
    summary: "Show the history of governance: of one subject, of one semantic version, or all.",
    example: "scs acts --semantic-version 2026.2",
    options: [
      ...apiOptions(),
      ...pageOptions(),
      new Option("--subject <subject>", "a domain, an attribute, a version, a scope, scope/epoch, a challenge"),
      new Option("--semantic-version <version>", "only acts bound to this version"),
    ],
    run: async (invocation) => {
      const { subject, semanticVersion } = invocation.options;
      await showHistory(invocation, { subject, semanticVersion });
    },
  });
  const epoch = group(program, "epoch", "Read epochs.");
  defineAct<readonly [string, number]>(epoch, {
    name: "close",
    summary: "Order an open epoch to close.",
    example: "scs epoch close main 3",
    arguments: [scopeArgument(), epochArgument()],
    order: ({ args: [scope, number] }) => ({ kind: "close_epoch", scope, epoch: number }),
  });
  defineAct<readonly [string, number]>(epoch, {
    name: "aggregate",
    summary: "Order an open epoch to end a window of local attributes when it closes.",
    example: "scs epoch aggregate main 3",
    arguments: [scopeArgument(), epochArgument()],
    order: ({ args: [scope, number] }) => ({ kind: "order_aggregation", scope, epoch: number }),
  });
}
