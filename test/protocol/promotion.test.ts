// What a candidate lacks to become a proposed attribute: each threshold on its own, and the two ways around one.
import { expect, test } from "vitest";
import { missingForPromotion } from "#protocol/promotion.ts";
import type { GovernanceOrder } from "#protocol/schemas/governance.ts";
import type { LocalAttributeCandidate } from "#protocol/schemas/local-attribute.ts";
import { attributeOf } from "#test/layers/documents.ts";

const thresholds = { minimumVaults: 3, minimumFrequency: 1_000, minimumStability: 5_000, minimumWindows: 2 };
const attribute = attributeOf("trade.sales/colour", { kind: "text" }, { status: "proposed" });
const order: Extract<GovernanceOrder, { kind: "promote_candidate" }> = {
  kind: "promote_candidate",
  semanticVersion: "2026.1",
  candidateId: `0x${"ab".repeat(32)}`,
  attribute,
};
const ripe: LocalAttributeCandidate = {
  schemaVersion: "1.0",
  candidateId: order.candidateId,
  scope: "main",
  epoch: 20,
  windowFrom: 11,
  domainId: "trade.sales",
  name: "colour",
  valueKind: "text",
  coverage: 3,
  vaults: 4,
  frequency: 1_000,
  stability: 5_000,
  windows: 2,
  conflicts: [],
  aliases: [],
  evidenceHash: `0x${"cd".repeat(32)}`,
};

test("a candidate that just meets every threshold lacks nothing (ATTR-11)", () => {
  expect(missingForPromotion(order, ripe, thresholds)).toEqual([]);
});

test.each<[string, Partial<LocalAttributeCandidate>]>([
  ["coverage: 2 of 3", { coverage: 2 }],
  ["frequency: 999 of 1000", { frequency: 999 }],
  ["stability: 4999 of 5000", { stability: 4_999 }],
  ["windows: 1 of 2", { windows: 1 }],
  ["domain: the vaults hint at none, or at several", { domainId: null }],
  ["domain: it belongs to trade.places", { domainId: "trade.places" }],
  ["kind: its values are integer", { valueKind: "integer" }],
  ["conflict: name_taken by trade.sales/color", { conflicts: ["name_taken by trade.sales/color"] }],
])("%s is missing (ATTR-11)", (missing, change) => {
  expect(missingForPromotion(order, { ...ripe, ...change }, thresholds)).toEqual([missing]);
});

test("a recorded exception stands for coverage, a declaration for conflicts; neither for anything else (ATTR-11)", () => {
  const weak = { ...ripe, coverage: 1, stability: 0, conflicts: ["name_taken by trade.sales/color"], domainId: null };
  const declared = { relation: "alias", attributeId: "trade.sales/color" } as const;
  const excused = { ...order, coverageException: "one vault holds all of it", declaration: declared };
  expect(missingForPromotion(excused, weak, thresholds)).toEqual([
    "stability: 0 of 5000",
    "domain: the vaults hint at none, or at several",
  ]);
});
