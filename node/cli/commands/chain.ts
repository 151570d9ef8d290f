// `scs chain`: deploys the settlement contracts, and puts rulesets in force on the anchor.
import { Argument, Option, type Command } from "commander";
import { activateRulesetCall, describeAnchorRevert } from "#chain/anchor.ts";
import { agreedHead, readReached } from "#chain/client.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { deploySettlement, type Deployer } from "../../../deploy/chain/deploy.ts";
import { writeDocument } from "../documents/json-document.ts";
import { endpointsOf, openChain, sendChecked, type EndpointOptions } from "./chain-access.ts";
import { define, group, type Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { endpointOption, parseAddress, parseAmount, parseHash, scopeArgument, wholeNumber } from "./options.ts";
import { existingKey } from "./signing.ts";

type DeployOptions = EndpointOptions & {
  readonly keyFile: string;
  readonly out: string;
  readonly token: Hex;
  readonly governance: Hex;
  readonly proposer: Hex;
  readonly adjudicator: Hex;
  readonly pauser: Hex;
  readonly payer: Hex;
  readonly challenger?: Hex;
  readonly bondSink?: Hex;
  readonly challengeBond: string;
  readonly holdBond: string;
  readonly holdSeconds?: number;
  readonly firstNonce?: number;
  readonly fromBlock?: number;
};

/** As a role of the anchor: everybody has it. */
const everybody: Hex = `0x${"00".repeat(20)}`;

const accountOption = (flags: string, description: string) => new Option(flags, description).argParser(parseAddress);
const roleOption = (flags: string, description: string) => accountOption(flags, description).makeOptionMandatory();
const keyOption = (whose: string) => new Option("--key-file <file>", whose).makeOptionMandatory();
const bondOption = (flags: string, description: string) =>
  new Option(flags, description).argParser(parseAmount).makeOptionMandatory();

const deployOptions = () => [
  endpointOption(),
  keyOption("the deployer's key; it gets no role"),
  new Option("--out <file>", "where to write the addresses").default("deployment.json"),
  roleOption("--token <address>", "ERC-20 that is paid, and that bonds are made in"),
  roleOption("--governance <address>", "governance: grants roles, puts rulesets in force"),
  roleOption("--proposer <address>", "the node's account that proposes settlements"),
  roleOption("--adjudicator <address>", "who decides challenges"),
  roleOption("--pauser <address>", "who may pause"),
  roleOption("--payer <address>", "the payout signer's account"),
  accountOption("--challenger <address>", "who may challenge (default: everybody)"),
  accountOption("--bond-sink <address>", "who gets forfeited bonds (default: governance)"),
  bondOption("--challenge-bond <amount>", "bond of a challenge, in base units"),
  bondOption("--hold-bond <amount>", "bond of a hold, in base units"),
  new Option("--hold-seconds <seconds>", "how long a hold adds (default: the window)").argParser(wholeNumber(1)),
  new Option("--first-nonce <nonce>", "continue a deployment that was cut off").argParser(wholeNumber(0)),
  new Option("--from-block <block>", "continue a deployment that was cut off").argParser(wholeNumber(0)),
];

async function deploy(invocation: Invocation<readonly [], DeployOptions>): Promise<void> {
  const { options, output, configuration } = invocation;
  const settings = configuration();
  const endpoints = endpointsOf(options, configuration);
  const chain = await openChain(endpoints, settings.SCS_CHAIN_ID);
  const { address, privateKey } = existingKey(options.keyFile);
  const nonceNow = async () =>
    Number(await readReached(chain, async (client) => BigInt(await client.getTransactionCount({ address }))));
  const deployer: Deployer = {
    rpcUrl: endpoints[0] ?? "",
    chainId: chain.chainId,
    privateKey,
    firstNonce: options.firstNonce ?? (await nonceNow()),
    fromBlock: options.fromBlock ?? Number((await agreedHead(chain)).number),
  };
  output.say(
    `if this is cut off: --first-nonce ${deployer.firstNonce} --from-block ${deployer.fromBlock} goes on with it`,
  );
  const { governance, proposer, adjudicator, pauser, payer, challenger = everybody, bondSink = governance } = options;
  const windowSeconds = settings.SCS_ANCHOR_WINDOW_SECONDS;
  const terms = {
    challengeBond: BigInt(options.challengeBond),
    holdBond: BigInt(options.holdBond),
    windowSeconds,
    holdSeconds: options.holdSeconds ?? windowSeconds,
    bondSink,
  };
  const roles = { governance, proposer, challenger, adjudicator, pauser, payer };
  const deployment = await deploySettlement(deployer, options.token, terms, roles);
  writeDocument(options.out, deployment, true);
  output.answer(deployment, () => {
    output.table(
      ["", ""],
      Object.entries(deployment).map(([name, value]) => [name, String(value)]),
    );
    output.say(`Set SCS_ANCHOR_ADDRESS=${deployment.anchor} and SCS_TREASURY_ADDRESS=${deployment.treasury}.`);
  });
}

type ActivateOptions = EndpointOptions & { readonly keyFile: string; readonly fromEpoch: number };

async function activate(invocation: Invocation<readonly [string, Hex], ActivateOptions>): Promise<void> {
  const { args, options, output, configuration } = invocation;
  const [scope, ruleset] = args;
  const settings = configuration();
  const key = existingKey(options.keyFile);
  const endpoints = endpointsOf(options, configuration);
  const chain = await openChain(endpoints, settings.SCS_CHAIN_ID);
  const anchor = deployedAddress(settings, "anchor");
  const call = activateRulesetCall(anchor, scopeId(scope), ruleset, BigInt(options.fromEpoch));
  const transaction = await sendChecked({ chain, endpoints }, key, call, describeAnchorRevert);
  const { fromEpoch } = options;
  output.answer({ scope, ruleset, fromEpoch, transaction }, () =>
    output.say(`${ruleset} is in force for ${scope} from epoch ${fromEpoch}: ${transaction}`),
  );
}

export function register(program: Command): void {
  const chain = group(program, "chain", "Deploy the contracts, and put rulesets in force.");
  const account = `0x${"12".repeat(20)}`;
  define<readonly [], DeployOptions>(chain, {
    name: "deploy",
    summary: "Deploy anchor and treasury for a token; the challenge window is SCS_ANCHOR_WINDOW_SECONDS.",
    example:
      `scs chain deploy --key-file deployer.key --token ${account} --governance 0x… --proposer 0x… --adjudicator 0x… ` +
      "--pauser 0x… --payer 0x… --challenge-bond 1000000 --hold-bond 10000",
    options: deployOptions(),
    run: deploy,
  });
  define<readonly [string, Hex], ActivateOptions>(chain, {
    name: "activate-ruleset",
    summary: 'Put a ruleset in force for a scope, as "scs rollout" named it. For governance.',
    example: `scs chain activate-ruleset main 0x${"ab".repeat(32)} --from-epoch 5 --key-file keys/governance.key`,
    arguments: [scopeArgument(), new Argument("<ruleset>", "id of a version set").argParser(parseHash)],
    options: [
      endpointOption(),
      keyOption("governance's key"),
      new Option("--from-epoch <epoch>", "first epoch of it").argParser(wholeNumber(1)).makeOptionMandatory(),
    ],
    run: activate,
  });
}
