// The semantic registry: domains, canonical attributes and references, published whole under one semantic_version.
import { Type, type Static } from "typebox";
import { AttributeId, closed, DomainId, Term, Version } from "./primitives.ts";

export const DomainStatus = Type.Enum(["proposed", "registered", "active", "deprecated", "retired"]);
export const AttributeStatus = Type.Enum(["proposed", "registered", "active", "deprecated", "retired", "superseded"]);

/** How a domain answers a reference from one of its tasks to an attribute of another domain (DOMN-03). */
export const ReferencePolicy = closed({
  domain: DomainId,
  answer: Type.Enum(["allowed", "refused", "mediated"]),
  /** For `mediated`: which attribute of this domain stands for which attribute of the other. */
  mediation: Type.Optional(Type.Record(Type.String(), AttributeId)),
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

/** Everything a semantic_version means; immutable once published (ATTR-05). */
export const Registry = closed(
  {
    semanticVersion: Version,
    domains: Type.Array(Domain, { maxItems: 4096 }),
    attributes: Type.Array(CanonicalAttribute, { maxItems: 65_536 }),
  },
  { $id: "registry" },
);

export type Registry = Static<typeof Registry>;
export type Domain = Static<typeof Domain>;
export type CanonicalAttribute = Static<typeof CanonicalAttribute>;
export type ValueType = Static<typeof ValueType>;
