// Moves settlements along their lifecycle: each state's work is done, then one transaction moves it on.
import type { SettlementState } from "#protocol/lifecycles.ts";
import type { Duty } from "#storage/duties.ts";
import { dueSettlements, postponeSettlement, type Settlement } from "#storage/settlements.ts";
import { collect, verifyInputs } from "./settlement-candidacy.ts";
import { watch } from "./settlement-watch.ts";
import { write, type SettlementDeps, type Work } from "./settlement-work.ts";
import { later, mayPass, takeDuty, type Step } from "./step.ts";

/** The work of each state. Ended settlements are not read. */
const work: Readonly<Record<SettlementState, Work>> = {
  collecting: collect,
  verifying_inputs: verifyInputs,
  candidate_ready: watch,
  finalizing: watch,
  finalized: () => Promise.resolve({ kind: "moved" }),
  failed: () => Promise.resolve({ kind: "moved" }),
};

/**
 * The step that settles closed epochs (SETL-01). One process at a time does it for a scope. Every transaction holds
 * everything of one move or nothing, so a process may die between any two and another goes on.
 */
export function settlementStep(deps: SettlementDeps): Step {
  return {
    name: "settlement",
    run: async () => {
      let moves = 0;
      for (const scope of deps.scopes) moves += await settleScope(deps, scope);
      return moves;
    },
  };
}

async function settleScope(deps: SettlementDeps, scope: string): Promise<number> {
  const duty = await takeDuty(deps, `settlement/${scope}`);
  if (duty === undefined) return 0;
  let moves = 0;
  for (const settlement of await dueSettlements(deps.database, scope, deps.clock())) {
    const { epoch, revision, state } = settlement;
    const about = { scope, epoch, revision, state };
    try {
      const outcome = await work[state](deps, duty, settlement);
      if (outcome.kind === "moved") {
        moves++;
        continue;
      }
      deps.log.info({ ...about, reason: outcome.reason }, "settlement waits");
      await postpone(deps, duty, settlement, outcome.seconds ?? deps.pollSeconds);
    } catch (error) {
      if (!mayPass(error)) throw error;
      deps.log.warn({ ...about, code: error.code, detail: error.detail }, "settlement waits");
      if (error.code === "INTERNAL_LEASE_LOST") return moves;
      await postpone(deps, duty, settlement, deps.pollSeconds);
    }
  }
  return moves;
}

async function postpone(deps: SettlementDeps, duty: Duty, settlement: Settlement, seconds: number): Promise<void> {
  const dueAt = later(deps.clock(), seconds);
  await write(deps, duty, (transaction) => postponeSettlement(transaction, settlement, dueAt));
}
