// A batch of tasks on its way through verification: what each needs, who of this process decides, and what they find.
import { strict as assert } from "node:assert";
import type { Refusal } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { decisionDigest, type MessageDomain } from "#protocol/messages.ts";
import type {
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
} from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { identify } from "#protocol/text-ids.ts";
import { readAssignments } from "#storage/assignments.ts";
import type { Database } from "#storage/database.ts";
import { readVerdicts, type SignedDecision } from "#storage/decisions.ts";
import { readResults, type StoredResult } from "#storage/results.ts";
import type { Claim } from "#storage/tasks.ts";
import { readRoles } from "#storage/tokens.ts";
import type { Access, AccessOutcome, OpenCollections, Verifier } from "./ports.ts";
import { recompute, type Assigned } from "./recompute.ts";
import { checkBundle, decisionOf, type Finding, type Verdict } from "./verify-task.ts";

/** A task to be verified, with what was said about it so far. */
export type Pending = {
  readonly claim: Claim;
  readonly assigned: Assigned;
  readonly stored: StoredResult;
  readonly bundle: ExecutionResultBundle;
  /** Verdicts that others gave, or this process before. */
  readonly given: readonly Verdict[];
  /** Who of this process still has to decide, ascending by address; at most as many as are needed. */
  readonly deciders: readonly Verifier[];
};

/** What this process came to about one task. */
export type Checked =
  | { readonly kind: "decided"; readonly decisions: readonly SignedDecision[]; readonly fault: Refusal | undefined }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "failed"; readonly error: unknown };

type LoadDeps = { readonly database: Database; readonly verifiers: readonly Verifier[] };

/** Loads all that the checks of a batch need, with one statement for each kind of thing. */
export async function loadPending(
  { database, verifiers }: LoadDeps,
  claims: readonly Claim[],
  policies: ReadonlyMap<string, Policy>,
): Promise<readonly Pending[]> {
  const ids = claims.map(({ taskId }) => taskId);
  const [assignments, results, verdicts] = await Promise.all([
    readAssignments(database, ids),
    readResults(database, ids),
    readVerdicts(database, ids),
  ]);
  return claims.map((claim) => {
    const assignment = assignments.get(claim.taskId);
    const stored = results.get(claim.taskId);
    const policy = policies.get(claim.versions.policy);
    assert(assignment && stored && policy, "a task in verification has an assignment, a result and a policy");
    const given = (verdicts.get(claim.taskId) ?? []).filter(({ bundleId }) => bundleId === stored.bundleId);
    const standing = given.filter(({ isOverruled }) => !isOverruled);
    const undecided = verifiers.filter(({ address }) => !given.some(({ verifier }) => verifier === address));
    return {
      claim,
      assigned: {
        program: claim.envelope.program,
        assignment: JSON.parse(assignment.body) as ExecutionAssignment,
        resolution: JSON.parse(assignment.resolution) as SemanticResolutionResult,
        resolutionText: assignment.resolution,
        policy,
      },
      stored,
      bundle: JSON.parse(stored.bundle) as ExecutionResultBundle,
      given: standing.map(({ verdict }) => verdict),
      deciders: undecided.slice(0, Math.max(0, policy.verifiers - standing.length)),
    };
  });
}

/** Those of the accounts that hold a role now. */
export async function holdersOf(
  database: Database,
  role: "executor" | "verifier",
  accounts: readonly Hex[],
): Promise<ReadonlySet<Hex>> {
  const held = await Promise.all(
    [...new Set(accounts)].map(async (account) => ((await readRoles(database, account)).has(role) ? [account] : [])),
  );
  return new Set(held.flat());
}

/** Has opened, for the verifiers' own account, what the tasks were bound to: outcomes for each task, in its bindings' order. */
export async function openAll(
  openCollections: OpenCollections,
  pending: readonly Pending[],
): Promise<ReadonlyMap<Hex, readonly AccessOutcome[]>> {
  const opened = new Map<Hex, AccessOutcome[]>();
  for (const [by, tasks] of Map.groupBy(pending, ({ deciders }) => deciders[0]?.address)) {
    if (by === undefined) continue;
    const accesses = tasks.flatMap(({ assigned }) => accessesOf(assigned));
    const outcomes = await openCollections(accesses, { by, purpose: "verification" });
    for (const [at, { taskId }] of accesses.entries()) {
      const outcome = outcomes[at];
      assert(outcome, "every access has an outcome");
      const others = opened.get(taskId);
      if (others) others.push(outcome);
      else opened.set(taskId, [outcome]);
    }
  }
  return opened;
}

/** What a task was bound to read, as it is asked of the vaults. */
export function accessesOf({ program, assignment }: Assigned): readonly Access[] {
  const { taskId } = assignment;
  return assignment.bindings.map(({ grantId, snapshot: { vault, collection, size, digest } }) => ({
    taskId,
    program: program.kind,
    grantId,
    vault,
    collection,
    size,
    digest,
  }));
}

/** Executes one task again and decides, for every decider of this process; what goes wrong is this task's outcome. */
export function checkTask(
  pending: Pending,
  opened: readonly AccessOutcome[],
  context: { readonly domain: MessageDomain; readonly executors: ReadonlySet<Hex> },
): Checked {
  const { assigned, stored, bundle, deciders } = pending;
  try {
    const recomputed = recompute(assigned, opened);
    if (recomputed.kind === "refused") return recomputed;
    const { expected } = recomputed;
    const isExecutor = context.executors.has(bundle.executor);
    const finding = checkBundle({ domain: context.domain, assigned, stored, bundle, expected, isExecutor });
    const decisions = deciders.map((verifier) => signDecision(finding, verifier, context.domain));
    return { kind: "decided", decisions, fault: finding.fault };
  } catch (error) {
    return { kind: "failed", error };
  }
}

function signDecision(finding: Finding, verifier: Verifier, domain: MessageDomain): SignedDecision {
  const decision = decisionOf(finding, verifier.address);
  const { taskId, bundleId, verdict } = decision;
  const { id: decisionId, text: body } = identify("decision", decision);
  return {
    decisionId,
    taskId,
    bundleId,
    verifier: verifier.address,
    verdict,
    body,
    evidence: finding.evidenceText.text,
    signature: verifier.sign(decisionDigest(domain, { taskId, bundleId, decisionId, verdict })),
  };
}
