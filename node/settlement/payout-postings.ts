// Posts what was paid: a payout that the treasury was seen to make leaves the account that earned it, once.
import { accountNames, post } from "#storage/accounts.ts";
import { requireDuty } from "#storage/duties.ts";
import { finalizedEpochs, unpostedPayouts } from "#storage/finalizations.ts";
import { mayPass, takeDuty, type Step, type StepDeps } from "./step.ts";

/** Epochs looked at in one query, and postings made in one transaction. */
const batchLimit = 500;

/** The epoch up to which everything is posted; only saves looking at them again. */
type Place = { readonly scope: string; readonly epoch: number };

/**
 * The step that posts reconciled payouts earned→external. The posting's reference is the payout's id, so that each is posted
 * once, whoever does it and however often.
 */
export function payoutPostingStep(deps: StepDeps): Step {
  const settled = new Map<string, number>();
  return {
    name: "payout-postings",
    run: async () => {
      try {
        return await postPayouts(deps, settled);
      } catch (error) {
        if (!mayPass(error)) throw error;
        deps.log.warn({ code: error.code }, "payout postings wait");
        return 0;
      }
    },
  };
}

async function postPayouts(deps: StepDeps, settled: Map<string, number>): Promise<number> {
  let posted = 0;
  for (const scope of deps.scopes) {
    const after: Place = { scope, epoch: settled.get(scope) ?? 0 };
    for (const epoch of await finalizedEpochs(deps.database, after, batchLimit)) {
      const { made, complete } = await postEpoch(deps, epoch);
      posted += made;
      // An epoch with open payouts is where the next run begins.
      const isNext = epoch.epoch === (settled.get(scope) ?? 0) + 1;
      if (complete && isNext) settled.set(scope, epoch.epoch);
    }
  }
  return posted;
}

async function postEpoch(
  deps: StepDeps,
  epoch: Place & { readonly payouts: number },
): Promise<{ readonly made: number; readonly complete: boolean }> {
  const { database, clock } = deps;
  const { payouts, posted } = await unpostedPayouts(database, epoch, batchLimit);
  if (payouts.length === 0) return { made: 0, complete: posted === epoch.payouts };
  const duty = await takeDuty(deps, "payout-postings");
  if (duty === undefined) return { made: 0, complete: false };
  const postings = payouts.map(({ payoutId, account, amount }) => ({
    kind: "payout" as const,
    debit: accountNames.earned(account),
    credit: accountNames.external,
    amount,
    reference: payoutId,
  }));
  await database.transaction(async (transaction) => {
    await requireDuty(transaction, duty);
    await post(transaction, postings, clock());
  });
  deps.log.info({ scope: epoch.scope, epoch: epoch.epoch, payouts: payouts.length }, "payouts posted");
  return { made: payouts.length, complete: posted + payouts.length === epoch.payouts };
}
