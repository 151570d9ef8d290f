// One execution: it uses what its assignment names and what was opened for that, and nothing else.
import { expect, test } from "vitest";
import { accessesOf, executeTask, visitsOf, type Assigned } from "#execution/execute-task.ts";
import type { AccessOutcome } from "#execution/ports.ts";
import { runtimes } from "#execution/runtimes.ts";
import { columnOf } from "#protocol/columns.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { Program } from "#protocol/schemas/task.ts";
import { naiveQuery } from "../protocol/naive-query.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { executor } from "#test/layers/node.ts";
import { query, salesFields, salesRecords } from "#test/layers/sales.ts";

const records = { east: salesRecords(50, 1), west: salesRecords(40, 2) };
const index = indexRegistry(registryOf());
const program = query(
  { function: "sum", attribute: "price" },
  { groupBy: "shop", conditions: [{ attribute: "pieces", operator: "less", value: 8 }] },
);

function assignedTo(
  what: Program,
  sizes: Partial<Record<keyof typeof records, number>>,
  fields: Readonly<Record<string, string>> = salesFields,
): Assigned {
  const resolution = resolve(what, index);
  if (resolution.kind !== "resolved") throw new Error("resolved");
  const fieldOf = Object.fromEntries(Object.entries(fields).map(([field, attribute]) => [attribute, field]));
  const bindings = Object.entries(sizes).map(([vault, size]) => ({
    grantId: sha256Hex(vault),
    snapshot: { vault, collection: "sales", size, digest: sha256Hex(`${vault} ${size}`) },
    fields: fieldOf,
  }));
  const assignment = {
    schemaVersion: "1.0",
    taskId: sha256Hex("task"),
    resolutionId: sha256Hex("resolution"),
    fee: "1",
    bindings,
  };
  return { program: what, assignment, resolution: resolution.result, policy: policyOf() };
}

const opened = (vault: keyof typeof records): AccessOutcome => ({
  kind: "opened",
  snapshot: { column: (field, type) => (field in salesFields ? columnOf(records[vault], field, type) : undefined) },
});

test("the answer is over the snapshots' records, however much longer the columns are [LAYR-07, LAYR-12]", () => {
  const assigned = assignedTo(program, { east: 30, west: 40 });
  const executed = executeTask(assigned, [opened("east"), opened("west")], executor.address);
  if (executed.kind !== "executed") throw new Error("executed");
  const types = { price: { kind: "decimal", scale: 2 }, shop: { kind: "text" }, pieces: { kind: "integer" } } as const;
  const named = [...records.east.slice(0, 30), ...records.west].map((record) => ({
    ...record,
    price: record["amount"] ?? null,
  }));
  expect(JSON.parse(executed.artifacts.result)).toEqual(naiveQuery(program, named, types, 5));
  expect(executed.artifacts.bundle).toMatchObject({ executor: executor.address, units: { records: 70 } });
  expect(visitsOf(assigned)).toBe(70);
});

test("an access is asked for each binding, with its grant and the kind of program [LAYR-10]", () => {
  const assigned = assignedTo(program, { east: 3, west: 4 });
  expect(accessesOf(assigned)).toEqual(
    assigned.assignment.bindings.map(({ grantId, snapshot }) => ({
      ...snapshot,
      grantId,
      taskId: assigned.assignment.taskId,
      program: "protected_query",
    })),
  );
});

test("an access that was refused refuses the task, with its reason [LAYR-10]", () => {
  const refused: AccessOutcome = {
    kind: "refused",
    refusal: { code: "POLICY_GRANT_MISSING", detail: { vault: "west" } },
  };
  expect(executeTask(assignedTo(program, { east: 50, west: 40 }), [opened("east"), refused], executor.address)).toEqual(
    refused,
  );
});

test("a group below the minimum refuses the task [LAYR-14]", () => {
  const executed = executeTask(
    assignedTo(query({ function: "count" }), { east: 4 }),
    [opened("east")],
    executor.address,
  );
  expect(executed).toMatchObject({ kind: "refused", refusal: { code: "EXECUTION_GROUP_TOO_SMALL" } });
});

test("a field that is not there, and a kind of program without a runtime, are refused", () => {
  const unmapped = assignedTo(program, { east: 50 }, { ...salesFields, shop: "trade.sales/note" });
  expect(executeTask(unmapped, [opened("east")], executor.address)).toMatchObject({
    refusal: { code: "POLICY_VAULT_UNMAPPED", detail: { attribute: "trade.sales/shop" } },
  });
  const foreign = { ...assignedTo(program, { east: 50 }), program: { ...program, kind: "toString" } as never };
  expect(executeTask(foreign, [opened("east")], executor.address)).toMatchObject({
    refusal: { code: "EXECUTION_PROGRAM_UNSUPPORTED" },
  });
});

test("every runtime has a name of its own for transcripts", () => {
  const names = Object.values(runtimes).map(({ name }) => name);
  expect(names).toEqual(["protected-query/1"]);
});
