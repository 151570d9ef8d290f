// Short memories of what is asked at every request: tokens, roles, live versions, policies. Each is bounded in size and age.
import { LRUCache } from "lru-cache";
import type { Hex } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { ActorRole } from "#protocol/schemas/vault.ts";
import type { Database } from "#storage/database.ts";
import { readLiveVersions, type LiveVersions } from "#storage/intake.ts";
import { readPolicies } from "#storage/registry.ts";
import { findToken, readRoles } from "#storage/tokens.ts";
import { isTokenScope, type Caller } from "./scopes.ts";

/** A token or role that was revoked is refused everywhere after this long: short, and still one lookup for thousands of requests. */
const identityMs = 2_000;
/** Versions that were rolled out count after this long. */
const versionsMs = 1_000;
/** Tokens and actors remembered: a few hundred bytes each. */
const identityEntries = 10_000;
/** Scopes remembered. */
const scopeEntries = 1_000;
/** Policies remembered; they never change. */
const policyEntries = 100;

/** Whoever holds a token; undefined where there is none: that is remembered as well, so that guessing costs no query each. */
export type Holder = {
  readonly holder: { readonly caller: Caller; readonly until: Date; readonly isRevoked: boolean } | undefined;
};

export type Lookups = {
  /** Who holds the token with a digest. */
  readonly token: (digest: Hex) => Promise<Holder>;
  /** The same, if it was asked a moment ago. */
  readonly rememberedToken: (digest: Hex) => Holder | undefined;
  /** The roles of an address; empty for an actor that is not registered. */
  readonly roles: (address: Hex) => Promise<ReadonlySet<ActorRole>>;
  /** The versions that a scope takes tasks under. */
  readonly liveVersions: (scope: string) => Promise<LiveVersions | undefined>;
  /** A published policy. */
  readonly policy: (version: string) => Promise<Policy | undefined>;
};

/** Makes the memories. Entries age by the clock given; questions asked at the same time become one. */
export function openLookups(database: Database, clock: () => Date): Lookups {
  const perf = { now: () => clock().getTime() };
  const remember = <K extends string, V extends object>(max: number, ttl: number, read: (key: K) => Promise<V>) => {
    const fetchMethod = async (key: K): Promise<V> => await read(key);
    // The age is compared with the clock each time, and an answer counts for whoever asked even if it is forgotten meanwhile.
    return new LRUCache<K, V>({ max, ttl, ttlResolution: 0, perf, fetchMethod, ignoreFetchAbort: true });
  };
  const versions = remember(scopeEntries, versionsMs, async (scope: string) => ({
    live: (await readLiveVersions(database, [scope])).get(scope),
  }));
  const tokens = remember(identityEntries, identityMs, async (digest: Hex) => await readHolder(database, digest));
  const roles = remember(identityEntries, identityMs, async (address: Hex) => await readRoles(database, address));
  const policies = new LRUCache<string, Policy>({ max: policyEntries });
  return {
    token: async (digest) => await tokens.forceFetch(digest),
    rememberedToken: (digest) => tokens.get(digest),
    roles: async (address) => await roles.forceFetch(address),
    liveVersions: async (scope) => (await versions.forceFetch(scope)).live,
    policy: async (version) => {
      const known = policies.get(version) ?? (await readPolicies(database, [version])).get(version);
      if (known !== undefined) policies.set(version, known);
      return known;
    },
  };
}

async function readHolder(database: Database, digest: Hex): Promise<Holder> {
  const token = await findToken(database, digest);
  if (token === undefined) return { holder: undefined };
  const caller: Caller = { kind: "token", subject: token.subject, scopes: new Set(token.scopes.filter(isTokenScope)) };
  return { holder: { caller, until: token.until, isRevoked: token.revokedAt !== null } };
}
