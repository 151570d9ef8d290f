// Windows of aggregation for tests: collections that count, epochs that pass, and noise that is the same each time.
import { createHash, randomBytes } from "node:crypto";
import { defineCollection } from "#data/collections.ts";
import { ingest } from "#data/ingest.ts";
import type { Aggregation } from "#protocol/schemas/local-attribute.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import type { Database } from "#storage/database.ts";
import { freezeAggregation } from "#storage/local-attributes.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { masterKey, operatorOf, producer } from "#test/layers/node.ts";

/** When everything of these tests happens. */
export const now = new Date("2026-03-01T12:00:00Z");

/** Little noise, so that a few hundred records are enough. */
export const privacy = { epsilonThousandths: 10_000, deltaExponent: 6, minimumRecords: 20 };

/** A policy with little noise. */
export function policy(more: Partial<Policy["aggregation"]> = {}): Policy {
  const whole = policyOf();
  return { ...whole, aggregation: { ...whole.aggregation, privacy, ...more } };
}

/** Noise that is the same each time. */
export function noiseOf(seed: string): (size: number) => Uint8Array {
  let counter = 0;
  return (size) =>
    Buffer.concat(
      Array.from({ length: Math.ceil(size / 32) }, () => createHash("sha256").update(`${seed}/${counter++}`).digest()),
    ).subarray(0, size);
}

/** What happens in the scope that a test is in: each has its own, and vaults named after it. */
export function openWindows(database: Database, scopeNow: () => string) {
  const deps = { database, clock: () => now, masterKey, random: (size: number) => randomBytes(size) };
  let ids = 0;
  const vaultOf = (name: string): string => `${scopeNow()}-${name}`;
  const openEpochOf = async (epoch: number): Promise<void> => {
    await database.query(
      `INSERT INTO work.epoch (scope, epoch, status, open_at, semantic_version_set, policy_version_set)
        VALUES ($1, $2, 'open', $3, '{}', '{}')`,
      [scopeNow(), epoch, now],
    );
  };
  const closeEpochOf = async (
    epoch: number,
    settings = policy(),
    noise = noiseOf(scopeNow()),
  ): Promise<Aggregation | null> => {
    const scope = scopeNow();
    await database.query(`UPDATE work.epoch SET status = 'closing', trigger = 'time' WHERE scope = $1 AND epoch = $2`, [
      scope,
      epoch,
    ]);
    return await database.transaction(async (transaction) => {
      const request = { scope, epoch, policy: settings, registry: registryOf(), noise };
      const aggregation = await freezeAggregation(transaction, request, now);
      await transaction.query(
        `UPDATE work.epoch SET status = 'closed', close_at = $3 WHERE scope = $1 AND epoch = $2`,
        [scope, epoch, now],
      );
      return aggregation;
    });
  };
  return {
    vaultOf,
    openEpochOf,
    closeEpochOf,
    define: async (vault: string, fields: Readonly<Record<string, string>> = { shop: "trade.sales/shop" }) =>
      await defineCollection(deps, {
        vault: vaultOf(vault),
        collection: "things",
        operator: operatorOf(vault).address,
        fields,
        aggregationScope: scopeNow(),
      }),
    add: async (vault: string, count: number, record: CanonicalRecord) =>
      await ingest(deps, vaultOf(vault), "things", {
        producer: producer.address,
        records: Array.from({ length: count }, () => ({ recordId: `r-${++ids}`, record })),
      }),
    passEpoch: async (epoch: number, settings = policy()): Promise<Aggregation | null> => {
      await openEpochOf(epoch);
      return await closeEpochOf(epoch, settings);
    },
    /** What left, as `vault name`. */
    namesOf: (aggregation: Aggregation | null): readonly string[] =>
      (aggregation?.summaries ?? []).map(({ vault, name }) => `${vault.slice(scopeNow().length + 1)} ${name}`),
  };
}
