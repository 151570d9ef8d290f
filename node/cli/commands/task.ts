// `scs task`: submit tasks and follow them, over the REST API.
import { Option, type Command } from "commander";
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { envelopeDigest } from "#protocol/messages.ts";
import type { TaskReceipt, TaskTransition, TaskView } from "#protocol/schemas/task.ts";
import { sign } from "#protocol/signature.ts";
import { envelopeOf, type EnvelopeParts } from "../documents/envelope.ts";
import { exitCodes, jsonText } from "../output.ts";
import { ask, showPage, type ApiOptions, type PageOptions } from "./api.ts";
import { define, group, type Invocation } from "./command.ts";
import {
  apiOptions,
  pageOptions,
  parseAddress,
  parseAmount,
  parseHash,
  parseName,
  several,
  taskArgument,
  wholeNumber,
} from "./options.ts";
import { transitionRow, transitionHeadings } from "./transitions.ts";
import { existingKey, messageDomain, signingOptions, type SigningOptions } from "./signing.ts";

/** A task as the API shows it: all of it, or where it stands. */
type Seen = Pick<TaskView, "taskId" | "scope" | "state" | "epoch"> & Partial<TaskView>;

/** How often a task that is waited for is looked at. */
const pollMilliseconds = 500;

/** States that nothing follows by itself, or in which the answer stands and only settlement is missing. */
const settledStates: ReadonlySet<string> = new Set(["awaiting_settlement", "completed", "rejected", "timed_out"]);
const endStates: ReadonlySet<string> = new Set(["completed", "rejected", "timed_out"]);

type SubmitOptions = ApiOptions & SigningOptions & EnvelopeParts & { readonly wait?: "verified" | "end" };

const submitOptions = () => [
  ...apiOptions(),
  ...signingOptions("the submitter's key; without it the token stands for the submitter"),
  new Option("--envelope <file>", "the whole envelope as JSON; - for stdin"),
  new Option("--program <json>", "the program, as JSON or as the name of a file that holds it"),
  new Option("--source <vault/collection>", "records to work on; may be given several times").argParser(
    several((text: string) => text),
  ),
  new Option("--scope <scope>", "scope of the task").argParser(parseName).default("main"),
  new Option("--schema-version <version>", "schema version of the envelope").default("1.0"),
  new Option("--semantic-version <version>", "semantic version of its terms"),
  new Option("--policy-version <version>", "policy version it is admitted under"),
  new Option("--fee-limit <amount>", "most it may cost, in base units").argParser(parseAmount),
  new Option("--submitter <address>", "the submitter (default: the key's account)").argParser(parseAddress),
  new Option("--seed <hash>", "seed of the execution (default: a random one)").argParser(parseHash),
  new Option("--idempotency-key <text>", "the same key and content again is the same task (default: a new one)"),
  new Option("--expires-in-seconds <seconds>", "how long the envelope may be admitted")
    .argParser(wholeNumber(1, 2_592_000))
    .default(3_600),
  new Option("--wait [until]", "follow the task until it is verified, or until its end")
    .choices(["verified", "end"])
    .preset("verified"),
];

async function submit(invocation: Invocation<readonly [], SubmitOptions>): Promise<number> {
  const { options, output } = invocation;
  const key = options.keyFile === undefined ? undefined : existingKey(options.keyFile);
  const envelope = envelopeOf(options, key?.address, {
    nowSeconds: Math.floor(Date.now() / 1000),
    seed: bytesToHex(randomBytes(32)),
    idempotencyKey: randomUUID(),
  });
  const signed = key && { signature: sign(envelopeDigest(messageDomain(invocation), envelope), key.privateKey) };
  const receipt = await ask<TaskReceipt>(invocation, "POST", "/v1/tasks", { envelope, ...signed });
  if (options.wait === undefined) {
    output.answer(receipt, () => output.say(receipt.taskId));
    return exitCodes.done;
  }
  output.say(receipt.taskId);
  const task = await follow(invocation, receipt.taskId, options.wait === "end" ? endStates : settledStates);
  output.answer(task, () => showTask(invocation, task));
  return task.state === "rejected" || task.state === "timed_out" ? exitCodes.failed : exitCodes.done;
}

