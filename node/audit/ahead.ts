// Parts worked out as they are written, before there is a manifest: under what it is expected to say, and only for that.
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { hexOf, jcs } from "./digests.ts";
import { Disproof, Unreadable } from "./disproof.ts";
import type { EpochTerms, ManifestTerms } from "./item.ts";
import { readDocuments, readOrStop, type ArchiveSource } from "./manifest.ts";
import { digestPart, termsOf, wordsIn, type NumberedPart, type PartDigest } from "./part.ts";
import type { KnownParts } from "./recompute.ts";

/** What was worked out so far. */
export type Ahead = {
  /** Works one part out; undefined for what does not hold or cannot be read, which the recomputation says in its place. */
  readonly work: (part: NumberedPart) => Promise<PartDigest | undefined>;
  /** Takes over what another thread worked a part out to, under the same expectation. */
  readonly take: (part: NumberedPart, digest: PartDigest) => void;
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
  const take = (part: NumberedPart, digest: PartDigest): void => void digests.set(nameOf(part), digest);
  const work = async (part: NumberedPart): Promise<PartDigest | undefined> => {
    const known = digests.get(nameOf(part));
    if (known !== undefined) return known;
    try {
      const bytes = await readOrStop(`parts[${part.number}]`, () => read(part.digest));
      const digest = digestPart(await (terms ??= prepare()), bytes, part);
      take(part, digest);
      return digest;
    } catch (error) {
      if (error instanceof Disproof || error instanceof Unreadable) return undefined;
      throw error;
    }
  };
  const known = (manifest: ArchiveManifest, number: number): PartDigest | undefined => {
    const part = manifest.parts[number];
    const digest = part && digests.get(nameOf({ ...part, number }));
    if (digest === undefined || textOf(manifest) !== expectedText) return undefined;
    const left = new Set<Hex>(manifest.excluded.map(({ taskId }) => taskId));
    return left.size > 0 && wordsIn(digest.tasks).some((taskId) => left.has(hexOf(taskId))) ? undefined : digest;
  };
  return { work, take, known };
}
