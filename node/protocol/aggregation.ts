// Aggregation of local attributes: when a window ends, and what many vaults' summaries say together.
import { canonicalText } from "./canonical.ts";
import { contentId, sha256Hex } from "./hash.ts";
import { namePart, normalizedName } from "./local-attributes.ts";
import type {
  Aggregation,
  LocalAttributeCandidate,
  LocalAttributeSummary,
  MappingHint,
} from "./schemas/local-attribute.ts";
import type { Policy } from "./schemas/policy.ts";
import type { Registry } from "./schemas/registry.ts";

/** What the end of a window depends on; nothing of it is told by records. */
export type WindowQuestion = {
  readonly epoch: number;
  /** The epoch that ended the scope's window before; 0 where none did. */
  readonly lastEpoch: number;
  /** Whether a collection of the scope maps a field to a domain of high activity. */
  readonly isHighActivity: boolean;
  readonly isOrdered: boolean;
  readonly policy: Pick<Policy["aggregation"], "windowEpochs" | "highActivityWindowEpochs">;
};

/** The window that an epoch ends as it closes (ATTR-10): once it is long enough, or by order; null where it ends none. */
export function windowEndingAt(question: WindowQuestion): Pick<Aggregation, "windowFrom" | "trigger"> | null {
  const { epoch, lastEpoch, isHighActivity, isOrdered, policy } = question;
  const { windowEpochs, highActivityWindowEpochs } = policy;
  const wanted = isHighActivity ? Math.min(windowEpochs, highActivityWindowEpochs) : windowEpochs;
  const windowFrom = lastEpoch + 1;
  if (epoch - lastEpoch >= wanted) return { windowFrom, trigger: "window" };
  return isOrdered ? { windowFrom, trigger: "order" } : null;
}

/** The summaries of one window, and what they are held against. */
export type AggregationInput = {
  readonly scope: string;
  /** The window's last epoch, and its first. */
  readonly epoch: number;
  readonly windowFrom: number;
  readonly summaries: readonly LocalAttributeSummary[];
  /** The registry of the highest semantic version of the epoch. */
  readonly registry: Registry;
};

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** The order of summaries wherever they stand together: by vault, collection, name, kind. */
export function compareSummaries(one: LocalAttributeSummary, other: LocalAttributeSummary): number {
  return (
    compare(one.vault, other.vault) ||
    compare(one.collection, other.collection) ||
    compare(one.name, other.name) ||
    compare(one.valueKind, other.valueKind)
  );
}

/**
 * The candidates that a window's summaries give, ascending by id (ATTR-10): one for each normalized name and kind of value. A pure
 * function of summaries, in whatever order, and the registry; it makes proposals and never an attribute.
 */
export function aggregate(input: AggregationInput): readonly LocalAttributeCandidate[] {
  const ordered = [...input.summaries].sort(compareSummaries);
  const byName = Map.groupBy(ordered, ({ name }) => normalizedName(name));
  const taken = Map.groupBy(input.registry.attributes, ({ attributeId }) => normalizedName(namePart(attributeId)));
  const vaults = new Set(ordered.map(({ vault }) => vault)).size;
  const candidates: LocalAttributeCandidate[] = [];
  for (const [name, summaries] of byName) {
    const kinds = [...new Set(summaries.map(({ valueKind }) => valueKind))].sort(compare);
    const conflicts = kinds.length > 1 ? [`kinds ${kinds.join(", ")}`] : [];
    for (const valueKind of kinds) {
      const members = summaries.filter((each) => each.valueKind === valueKind);
      const domains = [...new Set(members.map(({ domainHint }) => domainHint))];
      const inTheWay = (taken.get(name) ?? []).filter(({ domainId }) => domains.includes(domainId));
      candidates.push(
        candidateOf(input, {
          name,
          valueKind,
          vaults,
          members,
          conflicts: [
            ...conflicts,
            ...(domains.length > 1
              ? [
                  `domains ${domains
                    .map((each) => each ?? "(none)")
                    .sort(compare)
                    .join(", ")}`,
                ]
              : []),
            ...inTheWay.map(({ attributeId }) => `name_taken ${attributeId}`),
          ],
        }),
      );
    }
  }
  return candidates.sort((one, other) => compare(one.candidateId, other.candidateId));
}

/** Summaries of one normalized name and kind, in their order, and what is known about the window beside them. */
type Group = Pick<LocalAttributeCandidate, "name" | "valueKind" | "vaults" | "conflicts"> & {
  readonly members: readonly LocalAttributeSummary[];
};

function candidateOf(
  { scope, epoch, windowFrom }: AggregationInput,
  { name, valueKind, vaults, conflicts, members }: Group,
): LocalAttributeCandidate {
  const hints = new Set(members.map(({ domainHint }) => domainHint));
  const [only] = hints;
  const domainId = hints.size === 1 && only !== undefined ? only : null;
  const byVault = Map.groupBy(members, ({ vault }) => vault);
  return {
    schemaVersion: "1.0",
    candidateId: contentId("scs.local-candidate", { scope, epoch, domain: domainId, name, valueKind }),
    scope,
    epoch,
    windowFrom,
    domainId,
    name,
    valueKind,
    coverage: byVault.size,
    vaults,
    frequency: frequencyOf(members),
    stability: Math.min(...[...byVault.values()].map((own) => Math.max(...own.map(stabilityOf)))),
    windows: Math.max(...members.map(({ windowsReleased }) => windowsReleased)),
    conflicts: conflicts.sort(compare),
    aliases: aliasesOf(members),
    evidenceHash: sha256Hex(canonicalText(members)),
  };
}

/** Noisy occurrences over the noisy records of the collections they are from, each collection counted once. */
function frequencyOf(members: readonly LocalAttributeSummary[]): number {
  const collections = new Map(members.map((each) => [`${each.vault}/${each.collection}`, each.noisyRecords]));
  const records = [...collections.values()].reduce((sum, each) => sum + BigInt(each), 0n);
  const occurrences = members.reduce((sum, each) => sum + BigInt(each.noisyOccurrences), 0n);
  // Noise can leave fewer records than occurrences.
  return occurrences >= records ? 10_000 : Number((occurrences * 10_000n) / records);
}

function stabilityOf({ windowsReleased, windowsObserved }: LocalAttributeSummary): number {
  return Math.floor((windowsReleased * 10_000) / windowsObserved);
}

/** Every canonical attribute that a summary hints at, with the surest hint. */
function aliasesOf(members: readonly LocalAttributeSummary[]): MappingHint[] {
  const surest = new Map<string, number>();
  for (const { mapping } of members) {
    if (mapping === null) continue;
    surest.set(mapping.attributeId, Math.max(mapping.confidence, surest.get(mapping.attributeId) ?? 0));
  }
  return [...surest]
    .map(([attributeId, confidence]) => ({ attributeId, confidence }))
    .sort((one, other) => compare(one.attributeId, other.attributeId));
}
