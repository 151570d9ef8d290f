// Vaults' own pools of local attributes: counted as records come in, taken out when a window ends, shown to their operator.
import type { LocalPool } from "#protocol/local-release.ts";
import type { LocalField } from "#protocol/local-attributes.ts";
import type { Queryable } from "./database.ts";
import type { CollectionName } from "./records.ts";

/** What a batch adds to a pool. */
export type PoolBatch = CollectionName & {
  /** The collection's aggregation scope. */
  readonly scope: string;
  readonly records: number;
  /** Each local attribute once. */
  readonly counts: readonly (LocalField & { readonly occurrences: number })[];
};

/**
 * Volumes come first: the row of a collection and epoch keeps a window that is being frozen and a batch apart, so that neither
 * waits for the other while it holds what the other wants. Once the newest epoch is closed, records belong to the next.
 */
const countStatement = {
  name: "count-local-attributes",
  text: `WITH current AS (
      SELECT coalesce((SELECT CASE status WHEN 'closed' THEN epoch + 1 ELSE epoch END FROM work.epoch
        WHERE scope = $3 ORDER BY epoch DESC LIMIT 1), 1) AS epoch),
    volume AS (
      INSERT INTO work.local_volume AS v (vault, collection, epoch, records) SELECT $1, $2, epoch, $4 FROM current
      ON CONFLICT (vault, collection, epoch) DO UPDATE SET records = v.records + excluded.records
      RETURNING epoch)
    INSERT INTO work.local_attribute AS a (vault, collection, epoch, name, value_kind, occurrences)
      SELECT $1, $2, volume.epoch, name, value_kind, occurrences
      FROM volume, unnest($5::text[], $6::text[], $7::bigint[]) AS c (name, value_kind, occurrences)
      ON CONFLICT (vault, collection, epoch, name, value_kind) DO UPDATE SET occurrences = a.occurrences + excluded.occurrences`,
};

/** Counts a batch of new records in the epoch that is going on, in the transaction that keeps them (ATTR-09). */
export async function countInPool(
  transaction: Queryable,
  { vault, collection, scope, records, counts }: PoolBatch,
): Promise<void> {
  await transaction.query(countStatement, [
    vault,
    collection,
    scope,
    records,
    counts.map(({ name }) => name),
    counts.map(({ valueKind }) => valueKind),
    counts.map(({ occurrences }) => occurrences),
  ]);
}

/**
 * Records that the pools of a scope's vaults counted up to an epoch and no window has taken yet. What was counted is not asked:
 * how many words there are would tell whether a single record holds a new one (ATTR-12).
 */
export async function waitingRecords(database: Queryable, scope: string, epoch: number): Promise<number> {
  const { rows } = await database.query<{ records: bigint }>(
    {
      name: "waiting-records",
      text: `SELECT coalesce(sum(v.records), 0)::bigint AS records
        FROM ledger.collection c JOIN work.local_volume v USING (vault, collection)
        WHERE c.aggregation_scope = $1 AND v.epoch <= $2`,
    },
    [scope, epoch],
  );
  return Number(rows[0]?.records ?? 0);
}

const takeVolumes = `DELETE FROM work.local_volume v USING ledger.collection c
  WHERE c.aggregation_scope = $1 AND (v.vault, v.collection) = (c.vault, c.collection) AND v.epoch <= $2
  RETURNING v.vault, v.collection, v.epoch, v.records`;

const takeCounts = `WITH taken AS (DELETE FROM work.local_attribute a
    USING unnest($1::text[], $2::text[], $3::bigint[]) AS v (vault, collection, epoch)
    WHERE (a.vault, a.collection, a.epoch) = (v.vault, v.collection, v.epoch)
    RETURNING a.vault, a.collection, a.name, a.value_kind, a.occurrences)
  SELECT vault, collection, name, value_kind, sum(occurrences)::bigint AS occurrences FROM taken
  GROUP BY vault, collection, name, value_kind ORDER BY vault, collection, name, value_kind`;

type CountRow = CollectionName & {
  readonly name: string;
  readonly value_kind: LocalField["valueKind"];
  readonly occurrences: bigint;
};

/**
 * The counts of a window, taken out of the pools: a batch that commits later counts in the next window as a whole, and nothing
 * counts in two. Ascending by vault and collection.
 */
export async function takePools(transaction: Queryable, scope: string, epoch: number): Promise<readonly LocalPool[]> {
  type Volume = CollectionName & { readonly epoch: bigint; readonly records: bigint };
  const volumes = (await transaction.query<Volume>(takeVolumes, [scope, epoch])).rows;
  const counts = await transaction.query<CountRow>(takeCounts, [
    volumes.map(({ vault }) => vault),
    volumes.map(({ collection }) => collection),
    volumes.map((volume) => volume.epoch),
  ]);
  const keyOf = ({ vault, collection }: CollectionName): string => `${vault}/${collection}`;
  const countsOf = Map.groupBy(counts.rows, keyOf);
  return [...Map.groupBy(volumes, keyOf)]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([key, own]) => {
      const [first] = own;
      if (first === undefined) return [];
      const { vault, collection } = first;
      const records = own.reduce((sum, volume) => sum + Number(volume.records), 0);
      const counted = (countsOf.get(key) ?? []).map((row) => ({
        name: row.name,
        valueKind: row.value_kind,
        occurrences: Number(row.occurrences),
      }));
      return [{ vault, collection, records, counts: counted }];
    });
}
