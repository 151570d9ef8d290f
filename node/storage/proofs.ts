// Reads back what proofs are made from: the leaves of a recorded candidate, in the order of their trees.
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { AdjustmentRecord, PayoutInstruction, RewardRecord } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "./database.ts";
import type { SettlementKey } from "./settlements.ts";

const keyOf = ({ scope, epoch, revision }: SettlementKey): readonly [string, number, number] => [
  scope,
  epoch,
  revision,
];

/**
 * The revision that an epoch's proofs are of: the finalized one, else the newest that has a candidate and has not failed;
 * undefined when there is none.
 */
export async function provableRevision(database: Queryable, scope: string, epoch: number): Promise<number | undefined> {
  const { rows } = await database.query<{ revision: number }>(
    {
      name: "provable-revision",
      text: `SELECT s.revision FROM work.settlement s JOIN ledger.candidate USING (scope, epoch, revision)
        WHERE s.scope = $1 AND s.epoch = $2 AND s.state <> 'failed' LIMIT 1`,
    },
    [scope, epoch],
  );
  return rows[0]?.revision;
}

/** What the result and evidence leaves of a settled task are made of. */
export type SettledResult = {
  readonly taskId: Hex;
  readonly bundleId: Hex;
  readonly resultCommitment: Hex;
  /** Of the decisions that accepted it, ascending by verifier. */
  readonly decisions: readonly { readonly decisionId: Hex; readonly evidenceHash: Hex }[];
};

/** The settled tasks of a candidate from an index on, at most `limit`, in the order of their leaves. */
export async function settledResults(
  database: Queryable,
  key: SettlementKey,
  range: { readonly from: number; readonly limit: number },
): Promise<readonly SettledResult[]> {
  type ResultRow = {
    readonly task_id: Buffer;
    readonly bundle_id: Buffer;
    readonly commitment: Hex;
    readonly decision_ids: readonly Buffer[];
    readonly evidence: readonly Hex[];
  };
  const { rows } = await database.query<ResultRow>(
    {
      name: "settled-results",
      text: `SELECT i.task_id, r.bundle_id, r.bundle::json->>'outputCommitment' AS commitment, d.decision_ids, d.evidence
        FROM ledger.settlement_item i JOIN ledger.result r USING (task_id) CROSS JOIN LATERAL (
          SELECT array_agg(decision_id::bytea ORDER BY verifier) AS decision_ids,
            array_agg(body::json->>'evidenceHash' ORDER BY verifier) AS evidence
          FROM ledger.decision d WHERE d.task_id = i.task_id AND d.bundle_id = r.bundle_id AND d.verdict = 'accepted') d
        WHERE i.scope = $1 AND i.epoch = $2 AND i.revision = $3 AND i.index >= $4 AND i.index < $5 ORDER BY i.index`,
    },
    [...keyOf(key), range.from, range.from + range.limit],
  );
  return rows.map((row) => ({
    taskId: bytesToHex(row.task_id),
    bundleId: bytesToHex(row.bundle_id),
    resultCommitment: row.commitment,
    decisions: row.decision_ids.map((decisionId, at) => ({
      decisionId: bytesToHex(decisionId),
      evidenceHash: row.evidence[at] ?? "0x",
    })),
  }));
}

/** The result text of a task, and the evidence behind one of its decisions; undefined where there is none. */
export async function readProvenContent(
  database: Queryable,
  taskId: Hex,
  decisionId: Hex,
): Promise<{ readonly result: string; readonly evidence: string } | undefined> {
  const { rows } = await database.query<{ result: string; evidence: string }>(
    `SELECT r.result, d.evidence FROM ledger.result r JOIN ledger.decision d USING (task_id)
      WHERE r.task_id = $1 AND d.decision_id = $2`,
    [hexToBytes(taskId), hexToBytes(decisionId)],
  );
  return rows[0];
}

/** The reward records of a candidate in the order of their leaves. */
export async function readRewardRecords(database: Queryable, key: SettlementKey): Promise<readonly RewardRecord[]> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.reward WHERE scope = $1 AND epoch = $2 AND revision = $3 ORDER BY index`,
    keyOf(key),
  );
  return rows.map(({ body }) => JSON.parse(body) as RewardRecord);
}

/** The adjustments of a candidate in the order of their leaves, which stand behind those of the rewards. */
export async function readAdjustmentRecords(
  database: Queryable,
  key: SettlementKey,
): Promise<readonly AdjustmentRecord[]> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.adjustment WHERE scope = $1 AND epoch = $2 AND revision = $3 ORDER BY index`,
    keyOf(key),
  );
  return rows.map(({ body }) => JSON.parse(body) as AdjustmentRecord);
}

/** The candidates for attributes of a candidate settlement in the order of their leaves. */
export async function readCandidateLeaves(
  database: Queryable,
  key: SettlementKey,
): Promise<readonly LocalAttributeCandidate[]> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.local_candidate WHERE scope = $1 AND epoch = $2 AND revision = $3 ORDER BY index`,
    keyOf(key),
  );
  return rows.map(({ body }) => JSON.parse(body) as LocalAttributeCandidate);
}

/** The payouts of a candidate in the order of their leaves. */
export async function readPayoutLeaves(database: Queryable, key: SettlementKey): Promise<readonly PayoutInstruction[]> {
  type LeafRow = {
    readonly index: number;
    readonly payout_id: Buffer;
    readonly account: Buffer;
    readonly amount: bigint;
  };
  const { rows } = await database.query<LeafRow>(
    `SELECT index, payout_id, account, amount FROM ledger.payout_leaf
      WHERE scope = $1 AND epoch = $2 AND revision = $3 ORDER BY index`,
    keyOf(key),
  );
  return rows.map(({ index, payout_id, account, amount }) => ({
    payoutId: bytesToHex(payout_id),
    scope: key.scope,
    epoch: key.epoch,
    index,
    account: bytesToHex(account),
    amount: String(amount),
  }));
}
