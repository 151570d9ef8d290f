// What the ledger claims of a candidate, as the second opinion takes it.
import type { Queryable } from "#storage/database.ts";
import { readAdjustmentRecords, readCandidateLeaves, readPayoutLeaves, readRewardRecords } from "#storage/proofs.ts";
import { readCandidate, type SettlementKey } from "#storage/settlements.ts";
import type { ArchiveClaim } from "./archive-folder.ts";

/** Everything that a candidate claims and its archive has to lead to. */
export type Claimed = Pick<
  ArchiveClaim,
  "root" | "header" | "subRoots" | "rewards" | "adjustments" | "payouts" | "localCandidates"
>;

/** Reads what is claimed of a candidate; undefined where the revision has none. */
export async function readClaimed(database: Queryable, key: SettlementKey): Promise<Claimed | undefined> {
  const candidate = await readCandidate(database, key);
  if (candidate === undefined) return undefined;
  const { root, header, subRoots } = candidate;
  return {
    root,
    header,
    subRoots,
    rewards: [...(await readRewardRecords(database, key))],
    adjustments: [...(await readAdjustmentRecords(database, key))],
    payouts: [...(await readPayoutLeaves(database, key))],
    localCandidates: [...(await readCandidateLeaves(database, key))],
  };
}
