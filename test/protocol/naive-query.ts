// The protected query again, in the plainest way: over whole records, with bigint alone, one question at a time.
import type { QueryResult } from "#protocol/schemas/execution.ts";
import type { ValueType } from "#protocol/schemas/registry.ts";
import type { Condition, ProtectedQuery } from "#protocol/schemas/task.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";

type Types = Readonly<Record<string, ValueType>>;
type Value = bigint | string | null;

/** A field as text, or as units of 10^−scale; null where it holds no such value. */
function valueOf(raw: string | number | null | undefined, type: ValueType): Value {
  if (raw === null || raw === undefined) return null;
  if (type.kind === "text") return String(raw);
  const match = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/.exec(String(raw));
  if (match === null) return null;
  const scale = type.kind === "decimal" ? type.scale : 0;
  const [, sign = "", whole = "", fraction = ""] = match;
  if (fraction.length > scale) return null;
  const units = BigInt(whole) * 10n ** BigInt(scale) + BigInt(fraction.padEnd(scale, "0") || "0");
  if (units > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return sign === "-" ? -units : units;
}

function meets(record: CanonicalRecord, condition: Condition, types: Types): boolean {
  const type = types[condition.attribute];
  if (type === undefined) throw new Error("unknown attribute");
  if (condition.operator === "one_of") {
    return condition.values.some((value) => meets(record, { ...condition, operator: "equal", value }, types));
  }
  const [left, right] = [valueOf(record[condition.attribute], type), valueOf(condition.value, type)];
  if (left === null || right === null) return false;
  switch (condition.operator) {
    case "equal":
      return left === right;
    case "not_equal":
      return left !== right;
    case "less":
      return left < right;
    case "less_or_equal":
      return left <= right;
    case "greater":
      return left > right;
    case "greater_or_equal":
      return left >= right;
  }
}

/** A group's key as text: numbers without trailing zeros. */
function keyText(value: Value, type: ValueType): string | null {
  if (value === null || typeof value === "string") return value;
  const scale = type.kind === "decimal" ? type.scale : 0;
  const unit = 10n ** BigInt(scale);
  const magnitude = value < 0n ? -value : value;
  const fraction =
    scale === 0
      ? ""
      : String(magnitude % unit)
          .padStart(scale, "0")
          .replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${magnitude / unit}${fraction && `.${fraction}`}`;
}

function halfEven(numerator: bigint, denominator: bigint): bigint {
  const floor = numerator / denominator - (numerator % denominator < 0n ? 1n : 0n);
  const twice = 2n * (numerator - floor * denominator);
  if (twice < denominator) return floor;
  if (twice > denominator) return floor + 1n;
  return floor % 2n === 0n ? floor : floor + 1n;
}

type Bins = { readonly origin: number; readonly width: number; readonly count: number };

/** The bin of a value: origin + bin · width ≤ value. */
function binOf(value: bigint, bins: Bins): number | null {
  for (let bin = 0; bin < bins.count; bin++) {
    const from = BigInt(bins.origin) + BigInt(bin) * BigInt(bins.width);
    if (value >= from && value < from + BigInt(bins.width)) return bin;
  }
  return null;
}

/** The answer, or undefined where no group is large enough. */
export function naiveQuery(
  program: ProtectedQuery,
  records: readonly CanonicalRecord[],
  types: Types,
  minimumByPolicy: number,
): QueryResult | undefined {
  const minimum = Math.max(minimumByPolicy, program.minimumGroupSize ?? 1);
  const { measure } = program;
  const bins = measure.function === "histogram" ? measure.bins : undefined;
  const groups = new Map<string | null, bigint[]>();
  for (const record of records) {
    if (!(program.conditions ?? []).every((condition) => meets(record, condition, types))) continue;
    const type = "attribute" in measure ? types[measure.attribute] : undefined;
    const value = "attribute" in measure && type ? valueOf(record[measure.attribute], type) : 0n;
    if (typeof value !== "bigint") continue;
    const groupType = program.groupBy === undefined ? undefined : types[program.groupBy];
    const key = groupType && program.groupBy ? keyText(valueOf(record[program.groupBy], groupType), groupType) : null;
    if (program.groupBy !== undefined && key === null) continue;
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  const described: QueryResult["groups"] = [];
  for (const [key, values] of [...groups].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))) {
    const sum = values.reduce((total, value) => total + value, 0n);
    const count = values.length;
    if (bins !== undefined) {
      const counts = Array.from(
        { length: bins.count },
        (_, bin) => values.filter((value) => binOf(value, bins) === bin).length,
      );
      const shown = counts.map((each) => (each > 0 && each < minimum ? null : each));
      const total = shown.reduce<number>((all, each) => all + (each ?? 0), 0);
      if (total >= minimum) described.push({ key, count: total, value: null, bins: shown });
      continue;
    }
    if (count < minimum) continue;
    const value =
      measure.function === "count"
        ? BigInt(count)
        : measure.function === "sum"
          ? sum
          : halfEven(sum * 1_000_000n, BigInt(count));
    described.push({ key, count, value: String(value), bins: null });
  }
  if (described.length === 0) return undefined;
  const measured = "attribute" in measure ? types[measure.attribute] : undefined;
  const scale = measured?.kind === "decimal" && bins === undefined ? measured.scale : 0;
  return {
    kind: "protected_query",
    scale: measure.function === "mean" ? scale + 6 : scale,
    groups: described,
    suppressedGroups: groups.size - described.length,
  };
}
