// Governance: acts, their history, and semantic versions on their way to be published.
import { Type } from "typebox";
import { ProtocolError } from "#protocol/errors.ts";
import { bodyLimitBytes } from "#protocol/limits.ts";
import { GovernanceActView, GovernanceReceipt, GovernanceSubmission } from "#protocol/schemas/governance.ts";
import { Bytes32, closed, Version } from "#protocol/schemas/primitives.ts";
import { listActs, readAct } from "#storage/governance.ts";
import { listVersions } from "#storage/registry.ts";
import type { Context } from "../context.ts";
import { requireActing } from "../identity.ts";
import { GovernancePage, RegistryDraft, RegistryVersionPage } from "../messages.ts";
import { countAfter, pageQuery, pageRequest } from "../paging.ts";
import { route, type Answer, type Route } from "../route.ts";
import type { Caller } from "../scopes.ts";

/** An act counts by its actor's signature, or by a token that acts for the actor; a signature that is there has to be right. */
async function govern({ ports }: Context, caller: Caller, { act, signature }: GovernanceSubmission): Promise<Answer> {
  if (caller.kind === "token" || signature === undefined) requireActing(caller, act.by, "governance:write");
  const receipt = await ports.govern(act, signature ?? null);
  return { status: receipt.repeated ? 200 : 201, body: receipt };
}

const submitAct = route({
  method: "POST",
  path: "/v1/governance/acts",
  operationId: "submitGovernanceAct",
  tag: "governance",
  summary: "Order an act of governance",
  description:
    "Proposes, moves and supersedes domains and attributes, opens and publishes semantic versions, publishes policies, rolls versions " +
    "out, closes epochs, orders aggregations, decides challenges, promotes candidates. For actors with the role `governance`: signed " +
    "as EIP-712 typed data `GovernanceAct`, or sent with a token of the actor that has the scope `governance:write`. The same act " +
    "again changes nothing.",
  access: { kind: "signed" },
  bodyLimitBytes,
  body: GovernanceSubmission,
  successes: {
    201: { description: "The act is in the history, and has had its effect.", schema: GovernanceReceipt },
    200: { description: "Taken before.", schema: GovernanceReceipt },
  },
  refusals: [
    "AUTH_SIGNATURE_MALFORMED",
    "AUTH_SIGNATURE_INVALID",
    "AUTH_ACTOR_UNKNOWN",
    "AUTH_ROLE",
    "VERSION_SCHEMA_UNKNOWN",
    "VERSION_ROLLOUT_REFUSED",
    "VERIFY_CHALLENGE_NOT_FOUND",
    "GOVERNANCE_ACT_REFUSED",
    "GOVERNANCE_TRANSITION_REFUSED",
    "GOVERNANCE_THRESHOLD_UNMET",
  ],
  handle: async (context, { body, caller }) => await govern(context, caller, body),
});

const listHistory = route({
  method: "GET",
  path: "/v1/governance/acts",
  operationId: "listGovernanceActs",
  tag: "governance",
  summary: "Read the history of governance",
  description:
    "Acts in the order in which they were taken: of one subject (a domain, an attribute, a version, a scope, `scope/epoch`, a " +
    "challenge), of one semantic version, or all. Public.",
  access: { kind: "public" },
  query: closed({
    ...pageQuery(countAfter),
    subject: Type.Optional(Type.String({ minLength: 1, maxLength: 256, pattern: "^[^\\u0000]+$" })),
    semanticVersion: Type.Optional(Version),
  }),
  successes: { 200: { description: "A page of the history.", schema: GovernancePage } },
  refusals: [],
  handle: async ({ database }, { query }) => {
    const { subject, semanticVersion } = query;
    return { status: 200, body: await listActs(database, { subject, semanticVersion }, pageRequest(query)) };
  },
});

const getAct = route({
  method: "GET",
  path: "/v1/governance/acts/:actId",
  operationId: "getGovernanceAct",
  tag: "governance",
  summary: "Read an act of governance",
  description: "One act as it was ordered, and where in the history it stands. Public.",
  access: { kind: "public" },
  params: closed({ actId: Bytes32 }),
  successes: { 200: { description: "The act.", schema: GovernanceActView } },
  refusals: ["GOVERNANCE_NOT_FOUND"],
  handle: async ({ database }, { params: { actId } }) => {
    const act = await readAct(database, actId);
    if (act === undefined) throw new ProtocolError("GOVERNANCE_NOT_FOUND");
    return { status: 200, body: act };
  },
});

const listRegistries = route({
  method: "GET",
  path: "/v1/registries",
  operationId: "listRegistries",
  tag: "governance",
  summary: "List the semantic versions",
  description: "Published ones in the order of publication, or those that are open and not published yet. Public.",
  access: { kind: "public" },
  query: closed({
    ...pageQuery(countAfter),
    state: Type.Optional(Type.Enum(["published", "open"], { default: "published" })),
  }),
  successes: { 200: { description: "A page of the list.", schema: RegistryVersionPage } },
  refusals: [],
  handle: async ({ database }, { query }) => ({
    status: 200,
    body: await listVersions(database, query.state ?? "published", pageRequest(query)),
  }),
});

const getDraft = route({
  method: "GET",
  path: "/v1/registries/:version/draft",
  operationId: "getRegistryDraft",
  tag: "governance",
  summary: "Read an opened semantic version",
  description:
    "What the acts so far make of a version that was opened, and what keeps it from being published. Public.",
  access: { kind: "public" },
  params: closed({ version: Version }),
  successes: { 200: { description: "The draft as it stands.", schema: RegistryDraft } },
  refusals: [],
  handle: async ({ ports }, { params: { version } }) => {
    const draft = await ports.readDraft(version);
    if (draft === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    return { status: 200, body: draft };
  },
});

export const governanceRoutes: readonly Route[] = [submitAct, listHistory, getAct, listRegistries, getDraft];
