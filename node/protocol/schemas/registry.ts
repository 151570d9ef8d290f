// The semantic registry: domains, canonical attributes and references, published whole under one semantic_version.
import { Type, type Static } from "typebox";
import {
  Address,
  AttributeId,
  Bytes32,
  closed,
  DomainId,
  Name,
  QueryAttributeId,
  Term,
  Version,
} from "./primitives.ts";

export const DomainStatus = Type.Enum(["proposed", "registered", "active", "deprecated", "retired"]);
export const QueryAttributeStatus = Type.Enum([
  "proposed",
  "registered",
  "active",
  "restricted",
  "deprecated",
  "retired",
]);
export const AttributeStatus = Type.Enum(["proposed", "registered", "active", "deprecated", "retired", "superseded"]);

/** How a domain answers a reference from one of its tasks to an attribute of another domain (DOMN-03). */
export const ReferencePolicy = closed({
  domain: DomainId,
  answer: Type.Enum(["allowed", "refused", "mediated"]),
  /** For `mediated`: which attribute of this domain stands for which of the other; a query attribute for a query attribute. */
  mediation: Type.Optional(Type.Record(Type.String(), Type.Union([AttributeId, QueryAttributeId]))),
});

/** A semantic namespace and governance boundary (DOMN-01). */
export const Domain = closed({
  domainId: DomainId,
  parentDomainId: Type.Union([DomainId, Type.Null()]),
  level: Type.Enum(["global", "family", "concrete", "sub_domain"]),
  domainVersion: Version,
  semanticVersion: Version,
  status: DomainStatus,
  /** Whether new tasks may still resolve here once deprecated (DOMN-02). */
  deprecatedResolvable: Type.Boolean(),
  references: Type.Array(ReferencePolicy, { maxItems: 256 }),
});

/** How values of an attribute are typed; a decimal holds `scale` digits after the point, exactly. */
export const ValueType = Type.Union([
  closed({ kind: Type.Literal("text") }),
  closed({ kind: Type.Literal("integer") }),
  closed({ kind: Type.Literal("decimal"), scale: Type.Integer({ minimum: 1, maximum: 9 }) }),
]);

/** A standardized meaning within exactly one domain (ATTR-01). */
export const CanonicalAttribute = closed({
  attributeId: AttributeId,
  domainId: DomainId,
  semanticVersion: Version,
  scope: Type.Enum(["record", "group"]),
  status: AttributeStatus,
  /** Words a task may use for it besides its id and its name. */
  terms: Type.Array(Term, { maxItems: 32 }),
  valueType: ValueType,
  effectiveFrom: Version,
  deprecatedFrom: Type.Union([Version, Type.Null()]),
  retiredFrom: Type.Union([Version, Type.Null()]),
  successor: Type.Union([AttributeId, Type.Null()]),
});

/** How a projection is derived from one canonical attribute of the record, inside the vault (ATTR-07). */
export const DerivationRule = Type.Union([
  /** Whether the record has a value at all. */
  closed({ kind: Type.Literal("presence"), source: AttributeId }),
  /** Which bucket of `width`, counted from `origin`, an exact number falls into; both in the attribute's own scale. */
  closed({
    kind: Type.Literal("bucket"),
    source: AttributeId,
    origin: Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    width: Type.Integer({ minimum: 2, maximum: Number.MAX_SAFE_INTEGER }),
  }),
  /** Which class a text belongs to; texts of no class have no value. */
  closed({
    kind: Type.Literal("class"),
    source: AttributeId,
    classes: Type.Record(Type.String({ maxLength: 64 }), Type.Array(Type.String({ maxLength: 256 }), { minItems: 2 })),
  }),
  /** The first characters of a text, in Unicode code points. */
  closed({ kind: Type.Literal("prefix"), source: AttributeId, length: Type.Integer({ minimum: 1, maximum: 8 }) }),
]);

/** Who may use a query attribute; both lists empty: everybody while it is active or deprecated, nobody while it is restricted. */
export const UsageScope = closed({
  actors: Type.Array(Address, { maxItems: 256, uniqueItems: true }),
  scopes: Type.Array(Name, { maxItems: 256, uniqueItems: true }),
});

/** A governed projection for selecting and grouping records; never a canonical meaning (ATTR-06, ATTR-08). */
export const QueryAttribute = closed({
  queryAttributeId: QueryAttributeId,
  domainId: DomainId,
  semanticVersion: Version,
  status: QueryAttributeStatus,
  derivationRule: DerivationRule,
  /** contentId("scs.derivation-rule", derivationRule). */
  derivationRuleRef: Bytes32,
  /** A projected value that fewer records of a collection share is not given out. */
  queryGranularity: closed({ minimumRecords: Type.Integer({ minimum: 2, maximum: 1_000_000 }) }),
  privacyClass: Type.Enum(["public", "internal", "sensitive"]),
  allowedUsageScope: UsageScope,
});

/** Everything a semantic_version means; immutable once published (ATTR-05). */
export const Registry = closed(
  {
    semanticVersion: Version,
    domains: Type.Array(Domain, { maxItems: 4096 }),
    attributes: Type.Array(CanonicalAttribute, { maxItems: 65_536 }),
    queryAttributes: Type.Array(QueryAttribute, { maxItems: 65_536 }),
  },
  { $id: "registry" },
);

export type Registry = Static<typeof Registry>;
export type Domain = Static<typeof Domain>;
export type CanonicalAttribute = Static<typeof CanonicalAttribute>;
export type DerivationRule = Static<typeof DerivationRule>;
export type UsageScope = Static<typeof UsageScope>;
export type QueryAttribute = Static<typeof QueryAttribute>;
export type ValueType = Static<typeof ValueType>;
