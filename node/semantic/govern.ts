// One way for every act of governance: who may, what it does, and that it is kept, in one transaction.
import { ProtocolError } from "#protocol/errors.ts";
import { applyOrder, isAmendment, isRefusal, type Amendment } from "#protocol/governance.ts";
import type { Hex } from "#protocol/hash.ts";
import { actsPerVersion } from "#protocol/limits.ts";
import { governanceActDigest, governanceActIdOf, type MessageDomain } from "#protocol/messages.ts";
import { missingForPromotion } from "#protocol/promotion.ts";
import type { GovernanceAct, GovernanceOrder, GovernanceReceipt } from "#protocol/schemas/governance.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import { recover } from "#protocol/signature.ts";
import type { Database, Queryable } from "#storage/database.ts";
import { findAct, insertAct, lockGovernance } from "#storage/governance.ts";
import { readPolicies, readRegistry } from "#storage/registry.ts";
import { readRoles } from "#storage/tokens.ts";
import { publishPolicy, publishRegistry, rollOut } from "./publish.ts";
import { registryFaults } from "./registry-faults.ts";
import { readDraft } from "./registry-draft.ts";

/** The schema versions of acts that this node reads. */
const schemaVersions: readonly string[] = ["1.0"];

/**
 * Orders whose effect belongs to another part of the node, wired in `cli/`. Each comes in the act's transaction, and refuses by
 * throwing a ProtocolError, or by answering false: the epoch is not open.
 */
export type GovernanceOrders = {
  readonly closeEpoch: (
    transaction: Queryable,
    order: { readonly scope: string; readonly epoch: number; readonly by: string },
    now: Date,
  ) => Promise<boolean>;
  readonly orderAggregation: (
    transaction: Queryable,
    order: { readonly scope: string; readonly epoch: number },
  ) => Promise<boolean>;
  readonly decideChallenge: (
    transaction: Queryable,
    order: Pick<
      Extract<GovernanceOrder, { kind: "decide_challenge" }>,
      "challengeId" | "round" | "upheld" | "penalty"
    > & {
      readonly by: string;
      readonly actId: Hex;
    },
    now: Date,
  ) => Promise<unknown>;
  /** A candidate that a finalized root commits to, with the policies of its epoch, ascending; undefined for any other. */
  readonly readCandidate: (
    transaction: Queryable,
    candidateId: Hex,
  ) => Promise<{ readonly candidate: LocalAttributeCandidate; readonly policyVersions: readonly string[] } | undefined>;
};

export type GovernanceDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  /** Where signatures count. */
  readonly domain: MessageDomain;
  readonly orders: GovernanceOrders;
};

/**
 * Carries out an act: by its actor's signature, or where that is null by a token of the actor's, which the caller checked. The
 * actor holds the role `governance` (OPER-08). The act is kept in the history and in the journal, and has its effect, all or
 * nothing; the same act again changes nothing and is answered with where it stands.
 * @throws ProtocolError VERSION_SCHEMA_UNKNOWN, AUTH_*, and the refusal of the order
 */
export async function carryOut(
  { database, clock, domain, orders }: GovernanceDeps,
  act: GovernanceAct,
  signature: Hex | null,
): Promise<GovernanceReceipt> {
  if (!schemaVersions.includes(act.schemaVersion)) {
    throw new ProtocolError("VERSION_SCHEMA_UNKNOWN", { supported: schemaVersions });
  }
  if (signature !== null) requireSignature(domain, act, signature);
  const actId = governanceActIdOf(act);
  return await database.transaction(async (transaction) => {
    await lockGovernance(transaction);
    await requireGovernance(transaction, act.by);
    const known = await findAct(transaction, actId);
    if (known !== undefined) return { actId, sequence: known, repeated: true };
    const now = clock();
    await haveEffect({ transaction, orders, now, by: act.by, actId }, act.order);
    return { actId, sequence: await insertAct(transaction, { act, signature }, now), repeated: false };
  });
}

function requireSignature(domain: MessageDomain, act: GovernanceAct, signature: Hex): void {
  const signer = recover(governanceActDigest(domain, act), signature);
  if (signer === undefined) throw new ProtocolError("AUTH_SIGNATURE_MALFORMED");
  if (signer !== act.by) throw new ProtocolError("AUTH_SIGNATURE_INVALID");
}

async function requireGovernance(transaction: Queryable, address: Hex): Promise<void> {
  const roles = await readRoles(transaction, address);
  if (roles.has("governance")) return;
  if (roles.size === 0) throw new ProtocolError("AUTH_ACTOR_UNKNOWN", { address });
  throw new ProtocolError("AUTH_ROLE", { required: ["governance"] });
}

