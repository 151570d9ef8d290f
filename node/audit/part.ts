// One part of an archive: its lines are worked out item by item, and what they come to is put side by side.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { bytesOf, domainOf, sha, signingDomain } from "./digests.ts";
import { Disproof, same } from "./disproof.ts";
import { digestItem, type EpochTerms, type ManifestTerms } from "./item.ts";
import type { Documents } from "./manifest.ts";
import { emptyLedger, meterItem, type Ledger } from "./shares.ts";

/** What a part comes to: 32 bytes for each leaf, side by side, and what was metered. Small, and made of plain data. */
export type PartDigest = {
  readonly first: Hex;
  readonly last: Hex;
  readonly tasks: readonly Buffer[];
  readonly results: readonly Buffer[];
  readonly evidence: readonly Buffer[];
  readonly histories: readonly Buffer[];
  readonly ledger: Ledger;
};

/** Prepares what the parts of an epoch are checked against. */
export function termsOf(manifest: ManifestTerms, documents: Documents, excluded: readonly Hex[]): EpochTerms {
  return {
    manifest,
    documents,
    excluded: new Set(excluded),
    meanings: new Map(),
    signing: signingDomain(manifest),
    resultDomain: domainOf("result", manifest),
    evidenceDomain: domainOf("evidence", manifest),
  };
}

/** A part as a manifest names it, and its number there. */
export type NumberedPart = ArchiveManifest["parts"][number] & { readonly number: number };

/**
 * Works out one part. Parts do not depend on one another: they may be worked out in any order, on any number of threads.
 * @throws Disproof at the first difference; its field begins with `parts[number]`
 */
export function digestPart(terms: EpochTerms, bytes: Uint8Array, part: NumberedPart): PartDigest {
  const place = `parts[${part.number}]`;
  same(`${place}.digest`, part.digest, sha(bytes));
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  const lines = text.split("\n");
  same(`${place} ends with a line feed`, lines.pop(), "");
  same(`${place}.items`, part.items, lines.length);
  const digest = {
    tasks: [] as Buffer[],
    results: [] as Buffer[],
    evidence: [] as Buffer[],
    histories: [] as Buffer[],
    ledger: emptyLedger(),
  };
  let last: Hex = "0x";
  let first: Hex = "0x";
  for (const [at, line] of lines.entries()) {
    const item = digestItem(terms, line, `${place}.items[${at}]`);
    if (at === 0) first = item.taskId;
    if (item.taskId <= last) throw new Disproof(`${place}.items[${at}].taskId`, item.taskId, `above ${last}`);
    last = item.taskId;
    digest.tasks.push(bytesOf(item.taskId));
    digest.results.push(item.result);
    digest.evidence.push(...item.evidence);
    digest.histories.push(...item.histories);
    meterItem(digest.ledger, item.archived);
  }
  return { first, last, ...digest };
}
