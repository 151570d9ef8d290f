// Local attributes: what a vault keeps of words that no registry knows, what may leave it, and what many vaults say together.
import { Type, type Static } from "typebox";
import { localSummariesPerWindow } from "../limits.ts";
import { AttributeId, Bytes32, closed, Count, DomainId, Name, Version } from "./primitives.ts";

/** How the values of a local attribute look; told by their JSON type and never by the values themselves. */
export const LocalValueKind = Type.Enum(["text", "integer", "decimal"]);

/** The name of a field that no canonical attribute stands for. */
export const LocalAttributeName = Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$" });

/** How sure a vault is that a canonical attribute means the same, in basis points; by names and types alone. */
export const MappingHint = closed({
  attributeId: AttributeId,
  confidence: Type.Integer({ minimum: 0, maximum: 10_000 }),
});

/**
 * What leaves a vault about one local attribute in one window: noised counts, above the threshold only (ATTR-09, ATTR-12).
 * Released once a window and kept; noise is never drawn twice for the same count.
 */
export const LocalAttributeSummary = closed(
  {
    schemaVersion: Version,
    scope: Name,
    /** The window's last epoch. */
    epoch: Count,
    vault: Name,
    collection: Name,
    name: LocalAttributeName,
    valueKind: LocalValueKind,
    domainHint: Type.Union([DomainId, Type.Null()]),
    /** With noise of the policy's mechanism; at least its threshold. */
    noisyOccurrences: Count,
    noisyRecords: Count,
    /** Windows so far in which this was released, and windows since it was released first. */
    windowsReleased: Count,
    windowsObserved: Count,
    mapping: Type.Union([MappingHint, Type.Null()]),
  },
  { $id: "local-attribute-summary" },
);

/** An entry of a vault's own pool, about the window that is going on; exact, and never outside of the vault (ATTR-09). */
export const LocalAttributeEntry = closed(
  {
    /** `vault/collection/name`. */
    localAttributeId: Type.String(),
    name: LocalAttributeName,
    valueKind: LocalValueKind,
    domainHint: Type.Union([DomainId, Type.Null()]),
    /** Records of the window with a value for it. */
    occurrences: Count,
    records: Count,
    /** Epochs of the window in which it occurred, and epochs of the window. */
    epochsSeen: Count,
    epochsObserved: Count,
    mapping: Type.Union([MappingHint, Type.Null()]),
    /** What left the vault about it last; null where nothing ever did. */
    released: Type.Union([LocalAttributeSummary, Type.Null()]),
  },
  { $id: "local-attribute-entry" },
);

/** What many vaults' summaries say together: a proposal, never an attribute (ATTR-10). */
export const LocalAttributeCandidate = closed(
  {
    schemaVersion: Version,
    /** contentId("scs.local-candidate", { scope, epoch, domain, name, valueKind }). */
    candidateId: Bytes32,
    scope: Name,
    epoch: Count,
    windowFrom: Count,
    /** The one domain that all summaries hint at; null where they differ or have none. */
    domainId: Type.Union([DomainId, Type.Null()]),
    name: LocalAttributeName,
    valueKind: LocalValueKind,
    /** Distinct vaults that released it. */
    coverage: Count,
    /** Vaults that released anything in the window. */
    vaults: Count,
    /** Noisy occurrences over noisy records, in basis points. */
    frequency: Type.Integer({ minimum: 0, maximum: 10_000 }),
    /** The least share of windows in which a vault released it, in basis points. */
    stability: Type.Integer({ minimum: 0, maximum: 10_000 }),
    /** Windows in which the vault that released it most often did so. */
    windows: Count,
    /** What speaks against it, each in words with a stable first word: `kinds`, `domains`, `name_taken`. Ascending. */
    conflicts: Type.Array(Type.String()),
    /** Canonical attributes that seem to mean the same. Ascending by attribute. */
    aliases: Type.Array(MappingHint),
    /** SHA-256 over the JCS bytes of the summaries it was made of, in order. */
    evidenceHash: Bytes32,
  },
  { $id: "local-attribute-candidate" },
);

/** What an epoch that ends a window aggregates. */
export const Aggregation = closed({
  windowFrom: Count,
  /** Why the window ended here. */
  trigger: Type.Enum(["window", "order"]),
  /** Ascending by vault, collection, name, kind. */
  summaries: Type.Array(LocalAttributeSummary, { maxItems: localSummariesPerWindow }),
});

export type MappingHint = Static<typeof MappingHint>;
export type LocalAttributeEntry = Static<typeof LocalAttributeEntry>;
export type LocalAttributeSummary = Static<typeof LocalAttributeSummary>;
export type LocalAttributeCandidate = Static<typeof LocalAttributeCandidate>;
export type Aggregation = Static<typeof Aggregation>;