/** Looks at a task until it is in one of the states; each change is a line. */
async function follow(
  invocation: Invocation<readonly unknown[], ApiOptions>,
  taskId: Hex,
  until: ReadonlySet<string>,
): Promise<Seen> {
  for (let last = ""; ; await pause(pollMilliseconds)) {
    const task = await ask<Seen>(invocation, "GET", `/v1/tasks/${taskId}`);
    if (task.state !== last) invocation.output.say(`  ${task.state}`);
    last = task.state;
    if (until.has(task.state)) return task;
  }
}

function showTask({ output }: Pick<Invocation<readonly unknown[], object>, "output">, task: Seen): void {
  const rows: (readonly [string, string])[] = [
    ["task", task.taskId],
    ["scope", task.scope],
    ["state", task.state],
    ["epoch", task.epoch === null ? "none yet" : String(task.epoch)],
  ];
  if (task.submitter !== undefined) rows.push(["submitter", task.submitter]);
  if (task.acceptedAt !== undefined) rows.push(["accepted", task.acceptedAt]);
  if (task.envelope !== undefined) rows.push(["program", jsonText(task.envelope.program, 2)]);
  if (task.refusal != null) rows.push(["refusal", `${task.refusal.code} ${jsonText(task.refusal.detail)}`]);
  if (task.result != null) rows.push(["result", jsonText(task.result, 2)]);
  output.table(["", ""], rows);
}

function registerReading(task: Command): void {
  define<readonly [Hex], ApiOptions>(task, {
    name: "get",
    summary: "Show a task: all of it to its submitter and to auditors, to others where it stands.",
    example: `scs task get 0x${"ab".repeat(32)}`,
    arguments: [taskArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      const seen = await ask<Seen>(invocation, "GET", `/v1/tasks/${invocation.args[0]}`);
      invocation.output.answer(seen, () => showTask(invocation, seen));
    },
  });
  define<readonly [Hex], ApiOptions>(task, {
    name: "history",
    summary: "Show every transition of a task: who, why, when, under which versions.",
    example: `scs task history 0x${"ab".repeat(32)}`,
    arguments: [taskArgument()],
    options: apiOptions(),
    run: async (invocation) => {
      type History = { readonly taskId: Hex; readonly transitions: readonly TaskTransition[] };
      const history = await ask<History>(invocation, "GET", `/v1/tasks/${invocation.args[0]}/history`);
      const { output } = invocation;
      output.answer(history, () => output.table(transitionHeadings, history.transitions.map(transitionRow)));
    },
  });
  define<readonly [], ApiOptions & PageOptions & { readonly submitter?: Hex }>(task, {
    name: "list",
    summary: "List the tasks of the token's subject, or with audit:read of any submitter.",
    example: `scs task list --submitter 0x${"12".repeat(20)} --limit 20`,
    options: [
      ...apiOptions(),
      ...pageOptions(),
      new Option("--submitter <address>", "whose tasks (default: the token's subject)").argParser(parseAddress),
    ],
    run: async (invocation) => {
      await showPage<Seen>(invocation, {
        path: "/v1/tasks",
        query: { submitter: invocation.options.submitter },
        headings: ["task", "scope", "state", "epoch"],
        row: (each) => [each.taskId, each.scope, each.state, each.epoch === null ? "" : String(each.epoch)],
      });
    },
  });
}

export function register(program: Command): void {
  const task = group(program, "task", "Submit tasks and follow them.");
  define<readonly [], SubmitOptions>(task, {
    name: "submit",
    summary: "Sign and submit a task, and print its id once it is durable.",
    example:
      "scs task submit --key-file alice.key --source aviation-east/strikes --semantic-version 2026.1 " +
      "--policy-version 1 --fee-limit 100000000000000000 " +
      `--program '{"kind":"protected_query","domain":"aviation.wildlife","measure":{"function":"count"}}' --wait`,
    options: submitOptions(),
    run: submit,
  });
  registerReading(task);
}
