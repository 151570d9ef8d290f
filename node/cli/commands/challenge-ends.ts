// `scs challenge bond`, `resolve` and `decide`: how a challenge comes to its end, before the anchor or by governance.
import { Option, type Command } from "commander";
import { encodeFunctionData, erc20Abi } from "viem";
import { challengeCall, describeAnchorRevert, readTerms, resolveCall, type ContractPlace } from "#chain/anchor.ts";
import type { ContractCall } from "#chain/contract-call.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import { challengeReviewIdOf } from "#protocol/messages.ts";
import type { CandidateItem, ChallengedCandidate, ChallengeView } from "#protocol/schemas/challenge.ts";
import type { ActorKey } from "../keys.ts";
import { ask, type ApiOptions } from "./api.ts";
import { endpointsOf, openChain, sendChecked, type EndpointOptions } from "./chain-access.ts";
import { define, type Invocation } from "./command.ts";
import { deployedAddress } from "./deployed.ts";
import { defineAct } from "./governing.ts";
import { apiOptions, challengeArgument, endpointOption, wholeNumber } from "./options.ts";
import { existingKey } from "./signing.ts";

type ApiInvocation = Pick<Invocation<readonly unknown[], ApiOptions>, "options" | "configuration">;
type Reaching = Pick<Invocation<readonly unknown[], EndpointOptions>, "options" | "configuration">;

/** The anchor, and a way to send it calls. */
async function reach({ options, configuration }: Reaching) {
  const settings = configuration();
  const endpoints = endpointsOf(options, configuration);
  const chain = await openChain(endpoints, settings.SCS_CHAIN_ID);
  const anchor: ContractPlace = { chain, address: deployedAddress(settings, "anchor") };
  const send = async (key: ActorKey, call: ContractCall): Promise<Hex> =>
    await sendChecked({ chain, endpoints }, key, call, describeAnchorRevert);
  return { anchor, send };
}

/** The live candidate that holds a task now: after a reopening it may be another than the challenge names. */
async function candidateOf(invocation: ApiInvocation, taskId: Hex): Promise<ChallengedCandidate> {
  return (await ask<CandidateItem>(invocation, "GET", `/v1/tasks/${taskId}/candidate`)).candidate;
}

/** Challenges a candidate on the anchor with the same evidence, and posts the bond. Answers the transactions. */
export async function bondOnAnchor(
  invocation: Reaching,
  { candidate, evidenceHash }: { readonly candidate: ChallengedCandidate; readonly evidenceHash: Hex },
  key: ActorKey | undefined,
): Promise<readonly Hex[]> {
  if (key === undefined) throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: ["--key-file is missing"] });
  const { scope, epoch, root } = candidate;
  const { anchor, send } = await reach(invocation);
  const { bondToken, challengeBond } = await readTerms(anchor);
  const args = [anchor.address, challengeBond] as const;
  const approval = encodeFunctionData({ abi: erc20Abi, functionName: "approve", args });
  const approved = await send(key, { to: bondToken, data: approval, value: 0n });
  const about = { scope: scopeId(scope), epoch: BigInt(epoch), root };
  return [approved, await send(key, challengeCall(anchor.address, about, evidenceHash))];
}

const viewOf = async (invocation: Invocation<readonly [Hex], ApiOptions>): Promise<ChallengeView> =>
  await ask<ChallengeView>(invocation, "GET", `/v1/challenges/${invocation.args[0]}`);

type BondOptions = ApiOptions & EndpointOptions & { readonly keyFile: string };

async function bond(invocation: Invocation<readonly [Hex], BondOptions>): Promise<void> {
  const { options, output } = invocation;
  const key = existingKey(options.keyFile);
  const { challenge, evidenceHashes } = await viewOf(invocation);
  const evidenceHash = evidenceHashes.at(-1) ?? challenge.evidenceHash;
  const candidate = await candidateOf(invocation, challenge.taskId);
  const transactions = await bondOnAnchor(invocation, { candidate, evidenceHash }, key);
  output.answer({ transactions }, () => output.say(`challenged on the anchor: ${transactions.join(", ")}`));
}

