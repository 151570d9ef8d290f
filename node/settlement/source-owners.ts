// Who the records of snapshots are owed to: operators and producers, counted once for each snapshot of an epoch.
import type { Snapshot } from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "#storage/database.ts";
import { readOperator } from "#storage/reading.ts";
import { countProducers, readSnapshotDigest } from "#storage/settlement-items.ts";
import type { SourceOwners } from "./item-check.ts";

/** What was counted so far, by collection and size. */
export type OwnerIndex = Map<string, Map<number, SourceOwners>>;

const collectionOf = ({ vault, collection }: Snapshot): string => `${vault}/${collection}`;

/** The owners of a snapshot that was loaded; undefined when no such snapshot was taken. */
export function ownersIn(index: OwnerIndex, snapshot: Snapshot): SourceOwners | undefined {
  return index.get(collectionOf(snapshot))?.get(snapshot.size);
}

/**
 * Loads the owners of snapshots that are not in the index yet. A snapshot is a beginning of its collection, so only the records
 * after the next smaller one that is known are counted.
 */
export async function loadOwners(
  database: Queryable,
  index: OwnerIndex,
  snapshots: readonly Snapshot[],
): Promise<void> {
  const wanted = new Map(snapshots.map((snapshot) => [`${collectionOf(snapshot)}/${snapshot.size}`, snapshot]));
  for (const snapshot of [...wanted.values()].sort((a, b) => a.size - b.size)) {
    const known = index.get(collectionOf(snapshot)) ?? new Map<number, SourceOwners>();
    index.set(collectionOf(snapshot), known);
    if (known.has(snapshot.size)) continue;
    const owners = await countOwners(database, snapshot, known);
    if (owners !== undefined) known.set(snapshot.size, owners);
  }
}

async function countOwners(
  database: Queryable,
  snapshot: Snapshot,
  known: ReadonlyMap<number, SourceOwners>,
): Promise<SourceOwners | undefined> {
  const { vault, collection, size } = snapshot;
  const digest = await readSnapshotDigest(database, snapshot);
  const operator = await readOperator(database, vault, collection);
  if (digest === undefined || operator === undefined) return undefined;
  const from = [...known.keys()].filter((smaller) => smaller < size).reduce((a, b) => Math.max(a, b), 0);
  const counts = new Map<Hex, number>(known.get(from)?.producers.map(({ account, records }) => [account, records]));
  for (const [account, records] of await countProducers(database, { vault, collection, from, to: size })) {
    counts.set(account, (counts.get(account) ?? 0) + records);
  }
  const producers = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, records]) => ({ account, records }));
  return { digest, operator, producers };
}
