// Local attributes of records: which fields count, what their values look like, and what their names hint at.
import { localAttributesPerRecord } from "./limits.ts";
import type { LocalAttributeEntry, MappingHint } from "./schemas/local-attribute.ts";
import type { CanonicalAttribute, Registry } from "./schemas/registry.ts";
import type { CanonicalRecord, CollectionDefinition } from "./schemas/vault.ts";

type ValueKind = LocalAttributeEntry["valueKind"];

/** One field of a record that no canonical attribute stands for. */
export type LocalField = { readonly name: string; readonly valueKind: ValueKind };

const decimal = /^-?(0|[1-9][0-9]*)\.[0-9]+$/;

/** How a value looks; undefined for null, which is no value. */
function kindOf(value: CanonicalRecord[string]): ValueKind | undefined {
  if (value === null) return undefined;
  if (typeof value === "number") return "integer";
  return decimal.test(value) ? "decimal" : "text";
}

/**
 * The local attributes that a record counts for (ATTR-09): fields with a value that the collection does not map, the first
 * `localAttributesPerRecord` of them by name. The bound is what the noise of their release is made for (ATTR-12).
 */
export function localFields(record: CanonicalRecord, mapped: CollectionDefinition["fields"]): readonly LocalField[] {
  const fields: LocalField[] = [];
  for (const name of Object.keys(record).sort()) {
    if (fields.length === localAttributesPerRecord) break;
    const valueKind = Object.hasOwn(mapped, name) ? undefined : kindOf(record[name] ?? null);
    if (valueKind !== undefined) fields.push({ name, valueKind });
  }
  return fields;
}

/** The domain that more than half of a collection's mapped fields stand in; null where none does. It is told by no record. */
export function domainHintOf(fields: CollectionDefinition["fields"]): string | null {
  const attributes = Object.values(fields);
  const counts = new Map<string, number>();
  for (const attributeId of attributes) {
    const domain = domainPart(attributeId);
    counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  for (const [domain, count] of counts) if (2 * count > attributes.length) return domain;
  return null;
}

/** The part of an attribute's id before the slash. */
const domainPart = (attributeId: string): string => attributeId.slice(0, attributeId.indexOf("/"));
/** The part of an attribute's id behind the slash. */
export const namePart = (attributeId: string): string => attributeId.slice(attributeId.indexOf("/") + 1);

/** The words of a name, in lower case: split where a capital follows a small letter or digit, and at all else. */
function wordsOf(name: string): readonly string[] {
  const spaced = name.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return spaced.split(/[^a-z0-9]+/).filter((word) => word !== "");
}

/** The longest name of a local attribute. */
const nameLengthMost = 64;

/**
 * A name as different vaults may have spelled it: its words joined by `_`. Capitals begin no word where that would be longer than
 * a name may be; a name without words is `_`.
 */
export function normalizedName(name: string): string {
  const joined = wordsOf(name).join("_");
  if (joined === "") return "_";
  return joined.length <= nameLengthMost ? joined : wordsOf(name.toLowerCase()).join("_");
}

/** Hints below this say less than they confuse. */
const leastConfidence = 5_000;

/** A word that an attribute answers to, cut up. */
type Term = { readonly attribute: CanonicalAttribute; readonly words: ReadonlySet<string>; readonly joined: string };

/** Finds the canonical attribute that seems to mean the same as a local one; null where none does. */
export type Mapper = (name: string, valueKind: ValueKind) => MappingHint | null;

/**
 * Makes a registry's names and terms ready for hints. Confidence is 10,000 where the letters and digits are the same, else twice
 * the shared words over the words of both; half of it where the types do not fit. The surest attribute wins, the first by id among
 * equals. No value of any record takes part.
 */
export function openMapper(registry: Registry): Mapper {
  const byWord = new Map<string, Term[]>();
  const byJoined = new Map<string, Term[]>();
  for (const attribute of registry.attributes) {
    if (attribute.status === "retired" || attribute.status === "superseded") continue;
    for (const text of new Set([namePart(attribute.attributeId), ...attribute.terms])) {
      const words = new Set(wordsOf(text));
      const term = { attribute, words, joined: wordsOf(text).join("") };
      for (const word of words) add(byWord, word, term);
      if (words.size > 0) add(byJoined, term.joined, term);
    }
  }
  return (name, valueKind) => {
    const words = new Set(wordsOf(name));
    const joined = wordsOf(name).join("");
    const terms = new Set([...words].flatMap((word) => byWord.get(word) ?? []));
    for (const term of byJoined.get(joined) ?? []) terms.add(term);
    let best: MappingHint | undefined;
    for (const term of terms) {
      const { attributeId, valueType } = term.attribute;
      const alike = term.joined === joined ? 10_000 : overlap(words, term.words);
      const confidence = fits(valueKind, valueType.kind) ? alike : (alike - (alike % 2)) / 2;
      if (confidence < leastConfidence) continue;
      const hint: MappingHint = { attributeId, confidence };
      if (best === undefined || isSurer(hint, best)) best = hint;
    }
    return best ?? null;
  };
}

function isSurer(one: MappingHint, other: MappingHint): boolean {
  if (one.confidence !== other.confidence) return one.confidence > other.confidence;
  return one.attributeId < other.attributeId;
}

function add<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** Twice the shared words over the words of both, in basis points, rounded down. */
function overlap(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const shared = one.intersection(other).size;
  const parts = 20_000 * shared;
  const all = one.size + other.size;
  return (parts - (parts % all)) / all;
}

/** Whether values that look like this can be values of an attribute of the type: a whole number is a decimal as well. */
function fits(valueKind: ValueKind, type: CanonicalAttribute["valueType"]["kind"]): boolean {
  return valueKind === type || (valueKind === "integer" && type === "decimal");
}
