// Whether a batch of submissions is admitted: one pure decision over what is known of their submitters.
import { ProtocolError, refuse, type Refusal } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { TaskEnvelope, TaskReceipt } from "#protocol/schemas/task.ts";
import { keyText, windowText, type HopefulAdmission, type QuotaWindow } from "#storage/admission-rows.ts";
import type { LiveVersions, SubmitterFacts } from "#storage/intake.ts";

/** The schema versions of envelopes that this node reads. */
export const schemaVersions: readonly string[] = ["1.0"];

/** A submission whose form, signature and submitter were found good. */
export type Candidate = {
  readonly taskId: Hex;
  readonly envelope: TaskEnvelope;
  /** The envelope's canonical text: what is kept. */
  readonly envelopeText: string;
  readonly signature: Uint8Array | null;
};

/** What a decision rests on, besides what is locked: published documents and the time. */
export type Published = {
  readonly now: Date;
  /** By scope. */
  readonly versions: ReadonlyMap<string, LiveVersions>;
  /** By version. */
  readonly policies: ReadonlyMap<string, Policy>;
};

/** What became of one submission: the task it is, or why it is none. */
export type Outcome = TaskReceipt | Refusal;

/** Whether an outcome is a refusal. */
export function isRefusal(outcome: Outcome): outcome is Refusal {
  return "code" in outcome;
}

/** Decisions in the order of the batch, and what is to be written for those newly admitted. */
export type Decisions = { readonly outcomes: readonly Outcome[]; readonly admissions: readonly HopefulAdmission[] };

/** What is left to the submitters while a batch is decided one by one. */
type Running = {
  readonly known: Map<string, { readonly taskId: Hex; readonly state: TaskReceipt["state"] }>;
  readonly available: Map<Hex, bigint>;
  readonly used: Map<string, number>;
};

/**
 * Decides a batch in its order; each admission counts for those after it. The checks of one submission, in this order:
 * known before (TASK-07), versions live, not expired and not valid for too long, fee, quota, budget (LAYR-03). So an
 * envelope that was admitted once is answered with its task for ever, whatever has expired since.
 */
export function admit(batch: readonly Candidate[], facts: SubmitterFacts, published: Published): Decisions {
  const running: Running = {
    known: new Map(facts.known),
    available: new Map(facts.available),
    used: new Map(facts.used),
  };
  const admissions: HopefulAdmission[] = [];
  const outcomes = batch.map((candidate): Outcome => {
    const { taskId, envelope } = candidate;
    const known = running.known.get(keyText(envelope));
    if (known !== undefined) {
      if (known.taskId === taskId) return { ...known, repeated: true };
      return refuse("POLICY_IDEMPOTENCY_CONFLICT", { taskId: known.taskId });
    }
    const policy = policyFor(envelope, published);
    if ("code" in policy) return policy;
    const admission = admissionOf(candidate, policy, published.now);
    const refusal = refuseTimes(envelope, policy, published.now) ?? refuseSpending(admission, policy, running);
    if (refusal !== undefined) return refusal;
    spend(admission, running);
    admissions.push(admission);
    return { taskId, state: "accepted", repeated: false };
  });
  return { outcomes, admissions };
}

/**
 * What one hopes of the submitters of a batch: nothing of it is known, nothing was counted, and they can pay for all of it. A
 * decision on it stands if that is so: keys unknown, windows with room and budgets enough for the admissions it makes.
 */
export function hopefulFacts(batch: readonly Candidate[]): SubmitterFacts {
  const available = new Map<Hex, bigint>();
  for (const { envelope } of batch) {
    available.set(envelope.submitter, (available.get(envelope.submitter) ?? 0n) + BigInt(envelope.feeLimit));
  }
  return { known: new Map(), available, used: new Map() };
}

