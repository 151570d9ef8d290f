// One REST operation as data: its address, its messages, who may call it, how it may refuse, and the function that answers.
import type { Static, TSchema } from "typebox";
import type { ErrorCode } from "#protocol/errors.ts";
import type { Context } from "./context.ts";
import type { Caller, TokenScope } from "./scopes.ts";

/**
 * Who may call an operation:
 * - `open`: anybody, as often as they like: probes;
 * - `public`: anybody, within the rate limit unless a token is shown;
 * - `signed`: whoever shows a token or signs the body; failures count against the rate limit;
 * - `token`: who shows a token with one of the scopes.
 */
export type Access =
  { readonly kind: "open" | "public" | "signed" } | { readonly kind: "token"; readonly scopes: readonly TokenScope[] };

/** What a handler is given: everything is validated. */
export type Call<P, Q, B> = {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly now: Date;
};

/** What a handler answers. A body that is text goes out as it is, under its media type. */
export type Answer = { readonly status: number; readonly body?: unknown; readonly mediaType?: string };

/** An answer that an operation gives when all is well. */
export type Success = { readonly description: string; readonly schema?: TSchema; readonly mediaType?: string };

type Described = {
  readonly method: "GET" | "POST" | "DELETE";
  /** With `:name` for a parameter. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  readonly access: Access;
  /** Bytes that the body may have, where it is not the default. */
  readonly bodyLimitBytes?: number;
  readonly successes: Readonly<Record<number, Success>>;
  /** Codes beyond those that any operation of its kind may answer with. */
  readonly refusals: readonly ErrorCode[];
};

/** An operation, whatever its messages. */
export type Route = Described & {
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly handle: (context: Context, call: Call<unknown, unknown, unknown>) => Promise<Answer>;
};

type Validated<S extends TSchema | undefined> = S extends TSchema ? Static<S> : undefined;

/**
 * Writes down an operation: the handler's arguments have the types of its schemas, since nothing reaches it that they do not
 * allow.
 */
export function route<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(
  definition: Described & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly handle: (context: Context, call: Call<Validated<P>, Validated<Q>, Validated<B>>) => Promise<Answer>;
  },
): Route {
  return definition as Route;
}

const bodyRefusals: readonly ErrorCode[] = [
  "SCHEMA_MALFORMED_JSON",
  "SCHEMA_DUPLICATE_KEY",
  "SCHEMA_NUMBER_RANGE",
  "SCHEMA_BODY_TOO_LARGE",
  "SCHEMA_MEDIA_TYPE",
];

const accessRefusals: Readonly<Record<Access["kind"], readonly ErrorCode[]>> = {
  open: [],
  public: ["AUTH_TOKEN_INVALID", "AUTH_EXPIRED", "POLICY_RATE_LIMITED"],
  signed: ["AUTH_REQUIRED", "AUTH_TOKEN_INVALID", "AUTH_EXPIRED", "POLICY_RATE_LIMITED"],
  token: ["AUTH_REQUIRED", "AUTH_TOKEN_INVALID", "AUTH_EXPIRED", "AUTH_ROLE", "POLICY_RATE_LIMITED"],
};

/** Every code that an operation may answer with: its own, and those of its kind. */
export function refusalsOf(each: Route): readonly ErrorCode[] {
  const hasInput = (each.body ?? each.params ?? each.query) !== undefined;
  return [
    ...new Set<ErrorCode>([
      ...(each.body === undefined ? [] : bodyRefusals),
      ...(hasInput ? (["SCHEMA_INVALID"] as const) : []),
      // A part of an address that is too long, or no text, leads nowhere.
      ...(each.params === undefined ? [] : (["SCHEMA_NOT_FOUND"] as const)),
      ...accessRefusals[each.access.kind],
      ...each.refusals,
      "INTERNAL_DATABASE_UNAVAILABLE",
      "INTERNAL_UNEXPECTED",
    ]),
  ];
}
