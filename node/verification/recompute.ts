// What a result has to be: the execution done again from the assignment and plaintext, by code that is not the executor's.
import { strict as assert } from "node:assert";
import { refuse, type Refusal } from "#protocol/errors.ts";
import { commitment, contentId, type Hex } from "#protocol/hash.ts";
import { runProtectedQuery, type QueryOutcome, type QuerySource } from "#protocol/protected-query.ts";
import type {
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
} from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Program } from "#protocol/schemas/task.ts";
import { identify } from "#protocol/text-ids.ts";
import type { AccessOutcome } from "./ports.ts";

/** What a task was assigned, as the verifier reads it. */
export type Assigned = {
  readonly program: Program;
  readonly assignment: ExecutionAssignment;
  readonly resolution: SemanticResolutionResult;
  /** The same as canonical text. */
  readonly resolutionText: string;
  readonly policy: Policy;
};

/** What the bundle has to claim. */
export type Recomputed = Pick<
  ExecutionResultBundle,
  "outputCommitment" | "transcriptId" | "accessLogId" | "units" | "fee"
>;

/** The re-execution's outcome; refused means that it could not be done, not that the result is wrong. */
export type Recomputation =
  | { readonly kind: "recomputed"; readonly expected: Recomputed }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** How each kind of program is executed again, and how transcripts name that. */
const programs: Readonly<
  Record<
    Program["kind"],
    { readonly name: string; readonly run: (assigned: Assigned, sources: readonly QuerySource[]) => QueryOutcome }
  >
> = {
  protected_query: {
    name: "protected-query/1",
    run: ({ program, policy }, sources) => runProtectedQuery(program, sources, policy.minimumGroupSize),
  },
};

/** Executes a task again over what was opened for its bindings, in their order (LAYR-15). */
export function recompute(assigned: Assigned, opened: readonly AccessOutcome[]): Recomputation {
  const { program, assignment, resolution } = assigned;
  const { taskId, resolutionId, bindings } = assignment;
  const sources: QuerySource[] = [];
  for (const [at, { snapshot }] of bindings.entries()) {
    const outcome = opened[at];
    assert(outcome, "every binding was opened or refused");
    if (outcome.kind === "refused") return outcome;
    const columns = new Map(
      resolution.references.map(({ term }) => {
        const column = outcome.snapshot.column(term);
        assert(column, "the assignment names a field for every attribute");
        return [term, column];
      }),
    );
    sources.push({ size: snapshot.size, columns });
  }
  const known = Object.hasOwn(programs, program.kind) ? programs[program.kind] : undefined;
  if (known === undefined)
    return { kind: "refused", refusal: refuse("EXECUTION_PROGRAM_UNSUPPORTED", { kind: program.kind }) };
  const outcome = known.run(assigned, sources);
  const outputCommitment =
    outcome.kind === "answered" ? commitment(outcome.result) : refusalCommitment(outcome.refusal);
  const derived = rulesOf(resolution);
  // Keys stand in canonical order, which spares sorting them for each task.
  const steps = bindings.map(({ snapshot: { collection, digest, size, vault } }) =>
    derived.length === 0
      ? { collection, digest, size, vault }
      : { collection, digest, projections: [...derived], size, vault },
  );
  const accesses = bindings.map(({ grantId, snapshot: { collection, digest, size, vault } }) => {
    return { collection, digest, grantId, size, vault };
  });
  return {
    kind: "recomputed",
    expected: {
      outputCommitment,
      transcriptId: identify("transcript", { outputCommitment, resolutionId, runtime: known.name, steps, taskId }).id,
      accessLogId: identify("accessLog", { accesses, taskId }).id,
      units: unitsOf(assignment),
      fee: assignment.fee,
    },
  };
}

/** Rules by which the vaults derived what the task saw in place of its sources' own values: each once, ascending. */
function rulesOf({ references }: SemanticResolutionResult): readonly Hex[] {
  const rules = new Set<Hex>();
  for (const { projection } of references) if (projection !== undefined) rules.add(projection.derivationRuleRef);
  return [...rules].sort();
}

/** Stands for the output where the answer is that there may be none: no result has it. */
function refusalCommitment({ code }: Refusal): Hex {
  return contentId("scs.refusal", { code });
}

/** Records read of each vault, ascending by vault, and in all. */
function unitsOf({ bindings }: ExecutionAssignment): ExecutionResultBundle["units"] {
  const names = [...new Set(bindings.map(({ snapshot }) => snapshot.vault))].sort();
  const vaults = names.map((vault) => {
    const own = bindings.filter(({ snapshot }) => snapshot.vault === vault);
    return { vault, records: own.reduce((sum, { snapshot }) => sum + snapshot.size, 0) };
  });
  return { records: vaults.reduce((sum, { records }) => sum + records, 0), vaults };
}
