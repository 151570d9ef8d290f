// Vaults: collections, their records, and consent to use them.
import { ProtocolError } from "#protocol/errors.ts";
import { grantDigest, grantIdOf } from "#protocol/messages.ts";
import { Bytes32, closed, Name } from "#protocol/schemas/primitives.ts";
import {
  CollectionDefinition,
  GrantReceipt,
  GrantSubmission,
  RecordBatch,
  RecordBatchReceipt,
} from "#protocol/schemas/vault.ts";
import { bodyLimitBytes } from "#protocol/limits.ts";
import { readGrant, readOperator } from "#storage/reading.ts";
import type { Context } from "../context.ts";
import { refuseSignature, requireActing, requireRole } from "../identity.ts";
import { InvalidInput } from "../problems.ts";
import { route, type Answer, type Route } from "../route.ts";
import type { Caller } from "../scopes.ts";

const defineCollection = route({
  method: "POST",
  path: "/v1/vaults/:vault/collections",
  operationId: "defineCollection",
  tag: "vaults",
  summary: "Define a collection",
  description:
    "Says which canonical attribute each field of a collection's records stands for. For the vault operator that the definition " +
    "names (a token of it with `record:write`). The same definition again changes nothing.",
  access: { kind: "token", scopes: ["record:write"] },
  params: closed({ vault: Name }),
  body: CollectionDefinition,
  successes: { 201: { description: "The definition that holds.", schema: CollectionDefinition } },
  refusals: ["AUTH_ACTOR_UNKNOWN", "GOVERNANCE_ACT_REFUSED"],
  handle: async ({ lookups, ports }, { params, body, caller }) => {
    if (body.vault !== params.vault) {
      throw new InvalidInput({ schema: "collection-definition" }, [
        { path: "/body/vault", message: "must be the vault of the address" },
      ]);
    }
    requireActing(caller, body.operator, "record:write");
    await requireRole(lookups, body.operator, "vault_operator");
    await ports.defineCollection(body);
    return { status: 201, body };
  },
});

const addRecords = route({
  method: "POST",
  path: "/v1/vaults/:vault/collections/:collection/records",
  operationId: "addRecords",
  tag: "vaults",
  summary: "Add records",
  description:
    "Commits to, encrypts and keeps records, each once per `recordId`. For the collection's operator (a token of it with " +
    "`record:write`), on behalf of a registered data producer. Nothing of a record is shown again by any operation.",
  access: { kind: "token", scopes: ["record:write"] },
  bodyLimitBytes,
  params: closed({ vault: Name, collection: Name }),
  body: RecordBatch,
  successes: {
    200: {
      description: "The records' commitments, and what the collection commits to now.",
      schema: RecordBatchReceipt,
    },
  },
  refusals: ["AUTH_ACTOR_UNKNOWN", "POLICY_IDEMPOTENCY_CONFLICT", "GOVERNANCE_ACT_REFUSED"],
  handle: async (context, { params: { vault, collection }, body, caller }) => {
    await requireOperator(context, caller, { vault, collection });
    await requireRole(context.lookups, body.producer, "data_producer");
    return { status: 200, body: await context.ports.ingest(vault, collection, body) };
  },
});

/** The collection's operator, for whom the caller has to act. */
async function requireOperator(
  { database, lookups }: Context,
  caller: Caller,
  { vault, collection }: { readonly vault: string; readonly collection: string },
): Promise<void> {
  const operator = await readOperator(database, vault, collection);
  if (operator === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
  requireActing(caller, operator, "record:write");
  await requireRole(lookups, operator, "vault_operator");
}

/** A grant counts by its operator's signature, or by a token that acts for the operator. */
async function giveGrant(context: Context, caller: Caller, submission: GrantSubmission): Promise<Answer> {
  const { grant, signature } = submission;
  const { vault, collection } = grant;
  if (caller.kind === "anonymous" && signature === undefined) throw new ProtocolError("AUTH_REQUIRED");
  const operator = await readOperator(context.database, vault, collection);
  if (operator === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
  if (caller.kind === "token") requireActing(caller, operator, "grant:write");
  if (signature !== undefined) {
    const refusal = refuseSignature(grantDigest(context.domain, grant), signature, operator);
    if (refusal !== undefined) throw new ProtocolError(refusal.code, refusal.detail);
  }
  await requireRole(context.lookups, operator, "vault_operator");
  if (grant.untilSeconds * 1000 <= context.clock().getTime()) throw new ProtocolError("AUTH_EXPIRED");
  const known = await readGrant(context.database, grantIdOf(grant));
  // A consent that was taken back is not given again by whoever kept the signature.
  if (known?.isRevoked === true) throw new ProtocolError("AUTH_REPLAYED");
  const receipt = await context.ports.grant(grant, signature ?? null);
  return { status: known === undefined ? 201 : 200, body: receipt };
}

const grantUse = route({
  method: "POST",
  path: "/v1/grants",
  operationId: "grantUse",
  tag: "vaults",
  summary: "Give consent",
  description:
    "Lets a grantee have programs run over a collection until a time. Signed as EIP-712 typed data by the collection's operator, " +
    "or sent with a token of it that has the scope `grant:write`. The same grant again changes nothing; one that was taken back " +
    "stays so.",
  access: { kind: "signed" },
  body: GrantSubmission,
  successes: {
    201: { description: "The grant's id.", schema: GrantReceipt },
    200: { description: "Given before.", schema: GrantReceipt },
  },
  refusals: [
    "SCHEMA_NOT_FOUND",
    "AUTH_SIGNATURE_MALFORMED",
    "AUTH_SIGNATURE_INVALID",
    "AUTH_REPLAYED",
    "AUTH_ACTOR_UNKNOWN",
    "AUTH_ROLE",
  ],
  handle: async (context, { caller, body }) => await giveGrant(context, caller, body),
});

const revokeGrant = route({
  method: "DELETE",
  path: "/v1/grants/:id",
  operationId: "revokeGrant",
  tag: "vaults",
  summary: "Take consent back",
  description:
    "Ends a grant for tasks that are not resolved yet. For the collection's operator (a token of it with `grant:write`); again " +
    "changes nothing.",
  access: { kind: "token", scopes: ["grant:write"] },
  params: closed({ id: Bytes32 }),
  successes: { 204: { description: "The grant is taken back." } },
  refusals: [],
  handle: async ({ database, ports }, { params: { id }, caller }) => {
    const grant = await readGrant(database, id);
    if (grant === undefined) throw new ProtocolError("SCHEMA_NOT_FOUND");
    requireActing(caller, grant.operator, "grant:write");
    if (!grant.isRevoked) await ports.revokeGrant(id);
    return { status: 204 };
  },
});

export const vaultRoutes: readonly Route[] = [defineCollection, addRecords, grantUse, revokeGrant];
