// What the verification layer is given by others: authorized plaintext, a decision on retries, and verifiers' signatures.
import type { Column } from "#protocol/columns.ts";
import type { Refusal } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { ValueType } from "#protocol/schemas/registry.ts";

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

/** The plaintext of a snapshot, column by column; a column may be longer than the snapshot. */
export type OpenSnapshot = { readonly column: (field: string, type: ValueType) => Column | undefined };

export type AccessOutcome =
  | { readonly kind: "opened"; readonly snapshot: OpenSnapshot }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Checks, journals and opens accesses; answers in their order. */
export type OpenCollections = (
  accesses: readonly Access[],
  reader: { readonly by: Hex; readonly purpose: "verification" },
) => Promise<readonly AccessOutcome[]>;

/** Whether a failed attempt is made again, and when. */
export type DecideRetry = (
  stage: Policy["stages"]["verifying"],
  attempt: number,
  now: Date,
) => { readonly kind: "again"; readonly dueAt: Date } | { readonly kind: "used_up" };

/** An account that decides. The key itself stays with whoever made this. */
export type Verifier = { readonly address: Hex; readonly sign: (digest: Uint8Array) => Hex };