type VerdictOptions = { readonly upheld?: boolean; readonly dismissed?: boolean };

/** Whether a command line upholds a challenge; it has to say so or the contrary. */
function isUpheld({ upheld = false, dismissed = false }: VerdictOptions): boolean {
  if (upheld !== dismissed) return upheld;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: ["either --upheld or --dismissed is needed"] });
}

async function resolve(invocation: Invocation<readonly [Hex], BondOptions & VerdictOptions>): Promise<void> {
  const { args, options, output } = invocation;
  const upheld = isUpheld(options);
  const key = existingKey(options.keyFile);
  // Whoever may read the evidence is shown the whole review, which the decision's hash is of.
  await ask(invocation, "GET", `/v1/challenges/${args[0]}/evidence`);
  const { challenge, evidenceHashes, reviews, round } = await viewOf(invocation);
  const review = reviews.find((each) => each.round === round);
  if (review === undefined) throw new ProtocolError("VERIFY_CHALLENGE_REFUSED", { reason: "it was not reviewed yet" });
  const { scope, epoch } = await candidateOf(invocation, challenge.taskId);
  const { anchor, send } = await reach(invocation);
  const about = {
    scope: scopeId(scope),
    epoch: BigInt(epoch),
    evidenceHash: evidenceHashes.at(-1) ?? challenge.evidenceHash,
  };
  const decisionHash = challengeReviewIdOf(review);
  const transaction = await send(key, resolveCall(anchor.address, about, { upheld, decisionHash }));
  output.answer({ upheld, decisionHash, transaction }, () =>
    output.say(`${upheld ? "upheld" : "dismissed"} on the anchor: ${transaction}`),
  );
}

const verdictOptions = () => [
  new Option("--upheld", "the challenge is right"),
  new Option("--dismissed", "the challenge is wrong"),
];
const keyOption = (whose: string) => new Option("--key-file <file>", whose).makeOptionMandatory();

/** Adds the commands that end challenges. */
export function registerEnds(challenge: Command): void {
  define<readonly [Hex], BondOptions>(challenge, {
    name: "bond",
    summary:
      "Put a challenge before the anchor: approve its bond and challenge the candidate with the same evidence hash.",
    example: `scs challenge bond 0x${"ab".repeat(32)} --key-file challenger.key`,
    arguments: [challengeArgument()],
    options: [...apiOptions(), endpointOption(), keyOption("the challenger's key")],
    run: bond,
  });
  define<readonly [Hex], BondOptions & VerdictOptions>(challenge, {
    name: "resolve",
    summary: "Decide a challenge on the anchor by its review. For the adjudicator.",
    example: `scs challenge resolve 0x${"ab".repeat(32)} --upheld --key-file keys/adjudicator.key`,
    arguments: [challengeArgument()],
    options: [...apiOptions(), endpointOption(), keyOption("the adjudicator's key"), ...verdictOptions()],
    run: resolve,
  });
  defineAct<readonly [Hex], VerdictOptions & { readonly penalty: boolean; readonly round: number }>(challenge, {
    name: "decide",
    summary: "Decide a reviewed challenge that the anchor has no say in. For governance.",
    example: `scs challenge decide 0x${"ab".repeat(32)} --upheld`,
    arguments: [challengeArgument()],
    options: [
      ...verdictOptions(),
      new Option("--no-penalty", "uphold it without the penalties of policy"),
      new Option("--round <round>", "which round of it").argParser(wholeNumber(1)).default(1),
    ],
    order: ({ args: [challengeId], options }) => {
      const upheld = isUpheld(options);
      const { round } = options;
      return { kind: "decide_challenge", challengeId, round, upheld, penalty: upheld && options.penalty };
    },
  });
}
