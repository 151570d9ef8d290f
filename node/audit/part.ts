// One part of an archive: its lines are worked out item by item, and what they come to is put side by side.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { bytesOf, domainOf, sha, signingDomain } from "./digests.ts";
import { Disproof, same } from "./disproof.ts";
import { digestItem, type EpochTerms, type FoundSignature, type ManifestTerms } from "./item.ts";
import type { Documents } from "./manifest.ts";
import { emptyLedger, meterItem, type Ledger } from "./shares.ts";
import { firstFalse, signerOf } from "./signers.ts";

/** What a part comes to: 32 bytes for each task and each leaf, side by side, and what was metered. Plain data, to be sent. */
export type PartDigest = {
  readonly first: Hex;
  readonly last: Hex;
  readonly tasks: Uint8Array;
  readonly results: Uint8Array;
  readonly evidence: Uint8Array;
  readonly histories: Uint8Array;
  readonly ledger: Ledger;
};

/** Prepares what the parts of an epoch are checked against. */
export function termsOf(manifest: ManifestTerms, documents: Documents, excluded: readonly Hex[]): EpochTerms {
  return {
    manifest,
    documents,
    excluded: new Set(excluded),
    meanings: new Map(),
    histories: new Set(),
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
  return digestLines(terms, lines, place);
}

function digestLines(terms: EpochTerms, lines: readonly string[], place: string): PartDigest {
  const leaves = { tasks: [], results: [], evidence: [], histories: [] } as Record<LeafList, Buffer[]>;
  const ledger = emptyLedger();
  const signatures: FoundSignature[] = [];
  let last: Hex = "0x";
  let first: Hex = "0x";
  try {
    for (const [at, line] of lines.entries()) {
      const item = digestItem(terms, line, `${place}.items[${at}]`, signatures);
      if (at === 0) first = item.taskId;
      if (item.taskId <= last) throw new Disproof(`${place}.items[${at}].taskId`, item.taskId, `above ${last}`);
      last = item.taskId;
      leaves.tasks.push(bytesOf(item.taskId));
      leaves.results.push(item.result);
      leaves.evidence.push(...item.evidence);
      leaves.histories.push(...item.histories);
      meterItem(ledger, item.archived);
    }
  } finally {
    // Also where something later does not hold: the first difference counts, and it may be a signature.
    requireSigned(signatures);
  }
  return {
    first,
    last,
    tasks: Buffer.concat(leaves.tasks),
    results: Buffer.concat(leaves.results),
    evidence: Buffer.concat(leaves.evidence),
    histories: Buffer.concat(leaves.histories),
    ledger,
  };
}

type LeafList = "tasks" | "results" | "evidence" | "histories";

/** All signatures are of whom they are said to be of. @throws Disproof at the first that is not */
function requireSigned(signatures: readonly FoundSignature[]): void {
  const found = signatures[firstFalse(signatures) ?? -1];
  if (found === undefined) return;
  const { place, account, digest, signature } = found;
  throw new Disproof(place, account, signerOf(digest, signature) ?? "nobody");
}

/** The words of 32 bytes that stand side by side. */
export function* wordsIn(bytes: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 32) yield Buffer.from(bytes.buffer, bytes.byteOffset + at, 32);
}
