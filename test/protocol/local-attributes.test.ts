// Local attributes: a record counts for a bounded number of names, kinds come from form alone, and hints from names and types.
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { expect, test } from "vitest";
import { localAttributesPerRecord } from "#protocol/limits.ts";
import { domainHintOf, localFields, normalizedName, openMapper } from "#protocol/local-attributes.ts";
import { LocalAttributeName } from "#protocol/schemas/local-attribute.ts";
import { attributeOf, registryOf } from "#test/layers/documents.ts";

const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/);
const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
const record = fc.dictionary(name, value, { maxKeys: 30 });

test("a record counts for its first unmapped fields with a value, and for no more than the bound [ATTR-09] [ATTR-12]", () => {
  fc.assert(
    fc.property(record, fc.uniqueArray(name), (fields, mappedNames) => {
      const mapped = Object.fromEntries(
        [...mappedNames, ...Object.keys(fields).slice(0, 3)].map((each) => [each, "a/b"]),
      );
      const counted = localFields(fields, mapped).map((each) => each.name);
      const all = Object.keys(fields).filter((each) => fields[each] !== null && !Object.hasOwn(mapped, each));
      expect(counted).toEqual(all.sort().slice(0, localAttributesPerRecord));
    }),
  );
});

test("the kind of a value is told by its form: numbers, decimals in text, text; null is no value", () => {
  const kinds = localFields({ a: 1, b: "1.50", c: "-0.5", d: "1", e: "1.", f: "Aachen", g: null, h: "01.5" }, {});
  expect(kinds.map(({ name: each, valueKind }) => `${each} ${valueKind}`)).toEqual([
    "a integer",
    "b decimal",
    "c decimal",
    "d text",
    "e text",
    "f text",
    "h text",
  ]);
});

test("a collection hints at the domain of most of its mapped fields, and at none where there is no most", () => {
  expect(domainHintOf({})).toBeNull();
  expect(domainHintOf({ a: "x.y/a", b: "z/b" })).toBeNull();
  expect(domainHintOf({ a: "x.y/a", b: "z/b", c: "x.y/c" })).toBe("x.y");
});

test.for([
  ["EngineType", "engine_type"],
  ["engine-type", "engine_type"],
  ["engine..TYPE", "engine_type"],
  ["_x_", "x"],
  ["---", "_"],
  ["aB".repeat(32), "ab".repeat(32)],
] as const)("%s is normalized to %s", ([spelled, normalized]) => {
  expect(normalizedName(spelled)).toBe(normalized);
});

test("a normalized name is a name, and normalizing it again changes nothing", () => {
  const schema = Compile(LocalAttributeName);
  fc.assert(
    fc.property(name, (each) => {
      expect(schema.Check(normalizedName(each))).toBe(true);
      expect(normalizedName(normalizedName(each))).toBe(normalizedName(each));
    }),
  );
});

test("hints come from names, terms and types: the surest attribute, the first among equals, none below half", () => {
  const hint = openMapper(registryOf());
  expect(hint("PRICE", "decimal")).toEqual({ attributeId: "trade.sales/amount", confidence: 10_000 });
  expect(hint("price", "integer")).toEqual({ attributeId: "trade.sales/amount", confidence: 10_000 });
  expect(hint("price", "text")).toEqual({ attributeId: "trade.sales/amount", confidence: 5_000 });
  expect(hint("buyerage", "integer")).toEqual({ attributeId: "trade.sales/buyer_age", confidence: 10_000 });
  // One shared word of three: 2 · 1 / (2 + 1).
  expect(hint("age_years", "integer")).toEqual({ attributeId: "trade.people/age", confidence: 6_666 });
  expect(hint("thing", "text")).toEqual({ attributeId: "trade.gone/thing", confidence: 10_000 });
  expect(hint("fax", "text")).toBeNull();
  expect(hint("weather", "text")).toBeNull();
  expect(hint("---", "text")).toBeNull();
});

test("hints do not depend on the order of the registry, and retired or superseded attributes give none", () => {
  const registry = registryOf();
  const names = fc.constantFrom("price", "thing", "count of pieces", "revenue", "fax", "shop_note", "town");
  fc.assert(
    fc.property(
      fc.shuffledSubarray(registry.attributes, { minLength: registry.attributes.length }),
      names,
      (attributes, each) => {
        expect(openMapper({ ...registry, attributes })(each, "text")).toEqual(openMapper(registry)(each, "text"));
      },
    ),
  );
  const retired = attributeOf("trade.sales/alone", { kind: "text" }, { status: "retired" });
  expect(openMapper({ ...registry, attributes: [retired] })("alone", "text")).toBeNull();
});
