// Envelopes and submissions for tests: valid ones, to be changed where a test needs them wrong.
import { envelopeDigest, type MessageDomain } from "#protocol/messages.ts";
import type { TaskEnvelope, TaskSubmission } from "#protocol/schemas/task.ts";
import type { Hex } from "#protocol/hash.ts";
import { sign } from "#protocol/signature.ts";
import { domain, startOfTests, type Actor } from "./opened.ts";

/** An hour after the tests' clock begins. */
export const soonSeconds = startOfTests.getTime() / 1000 + 3_600;

/** A valid envelope of a submitter. */
export function envelopeOf(submitter: Hex, change: Partial<TaskEnvelope> = {}): TaskEnvelope {
  return {
    schemaVersion: "1.0",
    semanticVersion: "2026.1",
    policyVersion: "1",
    scope: "main",
    submitter,
    program: {
      kind: "protected_query",
      domain: "mobility.aviation",
      measure: { function: "mean", attribute: "delay" },
      conditions: [
        { attribute: "origin", operator: "equal", value: "LAX" },
        { attribute: "distance", operator: "greater", value: 500 },
      ],
      groupBy: "destination",
      minimumGroupSize: 10,
    },
    inputs: { sources: [{ vault: "vault-a", collection: "flights" }] },
    seed: `0x${"11".repeat(32)}`,
    feeLimit: "1000",
    idempotencyKey: "key-1",
    expiresAtSeconds: soonSeconds,
    ...change,
  };
}

/** The submission of an envelope, signed by an actor for a chain and contract. */
export function signedBy(actor: Actor, envelope: TaskEnvelope, place: MessageDomain = domain): TaskSubmission {
  return { envelope, signature: sign(envelopeDigest(place, envelope), actor.key) };
}
