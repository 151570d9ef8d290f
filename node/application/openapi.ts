// The OpenAPI 3.1 document of the REST surface: a pure function of the routes and of the schemas they validate with (CONT-02).
import type { TSchema } from "typebox";
import { errorTable, type ErrorCode } from "#protocol/errors.ts";
import { problemMediaType } from "./problems.ts";
import { isPublished, namedSchemas } from "./published-schemas.ts";
import { refusalsOf, type Route } from "./route.ts";
import { tokenScopes } from "./scopes.ts";

type Json = Readonly<Record<string, unknown>>;

/** The version of the REST surface, which is in its addresses. */
const surfaceVersion = "1";

const tags: readonly { readonly name: string; readonly description: string }[] = [
  { name: "tasks", description: "Work that submitters ask for." },
  { name: "vaults", description: "Collections, their records, and consent to use them." },
  { name: "actors", description: "Actors with their roles, their budgets, and sessions." },
  { name: "settlement", description: "Epochs, roots, and what follows from them." },
  { name: "challenges", description: "Attacks on verified work, and what can be attacked." },
  { name: "documents", description: "Published documents, immutable under their version." },
  { name: "operation", description: "Probes of the process." },
];

/** The document as it is served and as the reference pages are made from. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const each of routes) {
    const path = each.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operationOf(each) };
  }
  const scopes = Object.entries(tokenScopes).map(([scope, meaning]) => `- \`${scope}\`: ${meaning}`);
  return {
    openapi: "3.1.0",
    info: {
      title: "Symphony settlement node",
      version: surfaceVersion,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "Tasks in, verified work into epochs, one root per epoch on chain, payouts against finalized roots. Every refusal is " +
        "`application/problem+json` with a stable `code`; `x-error-codes` lists those that an operation may answer with.",
    },
    tags,
    paths,
    components: {
      schemas: Object.fromEntries([...namedSchemas.values()].map((schema) => [nameOf(schema.$id), contentOf(schema)])),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: `An opaque token of the operator or of a session.\n\n${scopes.join("\n")}`,
        },
      },
    },
  };
}

/** `task-envelope` as a component is TaskEnvelope. */
const nameOf = (id: string): string => id.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

function operationOf(each: Route): Json {
  const { operationId, tag, summary, description, access } = each;
  const security = {
    open: [],
    public: [{}, { token: [] }],
    signed: [{}, { token: [] }],
    token: [{ token: access.kind === "token" ? access.scopes : [] }],
  }[access.kind];
  const parameters = [...parametersOf("path", each.params), ...parametersOf("query", each.query)];
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    security,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(each.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: referTo(each.body) } } } }),
    responses: responsesOf(each),
  };
}

function parametersOf(place: "path" | "query", schema: TSchema | undefined): readonly Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property;
    const described = description === undefined ? {} : { description };
    return { name, in: place, required: required.includes(name), ...described, schema: referTo(rest) };
  });
}

/** Successes by status, then refusals: one entry a status, with all codes that come under it. */
function responsesOf(each: Route): Json {
  const responses: Record<string, Json> = {};
  for (const [status, { description, schema, mediaType }] of Object.entries(each.successes)) {
    const content = schema && { content: { [mediaType ?? "application/json"]: { schema: referTo(schema) } } };
    responses[status] = { description, ...content };
  }
  const byStatus = Map.groupBy(refusalsOf(each), (code) => errorTable[code].status);
  for (const [status, codes] of [...byStatus].sort(([left], [right]) => left - right)) {
    responses[String(status)] = problemOf(codes);
  }
  return responses;
}

function problemOf(codes: readonly ErrorCode[]): Json {
  const isRetried = codes.some((code) => errorTable[code].retry);
  const headers = {
    "retry-after": { description: "Seconds to wait, where waiting may help.", schema: { type: "integer" } },
  };
  return {
    description: codes.map((code) => `\`${code}\`: ${errorTable[code].meaning}`).join("\n\n"),
    ...(isRetried ? { headers } : {}),
    content: { [problemMediaType]: { schema: { $ref: "#/components/schemas/Problem" } } },
    "x-error-codes": codes,
  };
}

/** A schema where it is used: by reference if it has a name. */
function referTo(schema: unknown): unknown {
  return isPublished(schema) ? { $ref: `#/components/schemas/${nameOf(schema.$id)}` } : contentOf(schema);
}

/** A schema written out, with references to the named ones inside it. Its own name would move what references are relative to. */
function contentOf(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(referTo);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) => (key === "$id" ? [] : [[key, referTo(value)]])),
  );
}
