// Records the candidate that an epoch's settlement commits to: its root, and every list the root is made of.
import { canonicalText } from "#protocol/canonical.ts";
import { hexToBytes } from "#protocol/hash.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { AdjustmentRecord, PayoutInstruction, RewardRecord } from "#protocol/schemas/settlement.ts";
import type { Queryable, SqlValue } from "./database.ts";
import type { SettlementKey, StoredCandidate } from "./settlements.ts";

/** Rows of one insert: bounds a statement's parameters. */
const insertRows = 10_000;

/** All that a candidate is recorded with. */
export type CandidateRecord = SettlementKey &
  Omit<StoredCandidate, "builtAt"> & {
    /** In the order of the result leaves. */
    readonly taskIds: readonly Hex[];
    readonly rewards: readonly RewardRecord[];
    readonly adjustments: readonly AdjustmentRecord[];
    readonly payouts: readonly PayoutInstruction[];
    readonly localCandidates: readonly LocalAttributeCandidate[];
  };

/** One list of a candidate, as columns; indices count from `first`, which is 0 unless given. */
type ListInsert = {
  readonly name: string;
  readonly text: string;
  readonly columns: readonly (readonly SqlValue[])[];
  readonly first?: number;
};

/** Inserts rows given as columns, so many at a time, each row with the settlement's key and its index. */
async function insertIndexed(transaction: Queryable, key: SettlementKey, insert: ListInsert): Promise<void> {
  const { name, text, columns: values, first = 0 } = insert;
  const rows = values[0]?.length ?? 0;
  for (let from = 0; from < rows; from += insertRows) {
    const part = values.map((column) => column.slice(from, from + insertRows));
    await transaction.query({ name, text }, [key.scope, key.epoch, key.revision, first + from - 1, ...part]);
  }
}

/**
 * Records a candidate with its items, rewards, adjustments, payouts and candidates for attributes: all of it in the caller's
 * transaction. Rewards are calculated by this, and not final (RWRD-01).
 * @throws pg.DatabaseError SC003 when an item is no member of the epoch that waits for settlement
 */
export async function insertCandidate(transaction: Queryable, candidate: CandidateRecord, now: Date): Promise<void> {
  const { scope, epoch, revision, root, header, subRoots, pot } = candidate;
  await transaction.query(
    `INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count,
        payout_total, pot, journal_batch, built_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, (SELECT max(batch_no) FROM ledger.journal_batch), $12)`,
    [
      scope,
      epoch,
      revision,
      hexToBytes(root),
      canonicalText(header),
      canonicalText(subRoots),
      hexToBytes(header.archive),
      header.itemCount,
      header.payoutCount,
      BigInt(header.payoutTotal),
      pot,
      now,
    ],
  );
  for (const list of listsOf(candidate)) await insertIndexed(transaction, candidate, list);
}

/** The lists of a candidate, each as the statement and the columns that insert it. */
function listsOf(candidate: CandidateRecord): readonly ListInsert[] {
  const { taskIds, payouts, localCandidates } = candidate;
  const items: ListInsert = {
    name: "insert-settlement-items",
    text: `INSERT INTO ledger.settlement_item (scope, epoch, revision, index, task_id)
      SELECT $1, $2, $3, $4::bigint + position, task_id FROM unnest($5::bytea[]) WITH ORDINALITY AS i (task_id, position)`,
    columns: [taskIds.map((taskId) => hexToBytes(taskId))],
  };
  const leaves: ListInsert = {
    name: "insert-payout-leaves",
    text: `INSERT INTO ledger.payout_leaf (scope, epoch, revision, index, payout_id, account, amount)
      SELECT $1, $2, $3, $4::bigint + position, payout_id, account, amount
      FROM unnest($5::bytea[], $6::bytea[], $7::numeric[]) WITH ORDINALITY AS p (payout_id, account, amount, position)`,
    columns: [
      payouts.map(({ payoutId }) => hexToBytes(payoutId)),
      payouts.map(({ account }) => hexToBytes(account)),
      payouts.map(({ amount }) => amount),
    ],
  };
  const attributes: ListInsert = {
    name: "insert-local-candidates",
    text: `INSERT INTO ledger.local_candidate (scope, epoch, revision, index, candidate_id, body)
      SELECT $1, $2, $3, $4::bigint + position, candidate_id, body
      FROM unnest($5::bytea[], $6::text[]) WITH ORDINALITY AS l (candidate_id, body, position)`,
    columns: [
      localCandidates.map(({ candidateId }) => hexToBytes(candidateId)),
      localCandidates.map((body) => canonicalText(body)),
    ],
  };
  return [items, ...earningsOf(candidate), leaves, attributes];
}

/** What accounts earned, and what is taken from it: adjustments stand behind the rewards, as their leaves do. */
function earningsOf({ rewards, adjustments }: CandidateRecord): readonly ListInsert[] {
  return [
    {
      name: "insert-rewards",
      text: `INSERT INTO ledger.reward (scope, epoch, revision, index, reward_id, account, role, amount, body)
        SELECT $1, $2, $3, $4::bigint + position, reward_id, account, role, amount, body
        FROM unnest($5::bytea[], $6::bytea[], $7::text[], $8::numeric[], $9::text[])
          WITH ORDINALITY AS r (reward_id, account, role, amount, body, position)`,
      columns: [
        rewards.map(({ rewardId }) => hexToBytes(rewardId)),
        rewards.map(({ account }) => hexToBytes(account)),
        rewards.map(({ role }) => role),
        rewards.map(({ amount }) => amount),
        rewards.map((record) => canonicalText(record)),
      ],
    },
    {
      name: "insert-adjustments",
      text: `INSERT INTO ledger.adjustment
          (scope, epoch, revision, index, adjustment_id, penalty_id, account, beneficiary, amount, body)
        SELECT $1, $2, $3, $4::bigint + position, adjustment_id, penalty_id, account, beneficiary, amount, body
        FROM unnest($5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[], $9::numeric[], $10::text[])
          WITH ORDINALITY AS a (adjustment_id, penalty_id, account, beneficiary, amount, body, position)`,
      first: rewards.length,
      columns: [
        adjustments.map(({ adjustmentId }) => hexToBytes(adjustmentId)),
        adjustments.map(({ penaltyId }) => hexToBytes(penaltyId)),
        adjustments.map(({ account }) => hexToBytes(account)),
        adjustments.map(({ beneficiary }) => hexToBytes(beneficiary)),
        adjustments.map(({ amount }) => amount),
        adjustments.map((record) => canonicalText(record)),
      ],
    },
  ];
}
