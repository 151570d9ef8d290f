// Projections: what a query attribute lets a task see of a record, derived inside the vault and never finer than its granularity.
import { strict as assert } from "node:assert";
import type { Column } from "./columns.ts";
import { contentId, type Hex } from "./hash.ts";
import type { Projection, SemanticResolutionResult } from "./schemas/execution.ts";
import type { DerivationRule, ValueType } from "./schemas/registry.ts";

/**
 * One column that a task reads of a source, under the task's own word. The field is read as `valueType`; where there is a
 * projection, what is read stays in the vault and the column is what `rule` derives from it.
 */
export type ColumnUse = {
  readonly term: string;
  readonly field: string;
  readonly valueType: ValueType;
  readonly projection: Projection | undefined;
};

/** The columns a task may read of a source with these fields; a reference that no field stands for has none. */
export function columnUses(
  references: SemanticResolutionResult["references"],
  fields: Readonly<Record<string, string>>,
): readonly ColumnUse[] {
  return references.flatMap(({ term, attributeId, valueType, projection }) => {
    const field = Object.hasOwn(fields, attributeId) ? fields[attributeId] : undefined;
    return field === undefined ? [] : [{ term, field, valueType, projection }];
  });
}

/** What query attributes name their rule by. */
export function derivationRuleRefOf(rule: DerivationRule): Hex {
  return contentId("scs.derivation-rule", rule);
}

/**
 * The type of a projected column; undefined where the rule is not for values of the source's type. A bucket is an exact number
 * in its source's scale, all else is text.
 */
export function projectedType(rule: DerivationRule, source: ValueType): ValueType | undefined {
  switch (rule.kind) {
    case "presence":
      return { kind: "text" };
    case "bucket":
      return source.kind === "text" ? undefined : source;
    case "class":
    case "prefix":
      return source.kind === "text" ? source : undefined;
  }
}

/** How coarse a projection is, and of how many records: the first of the source column, those of the snapshot. */
export type Granularity = { readonly records: number; readonly minimumRecords: number };

/**
 * Derives a projected column (ATTR-07). The source is the attribute's field read as the type of {@link projectedType}. A
 * projected value that fewer than `minimumRecords` of the records share is left out, as if the record had none; so is one that
 * only one raw value could have led to. Each record's value follows from the records of the snapshot alone.
 */
export function project(rule: DerivationRule, source: Column, { records, minimumRecords }: Granularity): Column {
  if (rule.kind === "bucket") {
    assert(source.kind === "number", "buckets are of numbers");
    const values = source.values.slice(0, records).map((value) => bucketOf(value, rule));
    const counts = countEach(values);
    const isShared = (value: number): boolean => (counts.get(value) ?? 0) >= minimumRecords;
    return { ...source, values: values.map((value) => (isShared(value) ? value : Number.NaN)) };
  }
  assert(source.kind === "text", "every other rule is of texts");
  const derive = memoized(textRule(rule));
  const values = source.values.slice(0, records).map(derive);
  const counts = countEach(values);
  return {
    kind: "text",
    values: values.map((value) => ((counts.get(value) ?? 0) >= minimumRecords ? value : null)),
  };
}

/** How many records have each projected value. */
function countEach<T>(values: Iterable<T>): ReadonlyMap<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

type TextRule = (raw: string | null) => string | null;

/** Derives each distinct text once, so that equal projections are one string. */
function memoized(rule: TextRule): TextRule {
  const known = new Map<string | null, string | null>();
  return (raw) => {
    let derived = known.get(raw);
    if (derived === undefined) known.set(raw, (derived = rule(raw)));
    return derived;
  };
}

function textRule(rule: Exclude<DerivationRule, { kind: "bucket" }>): TextRule {
  switch (rule.kind) {
    case "presence":
      return (raw) => (raw === null ? "absent" : "present");
    case "class": {
      const classOf = classesByMember(rule.classes);
      return (raw) => (raw === null ? null : (classOf.get(raw) ?? null));
    }
    case "prefix":
      return (raw) => (raw === null ? null : prefixOf(raw, rule.length));
  }
}

/** The class of each member. A text that several classes name is of none, and a class of one text would be that text. */
function classesByMember(classes: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, string> {
  const members = Object.entries(classes).map(([name, listed]) => [name, new Set(listed)] as const);
  const named = countEach(members.flatMap(([, each]) => [...each]));
  return new Map(
    members.flatMap(([name, each]) => {
      const own = [...each].filter((member) => named.get(member) === 1);
      return own.length < 2 ? [] : own.map((member) => [member, name] as const);
    }),
  );
}

/** The first code points of a text that has more of them: a text that has no more would be given whole. */
function prefixOf(text: string, length: number): string | null {
  let end = 0;
  for (let taken = 0; taken < length; taken++) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  return end < text.length ? text.slice(0, end) : null;
}

/** The least number of a value's bucket; NaN for no value, and for a bucket that does not lie within the exact numbers. */
function bucketOf(value: number, { origin, width }: { readonly origin: number; readonly width: number }): number {
  if (Number.isNaN(value)) return Number.NaN;
  const offset = value - origin;
  const rest = Number.isSafeInteger(offset) ? offset % width : Number((BigInt(value) - BigInt(origin)) % BigInt(width));
  const lowest = value - (rest < 0 ? rest + width : rest);
  return Number.isSafeInteger(lowest) && Number.isSafeInteger(lowest + (width - 1)) ? lowest : Number.NaN;
}
