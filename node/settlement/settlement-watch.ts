// From a committed candidate to the chain's verdict: the work of candidate_ready and finalizing.
import { ProtocolError } from "#protocol/errors.ts";
import type { Duty } from "#storage/duties.ts";
import { disturbedItems } from "#storage/finalizations.ts";
import { enqueue } from "#storage/outbox.ts";
import { readCandidate, rejectedFailure, startRevision, type Settlement } from "#storage/settlements.ts";
import { finalizeEffect } from "./effects.ts";
import { completeSettlement } from "./finalization.ts";
import { decideAnchored } from "./settlement-decision.ts";
import { move, type Outcome, type SettlementDeps } from "./settlement-work.ts";
import { actor } from "./step.ts";

/** However long a window is, a doubt may change it: look again within this time. */
const windowPauseSeconds = 60;

/** candidate_ready and finalizing: the chain decides, and what it shows deep enough is followed. */
export async function watch(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<Outcome> {
  const { scope, epoch, state } = settlement;
  const stored = await readCandidate(deps.database, settlement);
  if (stored === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch });
  const own = { root: stored.root, revision: stored.header.revision };
  const view = await deps.readAnchor(scope, epoch);
  const action = decideAnchored(own, view);
  switch (action.kind) {
    case "await_proposal":
      return { kind: "wait", reason: "its proposal is on its way" };
    case "await_window": {
      const seconds = action.untilSeconds === null ? deps.pollSeconds : action.untilSeconds - view.timeSeconds;
      const bounded = Math.min(Math.max(seconds, deps.pollSeconds), windowPauseSeconds);
      return { kind: "wait", reason: "its window is open", seconds: bounded };
    }
    case "foreign":
      deps.log.error({ scope, epoch, own, found: action.root }, "the anchor holds another root for this epoch");
      return { kind: "wait", reason: "the anchor holds another root" };
    case "reject":
      return await reject(deps, duty, settlement);
    case "finalize":
      if (state === "candidate_ready") return await startFinalizing(deps, duty, settlement);
      return { kind: "wait", reason: "its finalization is on its way" };
    case "complete":
      if (state === "candidate_ready") return await followFinal(deps, duty, settlement);
      return await completeSettlement(deps, duty, settlement, stored);
  }
}

/** Ends the transaction that would finalize past a challenge. */
class DisturbedError extends Error {}

/**
 * The window is over: asks for finalization, unless a task of the candidate is challenged (CHAL-04). That is asked while the
 * settlement is held, so that no challenge is opened in between.
 */
async function startFinalizing(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<Outcome> {
  const why = "the challenge window passed with no open challenge";
  try {
    return await move(deps, duty, settlement, { to: "finalizing", why }, async (transaction) => {
      const disturbed = await disturbedItems(transaction, settlement);
      if (disturbed.length > 0) throw new DisturbedError(disturbed.join());
      await enqueue(transaction, [finalizeEffect(settlement)], deps.clock());
    });
  } catch (error) {
    if (!(error instanceof DisturbedError)) throw error;
    return { kind: "wait", reason: `challenged items: ${error.message}` };
  }
}

/** The chain has it final already, whoever asked: final is final, also where the node has a challenge that nobody put before the anchor. */
async function followFinal(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<Outcome> {
  return await move(
    deps,
    duty,
    settlement,
    { to: "finalizing", why: "the anchor shows it final" },
    async (transaction) => {
      await enqueue(transaction, [finalizeEffect(settlement)], deps.clock());
    },
  );
}

/** The chain rejected the candidate: this revision has failed, and the next one begins to collect (SETL-10). */
async function reject(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<Outcome> {
  const { scope, epoch } = settlement;
  const failure = `${rejectedFailure}: the candidate was rejected on chain`;
  const why = settlement.state === "finalizing" ? "the chain rejected the candidate" : "a challenge was upheld";
  return await move(deps, duty, settlement, { to: "failed", why, failure }, async (transaction) => {
    const begin = { scope, epoch, by: actor, why: "the candidate before was rejected" };
    await startRevision(transaction, begin, deps.clock());
  });
}
