// What reviewers of challenges read, and what they leave: a signed review for each round.
import { canonicalText } from "#protocol/canonical.ts";
import type { Admitted } from "#protocol/challenges.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { decisionIdOf } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeReview } from "#protocol/schemas/challenge.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { moveChallenges, type Challenge } from "./challenges.ts";
import type { Queryable } from "./database.ts";

/** What a review is about: the evidence of the present round, and what was admitted of the task. */
export type ReviewCase = {
  readonly evidenceHash: Hex;
  readonly evidence: ChallengeEvidence;
  readonly admitted: Admitted;
  readonly policyVersion: string;
};

type CaseRow = {
  readonly challenge_id: Buffer;
  readonly evidence_hash: Buffer;
  readonly body: string;
  readonly task_id: Buffer;
  readonly resolution_id: Buffer;
  readonly bundle_id: Buffer;
  readonly signature: Buffer;
  readonly policy_version: string;
};

/** The cases of claimed challenges, by challenge. */
export async function readReviewCases(
  database: Queryable,
  challenges: readonly Pick<Challenge, "challengeId" | "round">[],
): Promise<ReadonlyMap<Hex, ReviewCase>> {
  const { rows } = await database.query<CaseRow>(
    `SELECT e.challenge_id, e.evidence_hash, e.body, c.task_id, a.resolution_id, r.bundle_id, r.signature, t.policy_version
      FROM unnest($1::bytea[], $2::integer[]) AS w (challenge_id, round) JOIN ledger.challenge_evidence e USING (challenge_id, round)
        JOIN ledger.challenge c USING (challenge_id) JOIN ledger.assignment a USING (task_id) JOIN ledger.result r USING (task_id)
        JOIN LATERAL (SELECT policy_version FROM work.any_task t WHERE t.task_id = c.task_id LIMIT 1) t ON true`,
    [challenges.map(({ challengeId }) => hexToBytes(challengeId)), challenges.map(({ round }) => round)],
  );
  const evidences = rows.map(({ body }) => JSON.parse(body) as ChallengeEvidence);
  const signatures = await decisionSignatures(
    database,
    rows.map(({ task_id }) => task_id),
    evidences.map(({ decision }) => decisionIdOf(decision)),
  );
  return new Map(
    rows.map((row, at) => {
      const evidence = evidences[at] as ChallengeEvidence;
      const admitted: Admitted = {
        taskId: bytesToHex(row.task_id),
        resolutionId: bytesToHex(row.resolution_id),
        bundleId: bytesToHex(row.bundle_id),
        bundleSignature: bytesToHex(row.signature),
        decisionSignature: signatures.get(decisionIdOf(evidence.decision)),
      };
      const evidenceHash = bytesToHex(row.evidence_hash);
      return [bytesToHex(row.challenge_id), { evidenceHash, evidence, admitted, policyVersion: row.policy_version }];
    }),
  );
}

/** The signatures of decisions, each about the task at the same place, by decision. */
async function decisionSignatures(
  database: Queryable,
  taskIds: readonly Buffer[],
  decisionIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, Hex>> {
  const { rows } = await database.query<{ decision_id: Buffer; signature: Buffer }>(
    `SELECT d.decision_id, d.signature FROM unnest($1::bytea[], $2::bytea[]) AS w (task_id, decision_id)
      JOIN ledger.decision d USING (task_id, decision_id)`,
    [taskIds, decisionIds.map((id) => hexToBytes(id))],
  );
  return new Map(rows.map((row) => [bytesToHex(row.decision_id), bytesToHex(row.signature)]));
}

/**
 * Writes a review and moves its challenge to the verdict; false, and nothing written, when the challenge went to somebody else
 * meanwhile.
 */
export async function commitReview(
  transaction: Queryable,
  reviewed: { readonly challenge: Challenge; readonly review: ChallengeReview; readonly signature: Hex },
  now: Date,
): Promise<boolean> {
  const { challenge, review, signature } = reviewed;
  const { challengeId, round, verdict, reviewer, finding } = review;
  const detail = { reviewer, finding };
  const moved = await moveChallenges(transaction, [{ challenge, to: verdict, detail }], now);
  if (moved.size === 0) return false;
  await transaction.query(
    `INSERT INTO ledger.challenge_review (challenge_id, round, verdict, body, signature, at) VALUES ($1, $2, $3, $4, $5, $6)`,
    [hexToBytes(challengeId), round, verdict, canonicalText(review), hexToBytes(signature), now],
  );
  return true;
}