/** The policy of an envelope whose versions are those that its scope takes new tasks under; without them no task (LAYR-02). */
function policyFor(envelope: TaskEnvelope, { versions, policies }: Published): Policy | Refusal {
  const { semantic, policy } = versions.get(envelope.scope) ?? { semantic: [], policy: [] };
  if (!schemaVersions.includes(envelope.schemaVersion)) {
    return refuse("VERSION_SCHEMA_UNKNOWN", { supported: schemaVersions });
  }
  if (!semantic.includes(envelope.semanticVersion)) return refuse("VERSION_SEMANTIC_UNKNOWN", { supported: semantic });
  const published = policy.includes(envelope.policyVersion) ? policies.get(envelope.policyVersion) : undefined;
  return published ?? refuse("VERSION_POLICY_UNKNOWN", { supported: policy });
}

function refuseTimes({ expiresAtSeconds }: TaskEnvelope, policy: Policy, now: Date): Refusal | undefined {
  const maximumSeconds = policy.envelopeLifetimeSeconds;
  const leftSeconds = expiresAtSeconds - now.getTime() / 1000;
  if (leftSeconds <= 0) return refuse("AUTH_EXPIRED");
  return leftSeconds > maximumSeconds ? refuse("AUTH_LIFETIME", { maximumSeconds }) : undefined;
}

/** The quota window that a moment lies in; windows begin at multiples of their length, so that all nodes count in the same. */
export function windowOf(submitter: Hex, policy: Policy, now: Date): QuotaWindow {
  const { windowSeconds } = policy.quota;
  return { submitter, startSeconds: Math.floor(now.getTime() / 1000 / windowSeconds) * windowSeconds };
}

function admissionOf(
  { taskId, envelope, envelopeText, signature }: Candidate,
  policy: Policy,
  now: Date,
): HopefulAdmission {
  return {
    taskId,
    scope: envelope.scope,
    submitter: envelope.submitter,
    idempotencyKey: envelope.idempotencyKey,
    envelopeText,
    signature,
    feeLimit: BigInt(envelope.feeLimit),
    versions: { schema: envelope.schemaVersion, semantic: envelope.semanticVersion, policy: envelope.policyVersion },
    deadlineAt: new Date(now.getTime() + policy.stages.accepted.deadlineSeconds * 1000),
    window: windowOf(envelope.submitter, policy, now),
    tasksPerWindow: policy.quota.tasksPerWindow,
  };
}

/** Says which bound is exceeded, by how much, and until when. */
function refuseSpending(
  admission: HopefulAdmission,
  policy: Policy,
  { available, used }: Running,
): Refusal | undefined {
  const { submitter, feeLimit, window } = admission;
  if (feeLimit < BigInt(policy.fees.base)) return refuse("POLICY_FEE_TOO_LOW", { required: policy.fees.base });
  const { tasksPerWindow, windowSeconds } = policy.quota;
  if ((used.get(windowText(window)) ?? 0) >= tasksPerWindow) {
    const until = new Date((window.startSeconds + windowSeconds) * 1000).toISOString();
    return refuse("POLICY_QUOTA_EXCEEDED", { until, tasksPerWindow, windowSeconds });
  }
  const left = available.get(submitter) ?? 0n;
  if (left >= feeLimit) return undefined;
  return refuse("POLICY_BUDGET_EXCEEDED", { available: String(left), required: String(feeLimit) });
}

function spend(admission: HopefulAdmission, { known, available, used }: Running): void {
  const { submitter, feeLimit, window, taskId } = admission;
  known.set(keyText(admission), { taskId, state: "accepted" });
  available.set(submitter, (available.get(submitter) ?? 0n) - feeLimit);
  used.set(windowText(window), (used.get(windowText(window)) ?? 0) + 1);
}

/** A refusal as the error that becomes the answer; a quota also says when to come back. */
export function refusalError({ code, detail }: Refusal, now: Date): ProtocolError {
  const { until } = detail;
  if (code !== "POLICY_QUOTA_EXCEEDED" || typeof until !== "string") return new ProtocolError(code, detail);
  const retryAfterSeconds = Math.max(1, Math.ceil((Date.parse(until) - now.getTime()) / 1000));
  return new ProtocolError(code, { ...detail, retryAfterSeconds });
}
