// Challenges of finished tasks, for tests over settlements: opened, reviewed and decided the way the layers do it.
import { contentId, type Hex } from "#protocol/hash.ts";
import { challengeEvidenceHashOf, challengeIdOf } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeReview, ChallengeStatement } from "#protocol/schemas/challenge.ts";
import type {
  ExecutionAssignment,
  SemanticResolutionResult,
  VerificationDecision,
} from "#protocol/schemas/execution.ts";
import type { Refusal } from "#protocol/errors.ts";
import { addressOf } from "#protocol/signature.ts";
import { carryOutVerdict } from "#settlement/challenge-verdicts.ts";
import { claimChallenges } from "#storage/challenges.ts";
import { openChallenge, reopenChallenge, type OpenedChallenge } from "#storage/challenge-openings.ts";
import { commitReview } from "#storage/challenge-reviews.ts";
import { readChallengeEvidence } from "#storage/challenge-views.ts";
import { readCandidate } from "#storage/settlements.ts";
import { scope, verifiers, type FinishedTask } from "./finished-tasks.ts";
import type { Settling } from "./settling.ts";

export const challengerKey = contentId("test.key", "challenger");
export const challenger = addressOf(challengerKey);

/** What policy asks of a liar and of whoever believed it. */
export const penalties = { executor: "500", verifier: "200" };

/** Evidence about a finished task: another output than was claimed. */
export function evidenceFor(task: FinishedTask, remark = "first"): ChallengeEvidence {
  const [decided] = task.decisions;
  if (decided === undefined) throw new Error("a finished task was verified");
  return {
    schemaVersion: "1.0",
    kind: "re_execution",
    taskId: task.taskId,
    envelope: task.envelope,
    resolution: JSON.parse(task.resolution) as SemanticResolutionResult,
    assignment: JSON.parse(task.assignment) as ExecutionAssignment,
    bundle: task.bundle,
    bundleSignature: task.bundleSignature,
    decision: JSON.parse(decided.body) as VerificationDecision,
    decisionSignature: decided.signature,
    recomputedCommitment: contentId("test.output", "another"),
    remark,
  };
}

/** The statement of a challenge against a task in a revision of an epoch. */
export async function statementFor(
  settling: Settling,
  task: FinishedTask,
  about: { readonly epoch: number; readonly evidence: ChallengeEvidence; readonly revision?: number },
): Promise<ChallengeStatement> {
  const { epoch, evidence, revision = 1 } = about;
  const candidate = await readCandidate(settling.database, { scope, epoch, revision });
  if (candidate === undefined) throw new Error("the epoch has no such candidate");
  return {
    schemaVersion: "1.0",
    taskId: task.taskId,
    decisionId: task.decisions[0]?.decisionId ?? "0x",
    candidate: { scope, epoch, revision, root: candidate.root },
    evidenceHash: challengeEvidenceHashOf(evidence),
    challenger,
  };
}

/** Opens a challenge as the REST surface does, or answers why not. */
export async function tryOpening(
  { database, now }: Settling,
  statement: ChallengeStatement,
  evidence: ChallengeEvidence,
): Promise<OpenedChallenge | Refusal> {
  const opening = { statement, evidence, signature: null, origin: "api" as const };
  return await database.transaction((transaction) => openChallenge(transaction, opening, now));
}

/** Opens a challenge against a task of an epoch; answers its id. */
export async function challengeTask(
  settling: Settling,
  task: FinishedTask,
  about: { readonly epoch: number; readonly remark?: string; readonly revision?: number },
): Promise<Hex> {
  const evidence = evidenceFor(task, about.remark);
  const statement = await statementFor(settling, task, { ...about, evidence });
  const opened = await tryOpening(settling, statement, evidence);
  if ("code" in opened) throw new Error(`${opened.code} ${JSON.stringify(opened.detail)}`);
  return challengeIdOf(statement);
}

/** Brings new evidence against a closed challenge. */
export async function reopen(
  settling: Settling,
  statement: ChallengeStatement,
  evidence: ChallengeEvidence,
): Promise<Refusal | undefined> {
  const request = { challengeId: challengeIdOf(statement), statement, evidence, signature: null };
  return await settling.database.transaction((transaction) => reopenChallenge(transaction, request, settling.now));
}

/** Has everything that waits for a review reviewed with one verdict. */
export async function reviewAll({ database, now }: Settling, verdict: ChallengeReview["verdict"]): Promise<number> {
  return await database.transaction(async (transaction) => {
    const claimed = await claimChallenges(transaction, { holder: "reviewer", limit: 100, now });
    for (const challenge of claimed) {
      const { challengeId, round } = challenge;
      const evidence = await readChallengeEvidence(transaction, challengeId);
      const review: ChallengeReview = {
        schemaVersion: "1.0",
        challengeId,
        round,
        evidenceHash: evidence[round - 1]?.evidenceHash ?? "0x",
        reviewer: verifiers[1] ?? "0x",
        verdict,
        recomputedCommitment: null,
        finding: "as the test wants it",
      };
      await commitReview(transaction, { challenge, review, signature: `0x${"00".repeat(65)}` }, now);
    }
    return claimed.length;
  });
}

/** A verdict, by governance unless a transaction is named. */
export async function decide(
  settling: Settling,
  challengeId: Hex,
  verdict: {
    readonly upheld: boolean;
    readonly penalty?: boolean;
    readonly round?: number;
    readonly transactionHash?: Hex;
  },
) {
  const { upheld, penalty = upheld, round = 1, transactionHash } = verdict;
  const words = { challengeId, round, upheld, penalty, by: transactionHash === undefined ? challenger : "anchor" };
  const actId = contentId("test.act", { challengeId, round, upheld });
  const order = transactionHash === undefined ? { ...words, actId } : { ...words, transactionHash };
  return await settling.database.transaction((transaction) => carryOutVerdict(transaction, order, settling.now));
}

/** Where a task stands. */
export async function taskState({ database }: Settling, taskId: Hex): Promise<string | undefined> {
  const { rows } = await database.query<{ state: string }>(
    `SELECT state FROM work.task WHERE task_id = decode(substr($1, 3), 'hex')`,
    [taskId],
  );
  return rows[0]?.state;
}

/** Where a challenge stands. */
export async function challengeState({ database }: Settling, challengeId: Hex): Promise<string | undefined> {
  const { rows } = await database.query<{ state: string }>(
    `SELECT state FROM work.challenge WHERE challenge_id = decode(substr($1, 3), 'hex')`,
    [challengeId],
  );
  return rows[0]?.state;
}
