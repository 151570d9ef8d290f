// Typed columns: canonical records as the query engine reads them, every number an exact integer at a fixed scale.
import type { ValueType } from "./schemas/registry.ts";
import type { CanonicalRecord } from "./schemas/vault.ts";

/** Numbers at a fixed scale, NaN where a record has no value; or text, null where it has none. */
export type Column =
  | { readonly kind: "number"; readonly scale: number; readonly values: Float64Array }
  | { readonly kind: "text"; readonly values: readonly (string | null)[] };

const decimal = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/** How many decimal digits an attribute of this type keeps. */
export function scaleOf(type: ValueType): number {
  return type.kind === "decimal" ? type.scale : 0;
}

/**
 * A value as an exact integer in units of 10^−scale, or undefined when it is not of that form, needs more digits, or does
 * not fit into 2^53−1: such a value counts as absent, on every machine alike.
 */
export function scaledValue(raw: string | number | null | undefined, scale: number): number | undefined {
  if (raw === null || raw === undefined) return undefined;
  const text = String(raw);
  if (!decimal.test(text)) return undefined;
  const [whole = "0", fraction = ""] = text.split(".");
  if (fraction.length > scale) return undefined;
  const value = Number(whole + fraction.padEnd(scale, "0"));
  return Number.isSafeInteger(value) ? (value === 0 ? 0 : value) : undefined;
}

/** Reads one field of records, in their order, as a column of the attribute's type. */
export function columnOf(records: readonly CanonicalRecord[], field: string, type: ValueType): Column {
  if (type.kind === "text") {
    return { kind: "text", values: records.map((record) => (record[field] == null ? null : String(record[field]))) };
  }
  const scale = scaleOf(type);
  const values = Float64Array.from(records, (record) => scaledValue(record[field], scale) ?? Number.NaN);
  return { kind: "number", scale, values };
}

/** The bytes a column holds, for bounding caches: exact for numbers, an estimate of two bytes a character for text. */
export function columnBytes(column: Column): number {
  if (column.kind === "number") return column.values.byteLength;
  return column.values.reduce((sum, value) => sum + 8 + 2 * (value?.length ?? 0), 0);
}

/** An exact integer at a scale as a decimal text, as group keys show it. */
export function scaledText(value: number, scale: number): string {
  if (scale === 0) return String(value);
  const digits = String(Math.abs(value)).padStart(scale + 1, "0");
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  return `${value < 0 ? "-" : ""}${digits.slice(0, -scale)}${fraction === "" ? "" : `.${fraction}`}`;
}
