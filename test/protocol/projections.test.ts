// Projections: nothing finer than the granularity, nothing from which a raw value can be rebuilt, and the same everywhere.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Column } from "#protocol/columns.ts";
import { contentId } from "#protocol/hash.ts";
import { columnUses, derivationRuleRefOf, project, projectedType } from "#protocol/projections.ts";
import type { DerivationRule } from "#protocol/schemas/registry.ts";

type Rule<Kind extends DerivationRule["kind"]> = Extract<DerivationRule, { kind: Kind }>;

const source = "trade.sales/a";
const bucket = (origin: number, width: number): Rule<"bucket"> => ({ kind: "bucket", source, origin, width });
const prefix = (length: number): Rule<"prefix"> => ({ kind: "prefix", source, length });
const presence: DerivationRule = { kind: "presence", source };
const classes = (listed: Rule<"class">["classes"]): Rule<"class"> => ({ kind: "class", source, classes: listed });
const regions = classes({ west: ["Aachen", "Bremen"], north: ["Celle", "Emden", "Dresden"] });

const numbers = (values: readonly number[], scale = 0): Column => ({
  kind: "number",
  scale,
  values: Float64Array.from(values),
});
const texts = (values: readonly (string | null)[]): Column => ({ kind: "text", values });
/** Everything that a rule gives, where each value is shared by enough records. */
const of = (rule: DerivationRule, column: Column): readonly (string | number | null)[] =>
  [...project(rule, column, { records: column.values.length, minimumRecords: 1 }).values].map((value) =>
    Number.isNaN(value) ? null : value,
  );

const word = fc.constantFrom(
  "Aachen",
  "Bremen",
  "Celle",
  "Dresden",
  "Emden",
  "Essen",
  "Ulm",
  "A",
  "",
  "💶💶",
  "💶",
  null,
);
const whole = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.maxSafeInteger(), fc.constant(Number.NaN));
/** A rule with a column that it is for. */
const ruled: fc.Arbitrary<readonly [DerivationRule, Column]> = fc.oneof(
  fc.tuple(
    fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 2, max: 30 })).map(([a, b]) => bucket(a, b)),
    fc.array(whole, { maxLength: 60 }).map((values) => numbers(values, 2)),
  ),
  fc.tuple(
    fc.constantFrom<DerivationRule>(presence, regions, prefix(1), prefix(2)),
    fc.array(word, { maxLength: 60 }).map(texts),
  ),
);

