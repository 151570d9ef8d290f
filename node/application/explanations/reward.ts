// Why an account earned what it did: the pot, the policy's share, the units, the tasks, and what penalties took.
import { LRUCache } from "lru-cache";
import { explainedItems, type RewardExplanation } from "#protocol/schemas/explanation.ts";
import type { Queryable } from "#storage/database.ts";
import { accountAdjustments, type FoundReward } from "#storage/explanations.ts";
import { originOf, type ReadObject } from "./reward-origin.ts";

/** What an archive says of a reward: never changes, and takes a whole archive to read. */
type Counted = Omit<RewardExplanation, "record" | "state" | "revision" | "archive" | "adjustments">;

/** Explains a reward that was found. Whether it is final is for the caller to look at. */
export type ExplainReward = (database: Queryable, found: FoundReward) => Promise<RewardExplanation>;

/** Rewards remembered: a few hundred kilobytes each at most. */
const rememberedRewards = 64;

/**
 * Makes what explains rewards over the objects of archives. Answers are remembered, and questions about one reward that come at
 * the same time are one: an archive is not read again for each.
 */
export function openRewards(readObject: ReadObject): ExplainReward {
  const counted = new LRUCache<string, Counted, FoundReward>({
    max: rememberedRewards,
    ignoreFetchAbort: true,
    fetchMethod: async (_key, _stale, { context }) => await count(readObject, context),
  });
  return async (database, found) => {
    const { record, state, revision, archive } = found;
    const { rewardId, scope, epoch, account } = record;
    const origin = await counted.forceFetch(`${archive}/${rewardId}`, { context: found });
    const adjustments = await accountAdjustments(database, { scope, epoch, revision, account }, explainedItems);
    return { record, state, revision, archive, ...origin, adjustments: [...adjustments] };
  };
}

async function count(readObject: ReadObject, { archive, record }: FoundReward): Promise<Counted> {
  const { fees, subsidy, policyVersion, shareBasisPoints, tasks } = await originOf(readObject, archive, record);
  return {
    fees: String(fees),
    subsidy: String(subsidy),
    policyVersion,
    shareBasisPoints,
    taskCount: tasks.length,
    tasks: tasks.slice(0, explainedItems).map(({ taskId, units, fee }) => {
      return { taskId, units: String(units), fee: String(fee) };
    }),
  };
}
