// The kinds of program that can be executed, and what runs each.
import type { Refusal } from "#protocol/errors.ts";
import { runProtectedQuery, type QuerySource } from "#protocol/protected-query.ts";
import type { QueryResult } from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Program } from "#protocol/schemas/task.ts";

/** An answer, or why there is none. */
export type RunOutcome =
  { readonly kind: "answered"; readonly result: QueryResult } | { readonly kind: "refused"; readonly refusal: Refusal };

/** Runs one kind of program: synchronous, and a function of its inputs alone (LAYR-12). */
export type Runtime<Kind extends Program["kind"]> = {
  /** How transcripts name it; a change of what it computes is a new name. */
  readonly name: string;
  readonly run: (
    program: Extract<Program, { kind: Kind }>,
    sources: readonly QuerySource[],
    policy: Policy,
  ) => RunOutcome;
};

export type Runtimes = { readonly [Kind in Program["kind"]]: Runtime<Kind> };

/** Every kind of program of the schema has its runtime here (LAYR-14). */
export const runtimes: Runtimes = {
  protected_query: {
    name: "protected-query/1",
    run: (program, sources, policy) => runProtectedQuery(program, sources, policy.minimumGroupSize),
  },
};
