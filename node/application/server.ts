// The REST surface as a running application: identity, limits and strict input before each operation, problem+json after.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from "fastify";
import type { TSchema } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { anonymousRequestsPerSecond } from "#protocol/limits.ts";
import { answerClientError } from "./client-errors.ts";
import type { Context } from "./context.ts";
import { addIdentity } from "./admittance.ts";
import { openRewards } from "./explanations/reward.ts";
import { Intake } from "./intake.ts";
import { parseJsonBody } from "./json-body.ts";
import { openLookups } from "./lookups.ts";
import type { ApplicationDeps } from "./ports.ts";
import { asProtocolError, problemAnswer, traceOf } from "./problems.ts";
import type { Route } from "./route.ts";
import { routes } from "./routes.ts";
import { compileSchema, invalidInput, type InputPart } from "./validation.ts";

/** Bytes of a body where the operation says nothing else: every message but submissions and records is far smaller. */
const messageLimitBytes = 64 * 1024;
/** Bytes of all headers of a request: a token and what proxies add, several times over. */
const headerLimitBytes = 16 * 1024;
/** Characters of a part of an address: the longest ids have 66. */
const parameterLimitCharacters = 128;
/** A request that has not arrived by then holds a connection for nothing. */
const requestTimeoutMs = 30_000;
/** An idle connection is kept longer than most proxies keep theirs, so that it is they who close it. */
const keepAliveMs = 72_000;
/** Connections at once: each costs some tens of kilobytes. */
const connectionsMax = 4_096;

/** Methods that a caller may try; those that an address does not take answer SCHEMA_METHOD_NOT_ALLOWED. */
const methods: readonly HTTPMethods[] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const partOf: Readonly<Record<string, InputPart>> = { body: "body", params: "params", querystring: "query" };

const answerHeaders = { "x-content-type-options": "nosniff", "cache-control": "no-store" } as const;

/**
 * Opens the REST surface: everything is wired, nothing listens yet; `listen` and `close` are Fastify's. Closing waits for
 * requests under way and for what intake has taken in.
 */
export async function openApplication(deps: ApplicationDeps): Promise<FastifyInstance> {
  const processId = Buffer.from(deps.random(6)).toString("base64url");
  let requests = 0;
  const app = fastify({
    logger: false,
    genReqId: () => `${processId}-${(++requests).toString(36)}`,
    bodyLimit: messageLimitBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    http: { maxHeaderSize: headerLimitBytes },
    routerOptions: { maxParamLength: parameterLimitCharacters },
    trustProxy: deps.trustedProxies === undefined ? false : [...deps.trustedProxies],
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => sendProblem(deps, error, request, reply),
    clientErrorHandler: answerClientError,
  });
  app.server.maxConnections = connectionsMax;
  const context = contextOf(deps);
  app.addHook("onClose", async () => await context.intake.drain());
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body: Buffer, done) => {
    try {
      done(null, parseJsonBody(body));
    } catch (error) {
      done(error as Error);
    }
  });
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) =>
    validatorOf(schema, partOf[httpPart ?? "body"] ?? "body"),
  );
  app.setErrorHandler((error, request, reply) => sendProblem(deps, error, request, reply));
  await addIdentity(app, context, deps.limits?.anonymousRequestsPerSecond ?? anonymousRequestsPerSecond);
  addObservation(app, deps);
  for (const each of routes) addRoute(app, context, each);
  addRefusedMethods(app);
  await app.ready();
  return app;
}

function contextOf(deps: ApplicationDeps): Context {
  const { database, clock, random, domain, ports, observe = () => undefined, limits = {} } = deps;
  const lookups = openLookups(database, clock);
  return {
    database,
    clock,
    random,
    domain,
    ports,
    lookups,
    intake: new Intake({ database, lookups, clock, observe, limits }),
    explainReward: openRewards(ports.readObject),
  };
}

function validatorOf(schema: TSchema, part: InputPart): (input: unknown) => true | { readonly error: Error } {
  const validate = compileSchema(schema, part);
  return (input) => validate(input) || { error: invalidInput(schema, part, validate.errors ?? []) };
}

function addRoute(app: FastifyInstance, context: Context, each: Route): void {
  const { method, path, access, handle, params, query, body } = each;
  app.route({
    method,
    url: path,
    config: { access },
    ...(each.bodyLimitBytes === undefined ? {} : { bodyLimit: each.bodyLimitBytes }),
    schema: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
    },
    handler: async (request, reply) => {
      const answer = await handle(context, {
        params: request.params,
        query: request.query,
        body: request.body,
        caller: request.caller,
        now: context.clock(),
      });
      void reply.code(answer.status).headers(answerHeaders).header("x-request-id", request.id);
      if (answer.mediaType !== undefined) void reply.type(answer.mediaType);
      return reply.send(answer.body);
    },
  });
}

/** An address that exists tells which methods it takes, before it looks at anything else. */
function addRefusedMethods(app: FastifyInstance): void {
  const refuse = (allow: string) => (_: FastifyRequest, reply: FastifyReply) => {
    void reply.header("allow", allow);
    return Promise.reject(new ProtocolError("SCHEMA_METHOD_NOT_ALLOWED"));
  };
  for (const [path, atPath] of Map.groupBy(routes, (each) => each.path)) {
    const taken: readonly string[] = atPath.map(({ method }) => method);
    const allow = taken.includes("GET") ? [...taken, "HEAD"] : taken;
    const onRequest = refuse(allow.join(", "));
    const refused = methods.filter((method) => !taken.includes(method));
    app.route({
      method: [...refused],
      url: path,
      config: { access: { kind: "public" } },
      onRequest,
      handler: onRequest,
    });
  }
}

function addObservation(app: FastifyInstance, { observe }: ApplicationDeps): void {
  if (observe === undefined) return;
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "";
    observe({ kind: "answer", route, status: reply.statusCode, milliseconds: reply.elapsedTime });
    done();
  });
}

/** Answers with the problem that an error is; only what is not the caller's doing is logged, without its message. */
function sendProblem(deps: ApplicationDeps, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? "";
  const known = asProtocolError(error, request.routeOptions.bodyLimit);
  const { status, headers, body } = problemAnswer(known, request.id);
  if (status >= 500) {
    const trace = traceOf(known.code === "INTERNAL_UNEXPECTED" ? (known.cause ?? known) : known);
    deps.log.error({ requestId: request.id, route, code: known.code, trace }, "a request failed");
  }
  deps.observe?.({ kind: "refusal", route, code: known.code });
  void reply
    .code(status)
    .headers({ ...answerHeaders, ...headers, "x-request-id": request.id })
    .send(body);
}
