// Governance of meaning and policy: publishing documents under a version for ever, and rolling versions out to scopes.
import { ProtocolError } from "#protocol/errors.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import type { Database } from "#storage/database.ts";
import {
  firstUndecidedEpoch,
  insertPolicy,
  insertRegistry,
  insertRollout,
  readRollout,
  unpublishedVersions,
  type Publication,
  type Rollout,
} from "#storage/registry.ts";
import { registryFaults } from "./registry-faults.ts";

/** Who orders an act, and when. */
export type Act = { readonly by: string; readonly now: Date };

/** Basis points of a whole. */
const wholeShares = 10_000;

/**
 * Publishes a registry under its semantic version; again the same changes nothing. Answers whether it is new.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED with what is wrong with it; VERSION_ROLLOUT_REFUSED when the version was
 * published with other content (ATTR-02, ATTR-05)
 */
export async function publishRegistry(database: Database, registry: Registry, { by, now }: Act): Promise<boolean> {
  const faults = registryFaults(registry);
  if (faults.length > 0) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { faults });
  const { semanticVersion } = registry;
  return isNew(
    await database.transaction(async (transaction) => await insertRegistry(transaction, registry, by, now)),
    { semanticVersion },
  );
}

/**
 * Publishes a policy under its version; again the same changes nothing. Answers whether it is new.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED when its shares are not a whole (RWRD-03); VERSION_ROLLOUT_REFUSED when the
 * version was published with other content
 */
export async function publishPolicy(database: Database, policy: Policy, { by, now }: Act): Promise<boolean> {
  const shares = Object.values(policy.rewards.shares).reduce((sum, share) => sum + share, 0);
  if (shares !== wholeShares) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { shares, required: wholeShares });
  const { policyVersion } = policy;
  return isNew(await database.transaction(async (transaction) => await insertPolicy(transaction, policy, by, now)), {
    policyVersion,
  });
}

function isNew(publication: Publication, version: Readonly<Record<string, string>>): boolean {
  if (publication === "conflict") throw new ProtocolError("VERSION_ROLLOUT_REFUSED", version);
  return publication === "published";
}

/**
 * Orders which versions a scope takes tasks under from an epoch on (OPER-03); again the same changes nothing. Answers whether
 * it is new. What is open, or may be opening, keeps its versions: nothing admitted or finalized gets another meaning.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED for no version or an unpublished one; VERSION_ROLLOUT_REFUSED for an epoch that
 * is decided already, with the first that is not
 */
export async function rollOut(database: Database, order: Rollout, { by, now }: Act): Promise<boolean> {
  const rollout = {
    ...order,
    semanticVersions: ascending(order.semanticVersions),
    policyVersions: ascending(order.policyVersions),
  };
  const { scope, fromEpoch, semanticVersions, policyVersions } = rollout;
  if (semanticVersions.length === 0 || policyVersions.length === 0) {
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, reason: "a roll-out names versions of both kinds" });
  }
  return await database.transaction(async (transaction) => {
    const unpublished = await unpublishedVersions(transaction, rollout);
    if (unpublished.length > 0) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, unpublished });
    const known = await readRollout(transaction, scope, fromEpoch);
    if (known !== undefined && isSame(known, rollout)) return false;
    const first = await firstUndecidedEpoch(transaction, scope);
    if (known !== undefined || fromEpoch < first) {
      throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { scope, fromEpoch, firstUndecidedEpoch: first });
    }
    if (await insertRollout(transaction, rollout, by, now)) return true;
    throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { scope, fromEpoch });
  });
}

const ascending = (versions: readonly string[]): readonly string[] => [...new Set(versions)].sort();

function isSame(a: Rollout, b: Rollout): boolean {
  const text = ({ semanticVersions, policyVersions }: Rollout): string =>
    JSON.stringify([semanticVersions, policyVersions]);
  return text(a) === text(b);
}
