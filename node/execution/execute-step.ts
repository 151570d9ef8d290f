// The execution layer's step: takes dispatched tasks, runs them over authorized plaintext, leaves signed result bundles.
import { strict as assert } from "node:assert";
import type { Logger } from "#observability/log.ts";
import type { Metrics } from "#observability/metrics.ts";
import { ProtocolError, refuse } from "#protocol/errors.ts";
import { stepBatchLimit } from "#protocol/limits.ts";
import { bundleDigest, type MessageDomain } from "#protocol/messages.ts";
import type { ExecutionAssignment, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { readAssignments } from "#storage/assignments.ts";
import type { Database } from "#storage/database.ts";
import { commitMoves, moveOf, nextBatchLimit } from "#storage/moves.ts";
import type { Documents } from "#storage/registry.ts";
import { insertResults, type StoredResult } from "#storage/results.ts";
import { claimTasks, releaseTasks, type Claim, type Move } from "#storage/tasks.ts";
import { readRoles } from "#storage/tokens.ts";
import { refuseBundle, type Artifacts } from "./artifacts.ts";
import { accessesOf, executeTask, visitsOf, type Assigned, type Executed } from "./execute-task.ts";
import type { AccessOutcome, DecideRetry, Executor, OpenCollections } from "./ports.ts";

export type ExecuteDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly documents: Documents;
  /** Names this process: no two have the same. */
  readonly holder: string;
  readonly domain: MessageDomain;
  readonly executor: Executor;
  readonly openCollections: OpenCollections;
  readonly decideRetry: DecideRetry;
  /** Tasks at once; the default is in protocol/limits.ts. */
  readonly batchLimit?: number;
};

/** Records visited before others get their turn: about ten milliseconds. */
const visitsPerTurn = 250_000;

/** What an attempt came to; a failed one may be made again. */
type Attempt = {
  readonly claim: Claim;
  readonly outcome: Executed | { readonly kind: "failed"; readonly error: unknown };
};

/** Executes tasks in batches; each that this process still holds at the end moves on together with its bundle (LAYR-05). */
export function executeStep(deps: ExecuteDeps): { readonly name: string; readonly run: () => Promise<number> } {
  const { database, clock, holder, executor, batchLimit = stepBatchLimit } = deps;
  let limit = batchLimit;
  const run = async (): Promise<number> => {
    const roles = await readRoles(database, executor.address);
    if (!roles.has("executor"))
      throw new ProtocolError("AUTH_ROLE", { address: executor.address, required: ["executor"] });
    const startedAt = clock();
    const claims = await claimTasks(database, { state: "dispatched", holder, limit, now: startedAt });
    if (claims.length === 0) return 0;
    const policies = await deps.documents.policies(
      database,
      claims.map(({ versions }) => versions.policy),
    );
    const attempts = await attemptAll(deps, claims, policies);
    await commit(deps, attempts, policies);
    const milliseconds = clock().getTime() - startedAt.getTime();
    limit = nextBatchLimit(limit, { taken: claims.length, milliseconds }, batchLimit);
    return claims.length;
  };
  return { name: "execute", run };
}

