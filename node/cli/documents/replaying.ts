// Does a task's stages again from what is stored of it: its resolution, its execution, its verification; and compares.
import { judged, same, Unreadable, type Verdict } from "#audit/disproof.ts";
import { replayResolution, type ResolutionClaim } from "#audit/replay.ts";
import { openCollections } from "#data/open-collections.ts";
import { accessesOf, executeTask, type Assigned } from "#execution/execute-task.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { decisionDigest, type MessageDomain } from "#protocol/messages.ts";
import type { ExecutionAssignment, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { recover } from "#protocol/signature.ts";
import { identify } from "#protocol/text-ids.ts";
import { roleLookup } from "#settlement/actor-roles.ts";
import type { Database, Queryable } from "#storage/database.ts";
import { readPolicies, readRegistry } from "#storage/registry.ts";
import { readItems, readRoleChanges, type StoredItem } from "#storage/settlement-items.ts";
import { recompute } from "#verification/recompute.ts";
import { checkBundle, decisionOf } from "#verification/verify-task.ts";

/** What doing an execution again needs: the vaults, and who reads them. Every access is journalled like any other. */
export type ReplayDeps = {
  readonly database: Database;
  readonly vaults: Parameters<typeof openCollections>[0];
  readonly domain: MessageDomain;
  /** The account that the accesses are journalled for. */
  readonly by: Hex;
};

async function readItem(database: Queryable, taskId: Hex): Promise<StoredItem> {
  const [item] = await readItems(database, [taskId]);
  if (item === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND", { taskId });
  return item;
}

/** The code that a task was refused with when it left a state; undefined where it was not. */
function refusedIn({ history }: StoredItem, state: string): string | undefined {
  const code = history.find(({ from, to }) => from === state && to === "rejected")?.detail?.["code"];
  return typeof code === "string" ? code : undefined;
}

/**
 * Resolves a task again, with audit/'s own code, and compares (ATTR-05). A task that was refused for its vaults, its fee or its
 * deadline is no matter of meaning: that cannot be told here.
 * @throws ProtocolError SCHEMA_NOT_FOUND
 */
export async function replayStoredResolution(database: Queryable, taskId: Hex): Promise<Verdict> {
  const item = await readItem(database, taskId);
  const envelope = JSON.parse(item.envelope) as TaskEnvelope;
  const claim = resolutionClaim(item);
  if (claim === undefined)
    return { kind: "unknown", reason: "the task was neither resolved nor refused for its words" };
  const registry = await readRegistry(database, envelope.semanticVersion);
  if (registry === undefined) return { kind: "unknown", reason: `no registry ${envelope.semanticVersion} is stored` };
  return await replayResolution(envelope, registry, claim);
}

/** Refusals that follow from a task's words alone. */
const refusedForWords: ReadonlySet<string> = new Set([
  "POLICY_DOMAIN_UNKNOWN",
  "POLICY_ATTRIBUTE_UNRESOLVED",
  "POLICY_ATTRIBUTE_AMBIGUOUS",
  "POLICY_REFERENCE_REFUSED",
  "POLICY_QUERY_ATTRIBUTE_RESTRICTED",
]);

function resolutionClaim(item: StoredItem): ResolutionClaim | undefined {
  if (item.assignment === null) {
    const code = refusedIn(item, "resolving");
    return code !== undefined && refusedForWords.has(code) ? { kind: "refused", code } : undefined;
  }
  const resolution = JSON.parse(item.assignment.resolution) as SemanticResolutionResult;
  const { bindings, fee } = JSON.parse(item.assignment.body) as ExecutionAssignment;
  return { kind: "resolved", resolution, resolutionId: item.assignment.resolutionId, bindings, fee };
}

/** A task as it was assigned, with what its vaults open for it again. */
type Again = Assigned & {
  readonly resolutionText: string;
  readonly opened: Awaited<ReturnType<typeof openCollections>>;
};

/** @throws Unreadable where the task was not assigned, or the vaults do not open what it was bound to */
async function openAgain({ database, vaults, by }: ReplayDeps, item: StoredItem): Promise<Again> {
  if (item.assignment === null) throw new Unreadable("the task was never resolved to an assignment");
  const { program, policyVersion } = JSON.parse(item.envelope) as TaskEnvelope;
  const policy = (await readPolicies(database, [policyVersion])).get(policyVersion);
  if (policy === undefined) throw new Unreadable(`no policy ${policyVersion} is stored`);
  const assignment = JSON.parse(item.assignment.body) as ExecutionAssignment;
  const resolutionText = item.assignment.resolution;
  const resolution = JSON.parse(resolutionText) as SemanticResolutionResult;
  const assigned = { program, assignment, resolution, resolutionText, policy };
  const opened = await openCollections(vaults, accessesOf(assigned), { by, purpose: "replay" });
  for (const outcome of opened) {
    if (outcome.kind === "refused") throw new Unreadable(`the vaults do not open it: ${outcome.refusal.code}`);
  }
  return { ...assigned, opened };
}

/** Compares a stored text with one that was made again: first what it says, then its bytes. */
function sameText(name: string, stored: string, again: string): void {
  same(name, JSON.parse(stored), JSON.parse(again));
  same(`${name} bytes`, stored, again);
}

/**
 * Executes a task again over the snapshots it was bound to and compares result, transcript, access log and bundle (LAYR-12,
 * LAYR-13); an execution that was refused has to be refused again, with the same code. The executor's signature has to be its own.
 * @throws ProtocolError SCHEMA_NOT_FOUND
 */
export async function replayExecution(deps: ReplayDeps, taskId: Hex): Promise<Verdict> {
  const item = await readItem(deps.database, taskId);
  return await judged(async () => {
    const { result } = item;
    const code = refusedIn(item, "dispatched");
    if (result === null && code === undefined) throw new Unreadable("the task was not executed");
    const { opened, ...assigned } = await openAgain(deps, item);
    const executed = executeTask(assigned, opened, result?.executor ?? deps.by);
    const outcome = executed.kind === "refused" ? `refused: ${executed.refusal.code}` : executed.kind;
    same("outcome", result === null ? `refused: ${code}` : "executed", outcome);
    if (executed.kind === "refused" || result === null) return assigned.assignment.resolutionId;
    const { artifacts } = executed;
    sameText("result", result.result, artifacts.result);
    sameText("transcript", result.transcript, artifacts.transcript);
    sameText("accessLog", result.accessLog, artifacts.accessLog);
    sameText("bundle", result.bundle, artifacts.bundleText.text);
    same("bundleId", result.bundleId, artifacts.bundleText.id);
    return result.bundleId;
  });
}

/**
 * Verifies a task's bundle again and compares every decision about it: verdict, evidence, ids, and that its verifier signed it
 * (LAYR-15).
 * @throws ProtocolError SCHEMA_NOT_FOUND
 */
export async function replayVerification(deps: ReplayDeps, taskId: Hex): Promise<Verdict> {
  const { database, domain } = deps;
  const item = await readItem(database, taskId);
  const admittedAt = item.history.findLast(({ from, to }) => from === "dispatched" && to === "verifying")?.at;
  const heldRole = roleLookup(await readRoleChanges(database, ["executor"]));
  return await judged(async () => {
    const { result, decisions } = item;
    if (result === null || decisions.length === 0) throw new Unreadable("nobody decided about the task");
    const { opened, ...assigned } = await openAgain(deps, item);
    const recomputed = recompute(assigned, opened);
    if (recomputed.kind === "refused") throw new Unreadable(`it cannot be executed: ${recomputed.refusal.code}`);
    const bundle = JSON.parse(result.bundle) as Parameters<typeof checkBundle>[0]["bundle"];
    const isExecutor = admittedAt !== undefined && heldRole(bundle.executor, "executor", admittedAt);
    const stored = { taskId, ...result };
    const finding = checkBundle({ domain, assigned, stored, bundle, expected: recomputed.expected, isExecutor });
    for (const [at, decision] of decisions.entries()) {
      const place = `decisions[${at}]`;
      const again = identify("decision", decisionOf(finding, decision.verifier));
      same(`${place}.verdict`, decision.verdict, finding.verdict);
      sameText(`${place}.evidence`, decision.evidence, finding.evidenceText.text);
      sameText(`${place}.decision`, decision.body, again.text);
      same(`${place}.decisionId`, decision.decisionId, again.id);
      const { bundleId, decisionId, verdict, signature, verifier } = decision;
      const signer = recover(decisionDigest(domain, { taskId, bundleId, decisionId, verdict }), signature);
      same(`${place}.signature`, verifier, signer ?? "nobody");
    }
    return result.bundleId;
  });
}
