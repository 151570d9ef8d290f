// Canonical JSON (RFC 8785): the one byte sequence that every honest node writes for a value.
import { jsonDepthLimit } from "./limits.ts";

/** A JSON value. Amounts and 256-bit words are strings in it, never numbers. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A walk over a value: the numbers it takes, and the way to the place it is at. */
type Walk = { readonly maxMagnitude: number; readonly path: (string | number)[] };

/**
 * The RFC 8785 text of a protocol value. Numbers beyond ±(2^53−1) are refused (I-JSON, RFC 7493 §2.2): another
 * reader might take another value for them.
 * @throws TypeError naming place and reason for anything that has no canonical form: undefined, functions, bigint,
 * symbols, NaN, infinities, unsafe numbers, lone surrogates, instances of classes, cycles, nesting deeper than {@link jsonDepthLimit}.
 */
export function canonicalText(value: Json): string {
  return write(value, { maxMagnitude: Number.MAX_SAFE_INTEGER, path: [] });
}

/** {@link canonicalText} as UTF-8 bytes: what is hashed. */
export function canonicalBytes(value: Json): Uint8Array {
  return Buffer.from(canonicalText(value), "utf8");
}

/** RFC 8785 in full, with every finite number it can write: for documents that are not the protocol's own. */
export function jcsText(value: Json): string {
  return write(value, { maxMagnitude: Number.MAX_VALUE, path: [] });
}

function write(value: unknown, walk: Walk): string {
  switch (typeof value) {
    case "string":
      return quote(value, walk);
    case "number":
      // Written so that NaN is refused as well. The language's own form of a number is that of RFC 8785 §3.2.2.3.
      if (!(Math.abs(value) <= walk.maxMagnitude)) refuse(`the number ${value}`, walk);
      return String(value);
    case "boolean":
      return String(value);
    case "object":
      if (value === null) return "null";
      if (walk.path.length >= jsonDepthLimit) refuse("a cycle or too deep nesting", walk);
      return isArray(value) ? writeArray(value, walk) : writeObject(value, walk);
    default:
      return refuse(typeof value, walk);
  }
}

const isArray = (value: object): value is readonly unknown[] => Array.isArray(value);

function writeArray(items: readonly unknown[], walk: Walk): string {
  let text = "[";
  // By index, for a hole in the array must be seen.
  for (let index = 0; index < items.length; index++) {
    walk.path.push(index);
    text += index === 0 ? write(items[index], walk) : `,${write(items[index], walk)}`;
    walk.path.pop();
  }
  return `${text}]`;
}

function writeObject(value: object, walk: Walk): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse("an instance of a class", walk);
  const members = value as Readonly<Record<string, unknown>>;
  let text = "";
  for (const key of sortedKeys(members)) {
    walk.path.push(key);
    text += `${text === "" ? "{" : ","}${quote(key, walk)}:${write(members[key], walk)}`;
    walk.path.pop();
  }
  return text === "" ? "{}" : `${text}}`;
}

/** Strings compare, and sort, by UTF-16 code units: the order of RFC 8785 §3.2.3. Often they are in order already. */
function sortedKeys(members: object): string[] {
  const keys = Object.keys(members);
  return keys.every((key, index) => index === 0 || (keys[index - 1] ?? "") < key) ? keys : keys.sort();
}

/** Text in which nothing needs an escape and no code unit is a surrogate. */
const plainText = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

function quote(text: string, walk: Walk): string {
  if (plainText.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) refuse("a lone surrogate", walk);
  return JSON.stringify(text);
}

function refuse(what: string, { path }: Walk): never {
  const place = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  throw new TypeError(`not canonical JSON: ${what} at $${place.toWellFormed()}`);
}
