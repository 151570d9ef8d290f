// From a closed epoch to a committed candidate: the work of collecting and verifying_inputs.
import { ProtocolError } from "#protocol/errors.ts";
import type { Duty } from "#storage/duties.ts";
import { sqlState } from "#storage/database.ts";
import { readDeferrals } from "#storage/epoch-closing.ts";
import { readDocuments, readEpoch, type Epoch, type EpochDocuments } from "#storage/epochs.ts";
import { finalizedRoot } from "#storage/finalizations.ts";
import { enqueue } from "#storage/outbox.ts";
import { insertCandidate } from "#storage/candidates.ts";
import { moveSettlement, rejectedCandidates, type Settlement } from "#storage/settlements.ts";
import { openArchive } from "./archive.ts";
import { buildCandidate, type BuildOrder } from "./build.ts";
import { noRoot, type Candidate } from "./candidate.ts";
import { archiveEffect, eventEffect, proposeEffect } from "./effects.ts";
import type { OpinionVerdict } from "./second-opinion.ts";
import { decideBuilt } from "./settlement-decision.ts";
import { move, write, type Outcome, type SettlementDeps } from "./settlement-work.ts";
import { actor, keepDuty, schemaVersions } from "./step.ts";

/** Seconds before a candidate that could not be judged is built and judged again. */
const opinionPauseSeconds = 30;

/** collecting: the epoch's members are fixed; those that a challenge holds back are counted. */
export async function collect(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<Outcome> {
  const { scope, epoch } = settlement;
  const closed = await readEpoch(deps.database, scope, epoch);
  if (closed?.status !== "closed") return { kind: "wait", reason: "the epoch is not closed" };
  const aside = await readDeferrals(deps.database, { scope, epoch });
  const detail = { members: closed.members, aside: aside.length };
  const why = "the epoch is closed and its items are frozen";
  return await move(deps, duty, settlement, { to: "verifying_inputs", why, detail });
}

/**
 * verifying_inputs: every item is checked again, the candidate is built and judged, and committed to when both builders
 * agree. An item that does not hold is left out with its reason; a published document that does not hold fails the
 * settlement, because every item rests on it (SETL-02, SETL-06).
 */
export async function verifyInputs(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<Outcome> {
  const { database } = deps;
  const { scope, epoch } = settlement;
  const previousRoot = epoch === 1 ? noRoot : await finalizedRoot(database, scope, epoch - 1);
  if (previousRoot === undefined) return { kind: "wait", reason: "the epoch before is not final" };
  const closed = await readEpoch(database, scope, epoch);
  if (closed === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", { scope, epoch });
  const documents = await soundDocuments(deps, closed);
  if (documents instanceof ProtocolError) {
    const failure = `${documents.code}: ${JSON.stringify(documents.detail)}`;
    return await move(deps, duty, settlement, { to: "failed", why: "a published document does not hold", failure });
  }
  const revision = (await rejectedCandidates(database, scope, epoch)) + 1;
  const { candidate, verdict } = await buildJudged(deps, duty, { epoch: closed, documents, revision, previousRoot });
  const action = decideBuilt(candidate.root, verdict);
  await keepDuty(deps, duty);
  switch (action.kind) {
    case "wait":
      return { kind: "wait", reason: action.reason, seconds: opinionPauseSeconds };
    case "fail": {
      const { failure } = action;
      return await move(deps, duty, settlement, { to: "failed", why: "the second opinion differs", failure });
    }
    case "commit":
      return await commit(deps, duty, settlement, candidate);
  }
}

type Judged = { readonly candidate: Candidate; readonly verdict: OpinionVerdict };

/**
 * Builds a candidate and has it judged. Signatures were checked when they were admitted, and the second opinion checks every one of
 * them again: only where it differs are they checked by the builder as well, so that an item whose signature does not hold
 * is left out with its reason.
 */
async function buildJudged(deps: SettlementDeps, duty: Duty, order: Omit<BuildOrder, "signatures">): Promise<Judged> {
  const candidate = await buildCandidate(deps, duty, { ...order, signatures: "as_admitted" });
  const verdict = await opinionOn(deps, candidate);
  if (verdict.kind !== "invalid") return { candidate, verdict };
  const { scope, epoch } = order.epoch;
  deps.log.warn(
    { scope, epoch, ...verdict.difference },
    "the second opinion differs; every signature is checked again",
  );
  const checked = await buildCandidate(deps, duty, { ...order, signatures: "checked_again" });
  if (checked.root === candidate.root) return { candidate, verdict };
  return { candidate: checked, verdict: await opinionOn(deps, checked) };
}

async function opinionOn({ secondOpinion, store }: SettlementDeps, candidate: Candidate): Promise<OpinionVerdict> {
  const { root, header, subRoots, rewards, adjustments, payouts, localCandidates } = candidate;
  const claim = { root, header, subRoots, rewards, adjustments, payouts, localCandidates };
  return await secondOpinion(openArchive(store, header.archive), claim);
}

async function soundDocuments({ database }: SettlementDeps, epoch: Epoch): Promise<EpochDocuments | ProtocolError> {
  try {
    return await readDocuments(database, epoch, schemaVersions);
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "INTERNAL_OBJECT_CORRUPT") return error;
    throw error;
  }
}

/** How the database refuses an item that does not wait for settlement any more. */
const itemRefused = "SC003";

/** Commits to a candidate: its rows, the move, and what follows from it, in one transaction. */
async function commit(
  deps: SettlementDeps,
  duty: Duty,
  settlement: Settlement,
  candidate: Candidate,
): Promise<Outcome> {
  const { scope, epoch, revision } = settlement;
  const { root, header, manifest } = candidate;
  const { archive } = header;
  const now = deps.clock();
  try {
    await write(deps, duty, async (transaction) => {
      await insertCandidate(transaction, { ...candidate, scope, epoch, revision }, now);
      const why = "every input holds and two builders agree on the root";
      const detail = { root, archive, items: header.itemCount, excluded: manifest.excluded };
      const words = { settlement, to: "candidate_ready", by: actor, why, detail } as const;
      if (!(await moveSettlement(transaction, words, now))) throw new ProtocolError("INTERNAL_LEASE_LOST", { scope });
      const event = { event: "candidate_ready", scope, epoch, revision, root, archive, reason: null } as const;
      await enqueue(transaction, [archiveEffect(settlement), proposeEffect(settlement), eventEffect(event)], now);
    });
  } catch (error) {
    if (sqlState(error) !== itemRefused) throw error;
    return { kind: "wait", reason: "a task was challenged while the candidate was built" };
  }
  const about = { scope, epoch, revision, root, items: header.itemCount, excluded: manifest.excluded.length };
  deps.log.info({ ...about, pot: header.payoutTotal }, "candidate ready");
  return { kind: "moved" };
}
