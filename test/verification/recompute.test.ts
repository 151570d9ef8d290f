// The re-execution: by other code than the executor's it comes to the same ids, or says why it could not be done.
import { expect, test } from "vitest";
import { artifactsOf, type Execution } from "#execution/artifacts.ts";
import { executeTask } from "#execution/execute-task.ts";
import type { AccessOutcome } from "#execution/ports.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { ExecutionAssignment, QueryResult, Transcript } from "#protocol/schemas/execution.ts";
import { recompute, type Assigned } from "#verification/recompute.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { executor, submitter } from "#test/layers/node.ts";
import { openedSales, query, question, salesFields, salesRecords } from "#test/layers/sales.ts";

const records = { east: salesRecords(50, 1), west: salesRecords(40, 2) };
const index = indexRegistry(registryOf());
const fieldOf = Object.fromEntries(Object.entries(salesFields).map(([field, attribute]) => [attribute, field]));

function assignedTo(at: number, program = question(at)): Assigned {
  const resolution = resolve(program, index, { submitter: submitter.address, scope: "trade" });
  if (resolution.kind !== "resolved") throw new Error("resolved");
  const bindings = Object.entries(records).map(([vault, { length: size }]) => ({
    grantId: sha256Hex(vault),
    snapshot: { vault, collection: "sales", size, digest: sha256Hex(vault) },
    fields: fieldOf,
  }));
  const assignment: ExecutionAssignment = {
    schemaVersion: "1.0",
    taskId: sha256Hex(`task ${at}`),
    resolutionId: sha256Hex("r"),
    fee: "7",
    bindings,
  };
  return {
    program,
    assignment,
    resolution: resolution.result,
    resolutionText: canonicalText(resolution.result),
    policy: policyOf(),
  };
}
const openedFor = ({ assignment, resolution }: Assigned): readonly AccessOutcome[] =>
  Object.values(records).map((own, at) => {
    const binding = assignment.bindings[at];
    if (binding === undefined) throw new Error("a binding");
    return openedSales(own, binding, resolution);
  });

test("it comes to the output, transcript, access log, units and fee of an honest executor [LAYR-12, LAYR-15]", () => {
  for (let at = 0; at < 24; at++) {
    const assigned = assignedTo(at);
    const executed = executeTask(assigned, openedFor(assigned), executor.address);
    const recomputed = recompute(assigned, openedFor(assigned));
    if (executed.kind !== "executed") throw new Error("executed");
    const { outputCommitment, transcriptId, accessLogId, units, fee } = executed.artifacts.bundle;
    expect(recomputed).toEqual({
      kind: "recomputed",
      expected: { outputCommitment, transcriptId, accessLogId, units, fee },
    });
  }
});

const banded = query(
  { function: "count" },
  {
    groupBy: "trade.sales?region",
    conditions: [{ attribute: "trade.sales?age_band", operator: "less", value: 60 }],
  },
);

test("it comes to the same for projections, which the transcript names [ATTR-07, LAYR-15]", () => {
  const assigned = assignedTo(0, banded);
  const executed = executeTask(assigned, openedFor(assigned), executor.address);
  const recomputed = recompute(assigned, openedFor(assigned));
  if (executed.kind !== "executed" || recomputed.kind !== "recomputed") throw new Error("executed");
  expect(executed.artifacts.bundle).toMatchObject(recomputed.expected);
  expect(executed.artifacts.transcript).toContain("projections");
});

test.each<[string, string, (execution: Execution) => Execution]>([
  ["leaves a projection out of the transcript", "transcriptId", (honest) => ({ ...honest, projections: [] })],
  [
    "names another rule",
    "transcriptId",
    ({ projections, ...honest }) => ({ ...honest, projections: projections.map(() => sha256Hex("another rule")) }),
  ],
  [
    "names a rule that the task does not use",
    "transcriptId",
    ({ projections, ...honest }) => ({ ...honest, projections: [...projections, sha256Hex("more")].toSorted() }),
  ],
  ["answers from the raw values", "outputCommitment", (honest) => ({ ...honest, result: rawAnswer() })],
])("an executor that %s differs in its %s [ATTR-07, LAYR-15]", (_, part, lie) => {
  const assigned = assignedTo(0, banded);
  const recomputed = recompute(assigned, openedFor(assigned));
  const executed = executeTask(assigned, openedFor(assigned), executor.address);
  if (executed.kind !== "executed" || recomputed.kind !== "recomputed") throw new Error("executed");
  const { artifacts } = executed;
  const { steps, runtime } = JSON.parse(artifacts.transcript) as Transcript;
  const honest: Execution = {
    executor: executor.address,
    runtime,
    result: JSON.parse(artifacts.result) as QueryResult,
    projections: steps[0]?.projections ?? [],
  };
  const { bundle } = artifactsOf(assigned.assignment, lie(honest));
  const [claimed, expected] = [bundle, recomputed.expected].map((each) => Object.entries(each));
  const differing = expected?.filter(([name, value]) =>
    claimed?.some(([other, claim]) => other === name && JSON.stringify(claim) !== JSON.stringify(value)),
  );
  expect(differing?.map(([name]) => name)).toContain(part);
});

/** What the same question over the sources' own values comes to. */
function rawAnswer(): QueryResult {
  const assigned = assignedTo(0, query({ function: "count" }, { groupBy: "shop" }));
  const executed = executeTask(assigned, openedFor(assigned), executor.address);
  if (executed.kind !== "executed") throw new Error("executed");
  return JSON.parse(executed.artifacts.result) as QueryResult;
}

test("other plaintext comes to another output", () => {
  const assigned = assignedTo(0);
  const [first, second] = openedFor(assigned);
  if (!first || !second) throw new Error("two sources");
  const straight = recompute(assigned, [first, first]);
  expect(straight).not.toEqual(recompute(assigned, [first, second]));
});

test("an answer that may not be given has an output of its own, which no result has", () => {
  const [strict, given] = [{ ...assignedTo(0), policy: policyOf({ minimumGroupSize: 1_000 }) }, assignedTo(0)].map(
    (assigned) => {
      const recomputed = recompute(assigned, openedFor(assigned));
      return recomputed.kind === "recomputed" ? recomputed.expected.outputCommitment : undefined;
    },
  );
  const refused = { ...assignedTo(0), policy: policyOf({ minimumGroupSize: 1_000 }) };
  expect(executeTask(refused, openedFor(refused), executor.address).kind).toBe("refused");
  expect(strict).toMatch(/^0x[0-9a-f]{64}$/);
  expect(strict).not.toBe(given);
});

test("without its plaintext nothing is recomputed, and the reason is passed on", () => {
  const refused: AccessOutcome = { kind: "refused", refusal: { code: "POLICY_GRANT_MISSING", detail: {} } };
  expect(recompute(assignedTo(0), [refused, refused])).toEqual(refused);
  const foreign = { ...assignedTo(0), program: { ...question(0), kind: "valueOf" } as never };
  expect(recompute(foreign, openedFor(foreign))).toMatchObject({ refusal: { code: "EXECUTION_PROGRAM_UNSUPPORTED" } });
});
