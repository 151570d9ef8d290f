// The protected query: count, sum, mean and histogram over groups of a minimum size, exact and the same everywhere.
import { strict as assert } from "node:assert";
import { scaledText, scaledValue, type Column } from "./columns.ts";
import { refuse, type Refusal } from "./errors.ts";
import { queryGroupLimit } from "./limits.ts";
import type { QueryGroup, QueryResult } from "./schemas/execution.ts";
import type { Condition, ProtectedQuery } from "./schemas/task.ts";

/** The records of one source: columns by the program's own terms, all `size` long. */
export type QuerySource = { readonly size: number; readonly columns: ReadonlyMap<string, Column> };

/** An answer, or why there is none. */
export type QueryOutcome =
  { readonly kind: "answered"; readonly result: QueryResult } | { readonly kind: "refused"; readonly refusal: Refusal };

/** Digits a mean keeps beyond those of its attribute. */
const meanDigits = 6;
/** Partial sums stay exact as doubles up to here; beyond, they move into a bigint. */
const exactPartial = 2 ** 52;

type Group = { count: number; high: bigint; low: number; bins: number[] | null };

/**
 * Runs a protected query (LAYR-12, LAYR-14). A record contributes to a group when it meets every condition and has a value
 * for the measured attribute. Groups, and bins of a histogram, with fewer contributing records than the minimum are not
 * described; when nothing remains the query is refused with EXECUTION_GROUP_TOO_SMALL. The order of sources and records
 * does not change the answer.
 */
export function runProtectedQuery(
  program: ProtectedQuery,
  sources: readonly QuerySource[],
  minimumByPolicy: number,
): QueryOutcome {
  const minimum = Math.max(minimumByPolicy, program.minimumGroupSize ?? 1);
  const groups = new Map<string | null, Group>();
  for (const source of sources) {
    if (gather(program, source, groups)) continue;
    return {
      kind: "refused",
      refusal: refuse("EXECUTION_FAILED", { reason: "too many groups", limit: queryGroupLimit }),
    };
  }
  const scale = scaleOfMeasure(program, sources);
  const described = [...groups]
    .sort(([a], [b]) => compareKeys(a, b))
    .map(([key, group]) => describe(program, key, group, minimum))
    .filter((group) => group.count >= minimum);
  if (described.length === 0) {
    return { kind: "refused", refusal: refuse("EXECUTION_GROUP_TOO_SMALL", { minimumGroupSize: minimum }) };
  }
  const result: QueryResult = {
    kind: "protected_query",
    scale: program.measure.function === "mean" ? scale + meanDigits : scale,
    groups: described,
    suppressedGroups: groups.size - described.length,
  };
  return { kind: "answered", result };
}

/** Adds a source's contributing records to their groups; false when there would be too many groups. */
function gather(program: ProtectedQuery, source: QuerySource, groups: Map<string | null, Group>): boolean {
  const tests = (program.conditions ?? []).map((condition) =>
    testOf(condition, columnFor(source, condition.attribute)),
  );
  const keys = program.groupBy === undefined ? undefined : columnFor(source, program.groupBy);
  const measure = program.measure;
  const measured = "attribute" in measure ? columnFor(source, measure.attribute) : undefined;
  const bins = measure.function === "histogram" ? measure.bins : undefined;
  for (let row = 0; row < source.size; row++) {
    if (!tests.every((test) => test(row))) continue;
    const value =
      measured === undefined ? 0 : measured.kind === "number" ? (measured.values[row] ?? Number.NaN) : Number.NaN;
    if (Number.isNaN(value)) continue;
    const key = keys === undefined ? null : keyAt(keys, row);
    if (keys !== undefined && key === null) continue;
    let group = groups.get(key);
    if (group === undefined) {
      if (groups.size >= queryGroupLimit) return false;
      group = { count: 0, high: 0n, low: 0, bins: bins ? new Array<number>(bins.count).fill(0) : null };
      groups.set(key, group);
    }
    if (bins !== undefined) {
      const bin = binOf(value, bins);
      if (group.bins === null || bin < 0 || bin >= bins.count) continue;
      group.bins[bin] = (group.bins[bin] ?? 0) + 1;
    }
    group.count++;
    addExactly(group, value);
  }
  return true;
}

