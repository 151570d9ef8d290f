// The end of a reviewed challenge: its verdict, its penalties, its task, and the candidate that held it, in one transaction.
import assert from "node:assert/strict";
import { canonicalText } from "#protocol/canonical.ts";
import { decideVerdict, penaltiesOf, type Answerable, type Judge } from "#protocol/challenges.ts";
import { ProtocolError, refuse } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { PenaltyRecord } from "#protocol/schemas/challenge.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { lockChallenge, moveChallenges, type Challenge } from "./challenges.ts";
import { latestEpoch, lockStandingCandidate, standingOf, type StandingCandidate } from "./challenge-standing.ts";
import type { Queryable } from "./database.ts";
import { commitMoves, moveOf } from "./moves.ts";
import { readPolicies } from "./registry.ts";
import { moveSettlement, startRevision, wakeSettlement, type SettlementKey } from "./settlements.ts";
import { takeNamed, type Claim } from "./tasks.ts";

/** A verdict as it is ordered: by an act of governance, or by what the anchor was seen to resolve. */
export type ChallengeOrder = {
  readonly challengeId: Hex;
  readonly round: number;
  readonly upheld: boolean;
  readonly penalty: boolean;
  /** Who decided, for the journal. */
  readonly by: string;
} & (
  | { readonly actId: Hex; readonly transactionHash?: undefined }
  | { readonly transactionHash: Hex; readonly actId?: undefined }
);

/** What a verdict came to. `failed` is the revision that ended by it, with the reason. */
export type DecidedChallenge = {
  readonly penalties: readonly PenaltyRecord[];
  readonly failed: (SettlementKey & { readonly reason: string }) | undefined;
};

/**
 * Decides a reviewed challenge (CHAL-05, CHAL-06). Upheld: its task is rejected, what it had reserved is released, the candidate
 * that holds it fails unless the anchor has it, and penalties are recorded for later epochs. Not upheld: the task goes back to where it
 * stood. Nothing final is touched; of a task that was settled meanwhile only the penalty is decided.
 * @throws ProtocolError VERIFY_CHALLENGE_NOT_FOUND, GOVERNANCE_TRANSITION_REFUSED, GOVERNANCE_ACT_REFUSED
 */
export async function decideChallenge(
  transaction: Queryable,
  order: ChallengeOrder,
  now: Date,
): Promise<DecidedChallenge> {
  const { challengeId, round, upheld } = order;
  const subject = await readSubject(transaction, challengeId, round);
  if (subject === undefined) throw new ProtocolError("VERIFY_CHALLENGE_NOT_FOUND", { challengeId });
  // Always in this order: the candidate, the challenge, the task.
  const candidate = await lockStandingCandidate(transaction, subject.taskId);
  const challenge = await lockChallenge(transaction, challengeId);
  assert(challenge, "a challenge that was opened stands somewhere");
  const [claim] = await takeNamed(transaction, [challenge.taskId]);
  assert(claim, "what is challenged is a task");
  if (challenge.round !== round || subject.evidenceHash === null) {
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { reason: "another round is under way", round: challenge.round });
  }
  const policy = (await readPolicies(transaction, [claim.versions.policy])).get(claim.versions.policy);
  assert(policy, "a task that was verified has a policy");
  const judge: Judge = order.actId === undefined ? "anchor" : "governance";
  const owed = order.penalty ? penaltiesOf(challenge, policy, subject) : [];
  const verdict = { judge, upheld, penalty: order.penalty };
  const { scope } = challenge;
  const { epoch, evidenceHash } = subject;
  const standing = await standingOf(transaction, candidate, { scope, epoch, evidenceHash });
  const course = decideVerdict(challenge.state, verdict, standing, owed.length > 0);
  if ("code" in course) throw new ProtocolError(course.code, course.detail);
  const penalties = course.includes("penalty_recorded") ? owed : [];
  await recordDecision(transaction, order, penalties.length > 0, now);
  await recordPenalties(transaction, penalties, now);
  await runCourse(transaction, challenge, { order, course }, now);
  await moveTask(transaction, { challenge, claim, policy, upheld }, now);
  const failed = upheld ? await failCandidate(transaction, candidate, challengeId, now) : undefined;
  if (candidate !== undefined) await wakeSettlement(transaction, candidate.scope, candidate.epoch, now);
  return { penalties, failed };
}

type Subject = Answerable & {
  readonly taskId: Hex;
  readonly evidenceHash: Hex | null;
  /** The epoch whose candidates held the task last; null where none did yet. */
  readonly epoch: number | null;
};

