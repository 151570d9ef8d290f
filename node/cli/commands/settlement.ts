// `scs epoch`, `scs settlement`, `scs proof`: what was settled and how to prove it, over the REST API.
import { Argument, Option, type Command } from "commander";
import type { Hex } from "#protocol/hash.ts";
import type { EpochView, InclusionProof, SettlementView } from "#protocol/schemas/settlement.ts";
import { retrySettlement } from "#storage/settlements.ts";
import { writeDocument } from "../documents/json-document.ts";
import { ask, showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, group } from "./command.ts";
import { withDatabase } from "./operator-database.ts";
import { apiOptions, bySetting, epochArgument, pageOptions, parseHash, parseName, scopeArgument } from "./options.ts";

const epochHeadings = [
  "epoch",
  "status",
  "opened",
  "closed",
  "trigger",
  "tasks",
  "deferred",
  "penalties",
  "summaries",
  "semantic",
  "policy",
] as const;

const summariesOf = ({ entries, windowFrom }: EpochView["aggregationScope"]): string =>
  windowFrom === null ? "" : `${entries} since epoch ${windowFrom}`;

const epochRow = (epoch: EpochView): readonly string[] => [
  epoch.epochId,
  epoch.status,
  epoch.openAt,
  epoch.closeAt ?? "",
  epoch.trigger ?? "",
  String(epoch.settlementScope.tasks),
  String(epoch.settlementScope.deferred),
  String(epoch.rewardScope.penalties),
  summariesOf(epoch.aggregationScope),
  epoch.semanticVersionSet.join(", "),
  epoch.policyVersionSet.join(", "),
];

function registerEpochs(program: Command): void {
  const epoch = group(program, "epoch", "Read epochs.");
  define<readonly [], ApiOptions & PageOptions & { readonly scope?: string }>(epoch, {
    name: "list",
    summary: "List the epochs of one scope, or of all.",
    example: "scs epoch list --scope main",
    options: [...apiOptions(), ...pageOptions(), new Option("--scope <scope>", "only this scope").argParser(parseName)],
    run: async (invocation) => {
      const { scope } = invocation.options;
      await showPage<EpochView>(invocation, {
        path: "/v1/epochs",
        query: { scope },
        headings: epochHeadings,
        row: epochRow,
      });
    },
  });
  define<readonly [string, number], ApiOptions>(epoch, {
    name: "show",
    summary: "Show one epoch.",
    example: "scs epoch show main 1",
    arguments: [scopeArgument(), epochArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const { args, output } = invocation;
      const view = await ask<EpochView>(invocation, "GET", `/v1/epochs/${args[0]}/${args[1]}`);
      output.answer(view, () => output.table(epochHeadings, [epochRow(view)]));
    },
  });
}

type RetryOptions = { readonly by: string; readonly why: string };

function registerRetry(settlement: Command): void {
  define<readonly [string, number], RetryOptions>(settlement, {
    name: "retry",
    summary: "Begin a new revision of a settlement that failed, once its cause is mended; what failed stays readable.",
    example: 'scs settlement retry main 1 --by operator --why "the object store is back"',
    arguments: [scopeArgument(), epochArgument()],
    options: [bySetting(), new Option("--why <words>", "why it can succeed now; journalled").makeOptionMandatory()],
    run: async ({ args: [scope, epoch], options, output, configuration }) => {
      const request = { scope, epoch, ...options };
      const revision = await withDatabase(configuration(), "node", (database) =>
        database.transaction((transaction) => retrySettlement(transaction, request, new Date())),
      );
      output.answer({ scope, epoch, revision }, () => output.say(`${scope}/${epoch}: revision ${revision} begins`));
    },
  });
}

function registerSettlements(program: Command): void {
  const settlement = group(program, "settlement", "Read settlements, and try failed ones again.");
  registerRetry(settlement);
  define<readonly [string, number], ApiOptions>(settlement, {
    name: "show",
    summary: "Show every revision of an epoch's settlement, with roots and transactions.",
    example: "scs settlement show main 1",
    arguments: [scopeArgument(), epochArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      type Revisions = { readonly revisions: readonly SettlementView[] };
      const { args, output } = invocation;
      const shown = await ask<Revisions>(invocation, "GET", `/v1/settlements/${args[0]}/${args[1]}`);
      output.answer(shown, () => {
        const row = (each: SettlementView) => [
          String(each.revision),
          each.state,
          each.root ?? "",
          String(each.header?.itemCount ?? ""),
          each.header?.payoutTotal ?? "",
          each.failure ?? "",
        ];
        output.table(["revision", "state", "root", "items", "payout total", "failure"], shown.revisions.map(row));
        const transactions = shown.revisions.flatMap(({ revision, transactions: sent }) =>
          sent.map(({ act, hash, gasUsed }) => [String(revision), act, hash, gasUsed ?? ""]),
        );
        if (transactions.length > 0) output.table(["revision", "act", "transaction", "gas used"], transactions);
      });
    },
  });
}

export function register(program: Command): void {
  registerEpochs(program);
  registerSettlements(program);
  const proof = group(program, "proof", "Fetch proofs that lead from one item to an anchored root.");
  type ProofOptions = ApiOptions & { readonly out?: string; readonly replace?: boolean };
  define<readonly [string, number, string, Hex], ProofOptions>(proof, {
    name: "get",
    summary: 'Fetch the proof of one item and write it to a file, for "scs verify" anywhere.',
    example: `scs proof get main 1 payout 0x${"ab".repeat(32)} --out payout.proof.json`,
    arguments: [
      scopeArgument(),
      epochArgument(),
      new Argument("<kind>", "what the item is").choices(["result", "evidence", "reward", "payout", "candidate"]),
      new Argument("<id>", "id of the task, reward, adjustment, payout or candidate").argParser(parseHash),
    ],
    options: [
      ...apiOptions(),
      new Option("--out <file>", "proof file (default: <kind>-<id>.proof.json)"),
      new Option("--replace", "write over an existing file"),
    ],
    run: async (invocation) => {
      const { args, options, output } = invocation;
      const [scope, epoch, kind, id] = args;
      const found = await ask<InclusionProof>(invocation, "GET", `/v1/proofs/${scope}/${epoch}/${kind}/${id}`);
      const file = options.out ?? `${kind}-${id.slice(2, 18)}.proof.json`;
      writeDocument(file, found, options.replace === true);
      output.answer({ file, root: found.root, leaf: found.leaf }, () =>
        output.say(`${file}: proves against ${found.root}`),
      );
    },
  });
}
