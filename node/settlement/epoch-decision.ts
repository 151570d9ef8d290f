// When an open epoch closes: a pure decision over its age, its volume and its policy.
import type { EpochTrigger } from "#storage/epochs.ts";
import type { Policy } from "#protocol/schemas/policy.ts";

/** What the decision is about. */
export type OpenEpoch = { readonly openAt: Date; readonly members: number };

/**
 * Which trigger closes an open epoch now (EPOC-04): volume once it holds as many tasks as policy allows, time once it is old
 * enough and holds a task at all; an empty one just stays open. Undefined while none does.
 */
export function decideClosing(epoch: OpenEpoch, policy: Policy["epochs"], now: Date): EpochTrigger | undefined {
  if (epoch.members >= policy.maximumTasks) return "volume";
  const ageSeconds = (now.getTime() - epoch.openAt.getTime()) / 1000;
  return epoch.members > 0 && ageSeconds >= policy.maximumSeconds ? "time" : undefined;
}

/** How many more members an open epoch takes. */
export function roomIn(epoch: OpenEpoch, policy: Policy["epochs"]): number {
  return Math.max(0, policy.maximumTasks - epoch.members);
}
