// The ids of protocol messages, and the EIP-712 typed data that actors sign for them.
import { contentId, type Hex } from "./hash.ts";
import type {
  AccessLog,
  Binding,
  ExecutionResultBundle,
  SemanticResolutionResult,
  Transcript,
  VerificationDecision,
  VerificationEvidence,
} from "./schemas/execution.ts";
import type { ChallengeEvidence, ChallengeReview, ChallengeStatement } from "./schemas/challenge.ts";
import type { GovernanceAct } from "./schemas/governance.ts";
import type { TaskEnvelope } from "./schemas/task.ts";
import type { Grant } from "./schemas/vault.ts";
import { domainSeparator, typedDataDigest, type StructType } from "./typed-data.ts";

/** Where signatures are valid: one chain, one anchor contract. */
export type MessageDomain = { readonly chainId: bigint; readonly anchor: Hex };

const separators = new Map<string, Uint8Array>();

/** The EIP-712 domain separator of a message domain, computed once for each. */
export function messageSeparator({ chainId, anchor }: MessageDomain): Uint8Array {
  const key = `${chainId}/${anchor}`;
  const known = separators.get(key);
  if (known) return known;
  const fresh = domainSeparator({ name: "Symphony SCS", version: "1", chainId, verifyingContract: anchor });
  separators.set(key, fresh);
  return fresh;
}

/** What a submitter signs. Program and inputs are signed by their ids, so that any wallet can show the rest. */
export const taskEnvelopeType: StructType = {
  name: "TaskEnvelope",
  fields: [
    { name: "submitter", type: "address" },
    { name: "scope", type: "string" },
    { name: "schemaVersion", type: "string" },
    { name: "semanticVersion", type: "string" },
    { name: "policyVersion", type: "string" },
    { name: "program", type: "bytes32" },
    { name: "inputs", type: "bytes32" },
    { name: "seed", type: "bytes32" },
    { name: "feeLimit", type: "uint256" },
    { name: "idempotencyKey", type: "string" },
    { name: "expiresAtSeconds", type: "uint64" },
  ],
};

/** What an executor signs for a result bundle. */
export const resultBundleType: StructType = {
  name: "ResultBundle",
  fields: [
    { name: "taskId", type: "bytes32" },
    { name: "bundleId", type: "bytes32" },
  ],
};

/** What a verifier signs for a decision. */
export const verificationDecisionType: StructType = {
  name: "VerificationDecision",
  fields: [
    { name: "taskId", type: "bytes32" },
    { name: "bundleId", type: "bytes32" },
    { name: "decisionId", type: "bytes32" },
    { name: "verdict", type: "string" },
  ],
};

/** What a vault operator signs for a grant. */
export const grantType: StructType = {
  name: "Grant",
  fields: [
    { name: "grantId", type: "bytes32" },
    { name: "vault", type: "string" },
    { name: "collection", type: "string" },
    { name: "grantee", type: "address" },
    { name: "untilSeconds", type: "uint64" },
  ],
};

/** What a challenger signs to open a challenge. */
export const challengeType: StructType = {
  name: "Challenge",
  fields: [
    { name: "challengeId", type: "bytes32" },
    { name: "taskId", type: "bytes32" },
    { name: "evidenceHash", type: "bytes32" },
    { name: "challenger", type: "address" },
  ],
};

/** What a challenger signs to bring new evidence against a closed challenge. */
export const challengeReopeningType: StructType = {
  name: "ChallengeReopening",
  fields: [
    { name: "challengeId", type: "bytes32" },
    { name: "evidenceHash", type: "bytes32" },
  ],
};

/** What a reviewer signs. */
export const challengeReviewType: StructType = {
  name: "ChallengeReview",
  fields: [
    { name: "challengeId", type: "bytes32" },
    { name: "reviewId", type: "bytes32" },
    { name: "verdict", type: "string" },
  ],
};

/** What governance signs for an act. */
export const governanceActType: StructType = {
  name: "GovernanceAct",
  fields: [
    { name: "actId", type: "bytes32" },
    { name: "by", type: "address" },
    { name: "kind", type: "string" },
    { name: "reason", type: "string" },
  ],
};

/** What an actor signs to open a short session for reading its own things. */
export const loginType: StructType = {
  name: "Login",
  fields: [
    { name: "account", type: "address" },
    { name: "expiresAtSeconds", type: "uint64" },
  ],
};

/** The message of an envelope, in the shape of {@link taskEnvelopeType}: what a wallet is asked to sign. */
export function envelopeMessage(envelope: TaskEnvelope): Record<string, string | bigint> {
  return {
    submitter: envelope.submitter,
    scope: envelope.scope,
    schemaVersion: envelope.schemaVersion,
    semanticVersion: envelope.semanticVersion,
    policyVersion: envelope.policyVersion,
    program: contentId("scs.program", envelope.program),
    inputs: contentId("scs.inputs", envelope.inputs),
    seed: envelope.seed,
    feeLimit: BigInt(envelope.feeLimit),
    idempotencyKey: envelope.idempotencyKey,
    expiresAtSeconds: BigInt(envelope.expiresAtSeconds),
  };
}

