// What the execution layer is given by others: authorized plaintext, a decision on retries, and the executor's signature.
import type { Column } from "#protocol/columns.ts";
import type { Refusal } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";

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
 * What a task may see of a snapshot, by the words that it was resolved with: for a query attribute only what the vault derives
 * (ATTR-07). A column may be longer than the snapshot; undefined for any other word, and where the collection has no field.
 */
export type OpenSnapshot = { readonly column: (term: string) => Column | undefined };

export type AccessOutcome =
  | { readonly kind: "opened"; readonly snapshot: OpenSnapshot }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Checks, journals and opens accesses; answers in their order. */
export type OpenCollections = (
  accesses: readonly Access[],
  reader: { readonly by: Hex; readonly purpose: "execution" },
) => Promise<readonly AccessOutcome[]>;

/** Whether a failed attempt is made again, and when. */
export type DecideRetry = (
  stage: Policy["stages"]["dispatched"],
  attempt: number,
  now: Date,
) => { readonly kind: "again"; readonly dueAt: Date } | { readonly kind: "used_up" };

/** Who executes: the account that results are signed for. The key itself stays with whoever made this. */
export type Executor = { readonly address: Hex; readonly sign: (digest: Uint8Array) => Hex };
