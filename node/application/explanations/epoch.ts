// Why an epoch is as it is: what opened and closed it, who was left for later, and how its settlement went.
import { epochIdOf } from "#protocol/parameters.ts";
import { explainedItems, type EpochExplanation } from "#protocol/schemas/explanation.ts";
import type { EpochView } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "#storage/database.ts";
import { readDeferrals } from "#storage/epoch-closing.ts";
import { epochSubject, readEpoch } from "#storage/epochs.ts";
import { epochActs, type SubjectAct } from "#storage/explanations.ts";
import { listEpochs, readSettlements } from "#storage/reading.ts";

const reasons: Readonly<Record<NonNullable<EpochView["trigger"]>, string>> = {
  time: "its time was over",
  volume: "it was full",
  order: "governance ordered it",
};

/** An act with who did it apart from its facts; lists of tasks are counted. */
function actOf({ kind, at, body }: SubjectAct): EpochExplanation["acts"][number] {
  const { act, by, ...rest } = body;
  const facts = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name, Array.isArray(value) ? value.length : value]),
  );
  return {
    at: at.toISOString(),
    about: kind === "epoch" ? "epoch" : "settlement",
    act: typeof act === "string" ? act : "moved",
    by: typeof by === "string" ? by : "",
    facts,
  };
}

/** Explains an epoch; undefined where there is none. Everything in it is public. */
export async function explainEpoch(
  database: Queryable,
  scope: string,
  number: number,
): Promise<EpochExplanation | undefined> {
  const after = epochIdOf(scope, number - 1);
  const [found] = (await listEpochs(database, scope, { after, limit: 1 })).items;
  if (found?.epoch !== number) return undefined;
  const [stored, acts, deferred, revisions] = await Promise.all([
    readEpoch(database, scope, number),
    epochActs(database, epochSubject(scope, number), explainedItems),
    readDeferrals(database, { scope, epoch: number }),
    readSettlements(database, scope, number),
  ]);
  return {
    epoch: found,
    closedBecause: found.trigger === null ? null : reasons[found.trigger],
    memberCount: stored?.members ?? 0,
    deferredCount: deferred.length,
    deferred: deferred.slice(0, explainedItems),
    acts: acts.map(actOf),
    revisions: [...revisions],
  };
}
