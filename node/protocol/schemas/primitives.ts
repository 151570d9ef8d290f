// The smallest schemas every message is made of: hashes, addresses, amounts, names, versions.
import { Type, type TSchema, type Static } from "typebox";

/** 0x and lower-case hexadecimal digits. */
export type Hex = `0x${string}`;

/** An object that takes exactly the named properties. */
export const closed = <P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

export const Bytes32 = Type.Unsafe<Hex>({ type: "string", pattern: "^0x[0-9a-f]{64}$" });
/** An EVM account, lower-case. */
export const Address = Type.Unsafe<Hex>({ type: "string", pattern: "^0x[0-9a-f]{40}$" });
/** 65 bytes r‖s‖v. Only its shape of hexadecimal digits is a matter of schema; the rest answers AUTH_SIGNATURE_*. */
export const Signature = Type.Unsafe<Hex>({ type: "string", pattern: "^0x[0-9a-fA-F]*$", maxLength: 132 });
/** An amount of money in base units: a decimal string, at most 2^128−1 in length. */
export const Amount = Type.String({ pattern: "^(0|[1-9][0-9]{0,37})$" });
/** A count that JSON holds exactly. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Seconds since 1970-01-01T00:00:00Z. */
export const Seconds = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000 });
/** The name of a scope, a vault or a collection. */
export const Name = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,63}$" });
/** A version label. */
export const Version = Type.String({ pattern: "^[0-9a-z][0-9a-z.-]{0,31}$" });
/** A domain: dotted names from family to sub-domain, or `global`. */
export const DomainId = Type.String({ pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+){0,3}$", maxLength: 128 });
/** A canonical attribute: its domain, a slash, its name. */
export const AttributeId = Type.String({
  pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+){0,3}/[a-z0-9_-]+$",
  maxLength: 192,
});
/** A query attribute: its domain, a question mark, its name; so that it is never taken for a canonical one (ATTR-08). */
export const QueryAttributeId = Type.String({
  pattern: "^[a-z0-9-]+(\\.[a-z0-9-]+){0,3}\\?[a-z0-9_-]+$",
  maxLength: 192,
});
/** A word a submitter uses for an attribute: an alias, a name, or a full attribute id. */
export const Term = Type.String({ minLength: 1, maxLength: 192, pattern: "^[^\\u0000-\\u001f]+$" });

export type Amount = Static<typeof Amount>;
export type DomainId = Static<typeof DomainId>;
export type AttributeId = Static<typeof AttributeId>;
