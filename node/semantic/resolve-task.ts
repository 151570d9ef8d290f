// The decision of the semantic layer: from a task and what is published to its assignment, or to the reason why there is none.
import { canonicalText } from "#protocol/canonical.ts";
import { refuse, type Refusal } from "#protocol/errors.ts";
import { feeOf } from "#protocol/fees.ts";
import type { Hex } from "#protocol/hash.ts";
import { resolve, type RegistryIndex } from "#protocol/resolution.ts";
import type { Binding, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Source, TaskEnvelope } from "#protocol/schemas/task.ts";
import { idOfText, resolutionText } from "#protocol/text-ids.ts";
import type { StoredAssignment } from "#storage/assignments.ts";
import type { LiveGrant } from "#storage/grants.ts";
import type { CollectionHead } from "#storage/records.ts";

/** What is true of the collections that a batch of tasks names. */
export type SourceFacts = {
  /** By {@link sourceKey}. */
  readonly heads: ReadonlyMap<string, CollectionHead>;
  /** Grants that are not revoked, ascending by id, by {@link grantKey}. */
  readonly grants: ReadonlyMap<string, readonly LiveGrant[]>;
};

/** A task to be resolved, under the documents of its own versions. */
export type Unresolved = {
  readonly taskId: Hex;
  readonly envelope: TaskEnvelope;
  readonly acceptedAt: Date;
  /** Undefined where the version is not published. */
  readonly index: RegistryIndex | undefined;
  readonly policy: Policy | undefined;
};

/** What a task was resolved to, or why it was not. */
export type Resolved =
  | { readonly kind: "resolved"; readonly assignment: StoredAssignment }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export const sourceKey = ({ vault, collection }: Source): string => `${vault}/${collection}`;
export const grantKey = (grantee: Hex, source: Source): string => `${grantee} ${sourceKey(source)}`;

/** The sources of a task, each once: a record that is named twice is still one record. */
export function sourcesOf({ inputs }: TaskEnvelope): readonly Source[] {
  return [...new Map(inputs.sources.map((source) => [sourceKey(source), source])).values()];
}

/**
 * Resolves a task (LAYR-06, LAYR-11): its words to attributes, each source to a grant of its vault, the newest snapshot and
 * the fields that hold the attributes, and all of it to a fee. What comes out is all that execution may use (LAYR-07).
 */
export function resolveTask(task: Unresolved, facts: SourceFacts): Resolved {
  const { taskId, envelope, index, policy } = task;
  if (index === undefined) return refused(refuse("VERSION_SEMANTIC_UNKNOWN", { version: envelope.semanticVersion }));
  if (policy === undefined) return refused(refuse("VERSION_POLICY_UNKNOWN", { version: envelope.policyVersion }));
  const resolution = resolve(envelope.program, index, envelope);
  if (resolution.kind === "refused") return refused(resolution.refusal);
  const bindings: Binding[] = [];
  for (const source of sourcesOf(envelope)) {
    const binding = bind(task, source, resolution.result, facts);
    if ("code" in binding) return refused(binding);
    bindings.push(binding);
  }
  const fee = feeOf(
    policy,
    bindings.reduce((sum, { snapshot }) => sum + snapshot.size, 0),
  );
  if (fee > BigInt(envelope.feeLimit)) return refused(refuse("POLICY_FEE_TOO_LOW", { required: String(fee) }));
  return { kind: "resolved", assignment: assignmentOf(taskId, resolution.result, bindings, String(fee)) };
}

/** The assignment's texts; each part is written once. */
function assignmentOf(
  taskId: Hex,
  resolution: SemanticResolutionResult,
  bindings: readonly Binding[],
  fee: string,
): StoredAssignment {
  const texts = { bindings: canonicalText(bindings), fee, resolution: canonicalText(resolution) };
  const resolutionId = idOfText("resolution", resolutionText(texts));
  // The canonical text of an ExecutionAssignment: its keys are in their order.
  const body =
    `{"bindings":${texts.bindings},"fee":"${fee}","resolutionId":"${resolutionId}"` +
    `,"schemaVersion":"1.0","taskId":"${taskId}"}`;
  return { taskId, resolutionId, resolution: texts.resolution, body };
}

const refused = (refusal: Refusal): Resolved => ({ kind: "refused", refusal });

/** Consent is asked first: who has none learns nothing else about a collection, not even whether it exists. */
function bind(
  { envelope, acceptedAt }: Unresolved,
  source: Source,
  { references }: SemanticResolutionResult,
  { heads, grants }: SourceFacts,
): Binding | Refusal {
  const { vault, collection } = source;
  const grant = grants
    .get(grantKey(envelope.submitter, source))
    ?.find(({ programs, until }) => programs.includes(envelope.program.kind) && until > acceptedAt);
  const head = heads.get(sourceKey(source));
  if (grant === undefined || head === undefined) return refuse("POLICY_GRANT_MISSING", { vault, collection });
  if (head.snapshot === null)
    return refuse("POLICY_VAULT_UNMAPPED", { vault, collection, reason: "it holds no records" });
  const fieldOf = new Map(Object.entries(head.fields).map(([field, attributeId]) => [attributeId, field]));
  const fields: Record<string, string> = {};
  for (const { attributeId } of references) {
    const field = fieldOf.get(attributeId);
    if (field === undefined) return refuse("POLICY_VAULT_UNMAPPED", { vault, collection, attribute: attributeId });
    fields[attributeId] = field;
  }
  const { size, digest } = head.snapshot;
  // Keys stand in canonical order, which spares sorting them for each task.
  return { fields, grantId: grant.grantId, snapshot: { collection, digest, size, vault } };
}
