// The decision of the execution layer: one task over what was opened for it, to an answer with its context or a refusal.
import { strict as assert } from "node:assert";
import type { Column } from "#protocol/columns.ts";
import { refuse, type Refusal } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { QuerySource } from "#protocol/protected-query.ts";
import type { Binding, ExecutionAssignment, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Program } from "#protocol/schemas/task.ts";
import { artifactsOf, type Artifacts } from "./artifacts.ts";
import type { Access, AccessOutcome, OpenSnapshot } from "./ports.ts";
import { runtimes, type RunOutcome } from "./runtimes.ts";

/** A task with all that it may use (LAYR-07): what is not in its assignment does not exist for it. */
export type Assigned = {
  readonly program: Program;
  readonly assignment: ExecutionAssignment;
  readonly resolution: SemanticResolutionResult;
  readonly policy: Policy;
};

export type Executed =
  | { readonly kind: "executed"; readonly artifacts: Artifacts }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What a task has to have opened, one access for each binding, in their order. */
export function accessesOf({ program, assignment }: Pick<Assigned, "program" | "assignment">): readonly Access[] {
  const { taskId, bindings } = assignment;
  return bindings.map(({ grantId, snapshot }) => ({ taskId, program: program.kind, grantId, ...snapshot }));
}

/** Records that an execution visits: what its length goes by. */
export function visitsOf({ assignment }: Pick<Assigned, "assignment">): number {
  return assignment.bindings.reduce((sum, { snapshot }) => sum + snapshot.size, 0);
}

/** Executes a task over what was opened for its bindings, in their order (LAYR-12, LAYR-13). */
export function executeTask(assigned: Assigned, opened: readonly AccessOutcome[], executor: Hex): Executed {
  const { program, assignment, resolution, policy } = assigned;
  const sources: QuerySource[] = [];
  for (const [at, binding] of assignment.bindings.entries()) {
    const outcome = opened[at];
    assert(outcome, "every binding was opened or refused");
    if (outcome.kind === "refused") return outcome;
    const columns = columnsOf(binding, resolution, outcome.snapshot);
    if ("code" in columns) return { kind: "refused", refusal: columns };
    sources.push({ size: binding.snapshot.size, columns });
  }
  const runtime = Object.hasOwn(runtimes, program.kind) ? runtimes[program.kind] : undefined;
  if (runtime === undefined)
    return { kind: "refused", refusal: refuse("EXECUTION_PROGRAM_UNSUPPORTED", { kind: program.kind }) };
  const outcome: RunOutcome = runtime.run(program, sources, policy);
  if (outcome.kind === "refused") return outcome;
  const { result } = outcome;
  const projections = projectionsOf(resolution);
  const execution = { executor, runtime: runtime.name, result, projections };
  return { kind: "executed", artifacts: artifactsOf(assignment, execution) };
}

/** The columns of a source by the program's own words. */
function columnsOf(
  { snapshot: { vault, collection } }: Binding,
  { references }: SemanticResolutionResult,
  snapshot: OpenSnapshot,
): ReadonlyMap<string, Column> | Refusal {
  const columns = new Map<string, Column>();
  for (const { term, attributeId } of references) {
    const column = snapshot.column(term);
    if (column === undefined) return refuse("POLICY_VAULT_UNMAPPED", { vault, collection, attribute: attributeId });
    columns.set(term, column);
  }
  return columns;
}

/** The rules that projections were derived by, each once, ascending (ATTR-07). */
function projectionsOf({ references }: SemanticResolutionResult): readonly Hex[] {
  const rules = references.flatMap(({ projection }) => (projection ? [projection.derivationRuleRef] : []));
  return [...new Set(rules)].sort();
}
