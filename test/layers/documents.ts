// What the tests of the layers publish: a small registry with every kind of oddity, and a policy with round numbers.
import { draftOf } from "#protocol/governance.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import { derivationRuleRefOf } from "#protocol/projections.ts";
import type {
  CanonicalAttribute,
  DerivationRule,
  Domain,
  QueryAttribute,
  Registry,
  ValueType,
} from "#protocol/schemas/registry.ts";
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

/** An active query attribute of the domain that its id names, for everybody; no value that fewer than five share is given. */
export function queryAttributeOf(
  queryAttributeId: string,
  derivationRule: DerivationRule,
  more: Partial<QueryAttribute> = {},
): QueryAttribute {
  return {
    queryAttributeId,
    domainId: queryAttributeId.slice(0, queryAttributeId.indexOf("?")),
    semanticVersion: "2026.1",
    status: "active",
    derivationRule,
    derivationRuleRef: derivationRuleRefOf(derivationRule),
    queryGranularity: { minimumRecords: 5 },
    privacyClass: "internal",
    allowedUsageScope: { actors: [], scopes: [] },
    ...more,
  };
}

/** Who and where a restricted query attribute is for, in the tests. */
export const partner = { submitter: `0x${"9a".repeat(20)}`, scope: "partners" } as const;

/** A query attribute with every kind of rule, in every state, and some that nothing can be derived for. */
function queryAttributesOf(): Registry["queryAttributes"] {
  const regions = { west: ["Aachen", "Bremen"], north: ["Celle", "Emden"] };
  const named = { actors: [partner.submitter], scopes: [partner.scope] };
  const initial = { kind: "prefix", source: "trade.sales/shop", length: 1 } as const;
  return [
    queryAttributeOf("trade.sales?age_band", {
      kind: "bucket",
      source: "trade.sales/buyer_age",
      origin: 0,
      width: 10,
    }),
    queryAttributeOf("trade.sales?price_band", {
      kind: "bucket",
      source: "trade.sales/amount",
      origin: 0,
      width: 10_000,
    }),
    queryAttributeOf("trade.sales?region", { kind: "class", source: "trade.sales/shop", classes: regions }),
    queryAttributeOf("trade.sales?initial", initial),
    queryAttributeOf("trade.sales?priced", { kind: "presence", source: "trade.sales/amount" }),
    queryAttributeOf("trade.sales?partners", initial, { status: "restricted", allowedUsageScope: named }),
    queryAttributeOf("trade.sales?nobodys", initial, { status: "restricted" }),
    queryAttributeOf("trade.sales?limited", initial, { allowedUsageScope: named }),
    queryAttributeOf("trade.sales?older", initial, { status: "deprecated" }),
    queryAttributeOf("trade.sales?gone", initial, { status: "retired" }),
    queryAttributeOf("trade.sales?idea", initial, { status: "proposed" }),
    queryAttributeOf("trade.sales?listed", initial, { status: "registered" }),
    queryAttributeOf("trade.sales?faxed", { kind: "presence", source: "trade.sales/fax" }),
    queryAttributeOf("trade.sales?takings", { kind: "presence", source: "trade.sales/takings" }),
    queryAttributeOf("trade.places?initial", { kind: "prefix", source: "trade.places/town", length: 1 }),
    queryAttributeOf("trade.people?age_band", { kind: "bucket", source: "trade.people/age", origin: 0, width: 5 }),
    queryAttributeOf("trade.secrets?code", { kind: "prefix", source: "trade.secrets/code", length: 1 }),
  ];
}

/** Sales of shops, with places as another domain: one reference is allowed, one mediated, one refused. */
export function registryOf(semanticVersion = "2026.1"): Registry {
  const registry: Registry = {
    semanticVersion,
    domains: [
      domainOf("global", null),
      domainOf("trade", "global"),
      domainOf("trade.sales", "trade", {
        references: [
          { domain: "trade.places", answer: "allowed" },
          {
            domain: "trade.people",
            answer: "mediated",
            mediation: {
              "trade.people/age": "trade.sales/buyer_age",
              "trade.people?age_band": "trade.sales?age_band",
            },
          },
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
    queryAttributes: queryAttributesOf(),
  };
  // Everything in a registry is bound to its version.
  return draftOf(registry, semanticVersion);
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
