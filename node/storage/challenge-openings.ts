// Opening and reopening of challenges: everything that belongs to one in one transaction, with the candidate held still.
import assert from "node:assert/strict";
import { canonicalText } from "#protocol/canonical.ts";
import { checkEvidence, checkOpening, type OpeningFacts } from "#protocol/challenges.ts";
import { refuse, type Refusal } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { SettlementState } from "#protocol/lifecycles.ts";
import { challengeEvidenceHashOf, challengeIdOf } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeStatement } from "#protocol/schemas/challenge.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { challengeAct, liveChallenge, lockChallenge, moveChallenges, type Challenge } from "./challenges.ts";
import { lockStandingCandidate } from "./challenge-standing.ts";
import type { Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";
import { commitMoves, moveOf } from "./moves.ts";
import { moveTasks, takeNamed } from "./tasks.ts";

/** What is written when a challenge is opened. */
export type Opening = {
  readonly statement: ChallengeStatement;
  readonly evidence: ChallengeEvidence;
  /** Null where a token stood for the challenger, or the node itself opens it. */
  readonly signature: Uint8Array | null;
  readonly origin: Challenge["origin"];
};

/** A challenge that was opened now or before. */
export type OpenedChallenge = { readonly challengeId: Hex; readonly repeated: boolean };

const underWay = refuse("VERIFY_CHALLENGE_REFUSED", { reason: "another challenge of the task is under way" });

/** Reads what a statement names, and keeps its revision where it is for the rest of the transaction. */
async function openingFacts(
  transaction: Queryable,
  { taskId, decisionId, candidate }: ChallengeStatement,
): Promise<OpeningFacts> {
  const decisions = await transaction.query<{ task_id: Buffer; verdict: string }>(
    `SELECT task_id, verdict FROM ledger.decision WHERE task_id = $1 AND decision_id = $2`,
    [hexToBytes(taskId), hexToBytes(decisionId)],
  );
  const [decision] = decisions.rows;
  const decided = decision && { taskId: bytesToHex(decision.task_id), verdict: decision.verdict };
  if (candidate === null) return { decision: decided, candidate: undefined };
  const { scope, epoch, revision } = candidate;
  type CandidateRow = { readonly root: Buffer; readonly state: SettlementState; readonly holds: boolean };
  const { rows } = await transaction.query<CandidateRow>(
    `SELECT c.root, s.state, EXISTS (SELECT 1 FROM ledger.settlement_item i WHERE i.task_id = $4
        AND (i.scope, i.epoch, i.revision) = (s.scope, s.epoch, s.revision)) AS holds
      FROM work.settlement s JOIN ledger.candidate c USING (scope, epoch, revision)
      WHERE s.scope = $1 AND s.epoch = $2 AND s.revision = $3 FOR UPDATE OF s`,
    [scope, epoch, revision, hexToBytes(taskId)],
  );
  const [row] = rows;
  const found = row && { root: bytesToHex(row.root), state: row.state, holdsTask: row.holds };
  return { decision: decided, candidate: found };
}

/**
 * Opens a challenge against an item of a candidate that is not final: the statement, its evidence, the task's move, and where the
 * task goes back to, all in the caller's transaction. The candidate's settlement cannot move meanwhile, so it does not finalize
 * past a challenge (CHAL-02, CHAL-04). The same statement again is the same challenge.
 */
export async function openChallenge(
  transaction: Queryable,
  opening: Opening,
  now: Date,
): Promise<OpenedChallenge | Refusal> {
  const { statement, evidence } = opening;
  const challengeId = challengeIdOf(statement);
  const facts = await openingFacts(transaction, statement);
  const known = await lockChallenge(transaction, challengeId);
  if (known !== undefined) return { challengeId, repeated: true };
  const refusal = checkOpening(statement, evidence, facts);
  if (refusal !== undefined) return refusal;
  const [claim] = await takeNamed(transaction, [statement.taskId]);
  assert(claim, "an item of a candidate is a task");
  if ((await liveChallenge(transaction, statement.taskId)) !== undefined) return underWay;
  if (claim.state !== "awaiting_settlement") {
    return refuse("VERIFY_CHALLENGE_REFUSED", { reason: "the task does not wait for settlement", state: claim.state });
  }
  const move = moveOf({ claim, to: "challenged", policy: undefined }, now);
  await moveTasks(transaction, [{ ...move, detail: { challengeId } }], now);
  await insertChallenge(transaction, { ...opening, challengeId, scope: claim.scope, resume: claim.state }, now);
  return { challengeId, repeated: false };
}

/** Writes a challenge whose task was moved in the same transaction. */
export async function insertChallenge(
  transaction: Queryable,
  opening: Opening & {
    readonly challengeId: Hex;
    readonly scope: string;
    readonly resume: Challenge["resume"];
  },
  now: Date,
): Promise<void> {
  const { statement, evidence, signature, origin, challengeId, scope, resume } = opening;
  const { candidate, challenger, taskId, decisionId, evidenceHash } = statement;
  const id = hexToBytes(challengeId);
  await transaction.query(
    `INSERT INTO ledger.challenge (challenge_id, origin, task_id, decision_id, scope, epoch, revision, root, challenger, body,
        signature, at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      id,
      origin,
      hexToBytes(taskId),
      hexToBytes(decisionId),
      scope,
      candidate?.epoch ?? null,
      candidate?.revision ?? null,
      candidate === null ? null : hexToBytes(candidate.root),
      hexToBytes(challenger),
      canonicalText(statement),
      signature,
      now,
    ],
  );
  await insertEvidence(transaction, { challengeId, round: 1, evidence, signature }, now);
  await transaction.query(
    `INSERT INTO work.challenge (challenge_id, task_id, scope, state, resume, due_at) VALUES ($1, $2, $3, 'opened', $4, $5)`,
    [id, hexToBytes(taskId), scope, resume, now],
  );
  const words = { from: null, to: "opened", by: challenger, why: "a challenge was opened", round: 1 } as const;
  await appendJournal(transaction, [challengeAct(challengeId, { ...words, detail: { evidenceHash, origin } })], now);
}

async function insertEvidence(
  transaction: Queryable,
  row: {
    readonly challengeId: Hex;
    readonly round: number;
    readonly evidence: ChallengeEvidence;
    readonly signature: Uint8Array | null;
  },
  now: Date,
): Promise<void> {
  const { challengeId, round, evidence, signature } = row;
  await transaction.query(
    `INSERT INTO ledger.challenge_evidence (challenge_id, round, evidence_hash, body, signature, at)
      VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      hexToBytes(challengeId),
      round,
      hexToBytes(challengeEvidenceHashOf(evidence)),
      canonicalText(evidence),
      signature,
      now,
    ],
  );
}

