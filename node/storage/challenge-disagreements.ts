// Disagreements of verifiers: each becomes a challenge that the node itself opens, with evidence from what was admitted.
import assert from "node:assert/strict";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { challengeEvidenceHashOf, challengeIdOf, decisionIdOf } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeStatement } from "#protocol/schemas/challenge.ts";
import type {
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
  VerificationDecision,
} from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { insertChallenge } from "./challenge-openings.ts";
import type { Queryable } from "./database.ts";
import type { Claim } from "./tasks.ts";

/** A task about which verifiers do not agree, moved to `challenged` in the same transaction. */
export type Disagreement = {
  readonly claim: Claim;
  readonly assignment: ExecutionAssignment;
  readonly resolution: SemanticResolutionResult;
  readonly bundle: ExecutionResultBundle;
  readonly bundleSignature: Hex;
};

type Decided = { readonly decision: VerificationDecision; readonly signature: Hex };

/** The decisions about tasks that count, by task, ascending by verifier. */
async function standingDecisions(
  transaction: Queryable,
  taskIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, readonly Decided[]>> {
  const { rows } = await transaction.query<{ task_id: Buffer; body: string; signature: Buffer }>(
    `SELECT task_id, body, signature FROM ledger.decision d WHERE task_id = ANY($1)
        AND NOT EXISTS (SELECT 1 FROM ledger.overruled_decision o WHERE o.decision_id = d.decision_id)
      ORDER BY task_id, verifier`,
    [taskIds.map((id) => hexToBytes(id))],
  );
  const grouped = Map.groupBy(rows, (row) => bytesToHex(row.task_id));
  const decidedOf = ({ body, signature }: (typeof rows)[number]): Decided => ({
    decision: JSON.parse(body) as VerificationDecision,
    signature: bytesToHex(signature),
  });
  return new Map([...grouped].map(([taskId, group]) => [taskId, group.map(decidedOf)]));
}

/**
 * Opens a challenge for each disagreement (LAYR-16): the first verifier that does not accept the bundle challenges the first that does;
 * where nobody accepted it, its own decision is what is reviewed. The decisions were written before, in the same transaction.
 */
export async function openDisagreements(
  transaction: Queryable,
  disagreements: readonly Disagreement[],
  now: Date,
): Promise<void> {
  if (disagreements.length === 0) return;
  const decided = await standingDecisions(
    transaction,
    disagreements.map(({ claim }) => claim.taskId),
  );
  for (const { claim, assignment, resolution, bundle, bundleSignature } of disagreements) {
    const { taskId, envelope, scope } = claim;
    const decisions = decided.get(taskId) ?? [];
    const dissent = decisions.find(({ decision }) => decision.verdict !== "accepted");
    const attacked = decisions.find(({ decision }) => decision.verdict === "accepted") ?? dissent;
    assert(dissent && attacked, "somebody disagreed");
    const evidence: ChallengeEvidence = {
      schemaVersion: "1.0",
      kind: "re_execution",
      taskId,
      envelope,
      resolution,
      assignment,
      bundle,
      bundleSignature,
      decision: attacked.decision,
      decisionSignature: attacked.signature,
      recomputedCommitment: dissent.decision.recomputedCommitment,
      remark: "verifiers disagree",
    };
    const statement: ChallengeStatement = {
      schemaVersion: "1.0",
      taskId,
      decisionId: decisionIdOf(attacked.decision),
      candidate: null,
      evidenceHash: challengeEvidenceHashOf(evidence),
      challenger: dissent.decision.verifier,
    };
    const origin = "disagreement" as const;
    const opening = { statement, evidence, signature: null, origin, scope, challengeId: challengeIdOf(statement) };
    await insertChallenge(transaction, { ...opening, resume: "verifying" }, now);
  }
}
