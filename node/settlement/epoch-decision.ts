// When an open epoch closes: a pure decision over its age, its volumes and its policy.
import type { Closing } from "#storage/epochs.ts";
import type { Policy } from "#protocol/schemas/policy.ts";

/** What the decision is about. */
export type OpenEpoch = {
  readonly openAt: Date;
  readonly members: number;
  /** Decisions that accepted its members' results. */
  readonly verifications: number;
  /** Records in vaults' pools that its end would aggregate; 0 where it would end no window. */
  readonly aggregationEntries: number;
};

/**
 * Why an open epoch closes now (EPOC-04): a volume once policy allows no more of it, time once it is old enough and holds a task
 * at all; an empty one just stays open. Undefined while there is no reason. Of the four volumes an epoch has its tasks, their
 * verifications, and the entries it would aggregate; its settlements are one, whatever it holds.
 */
export function decideClosing(epoch: OpenEpoch, policy: Policy["epochs"], now: Date): Closing | undefined {
  const { maximumTasks, maximumVerifications = Infinity, maximumAggregationEntries = Infinity } = policy;
  if (epoch.members >= maximumTasks) return { trigger: "volume", measure: "tasks" };
  if (epoch.verifications >= maximumVerifications) return { trigger: "volume", measure: "verifications" };
  if (epoch.aggregationEntries >= maximumAggregationEntries) {
    return { trigger: "volume", measure: "aggregation_entries" };
  }
  const ageSeconds = (now.getTime() - epoch.openAt.getTime()) / 1000;
  return epoch.members > 0 && ageSeconds >= policy.maximumSeconds ? { trigger: "time" } : undefined;
}

/**
 * How many more members an open epoch takes, where each brings at most so many verifications. The last one may bring more than
 * there is room for: no task is too big for an empty epoch.
 */
export function roomIn(
  { members, verifications }: Pick<OpenEpoch, "members" | "verifications">,
  { maximumTasks, maximumVerifications = Infinity }: Policy["epochs"],
  verificationsEach: number,
): number {
  const left = Math.ceil((maximumVerifications - verifications) / verificationsEach);
  return Math.max(0, Math.min(maximumTasks - members, left));
}
