// What leaves vaults when a window ends: of each pool the noisy counts above the threshold, and no more than a window holds.
import { localSummariesPerWindow } from "./limits.ts";
import type { LocalField } from "./local-attributes.ts";
import { releasedCount, twoSidedGeometric, type Chance, type Mechanism } from "./privacy.ts";
import type { LocalAttributeSummary } from "./schemas/local-attribute.ts";

/** What one collection counted in a window; exact, and never outside of its vault. */
export type LocalPool = {
  readonly vault: string;
  readonly collection: string;
  readonly records: number;
  /** Each local attribute once, ascending by name and kind. */
  readonly counts: readonly (LocalField & { readonly occurrences: number })[];
};

/** What leaves a vault about one local attribute. */
export type LocalRelease = Pick<
  LocalAttributeSummary,
  "vault" | "collection" | "name" | "valueKind" | "noisyOccurrences" | "noisyRecords"
>;

/**
 * What may leave the pools of a window (ATTR-12). Where a window holds no more, every collection's most frequent local attribute
 * comes before any collection's next; by noisy counts alone, which are released anyway.
 */
export function releasePools(
  pools: readonly LocalPool[],
  mechanism: Mechanism,
  chance: Chance,
  limit: number = localSummariesPerWindow,
): readonly LocalRelease[] {
  const released = pools.map((pool) => releasePool(pool, mechanism, chance));
  const kept: LocalRelease[] = [];
  for (let rank = 0; kept.length < limit; rank++) {
    const ranked = released.flatMap((own) => own[rank] ?? []);
    if (ranked.length === 0) break;
    kept.push(...ranked.slice(0, limit - kept.length));
  }
  return kept;
}

/** What may be said about one collection, the most frequent first. */
function releasePool(
  { vault, collection, records, counts }: LocalPool,
  mechanism: Mechanism,
  chance: Chance,
): readonly LocalRelease[] {
  // Drawn once for all of the collection's summaries: several draws could be averaged.
  const noisyRecords = Math.max(0, records + twoSidedGeometric(mechanism, chance));
  const released: LocalRelease[] = [];
  for (const { name, valueKind, occurrences } of counts) {
    const noisyOccurrences = releasedCount(occurrences, mechanism, chance);
    if (noisyOccurrences === undefined) continue;
    released.push({ vault, collection, name, valueKind, noisyOccurrences, noisyRecords });
  }
  // Sorting is stable: equals stay in the order of their names.
  return released.sort((one, other) => other.noisyOccurrences - one.noisyOccurrences);
}
