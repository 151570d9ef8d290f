// Delivers what settlements ask of the anchor: proposals and finalizations, each carried out once however often it is tried.
import {
  describeAnchorRevert,
  finalizeCall,
  proposeCall,
  readCandidate as readAnchored,
  type AnchoredCandidate,
  type ContractPlace,
} from "#chain/anchor.ts";
import { agreedHead } from "#chain/client.ts";
import type { ContractCall } from "#chain/contract-call.ts";
import { advanceAll, submit, type Submission, type Submitter } from "#chain/submitter.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { scopeId } from "#protocol/leaves.ts";
import { giveToAnchor } from "#storage/challenge-standing.ts";
import { deliverDue, type ClaimedEffect, type Delivery } from "#storage/outbox.ts";
import { readCandidate, type SettlementKey, type StoredCandidate } from "#storage/settlements.ts";
import { headerOf } from "./candidate.ts";
import { effectTopics, settlementOf } from "./effects.ts";
import type { AnchorView } from "./settlement-decision.ts";
import { later, mayPass, takeDuty, type Step, type StepDeps } from "./step.ts";

/** What anchoring needs. */
export type AnchoringDeps = StepDeps & {
  readonly anchor: ContractPlace;
  readonly submitter: Submitter;
  /** How long to wait before looking again at a transaction on its way. */
  readonly pollSeconds: number;
};

/**
 * Reads an epoch on the anchor with so many blocks on top, and the time of that block. Throws as the chain client does, when
 * endpoints are away or disagree.
 */
export async function readAnchorView(
  anchor: ContractPlace,
  epoch: { readonly scope: string; readonly epoch: number },
  confirmations: bigint,
): Promise<AnchorView> {
  const at = await agreedHead(anchor.chain, confirmations);
  const candidate = await readAnchored(anchor, scopeId(epoch.scope), BigInt(epoch.epoch), at);
  return { candidate, timeSeconds: at.timestampSeconds };
}

/** Transactions tried for one effect: each later one only after the one before provably came to nothing. */
const tryLimit = 8;

/**
 * The step that proposes candidates and finalizes them (ANCH-01, ANCH-05). Transactions that were stored before a crash go on
 * first. The contract is read before anything is sent; a root that stands already is not proposed again, and another one is never
 * proposed over it.
 */
export function anchoringStep(deps: AnchoringDeps): Step {
  return {
    name: "anchoring",
    run: async () => {
      if ((await takeDuty(deps, "anchoring")) === undefined) return 0;
      const { database, clock, log } = deps;
      try {
        await advanceAll(deps.submitter);
      } catch (error) {
        if (!mayPass(error)) throw error;
        log.warn({ code: error.code, detail: error.detail }, "the chain cannot be used now");
        return 0;
      }
      const onFailure = ({ key, attempts }: ClaimedEffect, error: unknown): void =>
        log.warn({ key, attempts, err: error }, "an anchoring failed; it is tried again");
      const deliver = (effect: ClaimedEffect): Promise<Delivery> => anchor(deps, effect);
      const proposed = await deliverDue(database, { topic: effectTopics.propose, clock, deliver, onFailure });
      const finalized = await deliverDue(database, { topic: effectTopics.finalize, clock, deliver, onFailure });
      return proposed + finalized;
    },
  };
}

/** What the contract shows of an effect: done, not to be sent now, or to be sent. */
type Need = "done" | "not_now" | "send";

