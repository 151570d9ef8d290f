// Many values as one parameter of a statement, in the form that costs least to write here and to read there.
import assert from "node:assert/strict";
import type { Hex } from "#protocol/hash.ts";

/** Between two texts. JSON writes control characters as escapes, so that no canonical text has one in it. */
const separator = "\u001e";

/**
 * Joins texts without control characters (canonical JSON has none), at least one, to a parameter for {@link splitTexts}: an array
 * would be escaped here and parsed there, character by character.
 */
export function joinTexts(texts: readonly string[]): string {
  assert(texts.length > 0, "no text cannot be told from an empty one");
  assert(!texts.some((text) => text.includes(separator)), "a canonical text holds no control character");
  return texts.join(separator);
}

/** The SQL for the array of texts in a parameter that {@link joinTexts} made. */
export function splitTexts(parameter: number): string {
  return `string_to_array($${parameter}::text, E'\\x1e')`;
}

/** An array of whole numbers, as PostgreSQL writes it. */
export function numberArray(numbers: readonly (number | bigint)[]): string {
  return `{${numbers.join(",")}}`;
}

/** An array of bytes and NULLs, as PostgreSQL writes it; from text in hexadecimal, since that is how it travels. */
export function bytesArray(texts: readonly (Hex | null)[]): string {
  return `{${texts.map((text) => (text === null ? "NULL" : `"\\\\x${text.slice(2)}"`)).join(",")}}`;
}

/** An array of texts, as PostgreSQL writes it: for few and short ones. */
export function textArray(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
