// An epoch's candidate and archive made in memory, without a database: for what is pure, and for the second opinion.
import { addItems, noRoot, openDraft, sealDraft, type Candidate } from "#settlement/candidate.ts";
import { checkItem } from "#settlement/item-check.ts";
import type { SettledItem } from "#settlement/settled-item.ts";
import { canonicalBytes, type Json } from "#protocol/canonical.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { policyDigest, registryDigest, type VersionSet } from "#protocol/parameters.ts";
import type { Aggregation } from "#protocol/schemas/local-attribute.ts";
import type { OutstandingPenalty } from "#protocol/schemas/settlement.ts";
import type { AnchorPlace } from "#protocol/settlement-root.ts";
import { registry } from "./finished-meaning.ts";
import { checkContext, finishedTask, place, policy, scope, storedItemOf, type FinishedTask } from "./finished-tasks.ts";

export const versions: VersionSet = {
  schema: ["1.0"],
  semantic: [{ version: "1.0", digest: registryDigest(registry) }],
  policy: [{ version: "1.0", digest: policyDigest(policy) }],
};

/** An archive in memory: objects by digest. */
export type MemoryArchive = {
  readonly candidate: Candidate;
  readonly objects: Map<Hex, Uint8Array>;
  readonly manifest: () => Promise<Uint8Array>;
  readonly part: (digest: Hex) => Promise<Uint8Array>;
};

/** Checks finished tasks as settlement does; each must hold. Ascending by id. */
export function settledItems(tasks: readonly FinishedTask[], domain: AnchorPlace = place): readonly SettledItem[] {
  const at = new Date("2026-02-01T00:00:00.000Z");
  const context = checkContext(domain);
  const verdicts = tasks.map((task) => checkItem(context, storedItemOf(task, at)));
  const items = verdicts.map((verdict) => {
    if (verdict.kind === "excluded") throw new Error(verdict.reason);
    return verdict.item;
  });
  return items.sort((a, b) => (a.taskId < b.taskId ? -1 : 1));
}

/** The candidate of an epoch over settled items, added in pieces of a size, with its archive in parts of another. */
export function archiveOf(
  items: readonly SettledItem[],
  options: {
    readonly pieceItems?: number;
    readonly partItems?: number;
    readonly place?: AnchorPlace;
    readonly penalties?: readonly OutstandingPenalty[];
    readonly aggregation?: Aggregation | null;
  } = {},
): MemoryArchive {
  const { pieceItems = 100, partItems = 40, place: where = place, penalties = [], aggregation = null } = options;
  const objects = new Map<Hex, Uint8Array>();
  const draft = openDraft(where, scope, 1);
  for (let from = 0; from < items.length; from += pieceItems) addItems(draft, items.slice(from, from + pieceItems));
  const parts = [];
  for (let from = 0; from < items.length; from += partItems) {
    const lines = items.slice(from, from + partItems).map(({ line }) => `${line}\n`);
    const bytes = Buffer.from(lines.join(""), "utf8");
    const digest = sha256Hex(bytes);
    objects.set(digest, bytes);
    parts.push({ digest, items: lines.length });
  }
  const documents = [
    { kind: "registry" as const, version: "1.0", object: putInto(objects, registry) },
    { kind: "policy" as const, version: "1.0", object: putInto(objects, policy) },
  ];
  const terms = { revision: 1, previousRoot: noRoot, versions, policy, registry, parts, documents, excluded: [] };
  const candidate = sealDraft(draft, { ...terms, penalties, aggregation });
  objects.set(candidate.header.archive, candidate.manifestBytes);
  return openMemory(candidate, objects);
}

function putInto(objects: Map<Hex, Uint8Array>, document: Json): Hex {
  const bytes = canonicalBytes(document);
  const digest = sha256Hex(bytes);
  objects.set(digest, bytes);
  return digest;
}

/** The archive over objects; what is not there cannot be read. */
export function openMemory(candidate: Candidate, objects: Map<Hex, Uint8Array>): MemoryArchive {
  const part = (digest: Hex): Promise<Uint8Array> => {
    const bytes = objects.get(digest);
    return bytes === undefined ? Promise.reject(new Error(`no object ${digest}`)) : Promise.resolve(bytes);
  };
  return { candidate, objects, part, manifest: () => part(candidate.header.archive) };
}

/** The archive of an epoch over the finished tasks with numbers 0 to `count`. */
export function epochOf(count: number): MemoryArchive {
  return archiveOf(settledItems(Array.from({ length: count }, (_, number) => finishedTask(number))));
}
