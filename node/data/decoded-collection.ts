// A collection's plaintext in memory: for each field the distinct values and which record has which, typed on demand.
import { columnBytes, columnOf, type Column } from "#protocol/columns.ts";
import type { Hex } from "#protocol/hash.ts";
import { project } from "#protocol/projections.ts";
import type { Projection } from "#protocol/schemas/execution.ts";
import type { ValueType } from "#protocol/schemas/registry.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";

type Value = CanonicalRecord[string];

/** One field of all records: `codes` says for each record which of the distinct values it has. */
type Field = { readonly codes: Uint32Array; readonly distinct: readonly Value[] };

/** The fields of a collection's first `size` records, and the digests that were checked on the way. */
export type DecodedCollection = {
  readonly size: number;
  /** The running digest after `size` records. */
  readonly digest: Hex;
  /** The digest of each snapshot up to here, by its size. */
  readonly snapshots: ReadonlyMap<number, Hex>;
  readonly fields: ReadonlyMap<string, Field>;
  /** Columns made so far: a field's by its type; a projection's also by its rule, its granularity and the records it is over. */
  readonly columns: Map<string, Column>;
};

/** A collection of which nothing was read yet. */
export function emptyCollection(digest: Hex, fieldNames: readonly string[]): DecodedCollection {
  const fields = new Map(fieldNames.map((name) => [name, { codes: new Uint32Array(0), distinct: [] }]));
  return { size: 0, digest, snapshots: new Map(), fields, columns: new Map() };
}

type Growing = { readonly codes: Uint32Array; readonly distinct: Value[]; readonly codeOf: Map<Value, number> };

/** Further records of a collection on their way into memory. */
export type Extension = {
  /** Takes the next record. Fields that stand for no attribute are left out: nobody can ask for them. */
  readonly add: (record: CanonicalRecord) => void;
  /** The collection with the records that were added; the one before stays as it is. */
  readonly finish: (digest: Hex, snapshots: ReadonlyMap<number, Hex>) => DecodedCollection;
};

/** Begins to extend a decoded collection to `size` records. */
export function extend(before: DecodedCollection, size: number): Extension {
  const growing = new Map<string, Growing>();
  for (const [name, { codes, distinct }] of before.fields) {
    const longer = new Uint32Array(size);
    longer.set(codes);
    growing.set(name, {
      codes: longer,
      distinct: [...distinct],
      codeOf: new Map(distinct.map((value, at) => [value, at])),
    });
  }
  let next = before.size;
  return {
    add: (record) => {
      for (const [name, field] of growing) field.codes[next] = codeFor(field, record[name] ?? null);
      next++;
    },
    finish: (digest, snapshots) => ({
      size: next,
      digest,
      snapshots: new Map([...before.snapshots, ...snapshots]),
      fields: new Map([...growing].map(([name, { codes, distinct }]) => [name, { codes, distinct }])),
      columns: new Map(),
    }),
  };
}

function codeFor({ distinct, codeOf }: Growing, value: Value): number {
  const known = codeOf.get(value);
  if (known !== undefined) return known;
  codeOf.set(value, distinct.length);
  distinct.push(value);
  return distinct.length - 1;
}

/** A field as a column of an attribute's type; the same as protocol/columns.ts gives, each distinct value read once. */
export function columnFor(collection: DecodedCollection, fieldName: string, type: ValueType): Column | undefined {
  const key = JSON.stringify([fieldName, type.kind, type.kind === "decimal" ? type.scale : 0]);
  const known = collection.columns.get(key);
  if (known !== undefined) return known;
  const field = collection.fields.get(fieldName);
  if (field === undefined) return undefined;
  const column = spread(
    columnOf(
      field.distinct.map((value) => ({ value })),
      "value",
      type,
    ),
    field.codes,
  );
  collection.columns.set(key, column);
  return column;
}

/** What is derived of a field, and over how many records. */
export type ProjectedField = {
  readonly field: string;
  /** What the field is read as; also the type of what is derived. */
  readonly type: ValueType;
  readonly projection: Pick<Projection, "derivationRule" | "minimumRecords">;
  /** Records of the snapshot: what later ones hold must not show in it. */
  readonly records: number;
};

/** What a projection leaves of a field over a snapshot's records (ATTR-07). Its key holds all that it follows from. */
export function projectedColumn(
  collection: DecodedCollection,
  { field, type, projection: { derivationRule, minimumRecords }, records }: ProjectedField,
): Column | undefined {
  const key = JSON.stringify([field, type, derivationRule, minimumRecords, records]);
  const known = collection.columns.get(key);
  if (known !== undefined) return known;
  const source = columnFor(collection, field, type);
  if (source === undefined) return undefined;
  const column = project(derivationRule, source, { records, minimumRecords });
  collection.columns.set(key, column);
  return column;
}

function spread(distinct: Column, codes: Uint32Array): Column {
  if (distinct.kind === "text") {
    return { kind: "text", values: Array.from(codes, (code) => distinct.values[code] ?? null) };
  }
  const values = new Float64Array(codes.length);
  for (const [record, code] of codes.entries()) values[record] = distinct.values[code] ?? Number.NaN;
  return { kind: "number", scale: distinct.scale, values };
}

/** Bytes that a decoded collection holds: exact for numbers and codes, an estimate for text. At least one. */
export function decodedBytes({ fields, columns }: DecodedCollection): number {
  let bytes = 1;
  for (const { codes, distinct } of fields.values()) {
    bytes += codes.byteLength;
    for (const value of distinct) bytes += 16 + (typeof value === "string" ? 2 * value.length : 0);
  }
  // The texts of a column are those of its field: what it adds is a reference each.
  for (const column of columns.values())
    bytes += column.kind === "text" ? 8 * column.values.length : columnBytes(column);
  return bytes;
}
