// Many canonical texts as one parameter of a statement: an array would be escaped here and parsed there, character by character.
import assert from "node:assert/strict";

/** Between two texts. JSON writes control characters as escapes, so that no canonical text has one in it. */
const separator = "\u001e";

/** Joins canonical JSON texts, at least one, to a parameter for {@link splitTexts}. */
export function joinTexts(texts: readonly string[]): string {
  assert(texts.length > 0, "no text cannot be told from an empty one");
  assert(!texts.some((text) => text.includes(separator)), "a canonical text holds no control character");
  return texts.join(separator);
}

/** The SQL for the array of texts in a parameter that {@link joinTexts} made. */
export function splitTexts(parameter: number): string {
  return `string_to_array($${parameter}::text, E'\\x1e')`;
}
