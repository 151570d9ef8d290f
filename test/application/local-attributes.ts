// Local attributes for tests of the REST surface: a counted collection, and a settlement that commits to candidates.
import { randomBytes } from "node:crypto";
import { defineCollection } from "#data/collections.ts";
import { ingest } from "#data/ingest.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";
import type { Database } from "#storage/database.ts";

/** Defines a collection of `operator` that takes part in the aggregation of `main`, and adds the records to it. */
export async function countedCollection(
  database: Database,
  {
    vault,
    operator,
    records,
  }: { readonly vault: string; readonly operator: Hex; readonly records: readonly CanonicalRecord[] },
): Promise<void> {
  const deps = {
    database,
    clock: () => new Date(),
    masterKey: randomBytes(32),
    random: (size: number) => randomBytes(size),
  };
  const fields = { delay: "mobility.aviation/delay" };
  await defineCollection(deps, { vault, collection: "flights", operator, fields, aggregationScope: "main" });
  const batch = records.map((record, at) => ({ recordId: String(at), record }));
  await ingest(deps, vault, "flights", { producer: operator, records: batch });
}

/** A candidate as aggregation makes it. */
export function candidateOf(epoch: number, name: string): LocalAttributeCandidate {
  const domain = "mobility.aviation";
  return {
    schemaVersion: "1.0",
    candidateId: contentId("scs.local-candidate", { scope: "main", epoch, domain, name, valueKind: "text" }),
    scope: "main",
    epoch,
    windowFrom: 1,
    domainId: domain,
    name,
    valueKind: "text",
    coverage: 2,
    vaults: 3,
    frequency: 1_234,
    stability: 10_000,
    windows: 1,
    conflicts: [],
    aliases: [{ attributeId: "mobility.aviation/delay", confidence: 6_666 }],
    evidenceHash: contentId("test.evidence", name),
  };
}

/** Keeps candidates as a revision of an epoch's settlement does. */
export async function settleCandidates(
  database: Database,
  settled: {
    readonly epoch: number;
    readonly revision: number;
    readonly state: "candidate_ready" | "failed";
    readonly candidates: readonly LocalAttributeCandidate[];
  },
): Promise<void> {
  const { epoch, revision, state, candidates } = settled;
  const failure = state === "failed" ? "test" : null;
  await database.query(
    `INSERT INTO work.settlement (scope, epoch, revision, state, failure, due_at) VALUES ('main', $1, $2, $3, $4, now())`,
    [epoch, revision, state, failure],
  );
  const hash = hexToBytes(contentId("test.root", { epoch, revision }));
  await database.query(
    `INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count,
        payout_total, pot, built_at) VALUES ('main', $1, $2, $3, '{}', '{}', $3, 0, 0, 0, 0, now())`,
    [epoch, revision, hash],
  );
  await database.query(
    `INSERT INTO ledger.local_candidate (scope, epoch, revision, index, candidate_id, body)
      SELECT 'main', $1, $2, position - 1, candidate_id, body
      FROM unnest($3::bytea[], $4::text[]) WITH ORDINALITY AS c (candidate_id, body, position)`,
    [
      epoch,
      revision,
      candidates.map(({ candidateId }) => hexToBytes(candidateId)),
      candidates.map((candidate) => canonicalText(candidate)),
    ],
  );
}
