// The second implementation makes the same candidates of the same summaries, and refuses summaries that are not of the epoch.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { candidatesOf } from "#audit/aggregation.ts";
import { Disproof } from "#audit/disproof.ts";
import { aggregate, compareSummaries } from "#protocol/aggregation.ts";
import type { LocalAttributeSummary } from "#protocol/schemas/local-attribute.ts";
import type { Registry } from "#protocol/schemas/registry.ts";

const seed = 2718;
const spelled = fc.oneof(
  fc.constantFrom("boxOffice", "box_office", "BoxOffice", "box.office", "rating", "Rating", "__", "-", "n1K2"),
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/),
  fc.constant("aB".repeat(32)),
);
const domainHint = fc.constantFrom("media.films", "media.books", null);

const summary = fc
  .record({
    vault: fc.constantFrom("vault-1", "vault-2", "vault-3"),
    collection: fc.constantFrom("films", "books"),
    name: spelled,
    valueKind: fc.constantFrom("text" as const, "integer" as const, "decimal" as const),
    domainHint,
    noisyOccurrences: fc.integer({ min: 0, max: 900 }),
    noisyRecords: fc.integer({ min: 0, max: 1_000 }),
    windowsReleased: fc.integer({ min: 1, max: 9 }),
    windowsUnreleased: fc.integer({ min: 0, max: 9 }),
    mapping: fc.option(
      fc.record({
        attributeId: fc.constantFrom("media.films/rating", "media.books/pages"),
        confidence: fc.integer({ min: 0, max: 10_000 }),
      }),
    ),
  })
  .map(({ windowsUnreleased, ...rest }): LocalAttributeSummary => ({
    schemaVersion: "1.0",
    scope: "films",
    epoch: 10,
    windowsObserved: rest.windowsReleased + windowsUnreleased,
    ...rest,
  }));

const attribute = (attributeId: string): Registry["attributes"][number] => ({
  attributeId,
  domainId: attributeId.split("/")[0] ?? "",
  semanticVersion: "1.0",
  scope: "record",
  status: "active",
  terms: [],
  valueType: { kind: "text" },
  effectiveFrom: "1.0",
  deprecatedFrom: null,
  retiredFrom: null,
  successor: null,
});

const registry: Registry = {
  semanticVersion: "1.0",
  domains: [],
  attributes: ["media.films/rating", "media.films/box_office", "media.books/rating"].map(attribute),
  queryAttributes: [],
};

const summaries = fc
  .uniqueArray(summary, {
    selector: ({ vault, collection, name, valueKind }) => [vault, collection, name, valueKind].join(" "),
    maxLength: 25,
  })
  .map((list) => list.sort(compareSummaries));

test("the candidates of any window are the same both ways (ATTR-10)", () => {
  console.error(`[seed] aggregation ${seed}`);
  fc.assert(
    fc.property(summaries, (list) => {
      const about = { scope: "films", epoch: 10 };
      const aggregation = { windowFrom: 1, trigger: "window" as const, summaries: list };
      const found = candidatesOf({ ...about, aggregation }, registry);
      expect(found).toEqual(aggregate({ ...about, windowFrom: 1, summaries: list, registry }));
    }),
    { seed, numRuns: 500 },
  );
});

test("no window, no candidates; summaries of another epoch or out of order are refuted", () => {
  expect(candidatesOf({ scope: "films", epoch: 10, aggregation: null }, registry)).toEqual([]);
  const [one] = fc.sample(summary, { seed, numRuns: 1 });
  if (one === undefined) throw new Error("no sample");
  const of = (...list: LocalAttributeSummary[]) => ({ windowFrom: 1, trigger: "order" as const, summaries: list });
  const about = { scope: "films", epoch: 10 };
  expect(() => candidatesOf({ ...about, epoch: 11, aggregation: of(one) }, registry)).toThrow(Disproof);
  expect(() => candidatesOf({ ...about, aggregation: of(one, one) }, registry)).toThrow(Disproof);
  const later = { ...one, vault: "vault-0" };
  expect(() => candidatesOf({ ...about, aggregation: of(one, later) }, registry)).toThrow(/summaries\[1\]/);
});
