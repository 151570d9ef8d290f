// Parameter resolution: what a triple (epoch_id, semantic_version, policy_version) means, for ever.
import { strict as assert } from "node:assert";
import { contentId } from "./hash.ts";
import type { EpochParameters, Policy } from "./schemas/policy.ts";
import type { Registry } from "./schemas/registry.ts";

/** The id of a scope's epoch. */
export function epochIdOf(scope: string, epoch: number): string {
  return `${scope}/${epoch}`;
}

/**
 * Resolves an epoch's parameters (EPOC-09). The published documents are looked up by version and are immutable, so the
 * triple alone decides the answer.
 */
export function resolveParameters(scope: string, epoch: number, registry: Registry, policy: Policy): EpochParameters {
  return {
    epochId: epochIdOf(scope, epoch),
    semanticVersion: registry.semanticVersion,
    policyVersion: policy.policyVersion,
    policy,
    registryDigest: registryDigest(registry),
    policyDigest: policyDigest(policy),
    sequence: epoch,
  };
}

/** The digest of a published registry. */
export function registryDigest(registry: Registry): `0x${string}` {
  return contentId("scs.registry", registry);
}

/** The digest of a published policy. */
export function policyDigest(policy: Policy): `0x${string}` {
  return contentId("scs.policy", policy);
}

/** The set of versions an epoch was settled under; its id is the header's `ruleset`. */
export type VersionSet = {
  readonly schema: readonly string[];
  readonly semantic: readonly { readonly version: string; readonly digest: `0x${string}` }[];
  readonly policy: readonly { readonly version: string; readonly digest: `0x${string}` }[];
};

/** Commits to a version set: sets are written in ascending order of version. */
export function rulesetId(versions: VersionSet): `0x${string}` {
  const ascending = (labels: readonly string[]) =>
    labels.every((label, at) => at === 0 || (labels[at - 1] ?? "") < label);
  assert(ascending(versions.schema) && ascending(versions.semantic.map((each) => each.version)));
  assert(ascending(versions.policy.map((each) => each.version)));
  return contentId("scs.ruleset", versions);
}
