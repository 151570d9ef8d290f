// Authorized reading: a task's access to a snapshot is checked and journalled before any of its plaintext is given.
import { canonicalText } from "#protocol/canonical.ts";
import type { Column } from "#protocol/columns.ts";
import { ProtocolError, refuse, type Refusal } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { columnUses, type ColumnUse } from "#protocol/projections.ts";
import type { ExecutionAssignment, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import { readAdmissions, readAssignments, type StoredAssignment, type TaskAdmission } from "#storage/assignments.ts";
import { readLiveGrants, type LiveGrant } from "#storage/grants.ts";
import { appendJournal } from "#storage/journal.ts";
import type { PlaintextCache, SnapshotFields } from "./plaintext-cache.ts";
import type { VaultDeps } from "./vault-deps.ts";

/** What a task was bound to read of one collection. */
export type Access = {
  readonly taskId: Hex;
  readonly program: string;
  readonly vault: string;
  readonly collection: string;
  readonly grantId: Hex;
  readonly size: number;
  readonly digest: Hex;
};

/**
 * What a task sees of a snapshot, by the words that it was resolved with: for a query attribute only what is derived here, never
 * what it is derived from (ATTR-07). A column may be longer than the snapshot; undefined for any other word, and where the
 * collection has no field for it.
 */
export type OpenSnapshot = { readonly column: (term: string) => Column | undefined };

/** Who reads, and what for. */
export type Reader = { readonly by: Hex; readonly purpose: "execution" | "verification" | "replay" };

/** What became of an access: opened, or refused with the reason. */
export type AccessOutcome =
  | { readonly kind: "opened"; readonly snapshot: OpenSnapshot }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * Whether a task may read under a grant (LAYR-10, LAYR-11): it stands, is for this collection, for the task's submitter and
 * kind of program, and had not expired when the task was accepted. Undefined where it may.
 */
export function refuseAccess(
  access: Access,
  grant: LiveGrant | undefined,
  admission: TaskAdmission | undefined,
): Refusal | undefined {
  const { vault, collection, program } = access;
  const isCovered =
    grant !== undefined &&
    admission !== undefined &&
    grant.vault === vault &&
    grant.collection === collection &&
    grant.grantee === admission.submitter &&
    grant.programs.includes(program) &&
    grant.until > admission.acceptedAt;
  return isCovered ? undefined : notGranted(access);
}

const notGranted = ({ vault, collection }: Access): Refusal => refuse("POLICY_GRANT_MISSING", { vault, collection });

/** What a task was assigned to read by an access: the columns of the binding that it names; undefined where there is none. */
function boundBy({ resolution, body }: StoredAssignment): (access: Access) => readonly ColumnUse[] | undefined {
  const { references } = JSON.parse(resolution) as SemanticResolutionResult;
  const { bindings } = JSON.parse(body) as ExecutionAssignment;
  return ({ grantId, vault, collection, size, digest }) => {
    const binding = bindings.find(
      ({ snapshot, grantId: boundUnder }) =>
        boundUnder === grantId &&
        snapshot.vault === vault &&
        snapshot.collection === collection &&
        snapshot.size === size &&
        snapshot.digest === digest,
    );
    return binding && columnUses(references, binding.fields);
  };
}

/**
 * Opens what tasks were bound to, in their order. Grants are checked again, each access that is allowed is journalled under its
 * task and committed, and only then is plaintext given (LAYR-10). What a task may see is read from the ledger, not taken from
 * whoever asks: the columns of its own resolution (LAYR-07, ATTR-07). Each distinct snapshot is opened once.
 * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE; all that concerns one access alone is in its outcome
 */
export async function openCollections(
  deps: Pick<VaultDeps, "database" | "clock" | "metrics"> & { readonly cache: PlaintextCache },
  accesses: readonly Access[],
  reader: Reader,
): Promise<readonly AccessOutcome[]> {
  const { database, clock, cache, metrics } = deps;
  const taskIds = distinct(accesses.map(({ taskId }) => taskId));
  const [grants, admissions, assignments] = await Promise.all([
    readLiveGrants(database, distinct(accesses.map(({ grantId }) => grantId))),
    readAdmissions(database, taskIds),
    readAssignments(database, taskIds),
  ]);
  const bound = new Map([...assignments].map(([taskId, stored]) => [taskId, boundBy(stored)]));
  const columns = accesses.map((access) => bound.get(access.taskId)?.(access));
  const refusals = accesses.map(
    (access, index) =>
      refuseAccess(access, grants.get(access.grantId), admissions.get(access.taskId)) ??
      (columns[index] === undefined ? notGranted(access) : undefined),
  );
  const allowed = accesses.filter((_, index) => refusals[index] === undefined);
  await appendJournal(
    database,
    allowed.map((access) => accessAct(access, reader)),
    clock(),
  );
  const opened = new Map<string, Promise<Opening>>();
  const outcomes = await Promise.all(
    accesses.map(async (access, index): Promise<AccessOutcome> => {
      const refusal = refusals[index];
      if (refusal !== undefined) return { kind: "refused", refusal };
      const key = `${access.vault}/${access.collection}/${access.size}/${access.digest}`;
      const opening = opened.get(key) ?? openSnapshot(cache, access);
      opened.set(key, opening);
      const fields = await opening;
      return "code" in fields
        ? { kind: "refused", refusal: fields }
        : { kind: "opened", snapshot: seenBy(columns[index] ?? [], fields) };
    }),
  );
  for (const [outcome, { length }] of Map.groupBy(outcomes, ({ kind }) => kind)) {
    metrics.count("scs_vault_accesses_total", length, { purpose: reader.purpose, outcome });
  }
  return outcomes;
}

const distinct = (ids: readonly Hex[]): readonly Hex[] => [...new Set(ids)];

function accessAct({ taskId, vault, collection, grantId, size, digest }: Access, { by, purpose }: Reader) {
  const body = canonicalText({ by, collection, digest, grantId, purpose, size, vault });
  return { kind: "access", subject: hexToBytes(taskId), body };
}

type Opening = SnapshotFields | Refusal;

/** What is wrong with one collection concerns the tasks that read it, not the others. */
async function openSnapshot(cache: PlaintextCache, { vault, collection, size, digest }: Access): Promise<Opening> {
  try {
    return await cache.open({ vault, collection }, { size, digest });
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.retry) throw error;
    return refuse(error.code, error.detail);
  }
}

/** Leaves of a snapshot what one access reads of it. */
function seenBy(columns: readonly ColumnUse[], fields: SnapshotFields): OpenSnapshot {
  return {
    column: (term) => {
      const use = columns.find((each) => each.term === term);
      if (use === undefined) return undefined;
      const { field, valueType, projection } = use;
      return projection === undefined
        ? fields.column(field, valueType)
        : fields.projected(field, valueType, projection);
    },
  };
}
