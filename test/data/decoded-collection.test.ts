// Decoded collections give the columns that protocol/columns.ts gives, however many records were added at a time.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  columnFor,
  decodedBytes,
  emptyCollection,
  extend,
  projectedColumn,
  type DecodedCollection,
} from "#data/decoded-collection.ts";
import { columnOf } from "#protocol/columns.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { project } from "#protocol/projections.ts";
import type { DerivationRule, ValueType } from "#protocol/schemas/registry.ts";
import type { CanonicalRecord } from "#protocol/schemas/vault.ts";

const digest = sha256Hex("digest");
const value = fc.constantFrom<CanonicalRecord[string]>(null, 1, 2, "1", "1.5", "1.50", "x", "", "ü", -3, 0);
const record = fc.dictionary(fc.constantFrom("a", "b", "hidden", "constructor"), value, { noNullPrototype: true });
const types: readonly ValueType[] = [{ kind: "text" }, { kind: "integer" }, { kind: "decimal", scale: 2 }];

function grown(parts: readonly (readonly CanonicalRecord[])[]): DecodedCollection {
  let collection = emptyCollection(digest, ["a", "b"]);
  for (const part of parts) {
    const extension = extend(collection, collection.size + part.length);
    for (const each of part) extension.add(each);
    collection = extension.finish(digest, new Map([[collection.size + part.length, digest]]));
  }
  return collection;
}

test("columns are those of the records, for every type, however they were added [LAYR-12]", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 4 }),
      fc.constantFrom(...types),
      (parts, type) => {
        const collection = grown(parts);
        const all = parts.flat();
        expect(collection.size).toBe(all.length);
        for (const field of ["a", "b"]) expect(columnFor(collection, field, type)).toEqual(columnOf(all, field, type));
      },
    ),
  );
});

test("fields that stand for nothing are not kept", () => {
  const collection = grown([[{ a: 1, hidden: "plaintext" }]]);
  expect(columnFor(collection, "hidden", { kind: "text" })).toBeUndefined();
  expect(JSON.stringify([...collection.fields])).not.toContain("plaintext");
});

test("extending leaves the collection before as it was, with its columns", () => {
  const before = grown([[{ a: "x" }]]);
  const column = columnFor(before, "a", { kind: "text" });
  const extension = extend(before, 2);
  extension.add({ a: "y" });
  const after = extension.finish(digest, new Map());
  expect(columnFor(before, "a", { kind: "text" })).toBe(column);
  expect(columnFor(after, "a", { kind: "text" })).toEqual({ kind: "text", values: ["x", "y"] });
  expect([...after.snapshots.keys()]).toEqual([1]);
});

test("what a collection holds grows with records and columns", () => {
  const collection = grown([Array.from({ length: 100 }, (_, at) => ({ a: `text ${at}` }))]);
  const fields = decodedBytes(collection);
  expect(fields).toBeGreaterThan(100 * (4 + 4 + 2 * 6));
  columnFor(collection, "a", { kind: "integer" });
  expect(decodedBytes(collection)).toBe(fields + 800);
});

const text: ValueType = { kind: "text" };
const integer: ValueType = { kind: "integer" };
const projected: fc.Arbitrary<readonly [DerivationRule, ValueType]> = fc.oneof(
  fc.constantFrom<readonly [DerivationRule, ValueType]>(
    [{ kind: "presence", source: "d/a" }, text],
    [{ kind: "prefix", source: "d/a", length: 1 }, text],
    [{ kind: "class", source: "d/a", classes: { x: ["1", "2"], y: ["x", "ü"] } }, text],
    [{ kind: "class", source: "d/a", classes: { y: ["1", "2"], x: ["x", "ü"] } }, text],
  ),
  fc
    .tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: 2, max: 4 }))
    .map(([origin, width]) => [{ kind: "bucket", source: "d/a", origin, width }, integer] as const),
);

test("projected columns are those of their snapshot, rule, granularity, field and type, whatever was asked before [ATTR-07]", () => {
  const use = fc.record({
    field: fc.constantFrom("a", "b"),
    projected,
    minimumRecords: fc.integer({ min: 2, max: 4 }),
    records: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(record, { minLength: 20, maxLength: 24 }), fc.array(use, { maxLength: 12 }), (all, uses) => {
      const collection = grown([all]);
      for (const {
        field,
        projected: [derivationRule, type],
        minimumRecords,
        records,
      } of uses) {
        const column = projectedColumn(collection, {
          field,
          type,
          projection: { derivationRule, minimumRecords },
          records,
        });
        expect(column).toEqual(project(derivationRule, columnOf(all, field, type), { records, minimumRecords }));
      }
    }),
  );
});

test("a projection is made once, counts for what the collection holds, and is of no field that stands for nothing [ATTR-07]", () => {
  const collection = grown([Array.from({ length: 50 }, (_, at) => ({ a: at, hidden: "x" }))]);
  const rule: DerivationRule = { kind: "bucket", source: "d/a", origin: 0, width: 10 };
  const use = { field: "a", type: integer, projection: { derivationRule: rule, minimumRecords: 2 }, records: 50 };
  const before = decodedBytes(collection);
  const made = projectedColumn(collection, use);
  expect(projectedColumn(collection, structuredClone(use))).toBe(made);
  // The source's column and what is derived of it: eight bytes a record each.
  expect(decodedBytes(collection)).toBe(before + 2 * 50 * 8);
  expect(projectedColumn(collection, { ...use, field: "hidden" })).toBeUndefined();
});