/** What a challenge was opened with; undefined when there is none. */
export async function readStatement(
  database: Queryable,
  challengeId: Hex,
): Promise<{ readonly statement: ChallengeStatement; readonly origin: Challenge["origin"] } | undefined> {
  const { rows } = await database.query<{ body: string; origin: Challenge["origin"] }>(
    `SELECT body, origin FROM ledger.challenge WHERE challenge_id = $1`,
    [hexToBytes(challengeId)],
  );
  return rows[0] && { statement: JSON.parse(rows[0].body) as ChallengeStatement, origin: rows[0].origin };
}

/**
 * Reopens a challenge that was closed without a penalty, by evidence that no round had (CHAL-06). A task that waits, for
 * verification or settlement, is challenged again; of one that ended only the penalty is left to be decided. The same evidence for
 * the round that is under way changes nothing.
 */
export async function reopenChallenge(
  transaction: Queryable,
  request: {
    readonly challengeId: Hex;
    readonly statement: ChallengeStatement;
    readonly evidence: ChallengeEvidence;
    readonly signature: Uint8Array | null;
  },
  now: Date,
): Promise<Refusal | undefined> {
  const { challengeId, statement, evidence, signature } = request;
  const fault = checkEvidence(statement, evidence);
  if (fault !== undefined) return fault;
  await lockStandingCandidate(transaction, statement.taskId);
  const challenge = await lockChallenge(transaction, challengeId);
  assert(challenge, "a challenge with a statement stands somewhere");
  const evidenceHash = challengeEvidenceHashOf(evidence);
  const { rows } = await transaction.query<{ round: number }>(
    `SELECT round FROM ledger.challenge_evidence WHERE challenge_id = $1 AND evidence_hash = $2`,
    [hexToBytes(challengeId), hexToBytes(evidenceHash)],
  );
  const isOpen = challenge.state !== "closed_without_penalty";
  if (rows[0] !== undefined && isOpen && challenge.round > 1 && rows[0].round === challenge.round) return undefined;
  if (rows[0] !== undefined) return refuse("VERIFY_EVIDENCE_KNOWN", { round: rows[0].round });
  if (isOpen) {
    return refuse("VERIFY_CHALLENGE_REFUSED", { reason: "it is not closed", state: challenge.state });
  }
  const [claim] = await takeNamed(transaction, [statement.taskId]);
  assert(claim, "what is challenged is a task");
  if ((await liveChallenge(transaction, statement.taskId)) !== undefined) return underWay;
  const resume = claim.state === "verifying" || claim.state === "awaiting_settlement" ? claim.state : null;
  const round = challenge.round + 1;
  await insertEvidence(transaction, { challengeId, round, evidence, signature }, now);
  const words = { by: statement.challenger, detail: { evidenceHash } };
  await moveChallenges(transaction, [{ challenge, to: "reopened", ...words, reopening: { round, resume } }], now);
  if (resume === null) return undefined;
  const move = moveOf({ claim, to: "challenged", policy: undefined }, now);
  await commitMoves(transaction, [{ ...move, detail: { challengeId } }], now);
  return undefined;
}
