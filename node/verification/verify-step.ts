// The verification layer's step: takes tasks with a bundle, executes them again, and leaves signed decisions.
import type { Logger } from "#observability/log.ts";
import type { Metrics } from "#observability/metrics.ts";
import { refuse } from "#protocol/errors.ts";
import { stepBatchLimit } from "#protocol/limits.ts";
import type { MessageDomain } from "#protocol/messages.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { openDisagreements, type Disagreement } from "#storage/challenge-disagreements.ts";
import type { Database } from "#storage/database.ts";
import { insertDecisions, setAside, type SignedDecision } from "#storage/decisions.ts";
import { commitMoves, moveOf, nextBatchLimit, type Outcome } from "#storage/moves.ts";
import type { Documents } from "#storage/registry.ts";
import { claimTasks, releaseTasks, type Claim, type Move } from "#storage/tasks.ts";
import type { DecideRetry, OpenCollections, Verifier } from "./ports.ts";
import { checkTask, holdersOf, loadPending, openAll, type Checked, type Pending } from "./verify-batch.ts";
import { agreementOf } from "./verify-task.ts";

export type VerifyDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly documents: Documents;
  /** Names this process: no two have the same. */
  readonly holder: string;
  readonly domain: MessageDomain;
  /** The verifiers of this process. Where policy asks for more than it has, others have to decide too. */
  readonly verifiers: readonly Verifier[];
  readonly openCollections: OpenCollections;
  readonly decideRetry: DecideRetry;
  /** Tasks at once; the default is in protocol/limits.ts. */
  readonly batchLimit?: number;
};

/** Records visited before others get their turn: about ten milliseconds. */
const visitsPerTurn = 250_000;

/** Verifies tasks in batches; never touches what execution wrote (LAYR-15, LAYR-16). */
export function verifyStep(deps: VerifyDeps): { readonly name: string; readonly run: () => Promise<number> } {
  const { database, clock, holder, batchLimit = stepBatchLimit } = deps;
  const known = deps.verifiers.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  let limit = batchLimit;
  const run = async (): Promise<number> => {
    const holders = await holdersOf(
      database,
      "verifier",
      known.map(({ address }) => address),
    );
    const verifiers = known.filter(({ address }) => holders.has(address));
    if (verifiers.length === 0) return 0;
    const startedAt = clock();
    const claims = await claimTasks(database, { state: "verifying", holder, limit, now: startedAt });
    if (claims.length === 0) return 0;
    const policies = await deps.documents.policies(
      database,
      claims.map(({ versions }) => versions.policy),
    );
    const checks = await checkAll({ ...deps, verifiers }, claims, policies);
    await commit(
      deps,
      checks.map((check) => judge(check, policies.get(check.claim.versions.policy))),
    );
    const milliseconds = clock().getTime() - startedAt.getTime();
    limit = nextBatchLimit(limit, { taken: claims.length, milliseconds }, batchLimit);
    return claims.length;
  };
  return { name: "verify", run };
}

/** A task with what this process came to about it; `pending` is missing where not even that could be loaded. */
type Check = { readonly claim: Claim; readonly pending: Pending | undefined; readonly checked: Checked };

async function checkAll(
  deps: VerifyDeps,
  claims: readonly Claim[],
  policies: ReadonlyMap<string, Policy>,
): Promise<readonly Check[]> {
  const { database, domain, openCollections } = deps;
  try {
    const pending = await loadPending(deps, claims, policies);
    const opened = await openAll(openCollections, pending);
    const executors = await holdersOf(
      database,
      "executor",
      pending.map(({ bundle }) => bundle.executor),
    );
    const checks: Check[] = [];
    let visits = 0;
    for (const each of pending) {
      const checked: Checked =
        each.deciders.length === 0
          ? { kind: "decided", decisions: [], fault: undefined }
          : checkTask(each, opened.get(each.claim.taskId) ?? [], { domain, executors });
      checks.push({ claim: each.claim, pending: each, checked });
      visits += each.bundle.units.records;
      if (visits < visitsPerTurn) continue;
      visits = 0;
      await new Promise((resolve) => void setImmediate(resolve));
    }
    return checks;
  } catch (error) {
    return claims.map((claim) => ({ claim, pending: undefined, checked: { kind: "failed", error } }));
  }
}