async function anchor(deps: AnchoringDeps, { topic, body }: ClaimedEffect): Promise<Delivery> {
  const key = settlementOf(body);
  const stored = await readCandidate(deps.database, key);
  if (stored === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", key);
  const standing = await readAnchored(deps.anchor, scopeId(key.scope), BigInt(key.epoch));
  const isProposal = topic === effectTopics.propose;
  const need = isProposal ? proposalNeed(stored, standing) : finalizationNeed(stored, standing);
  const again: Delivery = { kind: "later", dueAt: later(deps.clock(), deps.pollSeconds) };
  if (need === "not_now") return again;
  const given = await deps.database.transaction((transaction) =>
    giveToAnchor(transaction, key, { found: need === "done", now: deps.clock() }),
  );
  if (need === "send" && given === "disturbed") return again;
  // A candidate that failed before anything was sent is not proposed any more.
  if (need === "send" && given === "ended") return { kind: "delivered" };
  const act = isProposal ? "propose" : "finalize";
  // A transaction that is on its way is followed to its end also when the contract shows the effect already.
  return await send(deps, { act, key, call: callOf(deps, act, key, stored), done: need === "done" }, again);
}

/** Whether a proposal is still to be sent. Another root for the epoch stops it for good: that is for people to look at. */
export function proposalNeed(own: StoredCandidate, standing: AnchoredCandidate): Need {
  const { state, revision, root } = standing;
  if (state === "none" || (state === "rejected" && revision === own.header.revision - 1)) return "send";
  if (state === "rejected" && revision === own.header.revision) return "done";
  if (root === own.root) return "done";
  throw new ProtocolError("SETTLEMENT_ANCHOR_REFUSED", { reason: "another root stands", own: own.root, found: root });
}

/** Whether a finalization is still to be sent. */
export function finalizationNeed(own: StoredCandidate, standing: AnchoredCandidate): Need {
  const { state, root } = standing;
  if (state === "rejected") return "done";
  if (root !== own.root) {
    throw new ProtocolError("SETTLEMENT_ANCHOR_REFUSED", { reason: "another root stands", own: own.root, found: root });
  }
  if (state === "finalized") return "done";
  return state === "challenged" ? "not_now" : "send";
}

type Act = "propose" | "finalize";

function callOf(
  { anchor: { address } }: AnchoringDeps,
  act: Act,
  key: SettlementKey,
  stored: StoredCandidate,
): ContractCall {
  if (act === "propose") return proposeCall(address, headerOf(stored.header), stored.subRoots);
  return finalizeCall(address, scopeId(key.scope), BigInt(key.epoch));
}

type Sending = { readonly act: Act; readonly key: SettlementKey; readonly call: ContractCall; readonly done: boolean };

/** Carries the call out under the effect's own intents; a new one only once those before came to nothing. */
async function send(deps: AnchoringDeps, sending: Sending, again: Delivery): Promise<Delivery> {
  const { submitter } = deps;
  const { act, key, call, done } = sending;
  const name = `${act}:${key.scope}/${key.epoch}/${key.revision}`;
  for (let number = 1; number <= tryLimit; number++) {
    const intentKey = number === 1 ? name : `${name}:${number}`;
    if (done && (await submitter.journal.find(intentKey)) === undefined) return { kind: "delivered" };
    const submission = await submit(submitter, { key: intentKey, call });
    const came = outcomeOf(submission);
    if (came === "carried_out") return done ? { kind: "delivered" } : again;
    if (came === "under_way") return again;
    if (came === "deferred") {
      deps.log.warn({ intentKey, submission }, "the chain transaction is held back");
      return again;
    }
  }
  throw new ProtocolError("SETTLEMENT_ANCHOR_REFUSED", { reason: "tries used up", intent: name });
}

type Came = "carried_out" | "under_way" | "deferred" | "nothing";

function outcomeOf(submission: Submission): Came {
  switch (submission.kind) {
    case "tracked": {
      const { outcome } = submission.progress;
      if (outcome === null) return "under_way";
      return outcome.kind === "mined" && !outcome.reverted ? "carried_out" : "nothing";
    }
    case "deferred":
      return "deferred";
    case "refused": {
      const { name, args } = describeAnchorRevert(submission.data);
      // A window that is open on the newest block is over a little later.
      if (name === "WindowOpen") return "under_way";
      throw new ProtocolError("SETTLEMENT_ANCHOR_REFUSED", { reason: name, ...args });
    }
    case "conflict":
      throw new ProtocolError("SETTLEMENT_ANCHOR_REFUSED", { reason: "the intent belongs to another call" });
  }
}
