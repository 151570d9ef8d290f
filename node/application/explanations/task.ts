// Why a task is where it is: every move, what its words came to, what it read, who decided, and which epochs had it.
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type {
  ExecutionAssignment,
  ExecutionResultBundle,
  SemanticResolutionResult,
} from "#protocol/schemas/execution.ts";
import { explainedItems, type TaskExplanation } from "#protocol/schemas/explanation.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskTransition, TaskView } from "#protocol/schemas/task.ts";
import { listChallenges } from "#storage/challenge-views.ts";
import type { Queryable } from "#storage/database.ts";
import { holdingCandidate, taskTurns } from "#storage/explanations.ts";
import { readTask } from "#storage/reading.ts";
import { readRegistry } from "#storage/registry.ts";
import { readItems, type StoredItem } from "#storage/settlement-items.ts";
import type { HistoryEntry } from "#storage/tasks.ts";
import { shownWithResult, withoutCommitments } from "../shown-commitments.ts";

/** A journalled move as it is published. */
export function transitionOf({ from, to, by, why, at, versions, detail }: HistoryEntry): TaskTransition {
  const move = { from, to, by, why, at: at.toISOString(), versions };
  return detail === undefined ? move : { ...move, detail };
}

/** The steps of a resolution that was recorded, or, for a task that was refused, taken again: the registry is immutable. */
async function explainResolution(
  database: Queryable,
  { assignment, history }: StoredItem,
  { envelope }: TaskView,
): Promise<TaskExplanation["resolution"]> {
  const { semanticVersion } = envelope;
  if (assignment !== null) {
    const { domain, references, steps } = JSON.parse(assignment.resolution) as SemanticResolutionResult;
    return { semanticVersion, outcome: "resolved", domain, references, steps };
  }
  if (!history.some(({ from, to }) => from === "resolving" && to === "rejected")) return null;
  const registry = await readRegistry(database, semanticVersion);
  if (registry === undefined) return null;
  const resolution = resolve(envelope.program, indexRegistry(registry), envelope);
  if (resolution.kind === "refused") {
    const { steps } = resolution;
    return { semanticVersion, outcome: "refused", domain: null, references: [], steps: [...steps] };
  }
  const { domain, references, steps } = resolution.result;
  return { semanticVersion, outcome: "resolved", domain, references, steps };
}

/** Sources without the fields that a vault keeps things in: those are the vault's own. */
function sourcesOf({ assignment }: StoredItem): TaskExplanation["sources"] {
  if (assignment === null) return [];
  const { bindings } = JSON.parse(assignment.body) as ExecutionAssignment;
  return bindings.map(({ grantId, snapshot: { vault, collection, size } }) => {
    return { vault, collection, records: size, grantId };
  });
}

function executionOf({ result }: StoredItem, task: TaskView): TaskExplanation["execution"] {
  if (result === null) return null;
  const { executor, outputCommitment, units, fee } = JSON.parse(result.bundle) as ExecutionResultBundle;
  return {
    bundleId: shownWithResult(task, result.bundleId),
    executor,
    outputCommitment: shownWithResult(task, outputCommitment),
    records: units.records,
    fee,
  };
}

function decisionsOf({ decisions }: StoredItem, task: TaskView): TaskExplanation["decisions"] {
  return decisions.map(({ decisionId, verifier, verdict }) => ({
    decisionId: shownWithResult(task, decisionId),
    verifier,
    verdict: verdict as TaskExplanation["decisions"][number]["verdict"],
  }));
}

/**
 * Explains a task; undefined for an unknown id. Who may read it is for the caller to decide: it holds the task's result, and where it
 * does not, no commitment to it.
 */
export async function explainTask(database: Queryable, taskId: Hex): Promise<TaskExplanation | undefined> {
  const [task, [item]] = await Promise.all([readTask(database, taskId), readItems(database, [taskId])]);
  if (task === undefined || item === undefined) return undefined;
  const [resolution, epochs, settlement, challenges] = await Promise.all([
    explainResolution(database, item, task),
    taskTurns(database, taskId),
    holdingCandidate(database, taskId),
    listChallenges(database, { task: taskId }, { after: undefined, limit: explainedItems }),
  ]);
  const { scope, submitter, state, result, refusal } = task;
  return {
    taskId,
    scope,
    submitter,
    state,
    transitions: item.history.map(transitionOf),
    resolution,
    sources: sourcesOf(item),
    execution: executionOf(item, task),
    decisions: decisionsOf(item, task),
    epochs: [...epochs],
    settlement: settlement ?? null,
    result,
    refusal,
    challenges: challenges.items.map(withoutCommitments),
  };
}