/** Attempts every task of the batch; what goes wrong with one is that one's outcome. */
async function attemptAll(
  deps: ExecuteDeps,
  claims: readonly Claim[],
  policies: ReadonlyMap<string, Policy>,
): Promise<readonly Attempt[]> {
  let prepared: readonly Prepared[];
  try {
    prepared = await prepare(deps, claims, policies);
  } catch (error) {
    return claims.map((claim) => ({ claim, outcome: { kind: "failed", error } }));
  }
  const attempts: Attempt[] = [];
  let visits = 0;
  for (const { claim, assigned, opened } of prepared) {
    attempts.push({ claim, outcome: attempt(assigned, opened, deps) });
    visits += visitsOf(assigned);
    if (visits < visitsPerTurn) continue;
    visits = 0;
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return attempts;
}

type Prepared = { readonly claim: Claim; readonly assigned: Assigned; readonly opened: readonly AccessOutcome[] };

/** Loads the assignments, and has everything they are bound to opened at once. */
async function prepare(
  { database, executor, openCollections }: ExecuteDeps,
  claims: readonly Claim[],
  policies: ReadonlyMap<string, Policy>,
): Promise<readonly Prepared[]> {
  const assignments = await readAssignments(
    database,
    claims.map(({ taskId }) => taskId),
  );
  const tasks = claims.map((claim) => {
    const stored = assignments.get(claim.taskId);
    const policy = policies.get(claim.versions.policy);
    assert(stored && policy, "a dispatched task has an assignment and a policy");
    const assigned = {
      program: claim.envelope.program,
      assignment: JSON.parse(stored.body) as ExecutionAssignment,
      resolution: JSON.parse(stored.resolution) as SemanticResolutionResult,
      policy,
    };
    return { claim, assigned, accesses: accessesOf(assigned) };
  });
  const reader = { by: executor.address, purpose: "execution" } as const;
  const outcomes = await openCollections(
    tasks.flatMap(({ accesses }) => accesses),
    reader,
  );
  let next = 0;
  return tasks.map(({ claim, assigned, accesses }) => {
    next += accesses.length;
    return { claim, assigned, opened: outcomes.slice(next - accesses.length, next) };
  });
}

function attempt(assigned: Assigned, opened: readonly AccessOutcome[], { executor }: ExecuteDeps): Attempt["outcome"] {
  try {
    const executed = executeTask(assigned, opened, executor.address);
    const refusal = executed.kind === "executed" ? refuseBundle(executed.artifacts, assigned.assignment) : undefined;
    return refusal ? { kind: "refused", refusal } : executed;
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** What becomes of an attempt: a move, with a result where there is one, or another attempt later. */
type Verdict =
  | { readonly kind: "move"; readonly move: Move; readonly result: StoredResult | undefined }
  | { readonly kind: "release"; readonly claim: Claim; readonly dueAt: Date };

async function commit(
  deps: ExecuteDeps,
  attempts: readonly Attempt[],
  policies: ReadonlyMap<string, Policy>,
): Promise<void> {
  const { database, clock, log, metrics } = deps;
  const now = clock();
  const verdicts = attempts.map((each) => judge(deps, each, policies.get(each.claim.versions.policy), now));
  const failed = attempts.find(({ outcome }) => outcome.kind === "failed")?.outcome;
  if (failed?.kind === "failed") log.warn({ err: failed.error }, "executions failed; this is the first of them");
  const moves = verdicts.filter((verdict) => verdict.kind === "move");
  const releases = verdicts.filter((verdict) => verdict.kind === "release");
  const moved = await database.transaction(async (transaction) => {
    const ids = await commitMoves(
      transaction,
      moves.map(({ move }) => move),
      now,
    );
    const results = moves.flatMap(({ result }) => (result !== undefined && ids.has(result.taskId) ? [result] : []));
    await insertResults(transaction, results);
    await releaseTasks(transaction, releases);
    return ids;
  });
  const done = moves.filter(({ move }) => moved.has(move.claim.taskId));
  for (const [to, { length }] of Map.groupBy(done, ({ move }) => move.to)) {
    metrics.count("scs_task_transitions_total", length, { from: "dispatched", to });
  }
  metrics.count("scs_task_retries_total", releases.length, { stage: "dispatched" });
}

function judge(deps: ExecuteDeps, { claim, outcome }: Attempt, policy: Policy | undefined, now: Date): Verdict {
  const move = (to: "verifying" | "rejected", refusal = outcome.kind === "refused" ? outcome.refusal : undefined) =>
    moveOf({ claim, to, policy, ...(refusal && { refusal }) }, now);
  switch (outcome.kind) {
    case "executed":
      return { kind: "move", move: move("verifying"), result: signed(deps, outcome.artifacts) };
    case "refused":
      return { kind: "move", move: move("rejected"), result: undefined };
    case "failed": {
      const retry = policy && deps.decideRetry(policy.stages.dispatched, claim.attempt, now);
      if (retry?.kind === "again") return { kind: "release", claim, dueAt: retry.dueAt };
      const refusal = refuse("EXECUTION_FAILED", { attempts: claim.attempt + 1 });
      return { kind: "move", move: move("rejected", refusal), result: undefined };
    }
  }
}

/** A bundle with its context as it is stored, signed by the executor. */
function signed({ domain, executor }: ExecuteDeps, { bundle, bundleText, ...texts }: Artifacts): StoredResult {
  const { taskId } = bundle;
  const { id: bundleId, text } = bundleText;
  const signature = executor.sign(bundleDigest(domain, taskId, bundleId));
  return { bundleId, taskId, executor: executor.address, bundle: text, signature, ...texts };
}
