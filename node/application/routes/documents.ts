// Published documents: registries, policies, schemas, the description of this surface; and the probes of its host.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { Policy } from "#protocol/schemas/policy.ts";
import { closed, Name, Version } from "#protocol/schemas/primitives.ts";
import { Registry } from "#protocol/schemas/registry.ts";
import { readRegistry } from "#storage/registry.ts";
import { Health } from "../messages.ts";
import { publishedSchemas } from "../published-schemas.ts";
import { route, type Route } from "../route.ts";

const versionParams = closed({ version: Version });

const registry = route({
  method: "GET",
  path: "/v1/registries/:version",
  operationId: "getRegistry",
  tag: "documents",
  summary: "Read a registry",
  description: "Everything a semantic_version means: domains, attributes, references. Immutable. Public.",
  access: { kind: "public" },
  params: versionParams,
  successes: { 200: { description: "The registry.", schema: Registry } },
  refusals: [],
  handle: async ({ database }, { params }) => found(await readRegistry(database, params.version)),
});

const policy = route({
  method: "GET",
  path: "/v1/policies/:version",
  operationId: "getPolicy",
  tag: "documents",
  summary: "Read a policy",
  description: "Every number that governance decides, under one policy_version. Immutable. Public.",
  access: { kind: "public" },
  params: versionParams,
  successes: { 200: { description: "The policy.", schema: Policy } },
  refusals: [],
  handle: async ({ lookups }, { params }) => found(await lookups.policy(params.version)),
});

const schema = route({
  method: "GET",
  path: "/schemas/:name.json",
  operationId: "getSchema",
  tag: "documents",
  summary: "Read a JSON Schema",
  description: "The schema (2020-12) that this node validates a kind of message with. Public.",
  access: { kind: "public" },
  params: closed({ name: Name }),
  successes: { 200: { description: "The schema.", schema: Type.Unknown(), mediaType: "application/schema+json" } },
  refusals: [],
  handle: (_, { params }) => {
    const known = publishedSchemas.get(params.name);
    if (known === undefined) return Promise.reject(new ProtocolError("SCHEMA_NOT_FOUND"));
    return Promise.resolve({ status: 200, body: known, mediaType: "application/schema+json" });
  },
});

const healthz = route({
  method: "GET",
  path: "/healthz",
  operationId: "getHealth",
  tag: "operation",
  summary: "Is the process alive",
  description: "Answers as long as the process does. Open.",
  access: { kind: "open" },
  successes: { 200: { description: "It is.", schema: Health } },
  refusals: [],
  handle: () => Promise.resolve({ status: 200, body: { status: "ok" } }),
});

const readyz = route({
  method: "GET",
  path: "/readyz",
  operationId: "getReadiness",
  tag: "operation",
  summary: "Can the process serve",
  description: "Says what is missing if it cannot. Open.",
  access: { kind: "open" },
  successes: { 200: { description: "It can.", schema: Health } },
  refusals: [
    "INTERNAL_OBJECT_UNREACHABLE",
    "SETTLEMENT_CHAIN_UNREACHABLE",
    "SETTLEMENT_CHAIN_ID_MISMATCH",
    "SETTLEMENT_CHAIN_DISAGREES",
  ],
  handle: async ({ database, ports }) => {
    await database.query("SELECT 1");
    await ports.ready();
    return { status: 200, body: { status: "ok" } };
  },
});

const metrics = route({
  method: "GET",
  path: "/metrics",
  operationId: "getMetrics",
  tag: "operation",
  summary: "Read the metrics",
  description: "Everything measured, in Prometheus' text format: numbers only, no accounts, nothing of a task. Open.",
  access: { kind: "open" },
  successes: { 200: { description: "The metrics.", schema: Type.String(), mediaType: "text/plain; version=0.0.4" } },
  refusals: [],
  handle: async ({ ports }) => ({
    status: 200,
    body: await ports.metrics(),
    mediaType: "text/plain; version=0.0.4; charset=utf-8",
  }),
});

function found(body: unknown): { readonly status: 200; readonly body: unknown } {
  if (body === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
  return { status: 200, body };
}

/** Without the OpenAPI document itself, which is made from all routes. */
export const documentRoutes: readonly Route[] = [registry, policy, schema, healthz, readyz, metrics];
