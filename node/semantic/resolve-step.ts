// The semantic layer's step: takes tasks that are being resolved, and leaves each with an assignment or refused.
import type { Logger } from "#observability/log.ts";
import type { Metrics } from "#observability/metrics.ts";
import { stepBatchLimit } from "#protocol/limits.ts";
import { indexRegistry, type RegistryIndex } from "#protocol/resolution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { insertAssignments, readAdmissions, type StoredAssignment } from "#storage/assignments.ts";
import type { Database, Queryable } from "#storage/database.ts";
import { findGrants } from "#storage/grants.ts";
import { commitMoves, moveOf } from "#storage/moves.ts";
import { readHeads } from "#storage/records.ts";
import type { Documents } from "#storage/registry.ts";
import { takeTasks, type Claim, type Move } from "#storage/tasks.ts";
import { grantKey, resolveTask, sourceKey, sourcesOf, type Resolved, type SourceFacts } from "./resolve-task.ts";

export type ResolveDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly documents: Documents;
  /** Tasks at once; the default is in protocol/limits.ts. */
  readonly batchLimit?: number;
};

/** Indexed registries kept: an epoch's set holds a few versions. */
const indexesKept = 8;

/**
 * Resolves tasks in batches (ATTR-03…05, LAYR-06, LAYR-11). Nothing here takes long, so that a batch is taken, decided and
 * committed in one transaction: the row locks are the claim.
 */
export function resolveStep(deps: ResolveDeps): { readonly name: string; readonly run: () => Promise<number> } {
  const { database, clock, metrics, documents, batchLimit = stepBatchLimit } = deps;
  const indexes = new Map<string, RegistryIndex>();
  const run = async (): Promise<number> => {
    const moves = await database.transaction(async (transaction) => {
      const now = clock();
      const claims = await takeTasks(transaction, { state: "resolving", limit: batchLimit, now });
      if (claims.length === 0) return [];
      const policies = await documents.policies(
        transaction,
        claims.map(({ versions }) => versions.policy),
      );
      await loadIndexes(transaction, deps, indexes, claims);
      const admissions = await readAdmissions(
        transaction,
        claims.map(({ taskId }) => taskId),
      );
      const facts = await loadFacts(transaction, claims);
      const resolved = claims.map((claim) => {
        const { taskId, envelope, versions } = claim;
        const acceptedAt = admissions.get(taskId)?.acceptedAt ?? now;
        const documentsOfTask = { index: indexes.get(versions.semantic), policy: policies.get(versions.policy) };
        return { claim, outcome: resolveTask({ taskId, envelope, acceptedAt, ...documentsOfTask }, facts) };
      });
      return await commit(transaction, resolved, policies, now);
    });
    for (const [to, { length }] of Map.groupBy(moves, (move) => move.to)) {
      metrics.count("scs_task_transitions_total", length, { from: "resolving", to });
    }
    return moves.length;
  };
  return { name: "resolve", run };
}

type Decided = { readonly claim: Claim; readonly outcome: Resolved };

async function commit(
  transaction: Queryable,
  decided: readonly Decided[],
  policies: ReadonlyMap<string, Policy>,
  now: Date,
): Promise<readonly Move[]> {
  const moves = decided.map(({ claim, outcome }) => {
    const policy = policies.get(claim.versions.policy);
    if (outcome.kind === "resolved") return moveOf({ claim, to: "dispatched", policy }, now);
    return moveOf({ claim, to: "rejected", policy, refusal: outcome.refusal }, now);
  });
  const moved = await commitMoves(transaction, moves, now);
  const assignments: StoredAssignment[] = [];
  for (const { outcome } of decided) {
    if (outcome.kind === "resolved" && moved.has(outcome.assignment.taskId)) assignments.push(outcome.assignment);
  }
  await insertAssignments(transaction, assignments);
  return moves;
}

/** Indexes the registries of the batch's versions that are not indexed yet. */
async function loadIndexes(
  transaction: Queryable,
  { documents, log }: ResolveDeps,
  indexes: Map<string, RegistryIndex>,
  claims: readonly Claim[],
): Promise<void> {
  for (const version of new Set(claims.map(({ versions }) => versions.semantic))) {
    if (indexes.has(version)) continue;
    const registry = await documents.registry(transaction, version);
    if (registry === undefined) {
      log.error({ version }, "tasks were admitted under a semantic version that is not published; they are rejected");
      continue;
    }
    indexes.set(version, indexRegistry(registry));
    const [first] = indexes.keys();
    if (indexes.size > indexesKept && first !== undefined) indexes.delete(first);
  }
}

/** Reads each collection and each submitter's grants once for the whole batch. */
async function loadFacts(transaction: Queryable, claims: readonly Claim[]): Promise<SourceFacts> {
  const sources = new Map<string, { readonly vault: string; readonly collection: string }>();
  const wanted = new Map<string, Parameters<typeof findGrants>[1][number]>();
  for (const { envelope } of claims) {
    for (const source of sourcesOf(envelope)) {
      sources.set(sourceKey(source), source);
      wanted.set(grantKey(envelope.submitter, source), { ...source, grantee: envelope.submitter });
    }
  }
  const heads = await readHeads(transaction, [...sources.values()]);
  const grants = await findGrants(transaction, [...wanted.values()]);
  return {
    heads: new Map(heads.map((head) => [sourceKey(head), head])),
    grants: Map.groupBy(grants, (grant) => grantKey(grant.grantee, grant)),
  };
}
