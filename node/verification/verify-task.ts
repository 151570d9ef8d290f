// The decision of the verification layer: what a verifier says about a bundle, and what all verdicts together say.
import { canonicalText } from "#protocol/canonical.ts";
import { refuse, type Refusal } from "#protocol/errors.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { bundleDigest, type MessageDomain } from "#protocol/messages.ts";
import type { ExecutionResultBundle, VerificationDecision, VerificationEvidence } from "#protocol/schemas/execution.ts";
import { recover } from "#protocol/signature.ts";
import { identify, idOfText, resolutionText, type IdentifiedText } from "#protocol/text-ids.ts";
import type { StoredResult } from "#storage/results.ts";
import type { Assigned, Recomputed } from "./recompute.ts";

export type Verdict = VerificationDecision["verdict"];

/** What a verifier finds: its verdict, what is wrong where something is, and the evidence that it rests on. */
export type Finding = {
  readonly verdict: Verdict;
  readonly fault: Refusal | undefined;
  /** Its canonical text, and the hash that decisions commit to it by. */
  readonly evidenceText: IdentifiedText;
  readonly evidence: VerificationEvidence;
};

/** What a verdict is decided on. */
export type Checked = {
  readonly domain: MessageDomain;
  readonly assigned: Assigned;
  readonly stored: StoredResult;
  readonly bundle: ExecutionResultBundle;
  readonly expected: Recomputed;
  /** Whether the bundle's executor is one. */
  readonly isExecutor: boolean;
};

/**
 * Checks a bundle (LAYR-15): without its context, a valid signature or an executor it is rejected; where the re-execution
 * comes to something else it is challenged, for one of the two is wrong and this one cannot tell which.
 */
export function checkBundle(checked: Checked): Finding {
  const { assigned, bundle, stored, expected } = checked;
  const formal = formalFault(checked);
  const fault = formal ?? mismatch(bundle, expected);
  // Keys stand in canonical order, which spares sorting them for each task.
  const evidence: VerificationEvidence = {
    bundleId: stored.bundleId,
    claimedCommitment: bundle.outputCommitment,
    recomputedCommitment: expected.outputCommitment,
    recomputedTranscriptId: expected.transcriptId,
    resolutionId: assigned.assignment.resolutionId,
    taskId: assigned.assignment.taskId,
    transcriptId: bundle.transcriptId,
  };
  const verdict = formal ? "rejected" : fault ? "challenged" : "accepted";
  return { verdict, fault, evidence, evidenceText: identify("evidence", evidence) };
}

function formalFault({ domain, assigned, stored, bundle, isExecutor }: Checked): Refusal | undefined {
  const { assignment, resolutionText: resolution } = assigned;
  const { taskId, resolutionId, bindings, fee } = assignment;
  const missing = (part: string): Refusal => refuse("EXECUTION_CONTEXT_MISSING", { part });
  if (bundle.taskId !== taskId || bundle.resolutionId !== resolutionId) return missing("assignment");
  const resolved = resolutionText({ bindings: canonicalText(bindings), fee, resolution });
  if (idOfText("resolution", resolved) !== resolutionId) return missing("resolution");
  if (idOfText("bundle", stored.bundle) !== stored.bundleId) return missing("bundle");
  if (sha256Hex(stored.result) !== bundle.outputCommitment) return missing("result");
  if (idOfText("transcript", stored.transcript) !== bundle.transcriptId) return missing("transcript");
  if (idOfText("accessLog", stored.accessLog) !== bundle.accessLogId) return missing("access log");
  const signer = recover(bundleDigest(domain, taskId, stored.bundleId), stored.signature);
  if (signer === undefined || signer !== bundle.executor || signer !== stored.executor) {
    return refuse("AUTH_SIGNATURE_INVALID", { executor: bundle.executor });
  }
  return isExecutor ? undefined : refuse("AUTH_ROLE", { address: signer, required: ["executor"] });
}

/**
 * The first part in which claim and re-execution differ. The task's history shows it to the submitter, so it does not hold the hashes
 * that an answer could be guessed from: the evidence does.
 */
function mismatch(claimed: ExecutionResultBundle, expected: Recomputed): Refusal | undefined {
  for (const part of ["outputCommitment", "transcriptId"] as const) {
    if (claimed[part] !== expected[part]) return refuse("VERIFY_MISMATCH", { part });
  }
  for (const part of ["accessLogId", "fee"] as const) {
    const [claim, own] = [claimed[part], expected[part]];
    if (claim !== own) return refuse("VERIFY_MISMATCH", { part, claimed: claim, recomputed: own });
  }
  const [claim, own] = [canonicalText(claimed.units), canonicalText(expected.units)];
  return claim === own ? undefined : refuse("VERIFY_MISMATCH", { part: "units", claimed: claim, recomputed: own });
}

/** A verifier's decision on a finding, not signed yet. */
export function decisionOf({ verdict, evidence, evidenceText }: Finding, verifier: Hex): VerificationDecision {
  return {
    bundleId: evidence.bundleId,
    evidenceHash: evidenceText.id,
    method: "re_execution",
    recomputedCommitment: evidence.recomputedCommitment,
    schemaVersion: "1.0",
    taskId: evidence.taskId,
    verdict,
    verifier,
  };
}

/** What verdicts come to together. */
export type Agreement = "awaiting_settlement" | "rejected" | "challenged" | "undecided";

/**
 * What follows from the verdicts given so far (LAYR-16): as many as policy asks for must agree. One that challenges, or two
 * that differ, make a challenge; a majority decides nothing.
 */
export function agreementOf(verdicts: readonly Verdict[], needed: number): Agreement {
  const kinds = new Set(verdicts);
  if (kinds.has("challenged") || kinds.size > 1) return "challenged";
  if (verdicts.length < needed) return "undecided";
  return kinds.has("accepted") ? "awaiting_settlement" : "rejected";
}
