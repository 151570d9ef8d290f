// What becomes final with a settlement: its place on the chain, its tasks, and the money it moves.
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";
import type { SettlementKey } from "./settlements.ts";
import { stateOf } from "./tasks.ts";

/** Where on the chain a settlement became final. */
export type FinalPlace = { readonly blockNumber: bigint; readonly blockHash: Hex; readonly transactionHash: Hex };

const keyOf = ({ scope, epoch, revision }: SettlementKey): readonly [string, number, number] => [
  scope,
  epoch,
  revision,
];

/** Records a finalized root, once and for ever (SETL-08). Recording it again changes nothing. */
export async function insertFinalized(
  transaction: Queryable,
  settlement: SettlementKey & { readonly root: Hex; readonly previousRoot: Hex; readonly place: FinalPlace },
  now: Date,
): Promise<void> {
  const { root, previousRoot, place } = settlement;
  await transaction.query(
    `INSERT INTO ledger.finalized (scope, epoch, revision, root, previous_root, block_number, block_hash, transaction_hash, at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (scope, epoch) DO NOTHING`,
    [
      ...keyOf(settlement),
      hexToBytes(root),
      hexToBytes(previousRoot),
      place.blockNumber,
      hexToBytes(place.blockHash),
      hexToBytes(place.transactionHash),
      now,
    ],
  );
}

/** Settled tasks that are not completed yet, from an index on; at most `limit`, with the index after the last one looked at. */
export async function uncompletedItems(
  database: Queryable,
  key: SettlementKey,
  range: { readonly from: number; readonly limit: number },
): Promise<{ readonly taskIds: readonly Hex[]; readonly next: number | undefined }> {
  const { from, limit } = range;
  const { rows } = await database.query<{ task_id: Buffer; waits: boolean }>(
    {
      name: "uncompleted-items",
      text: `SELECT i.task_id, ${stateOf("i.task_id")} IN ('awaiting_settlement', 'challenged') AS waits
        FROM ledger.settlement_item i
        WHERE i.scope = $1 AND i.epoch = $2 AND i.revision = $3 AND i.index >= $4 AND i.index < $5 ORDER BY i.index`,
    },
    [...keyOf(key), from, from + limit],
  );
  const taskIds = rows.filter(({ waits }) => waits).map(({ task_id }) => bytesToHex(task_id));
  return { taskIds, next: rows.length < limit ? undefined : from + limit };
}

/** What a submitter's settled tasks of an epoch cost, and how much was reserved for them, in base units. */
export type SubmitterTotal = { readonly submitter: Hex; readonly fees: bigint; readonly reserved: bigint };

/** The totals of every submitter with settled tasks, ascending by submitter. */
export async function submitterTotals(database: Queryable, key: SettlementKey): Promise<readonly SubmitterTotal[]> {
  const { rows } = await database.query<{ submitter: Buffer; fees: bigint; reserved: bigint }>(
    `SELECT t.submitter, sum((a.body::json->>'fee')::numeric) AS fees, sum(t.fee_limit) AS reserved
      FROM ledger.settlement_item i JOIN ledger.task t USING (task_id) JOIN ledger.assignment a USING (task_id)
      WHERE i.scope = $1 AND i.epoch = $2 AND i.revision = $3 GROUP BY t.submitter ORDER BY t.submitter`,
    keyOf(key),
  );
  return rows.map(({ submitter, fees, reserved }) => ({ submitter: bytesToHex(submitter), fees, reserved }));
}

/** One reward of a candidate, as far as money is concerned. */
export type RewardAmount = { readonly rewardId: Hex; readonly account: Hex; readonly amount: bigint };

/** One adjustment of a candidate, as far as money is concerned: `account` pays it to `beneficiary`. */
export type AdjustmentAmount = {
  readonly adjustmentId: Hex;
  readonly account: Hex;
  readonly beneficiary: Hex;
  readonly amount: bigint;
};

/** Rewards of a candidate from an index on, at most `limit`. */
export async function rewardAmounts(
  database: Queryable,
  key: SettlementKey,
  range: { readonly from: number; readonly limit: number },
): Promise<readonly RewardAmount[]> {
  const { from, limit } = range;
  const { rows } = await database.query<{ reward_id: Buffer; account: Buffer; amount: bigint }>(
    `SELECT reward_id, account, amount FROM ledger.reward
      WHERE scope = $1 AND epoch = $2 AND revision = $3 AND index >= $4 AND index < $5 ORDER BY index`,
    [...keyOf(key), from, from + limit],
  );
  return rows.map((row) => ({
    rewardId: bytesToHex(row.reward_id),
    account: bytesToHex(row.account),
    amount: row.amount,
  }));
}

/** Adjustments of a candidate, as far as money is concerned, in the order of their leaves. */
export async function adjustmentAmounts(database: Queryable, key: SettlementKey): Promise<readonly AdjustmentAmount[]> {
  type AmountRow = {
    readonly adjustment_id: Buffer;
    readonly account: Buffer;
    readonly beneficiary: Buffer;
    readonly amount: bigint;
  };
  const { rows } = await database.query<AmountRow>(
    `SELECT adjustment_id, account, beneficiary, amount FROM ledger.adjustment
      WHERE scope = $1 AND epoch = $2 AND revision = $3 ORDER BY index`,
    keyOf(key),
  );
  return rows.map((row) => ({
    adjustmentId: bytesToHex(row.adjustment_id),
    account: bytesToHex(row.account),
    beneficiary: bytesToHex(row.beneficiary),
    amount: row.amount,
  }));
}

