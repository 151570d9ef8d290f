// The semantic step on a real database: assignments and moves together, refusals with their reason and the budget back.
import { expect, test } from "vitest";
import { readAssignments } from "#storage/assignments.ts";
import { readBudget } from "#storage/budgets.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { publishRegistry } from "#semantic/publish.ts";
import { partner, registryOf } from "#test/layers/documents.ts";
import { submitter, fillVault, openLayers } from "#test/layers/node.ts";
import { query, salesVault } from "#test/layers/sales.ts";
import { budget, east, lastMove, rowsOf, setStage, stateOf, west } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage();
const layers = openLayers(database, { clock: clock.now });
const resolveAll = async (): Promise<void> => {
  await layers.handoff.run();
  await layers.resolve.run();
};
const count = query({ function: "count" });

test("a task that resolves is dispatched with its assignment, by the table's words, until the policy's deadline [LAYR-04, TASK-03]", async () => {
  const taskId = await submit(query({ function: "mean", attribute: "price" }), [east, west]);
  await resolveAll();
  expect(await lastMove(database, taskId)).toEqual({
    from: "resolving",
    to: "dispatched",
    by: "semantic",
    why: "domain, attributes and references resolved",
    step: 2,
    versions: { schema: "1.0", semantic: "2026.1", policy: "1" },
    at: clock.now(),
  });
  const stored = (await readAssignments(database, [taskId])).get(taskId);
  expect(stored?.taskId).toBe(taskId);
  expect(JSON.parse(stored?.body ?? "{}")).toMatchObject({ taskId, fee: "1500", resolutionId: stored?.resolutionId });
  const { rows } = await database.query<{ deadline_at: Date }>(`SELECT deadline_at FROM work.task`);
  expect(rows[0]?.deadline_at).toEqual(new Date(clock.now().getTime() + 600_000));
});

test.each([
  ["POLICY_ATTRIBUTE_AMBIGUOUS", query({ function: "sum", attribute: "turnover" }), [east], {}],
  ["POLICY_ATTRIBUTE_UNRESOLVED", query({ function: "sum", attribute: "nonsense" }), [east], {}],
  ["POLICY_DOMAIN_UNKNOWN", { ...count, domain: "trade.gone" }, [east], {}],
  ["POLICY_REFERENCE_REFUSED", query({ function: "sum", attribute: "trade.secrets/code" }), [east], {}],
  ["POLICY_QUERY_ATTRIBUTE_RESTRICTED", query({ function: "count" }, { groupBy: "trade.sales?partners" }), [east], {}],
  ["POLICY_ATTRIBUTE_UNRESOLVED", query({ function: "sum", attribute: "trade.sales?age_band" }), [east], {}],
  ["POLICY_VAULT_UNMAPPED", query({ function: "count" }, { groupBy: "note" }), [east], {}],
  ["POLICY_GRANT_MISSING", count, [east, { vault: "north", collection: "sales" }], {}],
  ["POLICY_FEE_TOO_LOW", count, [east], { feeLimit: "1" }],
  ["VERSION_SEMANTIC_UNKNOWN", count, [east], { semanticVersion: "2031.1" }],
])(
  "%s: the task is rejected with that, has no assignment, and its budget is back [LAYR-06, LAYR-11]",
  async (code, program, sources, more) => {
    const before = await readBudget(database, submitter.address);
    const taskId = await submit(program, sources, more);
    await resolveAll();
    expect(await stateOf(database, taskId)).toBe("rejected");
    expect(await lastMove(database, taskId)).toMatchObject({
      by: "semantic",
      why: "unresolved, ambiguous or incompatible",
      detail: { code },
    });
    expect((await readAssignments(database, [taskId])).size).toBe(0);
    expect(await readBudget(database, submitter.address)).toEqual(before);
    expect(await sumOfBalances(database)).toBe(0n);
    expect(BigInt(before.available) + BigInt(before.reserved)).toBe(budget);
  },
);

test("a restricted query attribute serves a task of a scope that it names [ATTR-06]", async () => {
  const program = query({ function: "count" }, { groupBy: "trade.sales?partners" });
  const taskId = await submit(program, [east], { scope: partner.scope });
  await resolveAll();
  expect(await stateOf(database, taskId)).toBe("dispatched");
});

test("a version that retires a domain takes nothing from tasks of the version before it [ATTR-05, DOMN-04]", async () => {
  const programs = [
    query({ function: "sum", attribute: "price" }),
    query({ function: "count" }, { groupBy: "trade.sales?region" }),
  ];
  const resolutionsOf = async (version: string) => {
    const ids = await Promise.all(programs.map((program) => submit(program, [east], { semanticVersion: version })));
    await resolveAll();
    const assignments = await readAssignments(database, ids);
    return ids.map((id) => assignments.get(id)?.resolution);
  };
  const before = await resolutionsOf("2026.1");
  const next = registryOf("2026.2");
  for (const domain of next.domains) {
    if (domain.domainId === "trade.sales") Object.assign(domain, { status: "retired", domainVersion: "2026.2" });
  }
  await publishRegistry(database, next, { by: "test", now: clock.now() });
  expect(before.every((text) => text !== undefined)).toBe(true);
  expect(await resolutionsOf("2026.2")).toEqual([undefined, undefined]);
  expect(await resolutionsOf("2026.1")).toEqual(before);
});

test("a vault that has granted one submitter has granted nobody else [LAYR-11]", async () => {
  await fillVault(database, salesVault("north", 10, 3), { clock: clock.now });
  const taskId = await submit(count, [east, { vault: "north", collection: "sales" }]);
  await resolveAll();
  expect(await lastMove(database, taskId)).toMatchObject({
    detail: { code: "POLICY_GRANT_MISSING", detail: { vault: "north", collection: "sales" } },
  });
});

test("what was resolved stays as it is when the collection grows or is asked for again [LAYR-07]", async () => {
  const taskId = await submit(count);
  await resolveAll();
  const before = await rowsOf(database, "assignment");
  await fillVault(database, salesVault("east", 90, 1), { clock: clock.now, from: 60 });
  await resolveAll();
  expect(await rowsOf(database, "assignment")).toEqual(before);
  const later = await submit(count);
  await resolveAll();
  const sizes = await Promise.all(
    [taskId, later].map(async (id) => {
      const body = (await readAssignments(database, [id])).get(id)?.body ?? "";
      return (JSON.parse(body) as { bindings: { snapshot: { size: number } }[] }).bindings[0]?.snapshot.size;
    }),
  );
  expect(sizes).toEqual([60, 90]);
  await expect(database.query(`UPDATE ledger.assignment SET body = ''`)).rejects.toThrow(/permission denied/);
});

test("two processes that resolve at the same time resolve each task once [LAYR-05]", async () => {
  const other = openLayers(database, { clock: clock.now, holder: "process-2", batchLimit: 7 });
  const ids = await Promise.all(Array.from({ length: 40 }, async () => await submit(count)));
  await Promise.all([layers.handoff.run(), other.handoff.run(), other.handoff.run()]);
  const taken = await Promise.all([
    other.resolve.run(),
    layers.resolve.run(),
    other.resolve.run(),
    layers.resolve.run(),
  ]);
  for (let more = 1; more > 0;) more = (await layers.handoff.run()) + (await layers.resolve.run());
  expect(taken.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(40);
  expect((await readAssignments(database, ids)).size).toBe(40);
});
