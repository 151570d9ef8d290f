// `scs challenge`: gather evidence against a task's result, open and reopen challenges, and follow them, over the REST API.
import { Argument, Option, type Command } from "commander";
import { commitment, type Hex } from "#protocol/hash.ts";
import { challengeDigest, challengeEvidenceHashOf, challengeReopeningDigest } from "#protocol/messages.ts";
import {
  ChallengeEvidence,
  type CandidateItem,
  type ChallengeReceipt,
  type ChallengeView,
} from "#protocol/schemas/challenge.ts";
import { QueryResult } from "#protocol/schemas/execution.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { sign } from "#protocol/signature.ts";
import { evidenceOf, statementOf } from "../documents/challenge.ts";
import { readDocument, writeDocument } from "../documents/json-document.ts";
import type { ActorKey } from "../keys.ts";
import { ask, showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { bondOnAnchor, registerEnds } from "./challenge-ends.ts";
import { define, group, type Invocation } from "./command.ts";
import {
  apiOptions,
  challengeArgument,
  endpointOption,
  fileArgument,
  pageOptions,
  parseAddress,
  parseHash,
  parseName,
  taskArgument,
  wholeNumber,
} from "./options.ts";
import { existingKey, messageDomain, signingOptions, type SigningOptions } from "./signing.ts";

type EvidenceOptions = ApiOptions & {
  readonly result?: string;
  readonly recomputed?: Hex;
  readonly decision?: Hex;
  readonly remark: string;
  readonly out?: string;
};

const candidateOf = async (invocation: Invocation<readonly unknown[], ApiOptions>, taskId: Hex) =>
  await ask<CandidateItem>(invocation, "GET", `/v1/tasks/${taskId}/candidate`);

/** What the challenger's own execution committed to. */
function recomputedBy({ result, recomputed }: EvidenceOptions): Hex {
  if (recomputed !== undefined) return recomputed;
  if (result !== undefined) return commitment(readDocument(result, QueryResult));
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: ["--result or --recomputed is missing"] });
}

async function gather(invocation: Invocation<readonly [Hex], EvidenceOptions>): Promise<void> {
  const { args, options, output } = invocation;
  const recomputedCommitment = recomputedBy(options);
  const item = await candidateOf(invocation, args[0]);
  const { decision: decisionId, remark, out } = options;
  const evidence = evidenceOf(item, { recomputedCommitment, decisionId, remark });
  if (out !== undefined) writeDocument(out, evidence, false);
  output.answer(evidence, () => {
    output.say(`claimed  ${item.bundle.outputCommitment}`);
    output.say(`own      ${recomputedCommitment}`);
    output.say(`evidence ${challengeEvidenceHashOf(evidence)}${out === undefined ? "" : ` in ${out}`}`);
  });
}

type Acting = ApiOptions & SigningOptions & { readonly challenger?: Hex };

/** The challenger: the key's account, or whom the token acts for. */
function challengerOf({ challenger }: Acting, key: ActorKey | undefined): Hex {
  const address = challenger ?? key?.address;
  if (address !== undefined) return address;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { settings: ["--key-file or --challenger is missing"] });
}

type OpenOptions = Acting & { readonly bond?: boolean; readonly endpoint?: readonly string[] };

async function open(invocation: Invocation<readonly [string], OpenOptions>): Promise<void> {
  const { args, options, output } = invocation;
  const evidence = readDocument(args[0], ChallengeEvidence);
  const key = options.keyFile === undefined ? undefined : existingKey(options.keyFile);
  const challenger = challengerOf(options, key);
  const { candidate } = await candidateOf(invocation, evidence.taskId);
  const challenge = statementOf({ candidate }, evidence, challenger);
  const signed = key && { signature: sign(challengeDigest(messageDomain(invocation), challenge), key.privateKey) };
  const receipt = await ask<ChallengeReceipt>(invocation, "POST", "/v1/challenges", { challenge, evidence, ...signed });
  const { evidenceHash } = challenge;
  const about = { candidate, evidenceHash };
  const transactions = options.bond === true ? await bondOnAnchor(invocation, about, key) : [];
  output.answer({ ...receipt, transactions }, () => {
    output.say(receipt.challengeId);
    if (transactions.length > 0) output.say(`bonded: ${transactions.join(", ")}`);
  });
}

async function reopen(invocation: Invocation<readonly [Hex, string], ApiOptions & SigningOptions>): Promise<void> {
  const { args, options, output } = invocation;
  const [challengeId, file] = args;
  const evidence = readDocument(file, ChallengeEvidence);
  const key = options.keyFile === undefined ? undefined : existingKey(options.keyFile);
  const digest = () =>
    challengeReopeningDigest(messageDomain(invocation), challengeId, challengeEvidenceHashOf(evidence));
  const signed = key && { signature: sign(digest(), key.privateKey) };
  const path = `/v1/challenges/${challengeId}/reopen`;
  const receipt = await ask<ChallengeReceipt>(invocation, "POST", path, { evidence, ...signed });
  output.answer(receipt, () => output.say(receipt.challengeId));
}

