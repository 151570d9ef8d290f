// What a bearer token may be for: one closed table, each scope for one surface; and whoever calls with one.

/** Every scope with what it allows. A token holds those it was issued with and nothing else (OPER-08). */
export const tokenScopes = {
  "task:submit": "Submit tasks for the token's subject without signing each envelope.",
  "own:read": "Read the tasks, results and budget of the token's subject.",
  "audit:read": "Read every task, result, history and budget.",
  "record:write": "Define collections and add records to those that the token's subject operates.",
  "grant:write":
    "Give and take back consent for collections that the token's subject operates, without signing each grant.",
  "governance:write": "Order acts of governance for the token's subject without signing each act.",
  "budget:write": "Deposit budget for any account, and read any budget.",
  "challenge:write":
    "Open and reopen challenges for the token's subject without signing each, and read what live candidates hold.",
  "actor:write": "Register actors and their roles.",
} as const;

export type TokenScope = keyof typeof tokenScopes;

/** Whether a text names a scope of the table. */
export function isTokenScope(text: string): text is TokenScope {
  return Object.hasOwn(tokenScopes, text);
}

/** Who a request comes from. Without a token nobody is known yet; a signature in the body may still say. */
export type Caller =
  | { readonly kind: "anonymous" }
  | { readonly kind: "token"; readonly subject: string; readonly scopes: ReadonlySet<TokenScope> };

export const anonymous: Caller = { kind: "anonymous" };
