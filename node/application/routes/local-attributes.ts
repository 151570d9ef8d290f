// Local attributes: the pool of a collection for its own operator, and the candidates of settlements for everybody.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { Bytes32, closed, Name } from "#protocol/schemas/primitives.ts";
import { listLocalCandidates, readLocalCandidate, readPool } from "#storage/local-reading.ts";
import { readOperator } from "#storage/reading.ts";
import { requireActing, requireRole } from "../identity.ts";
import { LocalCandidatePage, LocalCandidateView, LocalPoolPage } from "../messages.ts";
import { itemAfter, kindAfter, pageQuery, pageRequest } from "../paging.ts";
import { route, type Route } from "../route.ts";

const candidates = route({
  method: "GET",
  path: "/v1/local-attributes/candidates",
  operationId: "listLocalCandidates",
  tag: "local attributes",
  summary: "List candidates for attributes",
  description:
    "What the vaults of a scope say together about words that no registry knows, for one epoch or for all: proposals that a " +
    "settlement's root commits to, every revision of it. Made of noisy counts above a threshold only; see docs/PRIVACY.md. Public.",
  access: { kind: "public" },
  query: closed({
    scope: Name,
    epoch: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    ...pageQuery(itemAfter),
  }),
  successes: { 200: { description: "A page of candidates.", schema: LocalCandidatePage } },
  refusals: [],
  handle: async ({ database }, { query }) => {
    const { scope, epoch } = query;
    return { status: 200, body: await listLocalCandidates(database, { scope, epoch }, pageRequest(query)) };
  },
});

const candidate = route({
  method: "GET",
  path: "/v1/local-attributes/candidates/:candidateId",
  operationId: "getLocalCandidate",
  tag: "local attributes",
  summary: "Read a candidate for an attribute",
  description: "One candidate, as the newest revision of its epoch's settlement holds it. Public.",
  access: { kind: "public" },
  params: closed({ candidateId: Bytes32 }),
  successes: { 200: { description: "The candidate.", schema: LocalCandidateView } },
  refusals: [],
  handle: async ({ database }, { params }) => {
    const found = await readLocalCandidate(database, params.candidateId);
    if (found === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: found };
  },
});

const pool = route({
  method: "GET",
  path: "/v1/vaults/:vault/collections/:collection/local-attributes",
  operationId: "readLocalPool",
  tag: "local attributes",
  summary: "Read a collection's own pool",
  description:
    "Exact counts of the fields that the collection maps to no canonical attribute, in the window that is going on. For the " +
    "collection's operator (a token of it with `own:read`), and for nobody else whatever their scopes.",
  access: { kind: "token", scopes: ["own:read"] },
  params: closed({ vault: Name, collection: Name }),
  query: closed(pageQuery(kindAfter)),
  successes: { 200: { description: "A page of the pool.", schema: LocalPoolPage } },
  refusals: ["AUTH_ACTOR_UNKNOWN"],
  handle: async ({ database, lookups }, { params, query, caller }) => {
    const operator = await readOperator(database, params.vault, params.collection);
    if (operator === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    requireActing(caller, operator, "own:read");
    await requireRole(lookups, operator, "vault_operator");
    const page = await readPool(database, params, pageRequest(query));
    if (page === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: page };
  },
});

export const localAttributeRoutes: readonly Route[] = [pool, candidates, candidate];
