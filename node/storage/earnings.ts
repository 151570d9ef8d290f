// Reading back what accounts earned in epochs, and what was taken from it: rewards and adjustments in the order of their leaves.
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import type { AdjustmentRecord, AdjustmentView, RewardRecord, RewardView } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "./database.ts";
import { pageOf, type Page, type PageRequest } from "./reading.ts";

type EarningRow = {
  readonly scope: string;
  readonly epoch: bigint;
  readonly revision: number;
  readonly index: number;
  readonly body: string;
  readonly settlement: string;
  readonly adjusts: boolean;
};

/** What final and failed settlements make of their rewards and adjustments; until then they are calculated. */
const outcomes = {
  reward: { finalized: "finalized", failed: "blocked" },
  adjustment: { finalized: "adjusted", failed: "blocked" },
} as const;

function earningOf({ revision, body, settlement, adjusts }: EarningRow): RewardView | AdjustmentView {
  const ended = settlement === "finalized" || settlement === "failed" ? settlement : undefined;
  if (!adjusts) {
    const state = ended === undefined ? "calculated" : outcomes.reward[ended];
    return { record: JSON.parse(body) as RewardRecord, state, revision };
  }
  const state = ended === undefined ? "calculated" : outcomes.adjustment[ended];
  return { record: JSON.parse(body) as AdjustmentRecord, state, revision };
}

/** One source of earnings; `column` is where the account stands in it. */
const branch = (table: string, column: string): string => `(SELECT scope, epoch, revision, index, body,
    ${table === "adjustment"} AS adjusts FROM ledger.${table}
  WHERE ${column} = $1 AND (scope, epoch, revision, index) > ($2::text, $3::bigint, $4::integer, $5::integer)
  ORDER BY scope, epoch, revision, index LIMIT $6)`;

const listStatement = `SELECT e.*, s.state AS settlement FROM (
    ${branch("reward", "account")} UNION ALL ${branch("adjustment", "account")} UNION ALL ${branch("adjustment", "beneficiary")}
  ) e JOIN work.settlement s USING (scope, epoch, revision)
  ORDER BY e.scope, e.epoch, e.revision, e.index LIMIT $6`;

/**
 * What an account earned and every adjustment that it pays or receives, in every revision with the state of each (RWRD-04, RWRD-05); a
 * page begins after `scope/epoch/revision/index`.
 */
export async function listRewards(
  database: Queryable,
  account: Hex,
  { after, limit }: PageRequest,
): Promise<Page<RewardView | AdjustmentView>> {
  const [scope = "", epoch = "0", revision = "0", index = "0"] = after?.split("/") ?? [];
  const cursor = [scope, epoch, revision, index];
  const { rows } = await database.query<EarningRow>(listStatement, [hexToBytes(account), ...cursor, limit + 1]);
  return pageOf(rows, limit, earningOf, (row) => `${row.scope}/${row.epoch}/${row.revision}/${row.index}`);
}
