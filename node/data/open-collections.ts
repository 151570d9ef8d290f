// Authorized reading: a task's access to a snapshot is checked and journalled before any of its plaintext is given.
import { canonicalText } from "#protocol/canonical.ts";
import { ProtocolError, refuse, type Refusal } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { readAdmissions, type TaskAdmission } from "#storage/assignments.ts";
import { readLiveGrants, type LiveGrant } from "#storage/grants.ts";
import { appendJournal } from "#storage/journal.ts";
import type { OpenSnapshot, PlaintextCache } from "./plaintext-cache.ts";
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

/** Who reads, and what for. */
export type Reader = { readonly by: Hex; readonly purpose: "execution" | "verification" };

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
  return isCovered ? undefined : refuse("POLICY_GRANT_MISSING", { vault, collection });
}

/**
 * Opens what tasks were bound to, in their order. Grants are checked again, each access that is allowed is journalled under its
 * task and committed, and only then is plaintext given (LAYR-10). Each distinct snapshot is opened once.
 * @throws ProtocolError INTERNAL_DATABASE_UNAVAILABLE; all that concerns one access alone is in its outcome
 */
export async function openCollections(
  deps: Pick<VaultDeps, "database" | "clock" | "metrics"> & { readonly cache: PlaintextCache },
  accesses: readonly Access[],
  reader: Reader,
): Promise<readonly AccessOutcome[]> {
  const { database, clock, cache, metrics } = deps;
  const [grants, admissions] = await Promise.all([
    readLiveGrants(database, distinct(accesses.map(({ grantId }) => grantId))),
    readAdmissions(database, distinct(accesses.map(({ taskId }) => taskId))),
  ]);
  const refusals = accesses.map((access) =>
    refuseAccess(access, grants.get(access.grantId), admissions.get(access.taskId)),
  );
  const allowed = accesses.filter((_, index) => refusals[index] === undefined);
  await appendJournal(
    database,
    allowed.map((access) => accessAct(access, reader)),
    clock(),
  );
  const opened = new Map<string, Promise<AccessOutcome>>();
  const outcomes = await Promise.all(
    accesses.map(async (access, index): Promise<AccessOutcome> => {
      const refusal = refusals[index];
      if (refusal !== undefined) return { kind: "refused", refusal };
      const key = `${access.vault}/${access.collection}/${access.size}/${access.digest}`;
      const opening = opened.get(key) ?? openSnapshot(cache, access);
      opened.set(key, opening);
      return await opening;
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

/** What is wrong with one collection concerns the tasks that read it, not the others. */
async function openSnapshot(
  cache: PlaintextCache,
  { vault, collection, size, digest }: Access,
): Promise<AccessOutcome> {
  try {
    return { kind: "opened", snapshot: await cache.open({ vault, collection }, { size, digest }) };
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.retry) throw error;
    return { kind: "refused", refusal: refuse(error.code, error.detail) };
  }
}
