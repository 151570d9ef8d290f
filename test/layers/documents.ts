// What the tests of the layers publish: a small registry with every kind of oddity, and a policy with round numbers.
import type { Policy } from "#protocol/schemas/policy.ts";
import type { CanonicalAttribute, Domain, Registry, ValueType } from "#protocol/schemas/registry.ts";
import { quietPolicyParts } from "#test/setup/policy-parts.ts";

const text: ValueType = { kind: "text" };
const integer: ValueType = { kind: "integer" };
const decimal: ValueType = { kind: "decimal", scale: 2 };

/** A domain that stands under `parent`. */
export function domainOf(domainId: string, parent: string | null, more: Partial<Domain> = {}): Domain {
  return {
    domainId,
    parentDomainId: parent,
    level: parent === null ? "global" : parent === "global" ? "family" : "concrete",
    domainVersion: "1",
    semanticVersion: "2026.1",
    status: "active",
    deprecatedResolvable: false,
    references: [],
    ...more,
  };
}

/** An active attribute of the domain that its id names. */
export function attributeOf(
  attributeId: string,
  valueType: ValueType,
  more: Partial<CanonicalAttribute> = {},
): CanonicalAttribute {
  return {
    attributeId,
    domainId: attributeId.slice(0, attributeId.indexOf("/")),
    semanticVersion: "2026.1",
    scope: "record",
    status: "active",
    terms: [],
    valueType,
    effectiveFrom: "2026.1",
    deprecatedFrom: null,
    retiredFrom: null,
    successor: null,
    ...more,
  };
}

/** Sales of shops, with places as another domain: one reference is allowed, one mediated, one refused. */
export function registryOf(semanticVersion = "2026.1"): Registry {
  return {
    semanticVersion,
    domains: [
      domainOf("global", null),
      domainOf("trade", "global"),
      domainOf("trade.sales", "trade", {
        references: [
          { domain: "trade.places", answer: "allowed" },
          { domain: "trade.people", answer: "mediated", mediation: { "trade.people/age": "trade.sales/buyer_age" } },
          { domain: "trade.secrets", answer: "refused" },
        ],
      }),
      domainOf("trade.places", "trade"),
      domainOf("trade.people", "trade"),
      domainOf("trade.secrets", "trade"),
      domainOf("trade.old", "trade", { status: "deprecated", deprecatedResolvable: true }),
      domainOf("trade.older", "trade", { status: "deprecated" }),
      domainOf("trade.gone", "trade", { status: "retired" }),
    ],
    attributes: [
      attributeOf("trade.sales/amount", decimal, { terms: ["price", "turnover"] }),
      attributeOf("trade.sales/pieces", integer, { terms: ["count of pieces", "turnover"] }),
      attributeOf("trade.sales/shop", text),
      attributeOf("trade.sales/buyer_age", integer),
      attributeOf("trade.sales/revenue", decimal, { status: "superseded", successor: "trade.sales/takings" }),
      attributeOf("trade.sales/takings", decimal, { status: "superseded", successor: "trade.sales/amount" }),
      attributeOf("trade.sales/fax", text, { status: "retired", retiredFrom: "2026.1" }),
      attributeOf("trade.sales/idea", text, { status: "proposed" }),
      attributeOf("trade.sales/note", text, { status: "deprecated", deprecatedFrom: "2026.1" }),
      attributeOf("trade.places/town", text),
      attributeOf("trade.people/age", integer),
      attributeOf("trade.secrets/code", text),
      attributeOf("trade.old/thing", text),
      attributeOf("trade.gone/thing", text),
    ],
    queryAttributes: [],
  };
}

/** The policy of the tests; groups of fewer than five are never described. */
export function policyOf(more: Partial<Policy> = {}): Policy {
  const stage = { deadlineSeconds: 600, maximumAttempts: 3, backoffMilliseconds: 200 };
  return {
    policyVersion: "1",
    stages: { accepted: stage, resolving: stage, dispatched: stage, verifying: stage },
    fees: { base: "1000", perThousandRecords: "500" },
    minimumGroupSize: 5,
    verifiers: 1,
    quota: { tasksPerWindow: 1_000_000, windowSeconds: 3_600 },
    epochs: { maximumSeconds: 86_400, maximumTasks: 1_000 },
    rewards: {
      shares: { producers: 3_000, vaults: 2_500, executors: 2_500, verifiers: 1_500, treasury: 500 },
      subsidy: "100000",
      treasuryAccount: `0x${"70".repeat(20)}`,
    },
    ...quietPolicyParts,
    envelopeLifetimeSeconds: 86_400,
    ...more,
  };
}