/** What a challenge is about and who is answerable for it; the evidence is null where the round does not exist. */
async function readSubject(transaction: Queryable, challengeId: Hex, round: number): Promise<Subject | undefined> {
  type SubjectRow = {
    readonly task_id: Buffer;
    readonly executor: Buffer;
    readonly verifiers: readonly Buffer[] | null;
    readonly evidence_hash: Buffer | null;
    readonly epoch: bigint | null;
  };
  const { rows } = await transaction.query<SubjectRow>(
    `SELECT c.task_id, r.executor, e.evidence_hash, ${latestEpoch} AS epoch,
        (SELECT array_agg(d.verifier::bytea) FROM ledger.decision d
          WHERE d.task_id = c.task_id AND d.bundle_id = r.bundle_id AND d.verdict = 'accepted') AS verifiers
      FROM ledger.challenge c JOIN ledger.result r USING (task_id)
        LEFT JOIN ledger.challenge_evidence e ON e.challenge_id = c.challenge_id AND e.round = $2
      WHERE c.challenge_id = $1`,
    [hexToBytes(challengeId), round],
  );
  const [row] = rows;
  return (
    row && {
      taskId: bytesToHex(row.task_id),
      executor: bytesToHex(row.executor),
      verifiers: (row.verifiers ?? []).map(bytesToHex),
      evidenceHash: row.evidence_hash && bytesToHex(row.evidence_hash),
      epoch: row.epoch === null ? null : Number(row.epoch),
    }
  );
}

async function recordDecision(
  transaction: Queryable,
  { challengeId, round, upheld, actId, transactionHash }: ChallengeOrder,
  penalty: boolean,
  now: Date,
): Promise<void> {
  await transaction.query(
    `INSERT INTO ledger.challenge_decision (challenge_id, round, upheld, penalty, act_id, transaction_hash, at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      hexToBytes(challengeId),
      round,
      upheld,
      penalty,
      actId === undefined ? null : hexToBytes(actId),
      transactionHash === undefined ? null : hexToBytes(transactionHash),
      now,
    ],
  );
}

async function recordPenalties(transaction: Queryable, penalties: readonly PenaltyRecord[], now: Date): Promise<void> {
  if (penalties.length === 0) return;
  await transaction.query(
    `INSERT INTO ledger.penalty (penalty_id, challenge_id, scope, account, amount, body, at)
      SELECT penalty_id, challenge_id, scope, account, amount, body, $7
      FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::bytea[], $5::numeric[], $6::text[])
        AS p (penalty_id, challenge_id, scope, account, amount, body)`,
    [
      penalties.map(({ penaltyId }) => hexToBytes(penaltyId)),
      penalties.map(({ challengeId }) => hexToBytes(challengeId)),
      penalties.map(({ scope }) => scope),
      penalties.map(({ account }) => hexToBytes(account)),
      penalties.map(({ amount }) => amount),
      penalties.map((record) => canonicalText(record)),
      now,
    ],
  );
}

/** Moves the challenge through the states of its verdict, one journalled move each. */
async function runCourse(
  transaction: Queryable,
  challenge: Challenge,
  { order, course }: { readonly order: ChallengeOrder; readonly course: readonly Challenge["state"][] },
  now: Date,
): Promise<void> {
  const { by, upheld, actId, transactionHash } = order;
  let standing = challenge;
  for (const to of course) {
    const detail = { upheld, ...(actId ? { actId } : { transactionHash }) };
    // What follows from an approval is nobody's decision any more.
    const move = to === "penalty_recorded" ? { challenge: standing, to } : { challenge: standing, to, by, detail };
    const moved = (await moveChallenges(transaction, [move], now)).get(challenge.challengeId);
    assert(moved, "a locked challenge moves");
    standing = moved;
  }
}

/** What the verdict does to the task, where the challenge still holds it. */
async function moveTask(
  transaction: Queryable,
  about: {
    readonly challenge: Challenge;
    readonly claim: Claim;
    readonly policy: Policy;
    readonly upheld: boolean;
  },
  now: Date,
): Promise<void> {
  const { challenge, claim, policy, upheld } = about;
  const { challengeId, taskId, origin, resume } = challenge;
  if (origin === "disagreement" && !upheld) {
    await transaction.query(
      `INSERT INTO ledger.overruled_decision (decision_id, challenge_id)
        SELECT decision_id, $2 FROM ledger.decision WHERE task_id = $1 AND verdict <> 'accepted'
        ON CONFLICT DO NOTHING`,
      [hexToBytes(taskId), hexToBytes(challengeId)],
    );
  }
  if (claim.state !== "challenged" || resume === null) return;
  const refusal = refuse("VERIFY_MISMATCH", { part: "challenge", challengeId });
  const outcome = upheld ? { claim, to: "rejected" as const, policy, refusal } : { claim, to: resume, policy };
  const move = moveOf(outcome, now);
  await commitMoves(transaction, [upheld ? move : { ...move, detail: { challengeId } }], now);
}

/** A candidate that no chain has cannot stay: it fails, and the next revision begins to collect (SETL-10). */
async function failCandidate(
  transaction: Queryable,
  candidate: StandingCandidate | undefined,
  challengeId: Hex,
  now: Date,
): Promise<DecidedChallenge["failed"]> {
  if (candidate === undefined || candidate.isGiven) return undefined;
  const { scope, epoch, revision } = candidate;
  const reason = `VERIFY_MISMATCH: challenge ${challengeId} was upheld`;
  const words = { to: "failed", by: "settlement", why: "a challenge was upheld", failure: reason } as const;
  const moved = await moveSettlement(transaction, { settlement: candidate, ...words }, now);
  assert(moved, "a locked settlement moves");
  await startRevision(transaction, { scope, epoch, by: "settlement", why: "a challenge was upheld" }, now);
  return { scope, epoch, revision, reason };
}
