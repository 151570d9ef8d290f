// Before anything is read of a request: who calls, whether the operation is for them, and whether their address may go on.
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ProtocolError } from "#protocol/errors.ts";
import type { Context } from "./context.ts";
import { callerOf, hasScope, rememberedCaller } from "./identity.ts";
import type { Access } from "./route.ts";
import { anonymous, type Caller } from "./scopes.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Caller;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

const rateWindowMs = 1_000;

type Verdict = Awaited<ReturnType<ReturnType<FastifyInstance["createRateLimit"]>>>;

function refuseExceeded(verdict: Verdict): void {
  if (verdict.isAllowed || !verdict.isExceeded) return;
  throw new ProtocolError("POLICY_RATE_LIMITED", { retryAfterSeconds: Math.max(1, verdict.ttlInSeconds) });
}

/** Refuses a caller whom the operation is not for. */
function refuseAccess({ caller, is404 }: FastifyRequest, access: Access): void {
  if (is404) throw new ProtocolError("SCHEMA_NOT_FOUND");
  if (access.kind !== "token" || hasScope(caller, ...access.scopes)) return;
  if (caller.kind === "anonymous") throw new ProtocolError("AUTH_REQUIRED");
  throw new ProtocolError("AUTH_ROLE", { required: access.scopes });
}

/**
 * Adds identity and rate limits. An address has an allowance of anonymous requests, and one of failed authentications, which
 * is looked at before a token or a signature is checked for it. Tokens that hold are not limited: the quotas and budgets of
 * their subjects are.
 * @param perSecond each allowance of an address.
 */
export async function addIdentity(
  app: FastifyInstance,
  { lookups, clock }: Pick<Context, "lookups" | "clock">,
  perSecond: number,
): Promise<void> {
  await app.register(rateLimit, { global: false });
  const requests = app.createRateLimit({ max: perSecond, timeWindow: rateWindowMs });
  const failures = app.createRateLimit({ max: perSecond, timeWindow: rateWindowMs });
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request) => {
    request.caller = anonymous;
    const access: Access = request.routeOptions.config.access ?? { kind: "public" };
    if (access.kind === "open") return;
    const { authorization } = request.headers;
    // A token that was found good a moment ago costs nothing and is counted by nobody: nearly every request in practice.
    const known = rememberedCaller(authorization, lookups, clock());
    if (known === undefined) {
      const isRead = access.kind === "public" && authorization === undefined;
      refuseExceeded(isRead ? await requests(request) : await failures(request, { increment: false }));
    }
    if (authorization !== undefined) request.caller = known ?? (await callerOf(authorization, lookups, clock()));
    refuseAccess(request, access);
  });
  app.addHook("onError", async (request, _, error) => {
    const isFailure = error instanceof ProtocolError && error.code.startsWith("AUTH_");
    if (isFailure && request.caller.kind === "anonymous") await failures(request);
  });
}