describe("granularity", () => {
  test("a projected value that too few records of the snapshot share is not given; every other one is [ATTR-07]", () => {
    fc.assert(
      fc.property(ruled, fc.integer({ min: 2, max: 9 }), fc.nat({ max: 70 }), ([rule, column], minimumRecords, cut) => {
        const records = Math.min(cut, column.values.length);
        const raw =
          column.kind === "number"
            ? numbers([...column.values].slice(0, records))
            : texts(column.values.slice(0, records));
        const derived = of(rule, raw);
        const given = [...project(rule, column, { records, minimumRecords }).values];
        expect(given).toHaveLength(records);
        for (const [at, value] of derived.entries()) {
          const sharing = derived.filter((other) => other === value).length;
          const expected = value !== null && sharing >= minimumRecords ? value : null;
          expect(Number.isNaN(given[at]) ? null : given[at]).toBe(expected);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("the column is of the snapshot's records alone: what came later changes nothing [ATTR-07]", () => {
    fc.assert(
      fc.property(ruled, fc.nat({ max: 60 }), ([rule, column], cut) => {
        const records = Math.min(cut, column.values.length);
        const shorter =
          column.kind === "number"
            ? { ...column, values: column.values.slice(0, records) }
            : texts(column.values.slice(0, records));
        const granularity = { records, minimumRecords: 3 };
        expect(project(rule, column, granularity)).toEqual(project(rule, shorter, granularity));
      }),
    );
  });

  test("it goes with the records, not with their order", () => {
    fc.assert(
      fc.property(ruled, fc.infiniteStream(fc.nat()), ([rule, column], chance) => {
        const order = [...column.values.keys()]
          .map((at) => [chance.next().value ?? 0, at] as const)
          .sort(([a], [b]) => a - b);
        const moved: Column =
          column.kind === "number"
            ? { ...column, values: Float64Array.from(order, ([, at]) => column.values[at] ?? Number.NaN) }
            : texts(order.map(([, at]) => column.values[at] ?? null));
        const granularity = { records: order.length, minimumRecords: 3 };
        const straight = project(rule, column, granularity).values;
        expect([...project(rule, moved, granularity).values]).toEqual(order.map(([, at]) => straight[at]));
      }),
    );
  });
});

describe("never the raw value", () => {
  test("a bucket that is given holds `width` numbers, all of which lead to it [ATTR-07]", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.integer({ min: 2, max: 50 }), (value, origin, width) => {
        const [lowest] = of(bucket(origin, width), numbers([value]));
        if (typeof lowest !== "number") return;
        const members = Array.from({ length: width }, (_, at) => lowest + at);
        expect(members).toContain(value);
        expect((BigInt(lowest) - BigInt(origin)) % BigInt(width)).toBe(0n);
        expect(of(bucket(origin, width), numbers(members))).toEqual(members.map(() => lowest));
      }),
      { numRuns: 2_000 },
    );
  });

  test("records whose values change within their bucket, class or prefix, or stay present, are projected alike [ATTR-07]", () => {
    const granularity = { records: 40, minimumRecords: 4 };
    const same = (rule: DerivationRule, column: Column, other: Column) =>
      expect(project(rule, other, granularity)).toEqual(project(rule, column, granularity));
    const pairs = <T>(arbitrary: fc.Arbitrary<readonly [T, T]>) =>
      fc.array(arbitrary, { minLength: 40, maxLength: 40 });
    const within = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.nat({ max: 6 }), fc.nat({ max: 6 }));
    fc.assert(
      fc.property(pairs(within.map(([at, a, b]) => [at * 7 + 3 + a, at * 7 + 3 + b] as const)), (values) => {
        same(bucket(3, 7), numbers(values.map(([a]) => a)), numbers(values.map(([, b]) => b)));
      }),
    );
    const members = Object.values(regions.classes).map((each) =>
      fc.tuple(fc.constantFrom(...each), fc.constantFrom(...each)),
    );
    fc.assert(
      fc.property(pairs(fc.oneof(...members)), (values) => {
        same(regions, texts(values.map(([a]) => a)), texts(values.map(([, b]) => b)));
      }),
    );
    const tail = fc.string({ unit: "binary", minLength: 1, maxLength: 3 });
    const tails = fc.tuple(fc.constantFrom("💶", "a"), tail, tail).map(([head, a, b]) => [head + a, head + b] as const);
    fc.assert(
      fc.property(pairs(tails), (values) => {
        same(prefix(1), texts(values.map(([a]) => a)), texts(values.map(([, b]) => b)));
        same(presence, texts(values.map(([a]) => a)), texts(values.map(([, b]) => b)));
      }),
    );
  });

  test("a text that is no longer than the prefix is not given, for it would be whole [ATTR-07]", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 12 }), fc.integer({ min: 1, max: 8 }), (text, length) => {
        const points = Array.from(text);
        const [given] = of(prefix(length), texts([text]));
        expect(given).toBe(points.length > length ? points.slice(0, length).join("") : null);
        expect(given).not.toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each<[string, DerivationRule, Column, readonly unknown[]]>([
    ["buckets below their origin", bucket(10, 10), numbers([9, 10, 0, -1, 19, 20]), [0, 10, 0, -10, 10, 20]],
    [
      "buckets that reach beyond exact numbers",
      bucket(0, 1_000),
      numbers([Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 999]),
      [null, null, 0],
    ],
    [
      "buckets with an origin far away",
      bucket(-Number.MAX_SAFE_INTEGER, 10),
      numbers([Number.MAX_SAFE_INTEGER - 9]),
      [Number.MAX_SAFE_INTEGER - 12],
    ],
    ["numbers that are not there", bucket(0, 2), numbers([Number.NaN, 1]), [null, 0]],
    ["texts of no class, and none", regions, texts(["Ulm", null, "Emden", "aachen"]), [null, null, "north", null]],
    [
      "texts of two classes, and the classes that this leaves with one",
      classes({ a: ["x", "y"], b: ["y", "z"], c: ["u", "v"] }),
      texts(["x", "y", "z", "u"]),
      [null, null, null, "c"],
    ],
    ["a class of one text, said twice", classes({ a: ["x", "x"] }), texts(["x"]), [null]],
    [
      "names of classes that objects have anyway",
      classes({ constructor: ["x", "y"] }),
      texts(["x", "toString"]),
      ["constructor", null],
    ],
    ["presence", presence, texts(["x", "", null]), ["present", "present", "absent"]],
  ])("%s [ATTR-07]", (_, rule, column, expected) => {
    expect(of(rule, column)).toEqual(expected);
  });
});

test("a bucket keeps its source's scale, all else is text; a rule is for its own types only", () => {
  const decimal = { kind: "decimal", scale: 2 } as const;
  const [text, integer] = [{ kind: "text" }, { kind: "integer" }] as const;
  expect([text, integer, decimal].map((type) => projectedType(bucket(0, 2), type))).toEqual([
    undefined,
    integer,
    decimal,
  ]);
  expect([text, integer, decimal].map((type) => projectedType(presence, type))).toEqual([text, text, text]);
  for (const rule of [regions, prefix(3)]) {
    expect([text, integer, decimal].map((type) => projectedType(rule, type))).toEqual([text, undefined, undefined]);
  }
  expect(project(bucket(0, 2), numbers([1, 1], 2), { records: 2, minimumRecords: 2 })).toMatchObject({ scale: 2 });
});

test("a rule's reference commits to all of it", () => {
  expect(derivationRuleRefOf(presence)).toBe(contentId("scs.derivation-rule", { source, kind: "presence" }));
  expect(derivationRuleRefOf(bucket(0, 2))).not.toBe(derivationRuleRefOf(bucket(0, 3)));
});

test("what a task reads of a source are the fields of what it names, and nothing that only looks like one", () => {
  const valueType = { kind: "text" } as const;
  const references = [
    { term: "shop", attributeId: "trade.sales/shop", valueType },
    { term: "x", attributeId: "constructor", valueType },
  ];
  expect(columnUses(references, { "trade.sales/shop": "s", "trade.sales/other": "o" })).toEqual([
    { term: "shop", field: "s", valueType, projection: undefined },
  ]);
});