/** The digest a submitter signs. */
export function envelopeDigest(domain: MessageDomain, envelope: TaskEnvelope): Uint8Array {
  return typedDataDigest(messageSeparator(domain), taskEnvelopeType, envelopeMessage(envelope));
}

/** The digest an executor signs. */
export function bundleDigest(domain: MessageDomain, taskId: Hex, bundleId: Hex): Uint8Array {
  return typedDataDigest(messageSeparator(domain), resultBundleType, { taskId, bundleId });
}

/** The digest a verifier signs. */
export function decisionDigest(
  domain: MessageDomain,
  decision: { readonly taskId: Hex; readonly bundleId: Hex; readonly decisionId: Hex; readonly verdict: string },
): Uint8Array {
  const { taskId, bundleId, decisionId, verdict } = decision;
  return typedDataDigest(messageSeparator(domain), verificationDecisionType, { taskId, bundleId, decisionId, verdict });
}

/** The digest a vault operator signs. */
export function grantDigest(domain: MessageDomain, grant: Grant): Uint8Array {
  const { vault, collection, grantee, untilSeconds } = grant;
  return typedDataDigest(messageSeparator(domain), grantType, {
    grantId: grantIdOf(grant),
    vault,
    collection,
    grantee,
    untilSeconds: BigInt(untilSeconds),
  });
}

/** The digest a challenger signs to open a challenge. */
export function challengeDigest(domain: MessageDomain, challenge: ChallengeStatement): Uint8Array {
  const { taskId, evidenceHash, challenger } = challenge;
  const message = { challengeId: challengeIdOf(challenge), taskId, evidenceHash, challenger };
  return typedDataDigest(messageSeparator(domain), challengeType, message);
}

/** The digest a challenger signs to bring new evidence. */
export function challengeReopeningDigest(domain: MessageDomain, challengeId: Hex, evidenceHash: Hex): Uint8Array {
  return typedDataDigest(messageSeparator(domain), challengeReopeningType, { challengeId, evidenceHash });
}

/** The digest a reviewer signs. */
export function challengeReviewDigest(domain: MessageDomain, review: ChallengeReview): Uint8Array {
  const { challengeId, verdict } = review;
  const message = { challengeId, reviewId: challengeReviewIdOf(review), verdict };
  return typedDataDigest(messageSeparator(domain), challengeReviewType, message);
}

/** The digest governance signs for an act. */
export function governanceActDigest(domain: MessageDomain, act: GovernanceAct): Uint8Array {
  const message = { actId: governanceActIdOf(act), by: act.by, kind: act.order.kind, reason: act.reason };
  return typedDataDigest(messageSeparator(domain), governanceActType, message);
}

/** The digest an actor signs to log in. */
export function loginDigest(domain: MessageDomain, account: Hex, expiresAtSeconds: number): Uint8Array {
  return typedDataDigest(messageSeparator(domain), loginType, { account, expiresAtSeconds: BigInt(expiresAtSeconds) });
}

/** The id of a task: its envelope's content. The same content submitted again is the same task (TASK-07). */
export function taskIdOf(envelope: TaskEnvelope): Hex {
  return contentId("scs.task", envelope);
}

/** The id of what a task was resolved to: meaning, inputs and fee together. */
export function resolutionIdOf(resolved: {
  readonly resolution: SemanticResolutionResult;
  readonly bindings: readonly Binding[];
  readonly fee: string;
}): Hex {
  const { resolution, bindings, fee } = resolved;
  return contentId("scs.resolution", { resolution, bindings, fee });
}

export function bundleIdOf(bundle: ExecutionResultBundle): Hex {
  return contentId("scs.bundle", bundle);
}

export function transcriptIdOf(transcript: Transcript): Hex {
  return contentId("scs.transcript", transcript);
}

export function accessLogIdOf(accessLog: AccessLog): Hex {
  return contentId("scs.access-log", accessLog);
}

export function decisionIdOf(decision: VerificationDecision): Hex {
  return contentId("scs.decision", decision);
}

export function evidenceHashOf(evidence: VerificationEvidence): Hex {
  return contentId("scs.evidence", evidence);
}

export function grantIdOf(grant: Grant): Hex {
  return contentId("scs.grant", grant);
}

export function challengeIdOf(challenge: ChallengeStatement): Hex {
  return contentId("scs.challenge", challenge);
}

/** The content hash that a challenge names its evidence by, on chain too (CHAL-02). */
export function challengeEvidenceHashOf(evidence: ChallengeEvidence): Hex {
  return contentId("scs.challenge-evidence", evidence);
}

export function challengeReviewIdOf(review: ChallengeReview): Hex {
  return contentId("scs.challenge-review", review);
}

export function governanceActIdOf(act: GovernanceAct): Hex {
  return contentId("scs.governance-act", act);
}
