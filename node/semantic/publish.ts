// Governance of meaning and policy: publishing documents under a version for ever, and rolling versions out to scopes.
import { ProtocolError } from "#protocol/errors.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { Registry } from "#protocol/schemas/registry.ts";
import { droppedBy, less, namesOf, type Versions } from "#protocol/rollouts.ts";
import { followsFrom } from "#protocol/succession.ts";
import type { Queryable } from "#storage/database.ts";
import {
  countUnended,
  firstUndecidedEpoch,
  insertPolicy,
  insertRegistry,
  insertRollout,
  readLastRegistry,
  readRegistry,
  readRollouts,
  unpublishedVersions,
  type Publication,
  type Rollout,
} from "#storage/registry.ts";
import { registryDigest } from "#protocol/parameters.ts";
import { registryFaults } from "./registry-faults.ts";

/** Who orders an act, and when. */
export type Act = { readonly by: string; readonly now: Date };

/** Basis points of a whole. */
const wholeShares = 10_000;

/**
 * Publishes a registry under its semantic version; again the same changes nothing. Answers whether it is new. The first of a
 * node may be anything sound; each later one follows from the one before (protocol/succession.ts). `byActs` says that acts of
 * governance made it, in the same transaction's history. Acts follow one another: the caller holds their lock.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED with what is wrong with it; VERSION_ROLLOUT_REFUSED when the version was
 * published with other content (ATTR-02, ATTR-05)
 */
export async function publishRegistry(
  transaction: Queryable,
  registry: Registry,
  { by, now, byActs = false }: Act & { readonly byActs?: boolean },
): Promise<boolean> {
  const { semanticVersion } = registry;
  const known = await readRegistry(transaction, semanticVersion);
  if (known !== undefined) {
    return isNew(registryDigest(known) === registryDigest(registry) ? "repeated" : "conflict", { semanticVersion });
  }
  const last = await readLastRegistry(transaction);
  const faults = [...registryFaults(registry), ...(last === undefined ? [] : followsFrom(last, registry, { byActs }))];
  if (faults.length > 0) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { semanticVersion, faults });
  return isNew(await insertRegistry(transaction, registry, by, now), { semanticVersion });
}

/**
 * Publishes a policy under its version; again the same changes nothing. Answers whether it is new.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED when its shares are not a whole (RWRD-03); VERSION_ROLLOUT_REFUSED when the
 * version was published with other content
 */
export async function publishPolicy(transaction: Queryable, policy: Policy, { by, now }: Act): Promise<boolean> {
  const shares = Object.values(policy.rewards.shares).reduce((sum, share) => sum + share, 0);
  if (shares !== wholeShares) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { shares, required: wholeShares });
  return isNew(await insertPolicy(transaction, policy, by, now), { policyVersion: policy.policyVersion });
}

function isNew(publication: Publication, version: Readonly<Record<string, string>>): boolean {
  if (publication === "conflict") throw new ProtocolError("VERSION_ROLLOUT_REFUSED", version);
  return publication === "published";
}

/**
 * Orders which versions a scope takes and settles tasks under from an epoch on (OPER-03); again the same changes nothing. Answers
 * whether it is new. What is open, or may be opening, keeps its versions: nothing admitted or finalized gets another meaning. A
 * version is left out only after it retired and the last task under it ended, so that none waits for an epoch that never comes.
 * @throws ProtocolError GOVERNANCE_ACT_REFUSED for no version or an unpublished one; VERSION_ROLLOUT_REFUSED for an epoch that
 * is decided already, with the first that is not, and for versions that cannot be left out, with why
 */
export async function rollOut(transaction: Queryable, order: Rollout, { by, now }: Act): Promise<boolean> {
  const rollout = { ...order, ...sorted(order), ...(order.retiring && { retiring: sorted(order.retiring) }) };
  const { scope, fromEpoch } = rollout;
  await refuseUnfit(transaction, rollout);
  const first = await firstUndecidedEpoch(transaction, scope);
  const others = await readRollouts(transaction, scope, Math.min(first - 1, fromEpoch));
  const known = others.find((each) => each.fromEpoch === fromEpoch);
  if (known !== undefined && isSame(known, rollout)) return false;
  if (known !== undefined || fromEpoch < first) {
    throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { scope, fromEpoch, firstUndecidedEpoch: first });
  }
  await refuseDropping(transaction, rollout, others);
  if (await insertRollout(transaction, rollout, by, now)) return true;
  throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { scope, fromEpoch });
}

async function refuseUnfit(transaction: Queryable, rollout: Rollout): Promise<void> {
  const { scope, semanticVersions, policyVersions, retiring } = rollout;
  if (semanticVersions.length === 0 || policyVersions.length === 0) {
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, reason: "a roll-out names versions of both kinds" });
  }
  const foreign = retiring === undefined ? [] : namesOf(less(retiring, rollout));
  if (foreign.length > 0) {
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, foreign, reason: "only its own versions retire" });
  }
  const unpublished = await unpublishedVersions(transaction, rollout);
  if (unpublished.length > 0) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, unpublished });
}

async function refuseDropping(transaction: Queryable, rollout: Rollout, others: readonly Rollout[]): Promise<void> {
  const { scope, fromEpoch } = rollout;
  const { dropped, stillTaken } = droppedBy(rollout, others);
  const taken = namesOf(stillTaken);
  if (taken.length > 0) {
    const reason = "tasks are still taken under them: a roll-out before has to retire them";
    throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { scope, fromEpoch, dropped: taken, reason });
  }
  if (namesOf(dropped).length === 0) return;
  const unended = await countUnended(transaction, scope, dropped);
  if (unended === 0) return;
  const reason = "tasks under them go on: order it again once they have ended";
  throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { scope, fromEpoch, dropped: namesOf(dropped), unended, reason });
}

const ascending = (versions: readonly string[]): readonly string[] => [...new Set(versions)].sort();
const sorted = ({ semanticVersions, policyVersions }: Versions): Versions => ({
  semanticVersions: ascending(semanticVersions),
  policyVersions: ascending(policyVersions),
});

function isSame(a: Rollout, b: Rollout): boolean {
  const text = ({ semanticVersions, policyVersions, retiring }: Rollout): string =>
    JSON.stringify([
      semanticVersions,
      policyVersions,
      retiring?.semanticVersions ?? [],
      retiring?.policyVersions ?? [],
    ]);
  return text(a) === text(b);
}
