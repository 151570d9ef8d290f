// One execution: it uses what its assignment names and what was opened for that, and nothing else.
import { expect, test } from "vitest";
import { accessesOf, executeTask, visitsOf, type Assigned } from "#execution/execute-task.ts";
import type { AccessOutcome } from "#execution/ports.ts";
import { runtimes } from "#execution/runtimes.ts";
import { sha256Hex } from "#protocol/hash.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { Transcript } from "#protocol/schemas/execution.ts";
import type { Program } from "#protocol/schemas/task.ts";
import { naiveQuery } from "../protocol/naive-query.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { executor, submitter } from "#test/layers/node.ts";
import { openedSales, query, salesFields, salesRecords } from "#test/layers/sales.ts";

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
  const resolution = resolve(what, index, { submitter: submitter.address, scope: "trade" });
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

/** What each vault of an assignment opens for it. */
const openedFor = ({ assignment, resolution }: Assigned): readonly AccessOutcome[] =>
  assignment.bindings.map((binding) =>
    openedSales(records[binding.snapshot.vault === "east" ? "east" : "west"], binding, resolution),
  );

test("the answer is over the snapshots' records, however much longer the columns are [LAYR-07, LAYR-12]", () => {
  const assigned = assignedTo(program, { east: 30, west: 40 });
  const executed = executeTask(assigned, openedFor(assigned), executor.address);
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
  const assigned = assignedTo(program, { east: 50, west: 40 });
  const [east] = openedFor(assigned);
  if (!east) throw new Error("opened");
  expect(executeTask(assigned, [east, refused], executor.address)).toEqual(refused);
});

test("a group below the minimum refuses the task [LAYR-14]", () => {
  const assigned = assignedTo(query({ function: "count" }), { east: 4 });
  const executed = executeTask(assigned, openedFor(assigned), executor.address);
  expect(executed).toMatchObject({ kind: "refused", refusal: { code: "EXECUTION_GROUP_TOO_SMALL" } });
});

test("a field that is not there, and a kind of program without a runtime, are refused", () => {
  const unmapped = assignedTo(program, { east: 50 }, { ...salesFields, shop: "trade.sales/note" });
  expect(executeTask(unmapped, openedFor(unmapped), executor.address)).toMatchObject({
    refusal: { code: "POLICY_VAULT_UNMAPPED", detail: { attribute: "trade.sales/shop" } },
  });
  const foreign = { ...assignedTo(program, { east: 50 }), program: { ...program, kind: "toString" } as never };
  expect(executeTask(foreign, openedFor(foreign), executor.address)).toMatchObject({
    refusal: { code: "EXECUTION_PROGRAM_UNSUPPORTED" },
  });
});

test("every runtime has a name of its own for transcripts", () => {
  const names = Object.values(runtimes).map(({ name }) => name);
  expect(names).toEqual(["protected-query/1"]);
});

const banded = query(
  { function: "sum", attribute: "price" },
  {
    groupBy: "trade.sales?age_band",
    conditions: [{ attribute: "trade.sales?region", operator: "equal", value: "west" }],
  },
);

test("a task sees of a query attribute only what was derived of it, and its transcript says by which rules [ATTR-07]", () => {
  const assigned = assignedTo(banded, { east: 50, west: 40 });
  const executed = executeTask(assigned, openedFor(assigned), executor.address);
  if (executed.kind !== "executed") throw new Error("executed");
  const { groups } = JSON.parse(executed.artifacts.result) as { groups: { key: string }[] };
  expect(groups.length).toBeGreaterThan(0);
  expect(groups.every(({ key }) => Number(key) % 10 === 0)).toBe(true);
  const rules = assigned.resolution.references.flatMap(({ projection }) => projection?.derivationRuleRef ?? []);
  expect(rules).toHaveLength(2);
  const { steps } = JSON.parse(executed.artifacts.transcript) as Transcript;
  // Each step names the snapshot's digest, which commits to the records: that is what the projection is linked to.
  expect(steps).toEqual(
    assigned.assignment.bindings.map(({ snapshot }) => ({ ...snapshot, projections: rules.toSorted() })),
  );
});

test("one rule behind several words is named once; without a projection a transcript is as it always was [ATTR-07]", () => {
  const twice = assignedTo(
    query(
      { function: "count" },
      {
        groupBy: "trade.sales?initial",
        conditions: [{ attribute: "trade.sales?older", operator: "not_equal", value: "A" }],
      },
    ),
    { east: 50 },
  );
  const stepsOf = (assigned: Assigned) => {
    const executed = executeTask(assigned, openedFor(assigned), executor.address);
    return executed.kind === "executed" ? (JSON.parse(executed.artifacts.transcript) as Transcript).steps : undefined;
  };
  expect(stepsOf(twice)?.[0]?.projections).toHaveLength(1);
  expect(stepsOf(assignedTo(program, { east: 50 }))?.map((step) => Object.keys(step))).toEqual([
    ["collection", "digest", "size", "vault"],
  ]);
});
