// EIP-712: the digest that a wallet signs for a struct, computed from a description of the struct's type.
import assert from "node:assert";
import { hexToBytes, type Hex } from "./hash.ts";
import { keccak256, keccakText } from "./keccak.ts";
import { allocateWords, isWordType, writeWord, WORD_BYTES, type WordType, type WordValue } from "./keccak/words.ts";

/** A struct type as data. Members are words, `string`, `bytes` or structs; arrays are not supported. */
export type StructType = {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly type: WordType | "string" | "bytes" | StructType }[];
};

/** A member's value: bytes of any kind as 0x hexadecimal, unsigned integers as bigint or exact number. */
type MemberValue = string | boolean | bigint | number | StructValue;

/** A struct's value, by the names of its members. */
export type StructValue = { readonly [member: string]: MemberValue };

/** What a signature is bound to: an application, its version, a chain and a contract. */
export type SigningDomain = {
  readonly name: string;
  readonly version: string;
  readonly chainId: bigint;
  readonly verifyingContract: Hex;
};

const domainType: StructType = {
  name: "EIP712Domain",
  fields: [
    { name: "name", type: "string" },
    { name: "version", type: "string" },
    { name: "chainId", type: "uint256" },
    { name: "verifyingContract", type: "address" },
  ],
};

/** Hashes of types already seen; one entry for each type that is kept as a constant somewhere. */
const typeHashes = new WeakMap<StructType, Uint8Array>();

/** The type's text: itself, then each struct it refers to, by name (EIP-712, "Definition of encodeType"). */
export function encodeType(type: StructType): string {
  const referenced = new Map<string, StructType>();
  const collect = ({ fields }: StructType): void => {
    for (const { type: member } of fields) {
      if (typeof member === "string" || referenced.has(member.name)) continue;
      referenced.set(member.name, member);
      collect(member);
    }
  };
  collect(type);
  const structs = [...referenced.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  return [type, ...structs].map(structText).join("");
}

function structText({ name, fields }: StructType): string {
  const members = fields.map(
    (field) => `${typeof field.type === "string" ? field.type : field.type.name} ${field.name}`,
  );
  return `${name}(${members.join(",")})`;
}

/** keccak256 of {@link encodeType}; computed once for each type object. */
export function typeHash(type: StructType): Uint8Array {
  const known = typeHashes.get(type);
  if (known !== undefined) return known;
  const fresh = keccakText(encodeType(type));
  typeHashes.set(type, fresh);
  return fresh;
}

/**
 * keccak256 of the type's hash and the members' words (EIP-712, "Definition of hashStruct").
 * @throws TypeError or RangeError if a member is missing or not of its type.
 */
export function structHash(type: StructType, value: StructValue): Uint8Array {
  const words = allocateWords(type.fields.length + 1);
  words.bytes.set(typeHash(type));
  let at = WORD_BYTES;
  for (const field of type.fields) {
    const member = value[field.name];
    if (typeof field.type === "string" && isWordType(field.type)) {
      if (member === undefined || !isWordValue(member)) throw new TypeError(`${type.name}.${field.name} is not a word`);
      writeWord(words, at, field.type, member);
    } else {
      words.bytes.set(hashMember(field.type, member, `${type.name}.${field.name}`), at);
    }
    at += WORD_BYTES;
  }
  return keccak256(words.bytes);
}

const isWordValue = (member: MemberValue): member is WordValue =>
  typeof member !== "object" && (typeof member !== "string" || member.startsWith("0x"));

function hashMember(type: "string" | "bytes" | StructType, member: MemberValue | undefined, place: string): Uint8Array {
  if (typeof type === "object") {
    if (typeof member !== "object") throw new TypeError(`${place} is not a struct`);
    return structHash(type, member);
  }
  if (typeof member !== "string") throw new TypeError(`${place} is not text`);
  if (type === "bytes") return keccak256(hexToBytes(member));
  if (!member.isWellFormed()) throw new TypeError(`${place} has a lone surrogate`);
  return keccakText(member);
}

/** The hash of a signing domain; compute it once for each. */
export function domainSeparator(domain: SigningDomain): Uint8Array {
  return structHash(domainType, domain);
}

/** What is signed: keccak256(0x1901 ‖ domainSeparator ‖ structHash). */
export function typedDataDigest(separator: Uint8Array, type: StructType, message: StructValue): Uint8Array {
  assert(separator.length === WORD_BYTES, "a domain separator is 32 bytes");
  return keccak256(Buffer.concat([Uint8Array.of(0x19, 0x01), separator, structHash(type, message)]));
}
