// `scs treasury`: what an epoch's treasury holds; giving it funds, taking back what is over, and trying a payout again.
import { userInfo } from "node:os";
import { Argument, InvalidArgumentError, Option, type Command } from "commander";
import { encodeFunctionData, erc20Abi } from "viem";
import { readCandidate, type ContractPlace } from "#chain/anchor.ts";
import { agreedHead, type ChainClient } from "#chain/client.ts";
import type { ContractCall } from "#chain/contract-call.ts";
import { describeTreasuryRevert, fundCall, readFunds, readTreasuryParts, reclaimCall } from "#chain/treasury.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { openDatabase } from "#storage/database.ts";
import { migrationsFolder, requireMigrated } from "#storage/migrate.ts";
import { askForRetry } from "#storage/payout-retries.ts";
import type { ActorKey } from "../keys.ts";
import { signerUrl } from "../wiring/database.ts";
import { endpointsOf, openChain, sendChecked, type EndpointOptions } from "./chain-access.ts";
import { define, group, type Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { endpointOption, epochArgument, parseAddress, parseAmount, parseHash, scopeArgument } from "./options.ts";
import { existingKey } from "./signing.ts";

type Acting = EndpointOptions & { readonly keyFile: string };
type EpochArgs = readonly [string, number, ...unknown[]];

/** A treasury as a command reaches it. */
type Reached = {
  readonly treasury: ContractPlace;
  readonly chain: ChainClient;
  readonly endpoints: readonly string[];
  readonly of: { readonly scope: Hex; readonly epoch: bigint };
};

async function reach({ args, options, configuration }: Invocation<EpochArgs, EndpointOptions>): Promise<Reached> {
  const settings = configuration();
  const endpoints = endpointsOf(options, configuration);
  const chain = await openChain(endpoints, settings.SCS_CHAIN_ID);
  const treasury = { chain, address: deployedAddress(settings, "treasury") };
  return { treasury, chain, endpoints, of: { scope: scopeId(args[0]), epoch: BigInt(args[1]) } };
}

/** How an epoch stands with the treasury. `missing` is what has to be given before anything is paid. */
async function standing({ treasury, chain, of }: Reached) {
  const { anchor, token } = await readTreasuryParts(treasury);
  const at = await agreedHead(chain);
  const { state, payoutTotal, payoutCount } = await readCandidate({ chain, address: anchor }, of.scope, of.epoch, at);
  const { funded, paid } = await readFunds(treasury, of, at);
  const missing = payoutTotal > funded ? payoutTotal - funded : 0n;
  return { anchor, token, state, payoutTotal, payoutCount, funded, paid, missing };
}

async function send({ chain, endpoints }: Reached, key: ActorKey, call: ContractCall): Promise<Hex> {
  return await sendChecked({ chain, endpoints }, key, call, describeTreasuryRevert);
}

async function fund(invocation: Invocation<EpochArgs, Acting & { readonly amount?: string }>): Promise<void> {
  const { options, output } = invocation;
  const key = existingKey(options.keyFile);
  const reached = await reach(invocation);
  const { token, missing } = await standing(reached);
  const amount = options.amount === undefined ? missing : BigInt(options.amount);
  if (amount === 0n) {
    return output.answer({ amount, transactions: [] }, () =>
      output.say("The epoch holds all that it committed to pay."),
    );
  }
  const { address } = reached.treasury;
  const approval = encodeFunctionData({ abi: erc20Abi, functionName: "approve", args: [address, amount] });
  const approved = await send(reached, key, { to: token, data: approval, value: 0n });
  const funded = await send(reached, key, fundCall(address, reached.of, amount));
  const transactions = [approved, funded];
  output.answer({ amount, transactions }, () => output.say(`gave ${amount}: ${transactions.join(", ")}`));
}

async function reclaim(invocation: Invocation<readonly [string, number, Hex], Acting>): Promise<void> {
  const { args, options, output } = invocation;
  const key = existingKey(options.keyFile);
  const reached = await reach(invocation);
  const transaction = await send(reached, key, reclaimCall(reached.treasury.address, reached.of, args[2]));
  output.answer({ transaction }, () => output.say(`what was over went to ${args[2]}: ${transaction}`));
}

type RetryOptions = { readonly by?: string; readonly why: string };

async function retry(invocation: Invocation<readonly [Hex], RetryOptions>): Promise<void> {
  const { args, options, output, configuration } = invocation;
  const settings = configuration();
  const database = openDatabase({
    url: signerUrl(settings.SCS_DATA_DIR),
    applicationName: "scs command as signer",
    maxConnections: 1,
    statementTimeoutMs: settings.SCS_DATABASE_TIMEOUT_MS,
  });
  try {
    await requireMigrated(database, migrationsFolder);
    const by = options.by ?? userInfo().username;
    const order = await askForRetry(database, { payoutId: args[0], by, why: options.why, at: new Date() });
    output.answer(order, () =>
      output.say(`after ${order.intent} the range is tried once more, if the policy allows it`),
    );
  } finally {
    await database.close();
  }
}

const parseText = (text: string): string => {
  if (/^\S(.{0,498}\S)?$/.test(text)) return text;
  throw new InvalidArgumentError("Wanted: one line of at most 500 characters.");
};

const keyOption = (whose: string) => new Option("--key-file <file>", whose).makeOptionMandatory();

export function register(program: Command): void {
  const treasury = group(program, "treasury", "Fund epochs of the treasury contract, and see how they stand.");
  define<EpochArgs, EndpointOptions>(treasury, {
    name: "status",
    summary: "Show what an epoch committed to pay, what it was given, and what was paid.",
    example: "scs treasury status main 1",
    arguments: [scopeArgument(), epochArgument()],
    options: [endpointOption()],
    run: async (invocation) => {
      const { output } = invocation;
      const stands = await standing(await reach(invocation));
      output.answer(stands, () =>
        output.table(
          ["", ""],
          Object.entries(stands).map(([name, value]) => [name, String(value)]),
        ),
      );
    },
  });
  define<EpochArgs, Acting & { readonly amount?: string }>(treasury, {
    name: "fund",
    summary: "Give an epoch what it still needs, or an amount; approves the treasury for exactly that.",
    example: "scs treasury fund main 1 --key-file keys/treasurer.key",
    arguments: [scopeArgument(), epochArgument()],
    options: [
      endpointOption(),
      keyOption("key of the account that gives"),
      new Option("--amount <amount>", "base units (default: what is missing)").argParser(parseAmount),
    ],
    run: fund,
  });
  define<readonly [string, number, Hex], Acting>(treasury, {
    name: "reclaim",
    summary: "Take back what a finalized epoch was given beyond its committed total. For governance.",
    example: `scs treasury reclaim main 1 0x${"12".repeat(20)} --key-file keys/governance.key`,
    arguments: [scopeArgument(), epochArgument(), new Argument("<to>", "who gets it").argParser(parseAddress)],
    options: [endpointOption(), keyOption("governance's key")],
    run: reclaim,
  });
  define<readonly [Hex], RetryOptions>(treasury, {
    name: "retry",
    summary:
      "Ask for one more transaction for a payout that failed too often, or whose recipient refused it. On the signer's machine.",
    example: `scs treasury retry 0x${"12".repeat(32)} --why "the token was paused; it is not any more"`,
    arguments: [new Argument("<payout-id>", "id of a payout; its whole range is tried").argParser(parseHash)],
    options: [
      new Option("--why <text>", "reason, kept in the payout's journal").argParser(parseText).makeOptionMandatory(),
      new Option("--by <name>", "who asks (default: the user of this machine)").argParser(parseText),
    ],
    run: retry,
  });
}
