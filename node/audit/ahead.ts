// Parts worked out as they are written, before there is a manifest: under what it is expected to say, and only for that.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { hexOf, jcs } from "./digests.ts";
import { Disproof, Unreadable } from "./disproof.ts";
import type { EpochTerms, ManifestTerms } from "./item.ts";
import { readDocuments, readOrStop, type ArchiveSource } from "./manifest.ts";
import { digestPart, termsOf, type NumberedPart, type PartDigest } from "./part.ts";
import type { KnownParts } from "./recompute.ts";

/** What was worked out so far. */
export type Ahead = {
  /** Works one part out; what does not hold, or cannot be read, is left to the recomputation, which says so in its place. */
  readonly work: (part: NumberedPart) => Promise<void>;
  readonly known: KnownParts;
};

const textOf = ({ chainId, anchor, scope, epoch, versions, documents }: ManifestTerms): string =>
  jcs({ chainId, anchor, scope, epoch, versions, documents });

/** Begins to work parts out under what their manifest is expected to say. */
export function workAhead(read: ArchiveSource["part"], expected: ManifestTerms): Ahead {
  const digests = new Map<string, PartDigest>();
  let terms: Promise<EpochTerms> | undefined;
  const prepare = async (): Promise<EpochTerms> => termsOf(expected, await readDocuments({ part: read }, expected), []);
  const nameOf = ({ number, digest, items }: NumberedPart): string => `${number}/${digest}/${items}`;
  const expectedText = textOf(expected);
  const work = async (part: NumberedPart): Promise<void> => {
    if (digests.has(nameOf(part))) return;
    try {
      const bytes = await readOrStop(`parts[${part.number}]`, () => read(part.digest));
      digests.set(nameOf(part), digestPart(await (terms ??= prepare()), bytes, part));
    } catch (error) {
      if (!(error instanceof Disproof || error instanceof Unreadable)) throw error;
    }
  };
  const known = (manifest: ArchiveManifest, number: number): PartDigest | undefined => {
    const part = manifest.parts[number];
    const digest = part && digests.get(nameOf({ ...part, number }));
    if (digest === undefined || textOf(manifest) !== expectedText) return undefined;
    const left = new Set<Hex>(manifest.excluded.map(({ taskId }) => taskId));
    return digest.tasks.some((taskId) => left.has(hexOf(taskId))) ? undefined : digest;
  };
  return { work, known };
}
