// What leaves vaults about local attributes when an epoch ends a window: noised, above the threshold, drawn once and kept.
import { canonicalText } from "#protocol/canonical.ts";
import { compareSummaries, windowEndingAt } from "#protocol/aggregation.ts";
import { contentId } from "#protocol/hash.ts";
import { domainHintOf, openMapper, type LocalField } from "#protocol/local-attributes.ts";
import { releasePools, type LocalRelease } from "#protocol/local-release.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import { chanceOf, mechanismOf } from "#protocol/privacy.ts";
import type { Aggregation, LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { CollectionDefinition } from "#protocol/schemas/vault.ts";
import type { Queryable } from "./database.ts";
import { readAggregation } from "./epoch-closing.ts";
import { appendJournal } from "./journal.ts";
import { takePools, waitingRecords } from "./local-pools.ts";
import type { CollectionName } from "./records.ts";

/** Orders that an open epoch end a window when it closes (ATTR-10); again is the same. False when it is not open. */
export async function orderAggregation(
  transaction: Queryable,
  { scope, epoch }: { readonly scope: string; readonly epoch: number },
): Promise<boolean> {
  // The lock keeps the epoch from closing before the order is there.
  const { rowCount } = await transaction.query(
    `SELECT 1 FROM work.epoch WHERE scope = $1 AND epoch = $2 AND status = 'open' FOR SHARE`,
    [scope, epoch],
  );
  if (rowCount === 0) return false;
  await transaction.query(`INSERT INTO work.aggregation_order (scope, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [
    scope,
    epoch,
  ]);
  return true;
}

/** An epoch that is about to close, and what decides whether and how it ends a window. */
export type FreezeRequest = {
  readonly scope: string;
  readonly epoch: number;
  /** The policy of the epoch's highest version. */
  readonly policy: Policy;
  /** The registry of the epoch's highest semantic version. */
  readonly registry: Registry;
  /** Unpredictable bytes, independent and uniform: all privacy rests on them. */
  readonly noise: (size: number) => Uint8Array;
};

/**
 * Ends the window that the epoch ends, if it ends one: takes the window's counts out of the pools, releases what may leave the
 * vaults and keeps that for ever; journalled. Comes in the transaction that closes the epoch. Each record counts in one window
 * only, and noise is drawn once: the same epoch again answers what was kept. Null where the epoch ends no window.
 */
export async function freezeAggregation(
  transaction: Queryable,
  request: FreezeRequest,
  now: Date,
): Promise<Aggregation | null> {
  const { scope, epoch, policy, registry } = request;
  const known = await readAggregation(transaction, request);
  if (known !== null) return known;
  const collections = await readCollections(transaction, scope);
  const window = await windowOf(transaction, request, collections);
  await transaction.query(`DELETE FROM work.aggregation_order WHERE scope = $1 AND epoch <= $2`, [scope, epoch]);
  if (window === null) return null;
  const pools = await takePools(transaction, scope, epoch);
  const released = releasePools(pools, mechanismOf(policy.aggregation.privacy), chanceOf(request.noise));
  const histories = await readHistories(transaction, scope, released);
  const mapping = openMapper(registry);
  const fields = new Map(collections.map((each) => [keyOf(each), each.fields]));
  const summaries = released.map((each): LocalAttributeSummary => ({
    schemaVersion: "1.0",
    scope,
    epoch,
    ...each,
    domainHint: domainHintOf(fields.get(keyOf(each)) ?? {}),
    ...(histories.get(summaryKey(each)) ?? { windowsReleased: 1, windowsObserved: 1 }),
    mapping: mapping(each.name, each.valueKind),
  }));
  const aggregation = { ...window, summaries: summaries.sort(compareSummaries) };
  await keep(transaction, { scope, epoch, aggregation }, now);
  return aggregation;
}

const keyOf = ({ vault, collection }: CollectionName): string => `${vault}/${collection}`;
const summaryKey = ({ name, valueKind, ...place }: CollectionName & LocalField): string =>
  `${keyOf(place)}/${name}/${valueKind}`;

type Collection = CollectionName & { readonly fields: CollectionDefinition["fields"] };

async function readCollections(transaction: Queryable, scope: string): Promise<readonly Collection[]> {
  const { rows } = await transaction.query<CollectionName & { readonly fields: string }>(
    `SELECT vault, collection, fields FROM ledger.collection WHERE aggregation_scope = $1`,
    [scope],
  );
  return rows.map((row) => ({ ...row, fields: JSON.parse(row.fields) as Collection["fields"] }));
}

/** Whether a collection maps a field to an attribute of one of the domains. */
function maps(collections: readonly Collection[], domains: readonly string[]): boolean {
  const prefixes = domains.map((domain) => `${domain}/`);
  const attributes = new Set(collections.flatMap(({ fields }) => Object.values(fields)));
  return [...attributes].some((each) => prefixes.some((prefix) => each.startsWith(prefix)));
}

async function lastAggregated(transaction: Queryable, scope: string): Promise<number> {
  const { rows } = await transaction.query<{ epoch: bigint | null }>(
    `SELECT max(epoch) AS epoch FROM ledger.aggregation WHERE scope = $1`,
    [scope],
  );
  return Number(rows[0]?.epoch ?? 0);
}

async function isOrdered(database: Queryable, scope: string, epoch: number): Promise<boolean> {
  const { rowCount } = await database.query(`SELECT 1 FROM work.aggregation_order WHERE scope = $1 AND epoch <= $2`, [
    scope,
    epoch,
  ]);
  return rowCount > 0;
}

type WindowRequest = Pick<FreezeRequest, "scope" | "epoch" | "policy">;

/** The window that an epoch ends if it closes now; null where it ends none. */
async function windowOf(
  database: Queryable,
  { scope, epoch, policy: { aggregation } }: WindowRequest,
  collections: readonly Collection[],
): Promise<Pick<Aggregation, "windowFrom" | "trigger"> | null> {
  return windowEndingAt({
    epoch,
    lastEpoch: await lastAggregated(database, scope),
    isHighActivity: maps(collections, aggregation.highActivityDomains),
    isOrdered: await isOrdered(database, scope, epoch),
    policy: aggregation,
  });
}

/**
 * Entries that the end of an open epoch would aggregate (EPOC-04): records that pools counted. An epoch that ends no window has
 * none: it would leave them for the next one, which would close over them at once. Nothing is read where policy sets no bound.
 */
export async function aggregableEntries(database: Queryable, request: WindowRequest): Promise<number> {
  const { scope, epoch, policy } = request;
  if (policy.epochs.maximumAggregationEntries === undefined) return 0;
  const window = await windowOf(database, request, await readCollections(database, scope));
  return window === null ? 0 : await waitingRecords(database, scope, epoch);
}

const historyStatement = `SELECT w.vault, w.collection, w.name, w.value_kind, count(*) AS released,
    (SELECT count(*) FROM ledger.aggregation g WHERE g.scope = $1 AND g.epoch >= min(s.epoch)) AS observed
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS w (vault, collection, name, value_kind)
    JOIN ledger.local_summary s USING (vault, collection, name, value_kind) WHERE s.scope = $1
  GROUP BY w.vault, w.collection, w.name, w.value_kind`;

/** How steadily local attributes were released, with the window that ends now; of those that were released before. */
async function readHistories(
  transaction: Queryable,
  scope: string,
  released: readonly LocalRelease[],
): Promise<ReadonlyMap<string, Pick<LocalAttributeSummary, "windowsReleased" | "windowsObserved">>> {
  type HistoryRow = CollectionName & {
    readonly name: string;
    readonly value_kind: LocalField["valueKind"];
    readonly released: bigint;
    readonly observed: bigint;
  };
  const { rows } = await transaction.query<HistoryRow>(historyStatement, [
    scope,
    released.map(({ vault }) => vault),
    released.map(({ collection }) => collection),
    released.map(({ name }) => name),
    released.map(({ valueKind }) => valueKind),
  ]);
  return new Map(
    rows.map(({ value_kind: valueKind, released: before, observed, ...row }) => [
      summaryKey({ ...row, valueKind }),
      { windowsReleased: Number(before) + 1, windowsObserved: Number(observed) + 1 },
    ]),
  );
}

async function keep(
  transaction: Queryable,
  kept: { readonly scope: string; readonly epoch: number; readonly aggregation: Aggregation },
  now: Date,
): Promise<void> {
  const { scope, epoch, aggregation } = kept;
  const { windowFrom, trigger, summaries } = aggregation;
  await transaction.query(
    `INSERT INTO ledger.aggregation (scope, epoch, window_from, trigger, at) VALUES ($1, $2, $3, $4, $5)`,
    [scope, epoch, windowFrom, trigger, now],
  );
  await transaction.query(
    `INSERT INTO ledger.local_summary (scope, epoch, vault, collection, name, value_kind, body)
      SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    [
      scope,
      epoch,
      summaries.map(({ vault }) => vault),
      summaries.map(({ collection }) => collection),
      summaries.map(({ name }) => name),
      summaries.map(({ valueKind }) => valueKind),
      summaries.map((summary) => canonicalText(summary)),
    ],
  );
  const digest = contentId("scs.aggregation", aggregation);
  const body = canonicalText({ act: "aggregated", digest, summaries: summaries.length, trigger, windowFrom });
  await appendJournal(transaction, [{ kind: "aggregation", subject: Buffer.from(epochIdOf(scope, epoch)), body }], now);
}
