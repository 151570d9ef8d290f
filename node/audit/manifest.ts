// What an archive says of itself: its manifest, and the registries and policies that its versions mean.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { idOf, jcs, sha } from "./digests.ts";
import { Disproof, same, Unreadable } from "./disproof.ts";
import { published, type PublishedRegistry } from "./resolution.ts";

/** Reads an archive: the bytes of its manifest, and of each part and document by its digest. */
export type ArchiveSource = {
  readonly manifest: () => Promise<Uint8Array>;
  readonly part: (digest: Hex) => Promise<Uint8Array>;
};

/** The documents of an epoch by version, as they were published. */
export type Documents = {
  readonly registries: ReadonlyMap<string, PublishedRegistry>;
  readonly policies: ReadonlyMap<string, Policy>;
};

/** Reads what is needed, or ends the recomputation: what cannot be read is unknown. */
export async function readOrStop(what: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await read();
  } catch (error) {
    throw new Unreadable(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Parses a text that has to be the canonical one of what it says. @throws Disproof */
function parseCanonical(place: string, bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Disproof(place, "not JSON", "JSON");
  }
  if (jcs(value) !== text) throw new Disproof(place, "another serialization", "the canonical one");
  return value;
}

/** What is not of the published shape breaks somewhere: that is a fault of the archive, and named as one. */
export function shaped<T>(place: string, shape: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Disproof || error instanceof Unreadable || !(error instanceof Error)) throw error;
    throw new Disproof(place, error.message, `${shape} of the published shape`);
  }
}

/** Reads a manifest and checks that its parts belong together. @throws Disproof */
export function readManifest(bytes: Uint8Array): ArchiveManifest {
  const manifest = parseCanonical("manifest", bytes) as ArchiveManifest;
  return shaped("manifest", "a manifest", () => {
    checkManifest(manifest);
    return manifest;
  });
}

const versionOf = ({ version }: { readonly version: string }): string => version;

function checkAscending(place: string, list: readonly string[]): void {
  same(`${place} ascend`, list.join(), [...new Set(list)].sort().join());
}

function checkManifest(manifest: ArchiveManifest): void {
  const { schemaVersion, versions, policy, parts, itemCount, excluded, documents, penalties } = manifest;
  same("manifest.schemaVersion", schemaVersion, "1.0");
  const highest = versions.policy.at(-1);
  same("manifest.policy.policyVersion", policy.policyVersion, highest?.version);
  same("manifest.policy digest", highest?.digest, idOf("scs.policy", jcs(policy)));
  for (const list of [versions.schema, versions.semantic.map(versionOf), versions.policy.map(versionOf)]) {
    checkAscending("manifest.versions", list);
  }
  const counted = parts.reduce((sum, { items }) => sum + items, 0);
  same("manifest.itemCount", itemCount, counted);
  checkAscending(
    "manifest.excluded",
    excluded.map(({ taskId }) => taskId),
  );
  checkAscending(
    "manifest.penalties",
    penalties.map(({ penaltyId }) => penaltyId),
  );
  for (const [at, { remaining }] of penalties.entries()) {
    if (BigInt(remaining) <= 0n)
      throw new Disproof(`manifest.penalties[${at}].remaining`, remaining, "more than nothing");
  }
  const meant = [
    ...versions.semantic.map(({ version }) => ({ kind: "registry", version })),
    ...versions.policy.map(({ version }) => ({ kind: "policy", version })),
  ];
  same(
    "manifest.documents",
    documents.map(({ kind, version }) => ({ kind, version })),
    meant,
  );
}

/**
 * Reads the documents of an epoch's versions: each has the bytes its object is named by, and the digest that the versions name.
 * @throws Disproof, Unreadable
 */
export async function readDocuments(
  source: Pick<ArchiveSource, "part">,
  manifest: Pick<ArchiveManifest, "versions" | "documents">,
): Promise<Documents> {
  const { versions, documents } = manifest;
  const registries = new Map<string, PublishedRegistry>();
  const policies = new Map<string, Policy>();
  for (const [at, { kind, version, object }] of documents.entries()) {
    const place = `manifest.documents[${at}]`;
    const bytes = await readOrStop(place, () => source.part(object));
    same(`${place}.object`, object, sha(bytes));
    const value = parseCanonical(place, bytes);
    const of = kind === "registry" ? versions.semantic : versions.policy;
    const digest = idOf(`scs.${kind}`, jcs(value));
    same(`${place} digest`, of.find((each) => each.version === version)?.digest, digest);
    if (kind === "registry") registries.set(version, published(value as Registry));
    else policies.set(version, value as Policy);
    const said = kind === "registry" ? (value as Registry).semanticVersion : (value as Policy).policyVersion;
    same(`${place}.version`, version, said);
  }
  return { registries, policies };
}
