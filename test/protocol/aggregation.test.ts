// Aggregation over vaults: windows end when policy says, and candidates are one pure function of summaries and registry.
import fc from "fast-check";
import { Compile } from "typebox/compile";
import { expect, test } from "vitest";
import { aggregate, compareSummaries, windowEndingAt, type AggregationInput } from "#protocol/aggregation.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, sha256Hex } from "#protocol/hash.ts";
import { LocalAttributeCandidate, type LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import { registryOf } from "#test/layers/documents.ts";

const policy = { windowEpochs: 10, highActivityWindowEpochs: 5 };
const ask = (epoch: number, more: Partial<Parameters<typeof windowEndingAt>[0]> = {}) =>
  windowEndingAt({ epoch, lastEpoch: 0, isHighActivity: false, isOrdered: false, policy, ...more });

test("a window ends every 10 epochs, every 5 with a domain of high activity, and by order at once [ATTR-10]", () => {
  const ends = (isHighActivity: boolean): readonly number[] => {
    const found: number[] = [];
    for (let epoch = 1; epoch <= 30; epoch++)
      if (ask(epoch, { isHighActivity, lastEpoch: found.at(-1) ?? 0 })) found.push(epoch);
    return found;
  };
  expect(ends(false)).toEqual([10, 20, 30]);
  expect(ends(true)).toEqual([5, 10, 15, 20, 25, 30]);
  expect(ask(3)).toBeNull();
  expect(ask(3, { isOrdered: true })).toEqual({ windowFrom: 1, trigger: "order" });
  expect(ask(12, { lastEpoch: 3 })).toBeNull();
  expect(ask(13, { lastEpoch: 3 })).toEqual({ windowFrom: 4, trigger: "window" });
  expect(ask(10, { isOrdered: true })).toEqual({ windowFrom: 1, trigger: "window" });
  // The shorter of both counts, whichever that is.
  const turned = { windowEpochs: 4, highActivityWindowEpochs: 8 };
  expect(ask(4, { isHighActivity: true, policy: turned })).toEqual({ windowFrom: 1, trigger: "window" });
});

const summaryOf = (vault: string, name: string, more: Partial<LocalAttributeSummary> = {}): LocalAttributeSummary => ({
  schemaVersion: "1.0",
  scope: "main",
  epoch: 10,
  vault,
  collection: "things",
  name,
  valueKind: "text",
  domainHint: "trade.sales",
  noisyOccurrences: 500,
  noisyRecords: 1_000,
  windowsReleased: 2,
  windowsObserved: 2,
  mapping: null,
  ...more,
});

const input = (summaries: readonly LocalAttributeSummary[]): AggregationInput => ({
  scope: "main",
  epoch: 10,
  windowFrom: 1,
  summaries,
  registry: registryOf(),
});

test("vaults that spell a word differently give one candidate with coverage, frequency and stability [ATTR-10]", () => {
  const summaries = [
    summaryOf("b", "paymentKind", { noisyOccurrences: 300, noisyRecords: 400 }),
    summaryOf("a", "payment_kind", { windowsReleased: 2, windowsObserved: 3 }),
    summaryOf("a", "payment-kind", { windowsReleased: 1, windowsObserved: 4 }),
    summaryOf("c", "colour"),
  ];
  const found = aggregate(input(summaries));
  const candidate = found.find(({ name }) => name === "payment_kind");
  expect(candidate).toEqual({
    schemaVersion: "1.0",
    candidateId: contentId("scs.local-candidate", {
      scope: "main",
      epoch: 10,
      domain: "trade.sales",
      name: "payment_kind",
      valueKind: "text",
    }),
    scope: "main",
    epoch: 10,
    windowFrom: 1,
    domainId: "trade.sales",
    name: "payment_kind",
    valueKind: "text",
    coverage: 2,
    vaults: 3,
    // 1,300 of the records of two collections, each counted once.
    frequency: 9_285,
    stability: 6_666,
    windows: 2,
    conflicts: [],
    aliases: [],
    evidenceHash: sha256Hex(canonicalText(summaries.slice(0, 3).toSorted(compareSummaries))),
  });
});

test("what speaks against a candidate is named: kinds, domains, a name that is taken; and aliases [ATTR-10]", () => {
  const alias = (confidence: number) => ({ attributeId: "trade.sales/shop", confidence });
  const found = aggregate(
    input([
      summaryOf("a", "Shop", { mapping: alias(10_000) }),
      summaryOf("b", "shop", { domainHint: "trade.places", mapping: alias(6_000) }),
      summaryOf("c", "shop", { valueKind: "integer", domainHint: null, noisyOccurrences: 2_000 }),
      summaryOf("d", "shop", { valueKind: "decimal" }),
      summaryOf("e", "shop", { valueKind: "decimal", domainHint: null }),
    ]),
  );
  const [decimal, integer, text] = ["decimal", "integer", "text"].map((kind) =>
    found.find(({ valueKind }) => valueKind === kind),
  );
  expect(text).toMatchObject({ domainId: null, coverage: 2, vaults: 5, aliases: [alias(10_000)] });
  expect(text?.conflicts).toEqual([
    "domains trade.places, trade.sales",
    "kinds decimal, integer, text",
    "name_taken trade.sales/shop",
  ]);
  expect(integer).toMatchObject({ domainId: null, frequency: 10_000, conflicts: ["kinds decimal, integer, text"] });
  expect(decimal?.conflicts).toContain("domains (none), trade.sales");
});

const summary = fc
  .record({
    vault: fc.constantFrom("a", "b", "c"),
    collection: fc.constantFrom("x", "y"),
    name: fc.constantFrom("Shop", "shop", "sHop", "pay-kind", "payKind", "---"),
    valueKind: fc.constantFrom("text", "integer", "decimal"),
    domainHint: fc.constantFrom("trade.sales", "trade.places", null),
    noisyOccurrences: fc.nat(2_000),
    noisyRecords: fc.nat(2_000),
    windowsReleased: fc.integer({ min: 1, max: 4 }),
    mapping: fc.constantFrom(null, { attributeId: "trade.sales/shop", confidence: 7_000 }),
  })
  .map(({ vault, name, ...more }) => summaryOf(vault, name, { ...more, windowsObserved: 4 }));
const summaries = fc.uniqueArray(summary, {
  maxLength: 30,
  selector: (each) => `${each.vault}/${each.collection}/${each.name}/${each.valueKind}`,
});

test("the same summaries in any order give the same candidates, byte for byte, each of its schema [ATTR-10]", () => {
  const shuffled = summaries.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  const schema = Compile(LocalAttributeCandidate);
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      const found = aggregate(input(all));
      expect(canonicalText(aggregate(input(other)))).toBe(canonicalText(found));
      const ids = found.map(({ candidateId }) => candidateId);
      expect(ids).toEqual([...new Set(ids)].sort());
      expect(found.every((each) => schema.Check(each))).toBe(true);
      expect(found.reduce((sum, { coverage }) => sum + coverage, 0)).toBeLessThanOrEqual(all.length);
    }),
  );
});

test("evidence is bound: any change of a summary changes its candidate's evidence hash [ATTR-11]", () => {
  const all = [summaryOf("a", "colour"), summaryOf("b", "colour")];
  const [before] = aggregate(input(all));
  const [after] = aggregate(input([summaryOf("a", "colour", { noisyOccurrences: 501 }), summaryOf("b", "colour")]));
  expect(after?.candidateId).toBe(before?.candidateId);
  expect(after?.evidenceHash).not.toBe(before?.evidenceHash);
});