type Carrying = {
  readonly transaction: Queryable;
  readonly orders: GovernanceOrders;
  readonly now: Date;
  readonly by: Hex;
  readonly actId: Hex;
};

async function haveEffect(carrying: Carrying, order: GovernanceOrder): Promise<void> {
  const { transaction, orders, now, by, actId } = carrying;
  if (isAmendment(order)) return await amend(carrying, order);
  switch (order.kind) {
    case "open_version":
      return await openVersion(transaction, order);
    case "publish_version": {
      const { registry } = await openDraft(transaction, order.semanticVersion);
      return void (await publishRegistry(transaction, registry, { by, now, byActs: true }));
    }
    case "publish_registry": {
      const { registry } = order;
      await refuseDrafted(transaction, registry.semanticVersion);
      return void (await publishRegistry(transaction, registry, { by, now }));
    }
    case "publish_policy":
      return void (await publishPolicy(transaction, order.policy, { by, now }));
    case "roll_out":
      return void (await rollOut(transaction, order, { by, now }));
    case "close_epoch":
      return requireOpen(order, await orders.closeEpoch(transaction, { ...order, by }, now));
    case "order_aggregation":
      return requireOpen(order, await orders.orderAggregation(transaction, order));
    case "decide_challenge":
      return void (await orders.decideChallenge(transaction, { ...order, by, actId }, now));
  }
}

function requireOpen({ scope, epoch }: { readonly scope: string; readonly epoch: number }, wasOpen: boolean): void {
  if (!wasOpen) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { scope, epoch, reason: "the epoch is not open" });
}

type Opening = Extract<GovernanceOrder, { kind: "open_version" }>;

async function openVersion(transaction: Queryable, { semanticVersion, base }: Opening): Promise<void> {
  await refusePublished(transaction, semanticVersion);
  await refuseDrafted(transaction, semanticVersion);
  if ((await readRegistry(transaction, base)) !== undefined) return;
  throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { semanticVersion, reason: `its base ${base} is not published` });
}

/** What is published means what it means, for ever (ATTR-05). */
async function refusePublished(transaction: Queryable, semanticVersion: string): Promise<void> {
  if ((await readRegistry(transaction, semanticVersion)) === undefined) return;
  throw new ProtocolError("VERSION_ROLLOUT_REFUSED", { semanticVersion });
}

async function refuseDrafted(transaction: Queryable, semanticVersion: string): Promise<void> {
  if ((await readDraft(transaction, semanticVersion)) === undefined) return;
  throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { semanticVersion, reason: "the version was opened before" });
}

async function openDraft(transaction: Queryable, semanticVersion: string) {
  await refusePublished(transaction, semanticVersion);
  const draft = await readDraft(transaction, semanticVersion);
  if (draft !== undefined) return draft;
  throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { semanticVersion, reason: "the version is not open" });
}

/**
 * Amends an opened version. What brings a fault in is refused at once, since nothing takes it out again; a domain alone may name
 * what is proposed after it, and has to be sound when the version is published.
 */
async function amend({ transaction, orders }: Carrying, order: Amendment): Promise<void> {
  const { semanticVersion } = order;
  const { registry, faults, acts } = await openDraft(transaction, semanticVersion);
  if (acts >= actsPerVersion) {
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { semanticVersion, reason: "publish it first", acts });
  }
  if (order.kind === "promote_candidate") await requireRipe(transaction, orders, order);
  const amended = applyOrder(registry, order);
  if (isRefusal(amended)) throw new ProtocolError(amended.code, amended.detail);
  if (order.kind === "propose_domain") return;
  const added = registryFaults(amended).filter((fault) => !faults.includes(fault));
  if (added.length > 0) throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { faults: added });
}

type Promotion = Extract<GovernanceOrder, { kind: "promote_candidate" }>;

/** The candidate is committed to by a final root, so that what speaks for it can be replayed, and meets the policy (ATTR-11). */
async function requireRipe(transaction: Queryable, orders: GovernanceOrders, order: Promotion): Promise<void> {
  const { candidateId } = order;
  const found = await orders.readCandidate(transaction, candidateId);
  const version = found?.policyVersions.at(-1);
  if (found === undefined || version === undefined) {
    const reason = "no finalized root commits to such a candidate";
    throw new ProtocolError("GOVERNANCE_ACT_REFUSED", { candidateId, reason });
  }
  const policy = (await readPolicies(transaction, [version])).get(version);
  if (policy === undefined) throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { version });
  const missing = missingForPromotion(order, found.candidate, policy.aggregation.promotion);
  if (missing.length > 0) throw new ProtocolError("GOVERNANCE_THRESHOLD_UNMET", { candidateId, missing });
}
