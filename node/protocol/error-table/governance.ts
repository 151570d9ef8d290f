// Errors of challenges and of governance: why an accusation or an act is not taken.
import { entry, type ErrorEntry } from "./entry.ts";

export const governanceErrors = {
  VERIFY_CHALLENGE_NOT_FOUND: entry(404, false, "No challenge exists under this id.", "List the challenges."),
  VERIFY_CHALLENGE_REFUSED: entry(
    409,
    false,
    "What the challenge names is not there to be attacked; `reason` says what.",
    "Name a task, one of its decisions, and the candidate that holds it while it is not final.",
  ),
  VERIFY_EVIDENCE_INVALID: entry(
    422,
    false,
    "The evidence does not have the hash that the challenge names, or is about something else.",
    "Send the evidence that evidenceHash commits to, about the named task and decision.",
  ),
  VERIFY_EVIDENCE_KNOWN: entry(
    409,
    false,
    "The challenge was reviewed with this evidence before.",
    "A closed challenge is reopened by new evidence only.",
  ),
  GOVERNANCE_NOT_FOUND: entry(404, false, "No act of governance is recorded under this id.", "List the acts."),
  GOVERNANCE_TRANSITION_REFUSED: entry(
    409,
    false,
    "The lifecycle table does not allow this change of a domain, an attribute or a challenge.",
    "Read its state in the version named; see docs/reference/lifecycles.md.",
  ),
  GOVERNANCE_THRESHOLD_UNMET: entry(
    409,
    false,
    "The candidate does not meet what the policy asks of a promotion; `missing` names each.",
    "Wait for more windows, record an exception for coverage, or declare the alias or replacement.",
  ),
} as const satisfies Record<string, ErrorEntry>;
