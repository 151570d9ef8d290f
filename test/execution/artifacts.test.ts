// What an execution leaves: each part commits to the next, and a bundle without its context is refused.
import { expect, test } from "vitest";
import { artifactsOf, refuseBundle, type Artifacts } from "#execution/artifacts.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { commitment, sha256Hex, type Hex } from "#protocol/hash.ts";
import { accessLogIdOf, bundleIdOf, transcriptIdOf } from "#protocol/messages.ts";
import type { ExecutionAssignment, QueryResult } from "#protocol/schemas/execution.ts";
import { identify } from "#protocol/text-ids.ts";
import { executor } from "#test/layers/node.ts";

const hash = (text: string): Hex => sha256Hex(text);
const binding = (vault: string, collection: string, size: number) => ({
  grantId: hash(`grant ${vault}`),
  snapshot: { vault, collection, size, digest: hash(`${vault} ${size}`) },
  fields: { "trade.sales/shop": "shop" },
});
const assignment: ExecutionAssignment = {
  schemaVersion: "1.0",
  taskId: hash("task"),
  resolutionId: hash("resolution"),
  fee: "1500",
  bindings: [binding("west", "sales", 30), binding("east", "sales", 20), binding("west", "returns", 5)],
};
const result: QueryResult = {
  kind: "protected_query",
  scale: 0,
  groups: [{ key: null, count: 9, value: "9", bins: null }],
  suppressedGroups: 0,
};
const execution = { executor: executor.address, runtime: "protected-query/1", result, projections: [] };
const artifacts = artifactsOf(assignment, execution);

test("a bundle commits to output, transcript and access log, by the ids that anybody computes [LAYR-13]", () => {
  const { bundle, bundleText } = artifacts;
  expect(bundle.outputCommitment).toBe(commitment(result));
  expect(bundle.transcriptId).toBe(transcriptIdOf(JSON.parse(artifacts.transcript) as never));
  expect(bundle.accessLogId).toBe(accessLogIdOf(JSON.parse(artifacts.accessLog) as never));
  expect(bundleText).toEqual({ id: bundleIdOf(bundle), text: canonicalText(bundle) });
  expect(JSON.parse(artifacts.transcript)).toMatchObject({
    steps: assignment.bindings.map(({ snapshot }) => snapshot),
  });
  expect(JSON.parse(artifacts.accessLog)).toEqual({
    taskId: assignment.taskId,
    accesses: assignment.bindings.map(({ grantId, snapshot }) => ({ grantId, ...snapshot })),
  });
});

test("units are the records read of each vault, ascending by vault, and in all", () => {
  expect(artifacts.bundle.units).toEqual({
    records: 55,
    vaults: [
      { vault: "east", records: 20 },
      { vault: "west", records: 35 },
    ],
  });
  expect(artifacts.bundle.fee).toBe("1500");
});

test("the same execution leaves the same bytes, and nothing of when or where [LAYR-12]", () => {
  expect(artifactsOf(structuredClone(assignment), structuredClone(execution))).toEqual(artifacts);
  expect(JSON.stringify(artifacts)).not.toMatch(/\d{4}-\d\d-\d\dT|process/);
});

const changed = (change: Partial<Artifacts>): Artifacts => ({ ...artifacts, ...change });
const rebundled = (change: Partial<Artifacts["bundle"]>, more: Partial<Artifacts> = {}): Artifacts => {
  const bundle = { ...artifacts.bundle, ...change };
  return { ...artifacts, ...more, bundle, bundleText: identify("bundle", bundle) };
};
const shorter = canonicalText({ taskId: assignment.taskId, accesses: [] });

test("a whole bundle is admitted [LAYR-13]", () => {
  expect(refuseBundle(artifacts, assignment)).toBeUndefined();
});

test.each([
  ["output commitment", changed({ result: canonicalText({ ...result, suppressedGroups: 1 }) })],
  ["output commitment", changed({ result: "" })],
  ["transcript", changed({ transcript: "" })],
  ["access log", changed({ accessLog: "" })],
  [
    "an access to what was bound",
    rebundled(
      { accessLogId: identify("accessLog", { taskId: assignment.taskId, accesses: [] }).id },
      { accessLog: shorter },
    ),
  ],
  ["units", rebundled({ units: { records: 1, vaults: [] } })],
  ["units", rebundled({ fee: "0" })],
  ["assignment", rebundled({ taskId: hash("another task") })],
  ["assignment", rebundled({ resolutionId: hash("another resolution") })],
  ["bundle", changed({ bundleText: { id: hash("another"), text: artifacts.bundleText.text } })],
])("one without its auditable context (%s, case %#) is refused [LAYR-13]", (part, incomplete) => {
  expect(refuseBundle(incomplete, assignment)).toEqual({ code: "EXECUTION_CONTEXT_MISSING", detail: { part } });
});
