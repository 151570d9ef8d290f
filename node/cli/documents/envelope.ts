// A task envelope from a file, or put together from what a command line says.
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { Program, Source, TaskEnvelope } from "#protocol/schemas/task.ts";
import { checkDocument, parseNamed, readDocument } from "./json-document.ts";

/** What a command line may say of an envelope. */
export type EnvelopeParts = {
  readonly envelope?: string;
  readonly program?: string;
  readonly source?: readonly string[];
  readonly scope: string;
  readonly schemaVersion: string;
  readonly semanticVersion?: string;
  readonly policyVersion?: string;
  readonly feeLimit?: string;
  readonly submitter?: Hex;
  readonly seed?: Hex;
  readonly idempotencyKey?: string;
  readonly expiresInSeconds: number;
};

/** Time and chance for what is left open. */
export type EnvelopeChance = { readonly nowSeconds: number; readonly seed: Hex; readonly idempotencyKey: string };

/**
 * The envelope of a submission. A file holds all of it; otherwise every part is an option, and the submitter is the key's
 * account unless it is named.
 * @throws ProtocolError SCHEMA_* for content, INTERNAL_CONFIGURATION that names options which are missing
 */
export function envelopeOf(parts: EnvelopeParts, account: Hex | undefined, chance: EnvelopeChance): TaskEnvelope {
  if (parts.envelope !== undefined) return readDocument(parts.envelope, TaskEnvelope);
  const required = {
    "--program": parts.program,
    "--source": parts.source?.[0],
    "--semantic-version": parts.semanticVersion,
    "--policy-version": parts.policyVersion,
    "--fee-limit": parts.feeLimit,
    "--key-file or --submitter": parts.submitter ?? account,
  };
  const missing = Object.entries(required).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (missing.length > 0) {
    const settings = missing.map((name) => `${name} is missing; --envelope <file> holds all of it`);
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings });
  }
  const envelope = {
    schemaVersion: parts.schemaVersion,
    semanticVersion: parts.semanticVersion,
    policyVersion: parts.policyVersion,
    scope: parts.scope,
    submitter: parts.submitter ?? account,
    program: programOf(parts.program ?? ""),
    inputs: { sources: (parts.source ?? []).map(sourceOf) },
    seed: parts.seed ?? chance.seed,
    feeLimit: parts.feeLimit,
    idempotencyKey: parts.idempotencyKey ?? chance.idempotencyKey,
    expiresAtSeconds: chance.nowSeconds + parts.expiresInSeconds,
  };
  return checkDocument(envelope, "the envelope", TaskEnvelope);
}

/** A program as JSON on the command line, or in a file. */
function programOf(text: string): Program {
  if (!text.trimStart().startsWith("{")) return readDocument(text, Program);
  return checkDocument(parseNamed("--program", Buffer.from(text, "utf8")), "--program", Program);
}

function sourceOf(text: string): Source {
  const [vault, collection, ...more] = text.split("/");
  return checkDocument(more.length === 0 ? { vault, collection } : text, `--source ${text}`, Source);
}
