// Acts of governance on the command line: put together from options, signed or sent with a token, and shown as a history.
import { Option, type Argument, type Command } from "commander";
import { randomUUID } from "node:crypto";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { governanceActDigest } from "#protocol/messages.ts";
import {
  GovernanceAct,
  type GovernanceActView,
  type GovernanceOrder,
  type GovernanceReceipt,
} from "#protocol/schemas/governance.ts";
import { sign } from "#protocol/signature.ts";
import { checkDocument } from "../documents/json-document.ts";
import type { Output } from "../output.ts";
import { ask, showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, type Invocation } from "./command.ts";
import { apiOptions, pageOptions, parseAddress } from "./options.ts";
import { existingKey, messageDomain, signingOptions, type SigningOptions } from "./signing.ts";

/** Options of everything that sends an act. */
export type SendingOptions = ApiOptions & SigningOptions;
/** Options of every command that makes one. */
export type ActOptions = SendingOptions & { readonly by?: Hex; readonly reason: string; readonly nonce?: string };

export const sendingOptions = () => [
  ...apiOptions(),
  ...signingOptions("key of an actor with the role governance; without it the token stands for the actor"),
];

const actOptions = () => [
  ...sendingOptions(),
  new Option("--by <address>", "who orders it (default: the key's account)").argParser(parseAddress),
  new Option("--reason <text>", "why, for whoever reads the history").makeOptionMandatory(),
  new Option("--nonce <text>", "the same act with the same nonce is one act (default: a new one)"),
];

/** Sends an act, signed where there is a key. @throws ProtocolError with the code of the problem that the node answered with */
export async function sendAct(
  invocation: Pick<Invocation<readonly unknown[], SendingOptions>, "options" | "configuration">,
  act: GovernanceAct,
): Promise<GovernanceReceipt> {
  const { keyFile } = invocation.options;
  const key = keyFile === undefined ? undefined : existingKey(keyFile);
  const signed = key && { signature: sign(governanceActDigest(messageDomain(invocation), act), key.privateKey) };
  return await ask<GovernanceReceipt>(invocation, "POST", "/v1/governance/acts", { act, ...signed });
}

/** Makes an act of an order and sends it. @throws ProtocolError INTERNAL_CONFIGURATION when nobody is named; SCHEMA_INVALID */
export async function sendOrder(
  invocation: Pick<Invocation<readonly unknown[], ActOptions>, "options" | "configuration">,
  order: GovernanceOrder,
): Promise<GovernanceReceipt> {
  const { by, reason, nonce = randomUUID(), keyFile } = invocation.options;
  const orderer = by ?? (keyFile === undefined ? undefined : existingKey(keyFile).address);
  if (orderer === undefined) {
    const settings = ["--key-file is missing; with a token of the actor, --by names the actor"];
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings });
  }
  const act = { schemaVersion: "1.0", by: orderer, reason, order, nonce };
  return await sendAct(invocation, checkDocument(act, "the act", GovernanceAct));
}

/** Shows where an act stands. */
export function answerReceipt(output: Output, receipt: GovernanceReceipt): void {
  const { actId, sequence, repeated } = receipt;
  output.answer(receipt, () => output.say(`${actId} ${repeated ? "was" : "is"} act ${sequence} of governance`));
}

/** A command that orders one act: what it is called, and the order that its words make. */
export type ActDefinition<A extends readonly unknown[], O> = {
  readonly name: string;
  readonly summary: string;
  /** Without what every command of governance has: key and reason are added. */
  readonly example: string;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  readonly order: (invocation: Pick<Invocation<A, O>, "args" | "options">) => GovernanceOrder;
};

/** Adds a command that orders an act and answers with its receipt. */
export function defineAct<A extends readonly unknown[], O extends object = object>(
  parent: Command,
  { order, example, options = [], ...definition }: ActDefinition<A, O>,
): void {
  define<A, ActOptions & O>(parent, {
    ...definition,
    example: `${example} --key-file governance.key --reason "as decided in May"`,
    options: [...options, ...actOptions()],
    run: async (invocation) => answerReceipt(invocation.output, await sendOrder(invocation, order(invocation))),
  });
}

/** The options of a command that sends an act and answers with more than its receipt. */
export const orderOptions = actOptions;

/** Shows one page of the history. */
export async function showHistory(
  invocation: Pick<Invocation<readonly unknown[], ApiOptions & PageOptions>, "options" | "configuration" | "output">,
  query: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  await showPage<GovernanceActView>(invocation, {
    path: "/v1/governance/acts",
    query,
    headings: ["no", "at", "act", "about", "version", "by", "why"],
    row: ({ sequence, at, act, subject, semanticVersion }) => [
      String(sequence),
      at,
      act.order.kind,
      subject,
      semanticVersion ?? "",
      act.by,
      act.reason,
    ],
  });
}

/** Adds the command that shows the history of one subject. */
export function defineHistory(parent: Command, subject: Argument, example: string): void {
  define<readonly [string], ApiOptions & PageOptions>(parent, {
    name: "history",
    summary: "Show every act of governance about it, in order.",
    example,
    arguments: [subject],
    options: [...apiOptions(), ...pageOptions()],
    run: async (invocation) => await showHistory(invocation, { subject: invocation.args[0] }),
  });
}