function showChallenge({ output }: Pick<Invocation<readonly unknown[], object>, "output">, view: ChallengeView): void {
  const { challenge, reviews, penalties } = view;
  const { candidate } = challenge;
  output.table(
    ["", ""],
    [
      ["challenge", view.challengeId],
      ["task", challenge.taskId],
      ["candidate", candidate === null ? "none yet" : `${candidate.scope}/${candidate.epoch}/${candidate.revision}`],
      ["challenger", challenge.challenger],
      ["origin", view.origin],
      ["state", `${view.state}, round ${view.round}`],
      ...reviews.map(({ round, verdict, finding }) => [`review ${round}`, `${verdict}: ${finding}`]),
      ...penalties.map(({ role, account, amount }) => ["penalty", `${amount} from ${role} ${account}`]),
    ],
  );
  output.table(
    ["at", "from", "to", "by", "why"],
    view.history.map(({ at, from, to, by, why }) => [at, from ?? "", to, by, why]),
  );
}

type ListOptions = ApiOptions &
  PageOptions & { readonly task?: Hex; readonly scope?: string; readonly epoch?: number; readonly state?: string };

async function list(invocation: Invocation<readonly [], ListOptions>): Promise<void> {
  const { task, scope, epoch, state } = invocation.options;
  await showPage<ChallengeView>(invocation, {
    path: "/v1/challenges",
    query: { task, scope, epoch, state },
    headings: ["challenge", "task", "state", "round", "origin"],
    row: (each) => [each.challengeId, each.challenge.taskId, each.state, String(each.round), each.origin],
  });
}

const evidenceOptions = () => [
  ...apiOptions(),
  new Option("--result <file>", "the own execution's result as JSON"),
  new Option("--recomputed <hash>", "what the own execution committed to, instead of its result").argParser(parseHash),
  new Option("--decision <id>", "the verification that is attacked (default: the first)").argParser(parseHash),
  new Option("--remark <text>", "tells this evidence from another; public").default(""),
  new Option("--out <file>", "write the evidence there"),
];

const challengerOptions = () => [
  ...apiOptions(),
  ...signingOptions("the challenger's key; without it the token stands for the challenger"),
];

function registerReading(challenge: Command): void {
  define<readonly [], ListOptions>(challenge, {
    name: "list",
    summary: "List challenges in the order in which they were opened.",
    example: "scs challenge list --state confirmed",
    options: [
      ...apiOptions(),
      ...pageOptions(),
      new Option("--task <id>", "of a task").argParser(parseHash),
      new Option("--scope <scope>", "of a scope").argParser(parseName),
      new Option("--epoch <epoch>", "of candidates of an epoch").argParser(wholeNumber(1)),
      new Option("--state <state>", "in a state"),
    ],
    run: list,
  });
  define<readonly [Hex], ApiOptions>(challenge, {
    name: "show",
    summary: "Show a challenge: what it attacks, its reviews, its history, its penalties.",
    example: `scs challenge show 0x${"ab".repeat(32)}`,
    arguments: [challengeArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const view = await ask<ChallengeView>(invocation, "GET", `/v1/challenges/${invocation.args[0]}`);
      invocation.output.answer(view, () => showChallenge(invocation, view));
    },
  });
}

export function register(program: Command): void {
  const challenge = group(program, "challenge", "Attack verified work, and follow what becomes of that.");
  define<readonly [Hex], EvidenceOptions>(challenge, {
    name: "evidence",
    summary:
      "Gather evidence against a task that a live candidate holds: what was claimed, and what the own execution gave.",
    example: `scs challenge evidence 0x${"ab".repeat(32)} --result own-result.json --out evidence.json`,
    arguments: [taskArgument()],
    options: evidenceOptions(),
    run: gather,
  });
  define<readonly [string], OpenOptions>(challenge, {
    name: "open",
    summary: "Open a challenge with evidence; with --bond also on the anchor, where its bond is posted.",
    example: "scs challenge open evidence.json --key-file challenger.key --bond",
    arguments: [fileArgument("evidence", 'file that "scs challenge evidence" wrote')],
    options: [
      ...challengerOptions(),
      new Option("--challenger <address>", "the challenger (default: the key's account)").argParser(parseAddress),
      new Option("--bond", "challenge the candidate on the anchor too; it has to stand there"),
      endpointOption(),
    ],
    run: open,
  });
  define<readonly [Hex, string], ApiOptions & SigningOptions>(challenge, {
    name: "reopen",
    summary: "Bring new evidence against a challenge that was closed without a penalty.",
    example: `scs challenge reopen 0x${"ab".repeat(32)} evidence-2.json --key-file challenger.key`,
    arguments: [challengeArgument(), new Argument("<evidence>", "file with the new evidence")],
    options: challengerOptions(),
    run: reopen,
  });
  registerReading(challenge);
  registerEnds(challenge);
}
