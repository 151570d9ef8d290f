// `scs treasury`: what an epoch's treasury holds; giving it funds, and taking back what is over.
import { Argument, Option, type Command } from "commander";
import { encodeFunctionData, erc20Abi } from "viem";
import { readCandidate, type ContractPlace } from "#chain/anchor.ts";
import { agreedHead, type ChainClient } from "#chain/client.ts";
import type { ContractCall } from "#chain/contract-call.ts";
import { describeTreasuryRevert, fundCall, readFunds, readTreasuryParts, reclaimCall } from "#chain/treasury.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { ActorKey } from "../keys.ts";
import { endpointsOf, openChain, sendChecked, type EndpointOptions } from "./chain-access.ts";
import { define, group, type Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { endpointOption, epochArgument, parseAddress, parseAmount, scopeArgument } from "./options.ts";
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
}