/** What becomes of a task: it moves on, waits for others' decisions, or is tried again. */
type Verdict = { readonly decisions: readonly SignedDecision[] } & (
  | { readonly kind: "move"; readonly outcome: Outcome; readonly disagreement?: Disagreement }
  | { readonly kind: "aside"; readonly claim: Claim; readonly pauseMs: number }
  | { readonly kind: "failed"; readonly claim: Claim; readonly policy: Policy | undefined; readonly error: unknown }
);

function judge({ claim, pending, checked }: Check, policy: Policy | undefined): Verdict {
  if (checked.kind === "failed" || pending === undefined || policy === undefined) {
    return {
      kind: "failed",
      decisions: [],
      claim,
      policy,
      error: checked.kind === "failed" ? checked.error : undefined,
    };
  }
  if (checked.kind === "refused") {
    return { kind: "move", decisions: [], outcome: { claim, to: "rejected", policy, refusal: checked.refusal } };
  }
  const { decisions, fault } = checked;
  const to = agreementOf([...pending.given, ...decisions.map(({ verdict }) => verdict)], policy.verifiers);
  if (to === "undecided")
    return { kind: "aside", decisions, claim, pauseMs: policy.stages.verifying.backoffMilliseconds };
  const refusal = to === "awaiting_settlement" ? undefined : (fault ?? refuse("VERIFY_MISMATCH", { part: "verdicts" }));
  const outcome = { claim, to, policy, ...(refusal && { refusal }) };
  return to === "challenged"
    ? { kind: "move", decisions, outcome, disagreement: disagreementOf(pending) }
    : { kind: "move", decisions, outcome };
}

/** What reviewers have to look at where verifiers do not agree. */
function disagreementOf({ claim, assigned, bundle, stored }: Pending): Disagreement {
  const { assignment, resolution } = assigned;
  return { claim, assignment, resolution, bundle, bundleSignature: stored.signature };
}

/** One transaction: moves, decisions about what moved or was set aside, and what is tried again. */
async function commit(deps: VerifyDeps, verdicts: readonly Verdict[]): Promise<void> {
  const { database, clock, log, metrics } = deps;
  const now = clock();
  const moves: Move[] = [];
  const releases: { readonly claim: Claim; readonly dueAt: Date }[] = [];
  for (const verdict of verdicts) {
    if (verdict.kind === "move") moves.push(moveOf(verdict.outcome, now));
    if (verdict.kind !== "failed") continue;
    const { claim, policy } = verdict;
    const retry = policy && deps.decideRetry(policy.stages.verifying, claim.attempt, now);
    if (retry?.kind === "again") releases.push({ claim, dueAt: retry.dueAt });
    else
      moves.push(
        moveOf(
          { claim, to: "rejected", policy, refusal: refuse("EXECUTION_FAILED", { attempts: claim.attempt + 1 }) },
          now,
        ),
      );
  }
  const failed = verdicts.find(({ kind }) => kind === "failed");
  if (failed?.kind === "failed") log.warn({ err: failed.error }, "verifications failed; this is the first of them");
  const aside = verdicts.filter((verdict) => verdict.kind === "aside");
  const decisions = verdicts.flatMap((verdict) => verdict.decisions);
  const disagreements = verdicts.flatMap((verdict) => (verdict.kind === "move" ? (verdict.disagreement ?? []) : []));
  const written = await database.transaction(async (transaction) => {
    const moved = await commitMoves(transaction, moves, now);
    const waiting = new Set<string>();
    for (const [pauseMs, tasks] of Map.groupBy(aside, (verdict) => verdict.pauseMs)) {
      const claims = tasks.map(({ claim }) => claim);
      for (const id of await setAside(transaction, claims, new Date(now.getTime() + pauseMs))) waiting.add(id);
    }
    const held = decisions.filter(({ taskId }) => moved.has(taskId) || waiting.has(taskId));
    await insertDecisions(transaction, held);
    await openDisagreements(
      transaction,
      disagreements.filter(({ claim }) => moved.has(claim.taskId)),
      now,
    );
    await releaseTasks(transaction, releases);
    return { moved, held };
  });
  const done = moves.filter(({ claim }) => written.moved.has(claim.taskId));
  for (const [to, { length }] of Map.groupBy(done, (move) => move.to)) {
    metrics.count("scs_task_transitions_total", length, { from: "verifying", to });
  }
  for (const [verdict, { length }] of Map.groupBy(written.held, (decision) => decision.verdict)) {
    metrics.count("scs_decisions_total", length, { verdict });
  }
  metrics.count("scs_task_retries_total", releases.length, { stage: "verifying" });
}
