// Acts of governance in tests: an actor that governs, orders of other parts remembered, and two published documents.
import type { Hex } from "#protocol/hash.ts";
import { governanceActDigest } from "#protocol/messages.ts";
import type { GovernanceAct, GovernanceOrder, GovernanceReceipt } from "#protocol/schemas/governance.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import type { CanonicalAttribute } from "#protocol/schemas/registry.ts";
import { carryOut, type GovernanceDeps, type GovernanceOrders } from "#semantic/govern.ts";
import { startClosing } from "#storage/epochs.ts";
import { registerActor } from "#storage/tokens.ts";
import { actor } from "#test/layers/actors.ts";
import { useDatabase } from "#test/layers/database.ts";
import { attributeOf, policyOf, registryOf } from "#test/layers/documents.ts";
import { domain } from "#test/layers/node.ts";

export const now = new Date("2026-03-01T12:00:00Z");
export const board = actor("governance");

/** An attribute as it is proposed in a version. */
export const proposalIn = (semanticVersion: string, id: string, more: Partial<CanonicalAttribute> = {}) =>
  attributeOf(id, { kind: "text" }, { status: "proposed", semanticVersion, effectiveFrom: semanticVersion, ...more });

/** A database of the file's own with registry 2026.1 and policy 1, and the means to have acts carried out in it. */
export async function openGovernance() {
  const { database } = await useDatabase();
  /** What was asked of other parts. */
  const asked: unknown[] = [];
  const candidates = new Map<Hex, LocalAttributeCandidate>();
  // Epochs are the real ones.
  const orders: GovernanceOrders = {
    closeEpoch: async (transaction, { scope, epoch, by }, at) =>
      await startClosing(transaction, { scope, epoch, by, trigger: "order" }, at),
    orderAggregation: (_, { scope, epoch }) => Promise.resolve(asked.push({ scope, epoch }) > 0 && epoch === 1),
    decideChallenge: (_, order) => Promise.resolve(asked.push(order)),
    readCandidate: (_, id) => {
      const candidate = candidates.get(id);
      return Promise.resolve(candidate && { candidate, policyVersions: ["0", "1"] });
    },
  };
  const deps: GovernanceDeps = { database, clock: () => now, domain, orders };
  let nonces = 0;
  const actOf = (order: GovernanceOrder, more: Partial<GovernanceAct> = {}): GovernanceAct => ({
    schemaVersion: "1.0",
    by: board.address,
    reason: "a test",
    order,
    nonce: `n${++nonces}`,
    ...more,
  });
  const carry = async (act: GovernanceAct, signer = board): Promise<GovernanceReceipt> =>
    await carryOut(deps, act, signer.sign(governanceActDigest(domain, act)));
  const order = async (each: GovernanceOrder): Promise<GovernanceReceipt> => await carry(actOf(each));
  /** The code that an order is refused with. */
  const codeOf = async (each: GovernanceOrder): Promise<unknown> =>
    await order(each).then(
      () => "taken",
      (error: unknown) => (error as { code?: unknown }).code,
    );
  await registerActor(database, { address: board.address, roles: ["governance"] }, "test", now);
  await order({ kind: "publish_registry", registry: registryOf("2026.1") });
  await order({ kind: "publish_policy", policy: policyOf() });
  return { database, deps, asked, candidates, actOf, carry, order, codeOf };
}