/** The bin a value falls into, which may lie outside of those asked for; exact also where the difference is no exact double. */
function binOf(value: number, { origin, width }: { readonly origin: number; readonly width: number }): number {
  const offset = value - origin;
  if (Number.isSafeInteger(offset)) return Math.floor(offset / width);
  return offset < 0 ? -1 : Number((BigInt(value) - BigInt(origin)) / BigInt(width));
}

/** Both terms stay at or below 2^52, so their sum is exact; what is larger goes into the bigint. */
function addExactly(group: Group, value: number): void {
  if (Math.abs(value) > exactPartial) {
    group.high += BigInt(value);
    return;
  }
  group.low += value;
  if (Math.abs(group.low) <= exactPartial) return;
  group.high += BigInt(group.low);
  group.low = 0;
}

function describe(program: ProtectedQuery, key: string | null, group: Group, minimum: number): QueryGroup {
  const sum = group.high + BigInt(group.low);
  if (group.bins !== null) {
    const bins = group.bins.map((count) => (count === 0 || count >= minimum ? count : null));
    const count = bins.reduce<number>((total, shown) => total + (shown ?? 0), 0);
    return { key, count, value: null, bins };
  }
  switch (program.measure.function) {
    case "count":
      return { key, count: group.count, value: String(group.count), bins: null };
    case "mean":
      return {
        key,
        count: group.count,
        value: String(divideHalfEven(sum * 10n ** BigInt(meanDigits), BigInt(group.count))),
        bins: null,
      };
    default:
      return { key, count: group.count, value: String(sum), bins: null };
  }
}

/** Integer division that rounds to nearest, halves to even. */
function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  const quotient = magnitude / denominator;
  const twice = (magnitude % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return negative ? -rounded : rounded;
}

function testOf(condition: Condition, column: Column): (row: number) => boolean {
  if (condition.operator === "one_of") {
    const tests = condition.values.map((value) =>
      testOf({ attribute: condition.attribute, operator: "equal", value }, column),
    );
    return (row) => tests.some((test) => test(row));
  }
  if (column.kind === "text") {
    const wanted = String(condition.value);
    const { values } = column;
    return (row) => {
      const value = values[row];
      return typeof value === "string" && holds(condition.operator, value < wanted ? -1 : value > wanted ? 1 : 0);
    };
  }
  const wanted = scaledValue(condition.value, column.scale);
  const { values } = column;
  if (wanted === undefined) return () => false;
  return (row) => {
    const value = values[row] ?? Number.NaN;
    return !Number.isNaN(value) && holds(condition.operator, value - wanted);
  };
}

function holds(operator: Exclude<Condition["operator"], "one_of">, order: number): boolean {
  switch (operator) {
    case "equal":
      return order === 0;
    case "not_equal":
      return order !== 0;
    case "less":
      return order < 0;
    case "less_or_equal":
      return order <= 0;
    case "greater":
      return order > 0;
    case "greater_or_equal":
      return order >= 0;
  }
}

function keyAt(column: Column, row: number): string | null {
  if (column.kind === "text") return column.values[row] ?? null;
  const value = column.values[row] ?? Number.NaN;
  return Number.isNaN(value) ? null : scaledText(value, column.scale);
}

function columnFor(source: QuerySource, term: string): Column {
  const column = source.columns.get(term);
  assert(column, `the source lacks a column for ${term}`);
  return column;
}

function scaleOfMeasure(program: ProtectedQuery, sources: readonly QuerySource[]): number {
  if (program.measure.function !== "sum" && program.measure.function !== "mean") return 0;
  const [first] = sources;
  const column = first && columnFor(first, program.measure.attribute);
  return column?.kind === "number" ? column.scale : 0;
}

function compareKeys(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}
