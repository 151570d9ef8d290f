// `scs vault`: collections, their records, and consent to use them, over the REST API.
import { Argument, Option, type Command } from "commander";
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import type { Hex } from "#protocol/hash.ts";
import { grantDigest } from "#protocol/messages.ts";
import {
  CollectionDefinition,
  type Grant,
  type GrantReceipt,
  type RecordBatchReceipt,
} from "#protocol/schemas/vault.ts";
import { sign } from "#protocol/signature.ts";
import { readDocument } from "../documents/json-document.ts";
import { recordLines } from "../documents/record-lines.ts";
import { Progress } from "../output.ts";
import { ask, type ApiOptions } from "./api.ts";
import { define, group, type Invocation } from "./command.ts";
import {
  accountArgument,
  apiOptions,
  fileArgument,
  parseAddress,
  parseHash,
  parseName,
  wholeNumber,
} from "./options.ts";
import { existingKey, messageDomain, signingOptions, type SigningOptions } from "./signing.ts";

const vaultArgument = () => new Argument("<vault>", "name of a vault").argParser(parseName);
const collectionArgument = () => new Argument("<collection>", "name of a collection").argParser(parseName);

type IngestOptions = ApiOptions & { readonly producer: Hex; readonly idField?: string };

/** What was ingested in all. */
type Ingested = {
  readonly added: number;
  readonly repeated: number;
  readonly size: number;
  readonly digest: Hex | null;
};

async function ingest(invocation: Invocation<readonly [string, string, string], IngestOptions>): Promise<void> {
  const [vault, collection, file] = invocation.args;
  const { options, output } = invocation;
  const path = `/v1/vaults/${vault}/collections/${collection}/records`;
  const progress = new Progress();
  const totalBytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const move = progress.start(`${vault}/${collection} (bytes)`, totalBytes);
  let total: Ingested = { added: 0, repeated: 0, size: 0, digest: null };
  try {
    for await (const { records, bytesRead } of recordLines(file, options.idField)) {
      const body = { producer: options.producer, records };
      const { added, repeated, size, digest } = await ask<RecordBatchReceipt>(invocation, "POST", path, body);
      total = { added: total.added + added, repeated: total.repeated + repeated, size, digest };
      // The last line may end without a line break.
      move(Math.min(bytesRead, totalBytes));
    }
  } finally {
    progress.stop();
  }
  output.answer(total, () => {
    const { added, repeated, size, digest } = total;
    output.table(
      ["added", "repeated", "records in all", "digest"],
      [[added, repeated, size, digest ?? ""].map(String)],
    );
  });
}

type GrantOptions = ApiOptions & SigningOptions & { readonly days: number; readonly nonce?: string };

async function giveGrant(invocation: Invocation<readonly [string, string, Hex], GrantOptions>): Promise<void> {
  const [vault, collection, grantee] = invocation.args;
  const { options, output } = invocation;
  const untilSeconds = Math.floor(Date.now() / 1000) + options.days * 86_400;
  const nonce = options.nonce ?? randomUUID();
  const grant: Grant = { vault, collection, grantee, programs: ["protected_query"], untilSeconds, nonce };
  const signed = options.keyFile === undefined ? {} : { signature: signatureOf(invocation, options.keyFile, grant) };
  const receipt = await ask<GrantReceipt>(invocation, "POST", "/v1/grants", { grant, ...signed });
  output.answer({ ...receipt, grant }, () => {
    output.say(`${receipt.grantId} until ${new Date(untilSeconds * 1000).toISOString()}`);
  });
}

function signatureOf(
  invocation: Pick<Invocation<readonly unknown[], GrantOptions>, "options" | "configuration">,
  keyFile: string,
  grant: Grant,
): Hex {
  return sign(grantDigest(messageDomain(invocation), grant), existingKey(keyFile).privateKey);
}

function registerRecords(vault: Command): void {
  define<readonly [string], ApiOptions>(vault, {
    name: "define",
    summary: "Define a collection from a document. For its operator, with record:write.",
    example: "scs vault define strikes-collection.json --token-file keys/operator-east.token",
    arguments: [fileArgument("file", "collection definition: vault, collection, operator, fields; - for stdin")],
    options: apiOptions(),
    run: async (invocation) => {
      const definition = readDocument(invocation.args[0], CollectionDefinition);
      const path = `/v1/vaults/${definition.vault}/collections`;
      const defined = await ask<CollectionDefinition>(invocation, "POST", path, definition);
      const { output } = invocation;
      output.answer(defined, () => {
        output.say(`${defined.vault}/${defined.collection}, operated by ${defined.operator}`);
        output.table(["field", "canonical attribute"], Object.entries(defined.fields));
      });
    },
  });
  define<readonly [string, string, string], IngestOptions>(vault, {
    name: "ingest",
    summary: "Add the records of a file of JSON lines, in batches; again adds nothing. With record:write.",
    example: `scs vault ingest aviation-east strikes strikes.jsonl --producer 0x${"12".repeat(20)}`,
    arguments: [
      vaultArgument(),
      collectionArgument(),
      fileArgument("file", 'JSON lines: {"recordId": …, "record": {…}}, or records alone with --id-field'),
    ],
    options: [
      ...apiOptions(),
      new Option("--producer <address>", "data producer of the records").argParser(parseAddress).makeOptionMandatory(),
      new Option("--id-field <field>", "the field of each record that is its id"),
    ],
    run: ingest,
  });
}

export function register(program: Command): void {
  const vault = group(program, "vault", "Define collections, add records, give and take back consent.");
  registerRecords(vault);
  define<readonly [string, string, Hex], GrantOptions>(vault, {
    name: "grant",
    summary: "Let an account have protected queries run over a collection. Signed, or with grant:write.",
    example: `scs vault grant aviation-east strikes 0x${"12".repeat(20)} --days 30 --key-file keys/east.key`,
    arguments: [vaultArgument(), collectionArgument(), accountArgument()],
    options: [
      ...apiOptions(),
      ...signingOptions("the operator's key; without it the token stands for the operator"),
      new Option("--days <days>", "how long the consent holds").argParser(wholeNumber(1, 36_500)).default(365),
      new Option("--nonce <text>", "tells apart grants that are otherwise the same (default: one made for this call)"),
    ],
    run: giveGrant,
  });
  define<readonly [Hex], ApiOptions>(vault, {
    name: "revoke",
    summary: "Take consent back, for tasks not resolved yet. For the operator, with grant:write.",
    example: `scs vault revoke 0x${"ab".repeat(32)}`,
    arguments: [new Argument("<grant-id>", "id of a grant").argParser(parseHash)],
    options: apiOptions(),
    run: async (invocation) => {
      const [grantId] = invocation.args;
      await ask<null>(invocation, "DELETE", `/v1/grants/${grantId}`);
      invocation.output.answer({ grantId, revoked: true }, () => invocation.output.say(`${grantId} is taken back`));
    },
  });
}
