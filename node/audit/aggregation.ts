// Which local attributes the vaults of a window speak of together, worked out a second time from what left them.
import type { LocalAttributeCandidate, LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { idOf, jcs, sha } from "./digests.ts";
import { Disproof, same } from "./disproof.ts";

/** Longest name of a local attribute. */
const longestName = 64;

const isSmall = (letter: string): boolean => (letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9");
const isCapital = (letter: string): boolean => letter >= "A" && letter <= "Z";

/** Words in small letters joined by underscores; a capital behind a small letter begins one if `byCapitals`. */
function joinedWords(name: string, byCapitals: boolean): string {
  let joined = "";
  let before = "";
  for (const letter of name) {
    const small = letter.toLowerCase();
    const begins = byCapitals && isCapital(letter) && isSmall(before);
    const isGap = joined !== "" && !joined.endsWith("_") && (begins || !isSmall(small));
    if (isGap) joined += "_";
    if (isSmall(small)) joined += small;
    before = letter;
  }
  return joined.endsWith("_") ? joined.slice(0, -1) : joined;
}

/** A name as different vaults may have spelled it; one without words is an underscore. */
function plainName(name: string): string {
  const words = joinedWords(name, true);
  if (words === "") return "_";
  return words.length > longestName ? joinedWords(name, false) : words;
}

const ascending = (list: Iterable<string>): string[] => [...new Set(list)].sort();

/** Keeps the order of summaries: by vault, collection, name and kind, none of which holds a line feed. */
const placeOf = ({ vault, collection, name, valueKind }: LocalAttributeSummary): readonly string[] => [
  vault,
  collection,
  name,
  valueKind,
];

function isBefore(one: LocalAttributeSummary, other: LocalAttributeSummary): boolean {
  const theirs = placeOf(other);
  for (const [at, mine] of placeOf(one).entries()) {
    const yours = theirs[at] ?? "";
    if (mine !== yours) return mine < yours;
  }
  return false;
}

const largest = (numbers: readonly number[]): number => numbers.reduce((a, b) => (a > b ? a : b), 0);
const added = (numbers: readonly number[]): bigint => numbers.reduce((sum, each) => sum + BigInt(each), 0n);

/** Occurrences over records in basis points, rounded down, at most all of them; a collection's records count once. */
function frequencyOf(group: readonly LocalAttributeSummary[]): number {
  const records = new Map<string, number>();
  for (const { vault, collection, noisyRecords } of group) records.set(jcs([vault, collection]), noisyRecords);
  const [part, whole] = [added(group.map(({ noisyOccurrences }) => noisyOccurrences)), added([...records.values()])];
  return part >= whole ? 10_000 : Number((part * 10_000n) / whole);
}

/** The least over the vaults of what is the most over a vault's own releases, in basis points. */
function stabilityOf(group: readonly LocalAttributeSummary[]): number {
  const best = new Map<string, number>();
  for (const { vault, windowsReleased, windowsObserved } of group) {
    const share = Number((BigInt(windowsReleased) * 10_000n) / BigInt(windowsObserved));
    best.set(vault, Math.max(share, best.get(vault) ?? 0));
  }
  return [...best.values()].reduce((a, b) => (a < b ? a : b));
}

function aliasesOf(group: readonly LocalAttributeSummary[]): LocalAttributeCandidate["aliases"] {
  const hints = group.flatMap(({ mapping }) => (mapping === null ? [] : [mapping]));
  return ascending(hints.map(({ attributeId }) => attributeId)).map((attributeId) => {
    const sure = hints.filter((hint) => hint.attributeId === attributeId).map(({ confidence }) => confidence);
    return { attributeId, confidence: largest(sure) };
  });
}

/** What speaks against a group: other kinds under its name, several domains, attributes of its domains with its name. */
function conflictsOf(
  group: readonly LocalAttributeSummary[],
  { kinds, name, registry }: { readonly kinds: readonly string[]; readonly name: string; readonly registry: Registry },
): string[] {
  const domains = new Set(group.map(({ domainHint }) => domainHint));
  const held = registry.attributes.filter(
    ({ attributeId, domainId }) =>
      domains.has(domainId) && plainName(attributeId.slice(attributeId.indexOf("/") + 1)) === name,
  );
  const found = held.map(({ attributeId }) => `name_taken ${attributeId}`);
  if (kinds.length > 1) found.push(`kinds ${kinds.join(", ")}`);
  if (domains.size > 1) found.push(`domains ${ascending([...domains].map((each) => each ?? "(none)")).join(", ")}`);
  return found.sort();
}

/**
 * The candidates of an epoch, ascending by id (ATTR-10): one for each name and kind that left a vault in its window.
 * @throws Disproof where the summaries are not of this epoch, or not in their order
 */
export function candidatesOf(
  { scope, epoch, aggregation }: Pick<ArchiveManifest, "scope" | "epoch" | "aggregation">,
  registry: Registry,
): readonly LocalAttributeCandidate[] {
  if (aggregation === null) return [];
  const { windowFrom, summaries } = aggregation;
  for (const [at, summary] of summaries.entries()) {
    const place = `manifest.aggregation.summaries[${at}]`;
    same(`${place}.scope`, summary.scope, scope);
    same(`${place}.epoch`, summary.epoch, epoch);
    const before = summaries[at - 1];
    if (before && !isBefore(before, summary))
      throw new Disproof(place, placeOf(summary), `after ${placeOf(before).join(" ")}`);
  }
  const vaults = new Set(summaries.map(({ vault }) => vault)).size;
  const candidates: LocalAttributeCandidate[] = [];
  for (const [name, named] of Map.groupBy(summaries, (summary) => plainName(summary.name))) {
    const kinds = ascending(named.map(({ valueKind }) => valueKind));
    for (const [valueKind, group] of Map.groupBy(named, (summary) => summary.valueKind)) {
      const [hint = null, ...others] = new Set(group.map(({ domainHint }) => domainHint));
      const domainId = others.length === 0 ? hint : null;
      candidates.push({
        schemaVersion: "1.0",
        candidateId: idOf("scs.local-candidate", jcs({ scope, epoch, domain: domainId, name, valueKind })),
        scope,
        epoch,
        windowFrom,
        domainId,
        name,
        valueKind,
        coverage: new Set(group.map(({ vault }) => vault)).size,
        vaults,
        frequency: frequencyOf(group),
        stability: stabilityOf(group),
        windows: largest(group.map(({ windowsReleased }) => windowsReleased)),
        conflicts: conflictsOf(group, { kinds, name, registry }),
        aliases: aliasesOf(group),
        evidenceHash: sha(jcs(group)),
      });
    }
  }
  return candidates.sort((a, b) => (a.candidateId > b.candidateId ? 1 : -1));
}
