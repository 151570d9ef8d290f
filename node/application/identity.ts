// Who is calling: bearer tokens by their digest, and EIP-712 signatures by the account they lead back to.
import { ProtocolError, refuse, type Refusal } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { envelopeDigest, type MessageDomain } from "#protocol/messages.ts";
import type { TaskSubmission } from "#protocol/schemas/task.ts";
import type { ActorRole } from "#protocol/schemas/vault.ts";
import { recover } from "#protocol/signature.ts";
import { tokenDigest } from "#storage/tokens.ts";
import type { Lookups } from "./lookups.ts";
import type { Caller, TokenScope } from "./scopes.ts";

/** One space, the token's own alphabet, and a length that no honest token comes near. */
const bearerPattern = /^Bearer ([\w-]{16,128})$/i;

/** What a token is looked up by: nobody compares tokens themselves, so that no comparison can be timed. */
function digestIn(authorization: string): Hex | undefined {
  const text = bearerPattern.exec(authorization)?.[1];
  return text === undefined ? undefined : tokenDigest(text);
}

/**
 * The caller that an `authorization` header names.
 * @throws ProtocolError AUTH_TOKEN_INVALID, AUTH_EXPIRED
 */
export async function callerOf(authorization: string, lookups: Lookups, now: Date): Promise<Caller> {
  const digest = digestIn(authorization);
  const holder = digest && (await lookups.token(digest)).holder;
  if (holder === undefined || holder.isRevoked) throw new ProtocolError("AUTH_TOKEN_INVALID");
  if (holder.until <= now) throw new ProtocolError("AUTH_EXPIRED");
  return holder.caller;
}

/** The same without asking the database: undefined unless the token was asked for a moment ago, and holds. */
export function rememberedCaller(authorization: string | undefined, lookups: Lookups, now: Date): Caller | undefined {
  const digest = authorization === undefined ? undefined : digestIn(authorization);
  const holder = digest && lookups.rememberedToken(digest)?.holder;
  return holder === undefined || holder.isRevoked || holder.until <= now ? undefined : holder.caller;
}

/** Whether the caller's token has a scope. */
export function hasScope(caller: Caller, ...scopes: readonly TokenScope[]): boolean {
  return caller.kind === "token" && scopes.some((scope) => caller.scopes.has(scope));
}

/** Whether the caller's token acts for an address and has a scope. */
export function actsFor(caller: Caller, address: Hex, scope: TokenScope): boolean {
  return caller.kind === "token" && caller.subject === address && caller.scopes.has(scope);
}

/**
 * Refuses a caller whose token does not act for an address with a scope, or has none of the scopes that allow it for any.
 * @throws ProtocolError AUTH_REQUIRED, AUTH_ROLE
 */
export function requireActing(
  caller: Caller,
  address: Hex,
  scope: TokenScope,
  anyAddress: readonly TokenScope[] = [],
): void {
  if (actsFor(caller, address, scope) || hasScope(caller, ...anyAddress)) return;
  if (caller.kind === "anonymous") throw new ProtocolError("AUTH_REQUIRED");
  throw new ProtocolError("AUTH_ROLE", { required: [scope, ...anyAddress] });
}

/**
 * Refuses an address that does not hold a role.
 * @throws ProtocolError AUTH_ACTOR_UNKNOWN, AUTH_ROLE
 */
export async function requireRole(lookups: Lookups, address: Hex, role: ActorRole): Promise<void> {
  const roles = await lookups.roles(address);
  if (roles.has(role)) return;
  if (roles.size === 0) throw new ProtocolError("AUTH_ACTOR_UNKNOWN", { address });
  throw new ProtocolError("AUTH_ROLE", { required: [role] });
}

/** Why a signature does not show that an account signed a digest; undefined when it does. */
export function refuseSignature(digest: Uint8Array, signature: string, account: Hex): Refusal | undefined {
  const signer = recover(digest, signature);
  if (signer === undefined) return refuse("AUTH_SIGNATURE_MALFORMED");
  return signer === account ? undefined : refuse("AUTH_SIGNATURE_INVALID");
}

/**
 * Checks that a submission comes from its submitter: by the envelope's signature, or by a token that acts for it. A signature
 * that is there has to be right, whatever the token.
 * @returns the signature's bytes, or null where a token stood for it.
 * @throws ProtocolError AUTH_REQUIRED, AUTH_ROLE, AUTH_SIGNATURE_MALFORMED, AUTH_SIGNATURE_INVALID
 */
export function authenticateSubmission(
  caller: Caller,
  submission: TaskSubmission,
  domain: MessageDomain,
): Uint8Array | null {
  const { envelope, signature } = submission;
  if (caller.kind === "token" || signature === undefined) requireActing(caller, envelope.submitter, "task:submit");
  if (signature === undefined) return null;
  const refusal = refuseSignature(envelopeDigest(domain, envelope), signature, envelope.submitter);
  if (refusal !== undefined) throw new ProtocolError(refusal.code, refusal.detail);
  return hexToBytes(signature);
}
