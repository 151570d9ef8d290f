// A result with its auditable context: transcript, access log and bundle, each committing to the next.
import { canonicalText } from "#protocol/canonical.ts";
import { refuse, type Refusal } from "#protocol/errors.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import type { Binding, ExecutionAssignment, ExecutionResultBundle, QueryResult } from "#protocol/schemas/execution.ts";
import { identify, idOfText, type IdentifiedText } from "#protocol/text-ids.ts";

/** Everything that an execution leaves, not signed yet; texts are canonical. */
export type Artifacts = {
  readonly bundle: ExecutionResultBundle;
  readonly bundleText: IdentifiedText;
  readonly result: string;
  readonly transcript: string;
  readonly accessLog: string;
};

/** What an execution found, and by whom and what it was run. */
export type Execution = {
  readonly executor: Hex;
  readonly runtime: string;
  readonly result: QueryResult;
  /** Rules of the projections that were derived from each snapshot, ascending (ATTR-07). */
  readonly projections: readonly Hex[];
};

/**
 * Puts together what an execution leaves (LAYR-13). Contains no time and no name of a process: equal inputs, equal bytes. Keys
 * stand in canonical order, which spares sorting them for each task.
 */
export function artifactsOf(assignment: ExecutionAssignment, execution: Execution): Artifacts {
  const { taskId, resolutionId, bindings, fee } = assignment;
  const { executor, runtime, projections } = execution;
  const result = canonicalText(execution.result);
  const outputCommitment = sha256Hex(result);
  const steps = bindings.map(({ snapshot: { collection, digest, size, vault } }) => ({
    collection,
    digest,
    ...(projections.length > 0 && { projections: [...projections] }),
    size,
    vault,
  }));
  const transcript = identify("transcript", { outputCommitment, resolutionId, runtime, steps, taskId });
  const accessLog = identify("accessLog", { accesses: bindings.map(accessOf), taskId });
  const bundle: ExecutionResultBundle = {
    accessLogId: accessLog.id,
    executor,
    fee,
    outputCommitment,
    proofs: [],
    resolutionId,
    schemaVersion: "1.0",
    taskId,
    transcriptId: transcript.id,
    units: unitsOf(bindings),
  };
  return {
    bundle,
    bundleText: identify("bundle", bundle),
    result,
    transcript: transcript.text,
    accessLog: accessLog.text,
  };
}

/** A binding as the access log names it. */
const accessOf = ({ grantId, snapshot: { collection, digest, size, vault } }: Binding) => ({
  collection,
  digest,
  grantId,
  size,
  vault,
});

/** Records read, in all and of each vault, ascending by vault. */
function unitsOf(bindings: readonly Binding[]): ExecutionResultBundle["units"] {
  const read = new Map<string, number>();
  for (const { snapshot } of bindings) read.set(snapshot.vault, (read.get(snapshot.vault) ?? 0) + snapshot.size);
  const vaults = [...read].sort(([a], [b]) => (a < b ? -1 : 1)).map(([vault, records]) => ({ records, vault }));
  return { records: vaults.reduce((sum, { records }) => sum + records, 0), vaults };
}

/**
 * Why a bundle is not admitted (LAYR-13); undefined where it is. It has to commit to the result, transcript and access log
 * that come with it, and these have to be about all that the assignment binds, and nothing else.
 */
export function refuseBundle(artifacts: Artifacts, assignment: ExecutionAssignment): Refusal | undefined {
  const { bundle, bundleText, result, transcript, accessLog } = artifacts;
  const missing = (part: string): Refusal => refuse("EXECUTION_CONTEXT_MISSING", { part });
  const { taskId, resolutionId, bindings } = assignment;
  if (bundle.taskId !== taskId || bundle.resolutionId !== resolutionId) return missing("assignment");
  if (bundleText.id !== idOfText("bundle", bundleText.text)) return missing("bundle");
  if (bundle.outputCommitment !== sha256Hex(result)) return missing("output commitment");
  if (bundle.transcriptId !== idOfText("transcript", transcript)) return missing("transcript");
  if (bundle.accessLogId !== idOfText("accessLog", accessLog)) return missing("access log");
  if (accessLog !== canonicalText({ accesses: bindings.map(accessOf), taskId }))
    return missing("an access to what was bound");
  const units = unitsOf(bindings);
  const sameUnits = canonicalText(bundle.units) === canonicalText(units) && bundle.fee === assignment.fee;
  return sameUnits ? undefined : missing("units");
}
