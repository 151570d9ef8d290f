// Every error as application/problem+json: the code's meaning from the closed table, public facts, and nothing of the request.
import { errorTable, ProtocolError, type ErrorCode, type ErrorDetail } from "#protocol/errors.ts";
import type { Problem } from "#protocol/schemas/problem.ts";

/** RFC 9457. */
export const problemMediaType = "application/problem+json";

/** A place in the input that is wrong, and why; never what was found there. */
export type InputError = { readonly path: string; readonly message: string };

/** Input that does not satisfy its schema. */
export class InvalidInput extends ProtocolError {
  readonly errors: readonly InputError[];

  constructor(detail: ErrorDetail, errors: readonly InputError[]) {
    super("SCHEMA_INVALID", detail);
    this.errors = errors;
  }
}

/** Waits suggested where nothing better is known, in seconds: a queue drains at once, anything else takes a moment. */
const retrySeconds: Partial<Record<ErrorCode, number>> = { POLICY_OVERLOADED: 1, POLICY_BUDGET_EXCEEDED: 30 };
const otherRetrySeconds = 5;

/** What goes with an answer that tells of an error. */
export type ProblemAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Problem;
};

/** The answer for an error. With `retryAfterSeconds` in the detail, that is what `retry-after` says. */
export function problemAnswer(error: ProtocolError, requestId: string): ProblemAnswer {
  const { status, retry, meaning, remedy } = errorTable[error.code];
  const { retryAfterSeconds } = error.detail;
  const headers: Record<string, string> = { "content-type": problemMediaType, "cache-control": "no-store" };
  if (retry) {
    const seconds = typeof retryAfterSeconds === "number" ? retryAfterSeconds : retrySeconds[error.code];
    headers["retry-after"] = String(seconds ?? otherRetrySeconds);
  }
  if (status === 401) headers["www-authenticate"] = 'Bearer realm="scs"';
  const body: Problem = {
    type: `urn:symphony:scs:error:${error.code}`,
    title: meaning,
    status,
    code: error.code,
    retry,
    remedy,
    requestId,
    detail: { ...error.detail },
    ...(error instanceof InvalidInput ? { errors: [...error.errors] } : {}),
  };
  return { status, headers, body };
}

/** Errors of the web framework that are the caller's, by its code. */
const frameworkCodes: ReadonlyMap<string, ErrorCode> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", "SCHEMA_BODY_TOO_LARGE"],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "SCHEMA_MEDIA_TYPE"],
  ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", "SCHEMA_MALFORMED_JSON"],
  ["FST_ERR_CTP_EMPTY_JSON_BODY", "SCHEMA_MALFORMED_JSON"],
  ["FST_ERR_BAD_URL", "SCHEMA_NOT_FOUND"],
  ["FST_ERR_MAX_PARAM_LENGTH", "SCHEMA_NOT_FOUND"],
]);

/** Any error as one of the table: what is not known to be the caller's is INTERNAL_UNEXPECTED and tells nothing. */
export function asProtocolError(error: unknown, limitBytes: number): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const code = error instanceof Error && "code" in error ? frameworkCodes.get(String(error.code)) : undefined;
  if (code === "SCHEMA_BODY_TOO_LARGE") return new ProtocolError(code, { limitBytes });
  return new ProtocolError(code ?? "INTERNAL_UNEXPECTED", {}, { cause: error });
}

/**
 * What may be logged of an unexpected error: its kind, the database's code and constraint, and where it was thrown. Messages
 * may quote values, so they stay out (LAYR-01).
 */
export function traceOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: typeof error };
  const facts: Record<string, unknown> = { name: error.name };
  for (const key of ["code", "constraint", "table"] as const) {
    const value = (error as Readonly<Record<string, unknown>> & Error)[key];
    if (typeof value === "string") facts[key] = value;
  }
  const frames =
    error.stack
      ?.replace(error.message, "")
      .split("\n")
      .filter((line) => line.startsWith("    at ")) ?? [];
  return {
    ...facts,
    stack: frames.slice(0, 12).map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: traceOf(error.cause) }),
  };
}
