// The re-execution: by other code than the executor's it comes to the same ids, or says why it could not be done.
import { expect, test } from "vitest";
import { executeTask } from "#execution/execute-task.ts";
import type { AccessOutcome } from "#execution/ports.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { columnOf } from "#protocol/columns.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { ExecutionAssignment } from "#protocol/schemas/execution.ts";
import { recompute, type Assigned } from "#verification/recompute.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { executor } from "#test/layers/node.ts";
import { question, salesFields, salesRecords } from "#test/layers/sales.ts";

const records = { east: salesRecords(50, 1), west: salesRecords(40, 2) };
const index = indexRegistry(registryOf());
const fieldOf = Object.fromEntries(Object.entries(salesFields).map(([field, attribute]) => [attribute, field]));

function assignedTo(at: number): Assigned {
  const program = question(at);
  const resolution = resolve(program, index);
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
const opened = Object.values(records).map((own): AccessOutcome => ({
  kind: "opened",
  snapshot: { column: (field, type) => columnOf(own, field, type) },
}));

test("it comes to the output, transcript, access log, units and fee of an honest executor [LAYR-12, LAYR-15]", () => {
  for (let at = 0; at < 24; at++) {
    const assigned = assignedTo(at);
    const executed = executeTask(assigned, opened, executor.address);
    const recomputed = recompute(assigned, opened);
    if (executed.kind !== "executed") throw new Error("executed");
    const { outputCommitment, transcriptId, accessLogId, units, fee } = executed.artifacts.bundle;
    expect(recomputed).toEqual({
      kind: "recomputed",
      expected: { outputCommitment, transcriptId, accessLogId, units, fee },
    });
  }
});

test("other plaintext comes to another output", () => {
  const assigned = assignedTo(0);
  const [first, second] = opened;
  if (!first || !second) throw new Error("two sources");
  const straight = recompute(assigned, [first, first]);
  expect(straight).not.toEqual(recompute(assigned, [first, second]));
});

test("an answer that may not be given has an output of its own, which no result has", () => {
  const [strict, given] = [{ ...assignedTo(0), policy: policyOf({ minimumGroupSize: 1_000 }) }, assignedTo(0)].map(
    (assigned) => {
      const recomputed = recompute(assigned, opened);
      return recomputed.kind === "recomputed" ? recomputed.expected.outputCommitment : undefined;
    },
  );
  expect(
    executeTask({ ...assignedTo(0), policy: policyOf({ minimumGroupSize: 1_000 }) }, opened, executor.address).kind,
  ).toBe("refused");
  expect(strict).toMatch(/^0x[0-9a-f]{64}$/);
  expect(strict).not.toBe(given);
});

test("without its plaintext nothing is recomputed, and the reason is passed on", () => {
  const refused: AccessOutcome = { kind: "refused", refusal: { code: "POLICY_GRANT_MISSING", detail: {} } };
  expect(recompute(assignedTo(0), [refused, refused])).toEqual(refused);
  const foreign = { ...assignedTo(0), program: { ...question(0), kind: "valueOf" } as never };
  expect(recompute(foreign, opened)).toMatchObject({ refusal: { code: "EXECUTION_PROGRAM_UNSUPPORTED" } });
});
