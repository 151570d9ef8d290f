// The semantic layer's decision: consent from every vault, a field for every attribute, a fee within the limit, or a refusal.
import { expect, test } from "vitest";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { resolutionIdOf } from "#protocol/messages.ts";
import { indexRegistry } from "#protocol/resolution.ts";
import type { ExecutionAssignment, SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import type { Source, TaskEnvelope } from "#protocol/schemas/task.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { grantKey, resolveTask, sourceKey, type SourceFacts, type Unresolved } from "#semantic/resolve-task.ts";
import { actor } from "#test/layers/actors.ts";
import { partner, policyOf, registryOf } from "#test/layers/documents.ts";
import { envelopeOf, submitter } from "#test/layers/node.ts";
import { query, salesFields } from "#test/layers/sales.ts";

const east = { vault: "east", collection: "sales" };
const west = { vault: "west", collection: "sales" };
const index = indexRegistry(registryOf());
const acceptedAt = new Date("2026-03-01T12:00:00Z");
const later = new Date(acceptedAt.getTime() + 1);

const headOf = (
  source: Source,
  size: number | null = 1_500,
  fields: Readonly<Record<string, string>> = salesFields,
) => ({
  ...source,
  operator: actor("operator").address,
  fields: { ...fields },
  wrappedKey: new Uint8Array(),
  snapshot: size === null ? null : { size, digest: sha256Hex(`${sourceKey(source)} ${size}`) },
});
const grantOf = (
  source: Source,
  more: Partial<{ grantId: Hex; programs: readonly string[]; until: Date; grantee: Hex }> = {},
) => ({
  ...source,
  grantId: sha256Hex(`grant ${sourceKey(source)}`),
  grantee: submitter.address,
  programs: ["protected_query"],
  until: later,
  ...more,
});
function factsOf(
  heads: readonly ReturnType<typeof headOf>[],
  grants: readonly ReturnType<typeof grantOf>[],
): SourceFacts {
  return {
    heads: new Map(heads.map((head) => [sourceKey(head), head])),
    grants: Map.groupBy(grants, (grant) => grantKey(grant.grantee, grant)),
  };
}
const facts = factsOf([headOf(east), headOf(west)], [grantOf(east), grantOf(west)]);

const sum = query({ function: "sum", attribute: "price" }, { groupBy: "shop" });
function task(
  sources: readonly Source[],
  more: Partial<TaskEnvelope> = {},
  rest: Partial<Unresolved> = {},
): Unresolved {
  const { envelope, taskId } = envelopeOf(sum, sources, "key", more);
  return { taskId, envelope, acceptedAt, index, policy: policyOf(), ...rest };
}
const refusalOf = (unresolved: Unresolved, known = facts) => {
  const resolved = resolveTask(unresolved, known);
  return resolved.kind === "refused" ? resolved.refusal : undefined;
};

test("a task is assigned the grants, snapshots and fields of its sources, and its fee, under one id [LAYR-06, LAYR-07]", () => {
  const resolved = resolveTask(task([east, west]), facts);
  if (resolved.kind !== "resolved") throw new Error("resolved");
  const { assignment } = resolved;
  const body = JSON.parse(assignment.body) as ExecutionAssignment;
  const resolution = JSON.parse(assignment.resolution) as SemanticResolutionResult;
  const fields = { "trade.sales/amount": "amount", "trade.sales/shop": "shop" };
  expect(body).toMatchObject({
    schemaVersion: "1.0",
    taskId: task([east, west]).taskId,
    fee: "2500",
    bindings: [east, west].map((source) => ({
      grantId: grantOf(source).grantId,
      snapshot: { ...source, ...headOf(source).snapshot },
      fields,
    })),
  });
  expect(body.resolutionId).toBe(resolutionIdOf({ resolution, bindings: body.bindings, fee: body.fee }));
  expect([canonicalText(body), canonicalText(resolution)]).toEqual([assignment.body, assignment.resolution]);
});

test("a source that is named twice is bound once: its records count once [LAYR-07]", () => {
  const resolved = resolveTask(task([east, west, east, east]), facts);
  const body = resolved.kind === "resolved" ? (JSON.parse(resolved.assignment.body) as ExecutionAssignment) : undefined;
  expect(body?.bindings.map(({ snapshot }) => snapshot.vault)).toEqual(["east", "west"]);
  expect(body?.fee).toBe("2500");
});

test.each([
  ["none at all", []],
  ["one of two", [grantOf(east)]],
  ["another grantee's", [grantOf(east), grantOf(west, { grantee: actor("other").address })]],
  ["another program's", [grantOf(east), grantOf(west, { programs: ["audience_selection"] })]],
  ["one that expired as the task was accepted", [grantOf(east), grantOf(west, { until: acceptedAt })]],
])("grants of both vaults are needed; with %s it is refused [LAYR-11]", (_, grants) => {
  const refusal = refusalOf(task([east, west]), factsOf([headOf(east), headOf(west)], grants));
  expect(refusal).toEqual({ code: "POLICY_GRANT_MISSING", detail: grants.length === 0 ? east : west });
});

test("of several grants the first that covers the task is taken", () => {
  const [short, long] = [
    grantOf(east, { grantId: sha256Hex("a"), until: acceptedAt }),
    grantOf(east, { grantId: sha256Hex("b") }),
  ];
  const resolved = resolveTask(task([east]), factsOf([headOf(east)], [short, long]));
  expect(resolved.kind === "resolved" && resolved.assignment.body).toContain(long.grantId);
});

test("whoever has no grant does not learn whether a collection exists", () => {
  const hidden = refusalOf(task([west]), factsOf([headOf(west)], []));
  expect(refusalOf(task([west]), factsOf([], []))).toEqual(hidden);
});

test.each([
  ["an empty collection", headOf(east, null), { reason: "it holds no records" }],
  [
    "a collection without a field for an attribute",
    headOf(east, 10, { amount: "trade.sales/amount" }),
    { attribute: "trade.sales/shop" },
  ],
])("%s is refused", (_, head, detail) => {
  const refusal = refusalOf(task([east]), factsOf([head], [grantOf(east)]));
  expect(refusal).toEqual({ code: "POLICY_VAULT_UNMAPPED", detail: { ...east, ...detail } });
});

test("a fee above the limit is refused with what is required; one that equals it is not", () => {
  expect(refusalOf(task([east, west], { feeLimit: "2499" }))).toEqual({
    code: "POLICY_FEE_TOO_LOW",
    detail: { required: "2500" },
  });
  expect(refusalOf(task([east, west], { feeLimit: "2500" }))).toBeUndefined();
});

test("unpublished versions, and terms that do not resolve, refuse the task before any vault is asked [LAYR-06]", () => {
  const nothing = factsOf([], []);
  expect(refusalOf(task([east], {}, { index: undefined }), nothing)).toMatchObject({
    code: "VERSION_SEMANTIC_UNKNOWN",
  });
  expect(refusalOf(task([east], {}, { policy: undefined }), nothing)).toMatchObject({ code: "VERSION_POLICY_UNKNOWN" });
  const ambiguous = task([east], { program: query({ function: "sum", attribute: "turnover" }) });
  expect(refusalOf(ambiguous, nothing)).toMatchObject({ code: "POLICY_ATTRIBUTE_AMBIGUOUS" });
});

test("a projection is bound to the field of its source, and resolved for whoever asks, in their scope [ATTR-06, ATTR-07]", () => {
  const program = query({ function: "count" }, { groupBy: "trade.sales?partners" });
  expect(refusalOf(task([east], { program }))).toMatchObject({ code: "POLICY_QUERY_ATTRIBUTE_RESTRICTED" });
  const resolved = resolveTask(task([east], { program, scope: partner.scope }), facts);
  if (resolved.kind !== "resolved") throw new Error("resolved");
  const { bindings } = JSON.parse(resolved.assignment.body) as ExecutionAssignment;
  expect(bindings.map(({ fields }) => fields)).toEqual([{ "trade.sales/shop": "shop" }]);
  const { references } = JSON.parse(resolved.assignment.resolution) as SemanticResolutionResult;
  expect(references).toMatchObject([{ projection: { queryAttributeId: "trade.sales?partners", minimumRecords: 5 } }]);
  const unmapped = factsOf([headOf(east, 10, { amount: "trade.sales/amount" })], [grantOf(east)]);
  expect(refusalOf(task([east], { program, scope: partner.scope }), unmapped)).toMatchObject({
    code: "POLICY_VAULT_UNMAPPED",
    detail: { attribute: "trade.sales/shop" },
  });
});
