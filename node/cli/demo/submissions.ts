// What the demo submits: signed envelopes, repeats of them, and submissions that have to be refused.
import { envelopeDigest } from "#protocol/messages.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { TaskEnvelope, TaskReceipt, TaskSubmission } from "#protocol/schemas/task.ts";
import { sign } from "#protocol/signature.ts";
import { request } from "../api-client.ts";
import type { ActorKey } from "../keys.ts";
import { demoPeople } from "./actors.ts";
import { demoRegistry } from "./registry.ts";
import { seedOf, type Setting } from "./setting.ts";
import type { DemoTask } from "./tasks.ts";

/** Scope of everything in the demo. */
export const demoScope = "main";

/** The most a demo task may cost, in base units. */
const feeLimit = 20_000_000_000_000_000n;

/** The envelope of the `at`-th task of the demo. */
export function envelopeOf(setting: Setting, submitter: ActorKey, task: DemoTask, at: number): TaskEnvelope {
  return {
    schemaVersion: "1.0",
    semanticVersion: demoRegistry.semanticVersion,
    policyVersion: "1",
    scope: demoScope,
    submitter: submitter.address,
    program: task.program,
    inputs: { sources: [...task.sources] },
    seed: seedOf(at),
    feeLimit: String(feeLimit),
    idempotencyKey: `demo-${at}`,
    expiresAtSeconds: setting.expiresAtSeconds,
  };
}

/** Signs an envelope with a key, which is the submitter's unless somebody cheats. */
export function signed(setting: Setting, envelope: TaskEnvelope, key: ActorKey): TaskSubmission {
  return { envelope, signature: sign(envelopeDigest(setting.domain, envelope), key.privateKey) };
}

/** Sends a submission. */
export async function send(setting: Setting, submission: unknown): Promise<TaskReceipt> {
  return await request<TaskReceipt>({ url: setting.url, token: null }, "POST", "/v1/tasks", submission);
}

/** Who submits the `at`-th task: the submitters take turns. */
export function submitterOf(at: number): ActorKey {
  const submitter = demoPeople.submitters[at % (demoPeople.submitters.length - 1)];
  if (submitter) return submitter;
  throw new RangeError("the demo has no submitter");
}

/** One submission that must be refused at the door, and the code it must be refused with. */
export type Refused = { readonly what: string; readonly code: string; readonly submission: unknown };

/** Bad submissions of several families, made from a good one that was already accepted. */
export function refusedSubmissions(setting: Setting, task: DemoTask): readonly Refused[] {
  const [first] = demoPeople.submitters;
  if (!first) throw new RangeError("the demo has no submitter");
  const good = envelopeOf(setting, first, task, 0);
  const { poor, stranger } = demoPeople;
  const by = (key: ActorKey): TaskEnvelope => ({ ...good, submitter: key.address });
  const withSubmission = (change: Partial<TaskEnvelope>) => signed(setting, { ...good, ...change }, first);
  return [
    { what: "another's signature", code: "AUTH_SIGNATURE_INVALID", submission: signed(setting, good, stranger) },
    { what: "half a signature", code: "AUTH_SIGNATURE_MALFORMED", submission: { envelope: good, signature: "0x1234" } },
    {
      what: "an unregistered submitter",
      code: "AUTH_ACTOR_UNKNOWN",
      submission: signed(setting, by(stranger), stranger),
    },
    { what: "a budget that is too small", code: "POLICY_BUDGET_EXCEEDED", submission: signed(setting, by(poor), poor) },
    {
      what: "a key used before with other content",
      code: "POLICY_IDEMPOTENCY_CONFLICT",
      submission: withSubmission({ seed: seedOf(9_999) }),
    },
    {
      what: "an unknown meaning",
      code: "VERSION_SEMANTIC_UNKNOWN",
      submission: withSubmission({ semanticVersion: "1999.1", idempotencyKey: "x1" }),
    },
    {
      what: "an unknown policy",
      code: "VERSION_POLICY_UNKNOWN",
      submission: withSubmission({ policyVersion: "99", idempotencyKey: "x2" }),
    },
    {
      what: "a fee limit below the base fee",
      code: "POLICY_FEE_TOO_LOW",
      submission: withSubmission({ feeLimit: "1", idempotencyKey: "x3" }),
    },
    {
      what: "a field nobody knows",
      code: "SCHEMA_INVALID",
      submission: { ...signed(setting, good, first), colour: "red" },
    },
  ];
}

/** Sends what must be refused. @throws Error if it is accepted, or refused with another code */
export async function expectRefusal(setting: Setting, { what, code, submission }: Refused): Promise<void> {
  try {
    await send(setting, submission);
  } catch (error) {
    if (error instanceof ProtocolError && error.code === code) return;
    throw error;
  }
  throw new Error(`${what} was accepted`);
}

/** The id a submission was accepted under. */
export type Accepted = { readonly taskId: Hex; readonly submission: TaskSubmission };