/** Members of an epoch that its settlement left out, that have not ended and were not deferred yet, ascending. */
export async function leftOutMembers(database: Queryable, key: SettlementKey): Promise<readonly Hex[]> {
  const { rows } = await database.query<{ task_id: Buffer }>(
    `SELECT m.task_id FROM ledger.epoch_member m
      WHERE m.scope = $1 AND m.epoch = $2
        AND ${stateOf("m.task_id")} IN ('awaiting_settlement', 'challenged', 'verifying')
        AND NOT EXISTS (SELECT 1 FROM ledger.deferral d WHERE d.task_id = m.task_id AND d.turn = m.turn)
        AND NOT EXISTS (
          SELECT 1 FROM ledger.settlement_item i WHERE i.task_id = m.task_id AND i.scope = $1 AND i.epoch = $2
            AND i.revision = $3)
      ORDER BY m.task_id`,
    keyOf(key),
  );
  return rows.map((row) => bytesToHex(row.task_id));
}

/**
 * The final event of an epoch on the anchor, as it was followed; undefined while none was seen deep enough, or while the
 * one that was seen is on blocks that are gone.
 */
export async function followedFinalization(
  database: Queryable,
  subjects: { readonly epoch: Uint8Array; readonly anchor: Uint8Array },
): Promise<(FinalPlace & { readonly root: Hex }) | undefined> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT seen.body FROM ledger.journal seen
      WHERE seen.subject = $1 AND seen.kind = 'anchor' AND seen.body::json->>'event' = 'Finalized' AND NOT EXISTS (
        SELECT 1 FROM ledger.journal gone
        WHERE gone.subject = $2 AND gone.kind = 'anchor' AND gone.entry_no > seen.entry_no
          AND (gone.body::json->>'toBlock')::bigint < (seen.body::json->>'blockNumber')::bigint)
      ORDER BY seen.entry_no DESC LIMIT 1`,
    [subjects.epoch, subjects.anchor],
  );
  if (rows[0] === undefined) return undefined;
  const event = JSON.parse(rows[0].body) as Record<"root" | "blockHash" | "transactionHash", Hex> & {
    readonly blockNumber: string;
  };
  const { root, blockHash, transactionHash, blockNumber } = event;
  return { root, blockHash, transactionHash, blockNumber: BigInt(blockNumber) };
}

/** A payout that the treasury was seen to make and that the accounts do not show yet. */
export type ReconciledPayout = { readonly payoutId: Hex; readonly account: Hex; readonly amount: bigint };

/** Finalized epochs of a scope after one, in order, with how many payouts each has. */
export async function finalizedEpochs(
  database: Queryable,
  after: { readonly scope: string; readonly epoch: number },
  limit: number,
): Promise<readonly (SettlementKey & { readonly payouts: number })[]> {
  const { rows } = await database.query<{ scope: string; epoch: bigint; revision: number; payout_count: bigint }>(
    `SELECT s.scope, s.epoch, s.revision, c.payout_count
      FROM work.settlement s JOIN ledger.candidate c USING (scope, epoch, revision)
      WHERE s.state = 'finalized' AND s.scope = $1 AND s.epoch > $2 ORDER BY s.epoch LIMIT $3`,
    [after.scope, after.epoch, limit],
  );
  return rows.map(({ scope, epoch, revision, payout_count }) => ({
    scope,
    epoch: Number(epoch),
    revision,
    payouts: Number(payout_count),
  }));
}

/** Reconciled payouts of an epoch that are not posted, at most `limit`; and how many of the epoch's are posted. */
export async function unpostedPayouts(
  database: Queryable,
  epoch: { readonly scope: string; readonly epoch: number },
  limit: number,
): Promise<{ readonly payouts: readonly ReconciledPayout[]; readonly posted: number }> {
  const posted = `EXISTS (SELECT 1 FROM ledger.posting p WHERE p.kind = 'payout'
    AND p.reference = '0x' || encode(i.payout_id, 'hex'))`;
  const { rows } = await database.query<{ payout_id: Buffer; account: Buffer; amount: bigint; posted: boolean }>(
    `SELECT i.payout_id, i.account, i.amount, ${posted} AS posted FROM payout.instruction i
      WHERE i.scope = $1 AND i.epoch = $2 AND i.state = 'reconciled' ORDER BY i.index`,
    [epoch.scope, epoch.epoch],
  );
  const open = rows.filter((row) => !row.posted);
  return {
    posted: rows.length - open.length,
    payouts: open.slice(0, limit).map(({ payout_id, account, amount }) => ({
      payoutId: bytesToHex(payout_id),
      account: bytesToHex(account),
      amount,
    })),
  };
}

/** The finalized root of an epoch; undefined before it is final. */
export async function finalizedRoot(database: Queryable, scope: string, epoch: number): Promise<Hex | undefined> {
  const { rows } = await database.query<{ root: Buffer }>(
    { name: "finalized-root", text: `SELECT root FROM ledger.finalized WHERE scope = $1 AND epoch = $2` },
    [scope, epoch],
  );
  return rows[0] && bytesToHex(rows[0].root);
}

/** Items of a candidate whose tasks do not wait for settlement any more: a challenge was opened meanwhile. */
export async function disturbedItems(database: Queryable, key: SettlementKey): Promise<readonly Hex[]> {
  const { rows } = await database.query<{ task_id: Buffer }>(
    `SELECT i.task_id FROM ledger.settlement_item i WHERE i.scope = $1 AND i.epoch = $2 AND i.revision = $3
        AND ${stateOf("i.task_id")} NOT IN ('awaiting_settlement', 'completed')
      ORDER BY i.index LIMIT 16`,
    keyOf(key),
  );
  return rows.map((row) => bytesToHex(row.task_id));
}
