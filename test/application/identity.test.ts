// Who is calling: tokens by digest, signatures by the account they lead back to, and what each may stand for.
import { expect, test } from "vitest";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import { loginDigest } from "#protocol/messages.ts";
import { sign } from "#protocol/signature.ts";
import {
  actsFor,
  authenticateSubmission,
  callerOf,
  hasScope,
  refuseSignature,
  rememberedCaller,
  requireActing,
  requireRole,
} from "#application/identity.ts";
import type { Holder, Lookups } from "#application/lookups.ts";
import { anonymous, type Caller, type TokenScope } from "#application/scopes.ts";
import { tokenDigest } from "#storage/tokens.ts";
import { envelopeOf, signedBy } from "./envelopes.ts";
import { actor, domain, startOfTests as now } from "./opened.ts";

const [alice, bob] = [actor(1), actor(2)];
const token = `scs_${"a".repeat(43)}`;

const tokenOf = (subject: string, ...scopes: TokenScope[]): Caller => ({
  kind: "token",
  subject,
  scopes: new Set(scopes),
});

/** Lookups that know one token and the roles of one actor. */
function lookupsWith(holder: Partial<NonNullable<Holder["holder"]>> = {}): Lookups & { readonly asked: string[] } {
  const known = { caller: tokenOf("ops"), until: new Date(now.getTime() + 1), isRevoked: false, ...holder };
  const asked: string[] = [];
  const find = (digest: Hex): Holder => {
    asked.push(digest);
    return { holder: digest === tokenDigest(token) ? known : undefined };
  };
  return {
    asked,
    token: (digest) => Promise.resolve(find(digest)),
    rememberedToken: find,
    roles: (address) => Promise.resolve(new Set(address === alice.address ? ["task_submitter" as const] : [])),
    liveVersions: () => Promise.resolve(undefined),
    policy: () => Promise.resolve(undefined),
  };
}

/** The code that something is refused with, at once or later. */
async function codeOf(work: () => unknown): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return error instanceof ProtocolError ? error.code : undefined;
  }
}

test("a token is looked up by its digest and never by itself", async () => {
  const lookups = lookupsWith();
  expect(await callerOf(`Bearer ${token}`, lookups, now)).toEqual(tokenOf("ops"));
  expect(await callerOf(`bearer ${token}`, lookups, now)).toEqual(tokenOf("ops"));
  expect(lookups.asked).toEqual([tokenDigest(token), tokenDigest(token)]);
  expect(JSON.stringify(lookups.asked)).not.toContain(token);
});

test.each([
  "",
  "Bearer",
  "Bearer ",
  "Basic YWJj",
  `Bearer ${token} x`,
  `Bearer ${token}!`,
  `Bearer ${"a".repeat(129)}`,
  token,
])("%j holds no token, and nothing is asked", async (header) => {
  const lookups = lookupsWith();
  expect(await codeOf(async () => await callerOf(header, lookups, now))).toBe("AUTH_TOKEN_INVALID");
  expect(rememberedCaller(header, lookups, now)).toBeUndefined();
  expect(lookups.asked).toEqual([]);
});

test.each([
  [{ isRevoked: true }, "AUTH_TOKEN_INVALID"],
  [{ until: now }, "AUTH_EXPIRED"],
  [{ isRevoked: true, until: now }, "AUTH_TOKEN_INVALID"],
] as const)("a token that does not hold is refused, remembered or not: %j", async (change, code) => {
  const lookups = lookupsWith(change);
  expect(await codeOf(async () => await callerOf(`Bearer ${token}`, lookups, now))).toBe(code);
  expect(rememberedCaller(`Bearer ${token}`, lookups, now)).toBeUndefined();
});

test("[OPER-08] a token acts only for its subject, only within its scopes", async () => {
  const caller = tokenOf(alice.address, "own:read");
  expect([actsFor(caller, alice.address, "own:read"), actsFor(caller, alice.address, "task:submit")]).toEqual([
    true,
    false,
  ]);
  expect([actsFor(caller, bob.address, "own:read"), actsFor(anonymous, alice.address, "own:read")]).toEqual([
    false,
    false,
  ]);
  expect([hasScope(caller, "audit:read", "own:read"), hasScope(caller), hasScope(anonymous, "own:read")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(await codeOf(() => requireActing(caller, alice.address, "own:read"))).toBeUndefined();
  expect(await codeOf(() => requireActing(caller, bob.address, "own:read", ["audit:read"]))).toBe("AUTH_ROLE");
  expect(
    await codeOf(() => requireActing(tokenOf("x", "audit:read"), bob.address, "own:read", ["audit:read"])),
  ).toBeUndefined();
  expect(await codeOf(() => requireActing(anonymous, bob.address, "own:read"))).toBe("AUTH_REQUIRED");
});

test("an actor without the role is told so, one without any is unknown", async () => {
  const lookups = lookupsWith();
  expect(await codeOf(async () => await requireRole(lookups, alice.address, "task_submitter"))).toBeUndefined();
  expect(await codeOf(async () => await requireRole(lookups, alice.address, "auditor"))).toBe("AUTH_ROLE");
  expect(await codeOf(async () => await requireRole(lookups, bob.address, "auditor"))).toBe("AUTH_ACTOR_UNKNOWN");
});

test("a signature is of one account over one content", () => {
  const digest = loginDigest(domain, alice.address, 1);
  const signature = sign(digest, alice.key);
  expect(refuseSignature(digest, signature, alice.address)).toBeUndefined();
  expect(refuseSignature(digest, signature, bob.address)?.code).toBe("AUTH_SIGNATURE_INVALID");
  expect(refuseSignature(loginDigest(domain, alice.address, 2), signature, alice.address)?.code).toBe(
    "AUTH_SIGNATURE_INVALID",
  );
  expect(refuseSignature(digest, signature.slice(0, -2), alice.address)?.code).toBe("AUTH_SIGNATURE_MALFORMED");
});

test("[LAYR-02] a submission stands by its signature or by a token of its submitter; a wrong signature by nothing", async () => {
  const submission = signedBy(alice, envelopeOf(alice.address));
  const unsigned = { envelope: submission.envelope };
  const stolen = { ...submission, envelope: envelopeOf(bob.address) };
  const own = tokenOf(alice.address, "task:submit");
  expect(authenticateSubmission(anonymous, submission, domain)).toHaveLength(65);
  expect(authenticateSubmission(own, unsigned, domain)).toBeNull();
  expect(authenticateSubmission(own, submission, domain)).toHaveLength(65);
  const refused = async (caller: Caller, each: typeof unsigned) =>
    await codeOf(() => authenticateSubmission(caller, each, domain));
  expect(await refused(anonymous, unsigned)).toBe("AUTH_REQUIRED");
  expect(await refused(tokenOf(alice.address, "own:read"), unsigned)).toBe("AUTH_ROLE");
  expect(await refused(tokenOf(bob.address, "task:submit"), submission)).toBe("AUTH_ROLE");
  expect(await refused(tokenOf(bob.address, "task:submit"), stolen)).toBe("AUTH_SIGNATURE_INVALID");
  expect(await refused(anonymous, stolen)).toBe("AUTH_SIGNATURE_INVALID");
});
