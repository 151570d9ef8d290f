// Actors, their budgets, and sessions for reading their own things.
import { ProtocolError } from "#protocol/errors.ts";
import { loginDigest } from "#protocol/messages.ts";
import { Address, closed } from "#protocol/schemas/primitives.ts";
import { ActorRegistration, BudgetDeposit, BudgetView } from "#protocol/schemas/vault.ts";
import { deposit, readBudget } from "#storage/budgets.ts";
import { issueToken, registerActor, useLogin } from "#storage/tokens.ts";
import type { Context } from "../context.ts";
import { refuseSignature, requireActing } from "../identity.ts";
import { Session, SessionRequest } from "../messages.ts";
import { InvalidInput } from "../problems.ts";
import { route, type Answer, type Route } from "../route.ts";
import { type Caller, type TokenScope } from "../scopes.ts";

/** A session is for looking something up, not for living in. */
const sessionSeconds = 3_600;

/** Who did an act, for the journal. */
const subjectOf = (caller: Caller): string => (caller.kind === "token" ? caller.subject : "");

const register = route({
  method: "POST",
  path: "/v1/actors",
  operationId: "registerActor",
  tag: "actors",
  summary: "Register an actor",
  description:
    "Gives an address exactly the roles named; roles it held and that are not named end. Journalled with the token's subject. For " +
    "tokens with `actor:write`.",
  access: { kind: "token", scopes: ["actor:write"] },
  body: ActorRegistration,
  successes: { 200: { description: "The roles that the address holds now.", schema: ActorRegistration } },
  refusals: [],
  handle: async ({ database }, { body, caller, now }) => {
    await registerActor(database, body, subjectOf(caller), now);
    return { status: 200, body };
  },
});

const depositBudget = route({
  method: "POST",
  path: "/v1/budgets",
  operationId: "depositBudget",
  tag: "actors",
  summary: "Deposit budget",
  description:
    "Adds to a submitter's budget, once for each `reference`; the same reference with another amount is refused. Journalled with " +
    "the token's subject. For tokens with `budget:write`.",
  access: { kind: "token", scopes: ["budget:write"] },
  body: BudgetDeposit,
  successes: {
    201: { description: "The budget after the deposit.", schema: BudgetView },
    200: { description: "Deposited before: the budget as it is.", schema: BudgetView },
  },
  refusals: ["POLICY_IDEMPOTENCY_CONFLICT", "GOVERNANCE_ACT_REFUSED"],
  handle: async ({ database }, { body, caller, now }) => {
    // The database's text holds every character but this one.
    if (body.reference.includes("\0")) {
      throw new InvalidInput({ schema: "budget-deposit" }, [
        { path: "/body/reference", message: "must not contain NUL" },
      ]);
    }
    const { budget, isRepeated } = await deposit(database, body, subjectOf(caller), now);
    return { status: isRepeated ? 200 : 201, body: budget };
  },
});

const getBudget = route({
  method: "GET",
  path: "/v1/budgets/:account",
  operationId: "getBudget",
  tag: "actors",
  summary: "Read a budget",
  description:
    "What an account has left and what is reserved for its tasks. For the account itself (a token of it with `own:read`), for " +
    "the treasury (`budget:write`) and for auditors (`audit:read`).",
  access: { kind: "token", scopes: ["own:read", "budget:write", "audit:read"] },
  params: closed({ account: Address }),
  successes: { 200: { description: "The budget.", schema: BudgetView } },
  refusals: [],
  handle: async ({ database }, { params: { account }, caller }) => {
    requireActing(caller, account, "own:read", ["budget:write", "audit:read"]);
    return { status: 200, body: await readBudget(database, account) };
  },
});

async function openSession(context: Context, request: SessionRequest, now: Date): Promise<Answer> {
  const { account, expiresAtSeconds, signature } = request;
  const until = new Date(expiresAtSeconds * 1000);
  const digest = loginDigest(context.domain, account, expiresAtSeconds);
  const refusal = refuseSignature(digest, signature, account);
  if (refusal !== undefined) throw new ProtocolError(refusal.code, refusal.detail);
  if (until <= now) throw new ProtocolError("AUTH_EXPIRED");
  if (until.getTime() > now.getTime() + sessionSeconds * 1000) {
    throw new ProtocolError("AUTH_LIFETIME", { maximumSeconds: sessionSeconds });
  }
  const roles = await context.lookups.roles(account);
  if (roles.size === 0) throw new ProtocolError("AUTH_ACTOR_UNKNOWN", { address: account });
  if (!(await useLogin(context.database, { digest, account, until }, now))) throw new ProtocolError("AUTH_REPLAYED");
  const scopes: TokenScope[] = roles.has("auditor") ? ["own:read", "audit:read"] : ["own:read"];
  const { database, random } = context;
  const token = await issueToken(database, { subject: account, scopes, until }, { random, now });
  return { status: 201, body: { token, scopes, expiresAtSeconds } };
}

const login = route({
  method: "POST",
  path: "/v1/sessions",
  operationId: "openSession",
  tag: "actors",
  summary: "Open a session",
  description:
    "Exchanges a signed EIP-712 message `Login(address account,uint64 expiresAtSeconds)`, valid for at most an hour, for a bearer " +
    "token that reads the account's own tasks, results and budget until the same time; an auditor's also reads those of others. One " +
    "login opens one session.",
  access: { kind: "signed" },
  body: SessionRequest,
  successes: { 201: { description: "The token; it cannot be read again.", schema: Session } },
  refusals: [
    "AUTH_SIGNATURE_MALFORMED",
    "AUTH_SIGNATURE_INVALID",
    "AUTH_LIFETIME",
    "AUTH_REPLAYED",
    "AUTH_ACTOR_UNKNOWN",
  ],
  handle: async (context, { body, now }) => await openSession(context, body, now),
});

export const actorRoutes: readonly Route[] = [register, depositBudget, getBudget, login];
