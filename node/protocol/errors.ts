// The closed table of every error a caller can see: code, HTTP status, whether to retry, meaning, what to do.

import { admissionErrors } from "./error-table/admission.ts";
import { governanceErrors } from "./error-table/governance.ts";
import { settlementErrors } from "./error-table/settlement.ts";

/**
 * Every published error code (CONT-03, CONT-04). The key's prefix is its family; the twelve families are
 * the protocol's own. A code is never removed or given another meaning within a major version.
 */
export const errorTable = { ...admissionErrors, ...settlementErrors, ...governanceErrors } as const;

/** A published error code. */
export type ErrorCode = keyof typeof errorTable;

/** The twelve families of the protocol, in its own order (CONT-03). */
export const errorFamilies = [
  "SCHEMA_",
  "VERSION_",
  "AUTH_",
  "POLICY_",
  "EXECUTION_",
  "PROOF_",
  "VERIFY_",
  "SETTLEMENT_",
  "REWARD_",
  "PAYOUT_",
  "GOVERNANCE_",
  "INTERNAL_",
] as const;

/** Public facts that go with an error: no private plaintext, no secrets. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** An operating error as a value: what the code means is in the table, what happened here is in `detail`. */
export type Refusal = { readonly code: ErrorCode; readonly detail: ErrorDetail };

/** Makes a {@link Refusal}. */
export function refuse(code: ErrorCode, detail: ErrorDetail = {}): Refusal {
  return { code, detail };
}

/** An operating error on its way through a call stack that cannot return it as a value. */
export class ProtocolError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, detail: ErrorDetail = {}, options?: ErrorOptions) {
    super(`${code}: ${errorTable[code].meaning}`, options);
    this.name = "ProtocolError";
    this.code = code;
    this.detail = detail;
  }

  /** Whether the same act may succeed later unchanged. */
  get retry(): boolean {
    return errorTable[this.code].retry;
  }
}
