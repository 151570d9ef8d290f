// The verification step on a real database: signed decisions, several verifiers, disagreement, races, retries.
import { beforeEach, expect, test } from "vitest";
import { openCollections } from "#data/open-collections.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import { decisionDigest } from "#protocol/messages.ts";
import { recover } from "#protocol/signature.ts";
import { publishPolicy } from "#semantic/publish.ts";
import { readVerdicts } from "#storage/decisions.ts";
import { readResults } from "#storage/results.ts";
import { readItems } from "#storage/settlement-items.ts";
import { registerActor } from "#storage/tokens.ts";
import type { OpenSnapshot } from "#verification/ports.ts";
import type { VerifyDeps } from "#verification/verify-step.ts";
import { actor, type Actor } from "#test/layers/actors.ts";
import { journalled } from "#test/layers/database.ts";
import { policyOf } from "#test/layers/documents.ts";
import { domain, masterKey, openLayers, verifier, type LayerOptions } from "#test/layers/node.ts";
import { executeFalsely as lie } from "#test/layers/lying-executor.ts";
import { query, question } from "#test/layers/sales.ts";
import { east, lastMove, rowsOf, setStage, settle, stateOf, west } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage();
const open = (more: Partial<LayerOptions> = {}) => openLayers(database, { clock: clock.now, ...more });
const metrics = openMetrics();
const data = { database, clock: clock.now, metrics, cache: new PlaintextCache({ database, masterKey, metrics }) };
const reallyOpen: VerifyDeps["openCollections"] = async (accesses, reader) =>
  await openCollections(data, accesses, reader);
const count = query({ function: "count" });

const second = actor("second verifier");
const third = actor("third verifier");
for (const { address } of [second, third])
  await registerActor(database, { address, roles: ["verifier"] }, "test", clock.now());
await publishPolicy(database, policyOf({ policyVersion: "two", verifiers: 2 }), { by: "test", now: clock.now() });
const two = { policyVersion: "two" };

beforeEach(async () => {
  clock.advance(leaseSeconds);
  const layers = open({ verifiers: [verifier, second] });
  await settle(layers.handoff, layers.resolve, layers.execute, layers.verify);
});
async function execute(...given: Parameters<typeof submit>): Promise<Hex> {
  const taskId = await submit(...given);
  const layers = open();
  await settle(layers.handoff, layers.resolve, layers.execute);
  return taskId;
}

const executeFalsely = async (): Promise<Hex> => await lie({ database, clock, submit });

/** The numbers of a snapshot, each twice what it is. */
const doubled =
  ({ column }: OpenSnapshot): OpenSnapshot["column"] =>
  (term) => {
    const read = column(term);
    return read?.kind === "number" ? { ...read, values: read.values.map((value) => value * 2) } : read;
  };

const verdictsOf = async (taskId: Hex) =>
  (await readVerdicts(database, [taskId])).get(taskId)?.map(({ verifier: by, verdict }) => [by, verdict]) ?? [];
const ascending = (actors: readonly Actor[]): readonly Hex[] => actors.map(({ address }) => address).toSorted();

test("an honest result is accepted by a signed decision, and waits for settlement [TASK-04, LAYR-15]", async () => {
  const taskId = await execute(query({ function: "mean", attribute: "price" }), [east, west]);
  expect(await open().verify.run()).toBe(1);
  expect(await lastMove(database, taskId)).toMatchObject({
    from: "verifying",
    to: "awaiting_settlement",
    by: "verification",
    why: "enough verifiers accepted",
  });
  const [item] = await readItems(database, [taskId]);
  const [decision] = item?.decisions ?? [];
  if (!decision || !item?.result) throw new Error("a decision");
  const { decisionId, bundleId, verdict, signature } = decision;
  expect(bundleId).toBe(item.result.bundleId);
  expect(recover(decisionDigest(domain, { taskId, bundleId, decisionId, verdict }), signature)).toBe(verifier.address);
  expect(JSON.parse(decision.evidence)).toMatchObject({
    taskId,
    bundleId,
    resolutionId: item.assignment?.resolutionId,
  });
});

test("verification writes nothing of execution's: results and assignments are as they were [LAYR-15]", async () => {
  await execute(count);
  const before = [await rowsOf(database, "result"), await rowsOf(database, "assignment")];
  await open().verify.run();
  await executeFalsely();
  const falsely = await rowsOf(database, "result");
  await open().verify.run();
  expect([falsely.filter((row) => before[0]?.includes(row)), await rowsOf(database, "result")]).toEqual([
    before[0],
    falsely,
  ]);
  await expect(database.query(`DELETE FROM ledger.result`)).rejects.toThrow(/permission denied/);
});

test("a false result becomes a challenge that says what differs, and no budget is moved [LAYR-16, TASK-04]", async () => {
  const taskId = await executeFalsely();
  await open().verify.run();
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "challenged",
    detail: { code: "VERIFY_MISMATCH", detail: { part: "outputCommitment" } },
  });
  expect(await verdictsOf(taskId)).toEqual([[verifier.address, "challenged"]]);
});

test("where policy asks for two, one process with two verifiers decides with both, in one go [LAYR-16]", async () => {
  const taskId = await execute(count, [east], two);
  await open({ verifiers: [third, second, verifier] }).verify.run();
  expect(await stateOf(database, taskId)).toBe("awaiting_settlement");
  const chosen = ascending([verifier, second, third]).slice(0, 2);
  expect(await verdictsOf(taskId)).toEqual(chosen.map((address) => [address, "accepted"]));
});

test("processes with one verifier each add their decisions, and no attempt is counted while they wait [LAYR-16, TASK-06]", async () => {
  const taskId = await execute(count, [east], two);
  const [one, other] = [open({ holder: "p1", verifiers: [verifier] }), open({ holder: "p2", verifiers: [second] })];
  expect(await one.verify.run()).toBe(1);
  expect(await stateOf(database, taskId)).toBe("verifying");
  expect(await verdictsOf(taskId)).toEqual([[verifier.address, "accepted"]]);
  // Set aside for a while, and looked at again without a second reading or decision.
  expect(await one.verify.run()).toBe(0);
  clock.advance(0.2);
  expect(await one.verify.run()).toBe(1);
  expect(await verdictsOf(taskId)).toHaveLength(1);
  const accesses = await journalled(database, "access", hexToBytes(taskId));
  expect(accesses.filter((body) => (body as { purpose: string }).purpose === "verification")).toHaveLength(1);
  const { rows } = await database.query<{ attempt: number }>(`SELECT attempt FROM work.task WHERE task_id = $1`, [
    hexToBytes(taskId),
  ]);
  expect(rows[0]?.attempt).toBe(0);
  clock.advance(0.2);
  expect(await other.verify.run()).toBe(1);
  expect(await stateOf(database, taskId)).toBe("awaiting_settlement");
  expect((await verdictsOf(taskId)).map(([by]) => by)).toEqual(ascending([verifier, second]));
});

test("a verifier that comes to something else makes a challenge, whatever the others said [LAYR-16]", async () => {
  const taskId = await execute(query({ function: "sum", attribute: "price" }), [east], two);
  await open({ verifiers: [verifier] }).verify.run();
  clock.advance(0.2);
  // It reads other plaintext under the same name.
  const blind = open({
    verifiers: [second],
    openForVerification: async (accesses, reader) =>
      (await reallyOpen(accesses, reader)).map((outcome) =>
        outcome.kind === "refused" ? outcome : { kind: "opened", snapshot: { column: doubled(outcome.snapshot) } },
      ),
  });
  await blind.verify.run();
  expect(await lastMove(database, taskId)).toMatchObject({ to: "challenged", detail: { code: "VERIFY_MISMATCH" } });
  expect(new Set((await verdictsOf(taskId)).map(([, verdict]) => verdict))).toEqual(
    new Set(["accepted", "challenged"]),
  );
});

test("an executor that answers from raw values in place of a projection is found [ATTR-07, LAYR-15]", async () => {
  const raw = data.cache;
  // What a dishonest executor reads who got hold of the vault's plaintext: the source under the projection's word.
  const taskId = await submit(query({ function: "count" }, { groupBy: "trade.sales?region" }), [east]);
  const layers = open({
    openForExecution: async (accesses, { by }) =>
      await Promise.all(
        (await reallyOpen(accesses, { by, purpose: "verification" })).map(async (outcome, at) => {
          const access = accesses[at];
          if (access === undefined || outcome.kind === "refused") return outcome;
          const { column } = await raw.open(access, access);
          return { kind: "opened" as const, snapshot: { column: () => column("shop", { kind: "text" }) } };
        }),
      ),
  });
  await settle(layers.handoff, layers.resolve, layers.execute);
  expect(await open().verify.run()).toBe(1);
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "challenged",
    detail: { code: "VERIFY_MISMATCH", detail: { part: "outputCommitment" } },
  });
});

test("processes that verify at the same time verify each task once [LAYR-05]", async () => {
  const ids = await Promise.all(
    Array.from({ length: 30 }, async (_, at) => await execute(question(at), at % 2 ? [east] : [east, west])),
  );
  const checked: Hex[] = [];
  const processes = ["p1", "p2", "p3"].map((holder) =>
    open({
      holder,
      batchLimit: 7,
      openForVerification: async (accesses, reader) => {
        checked.push(...new Set(accesses.map(({ taskId }) => taskId)));
        return await reallyOpen(accesses, reader);
      },
    }),
  );
  for (let more = 1; more > 0;) {
    more = (await Promise.all(processes.map(async ({ verify }) => await verify.run()))).reduce(
      (sum, each) => sum + each,
      0,
    );
  }
  expect(checked.toSorted()).toEqual(ids.toSorted());
  for (const id of ids) expect(await verdictsOf(id)).toEqual([[verifier.address, "accepted"]]);
});

test("a process that lost its lease leaves no decision, neither when it moves nor when it sets aside [LAYR-05]", async () => {
  const ids = [await execute(count), await execute(count, [east], two)];
  const slow = open({
    holder: "slow",
    openForVerification: async (accesses, reader) => {
      const outcomes = await reallyOpen(accesses, reader);
      clock.advance(leaseSeconds + 1);
      await open({ holder: "quick", verifiers: [second] }).verify.run();
      return outcomes;
    },
  });
  await slow.verify.run();
  for (const id of ids) expect(await verdictsOf(id)).toEqual([[second.address, "accepted"]]);
});

test("what fails is tried again after a pause; attempts used up end the task [TASK-06]", async () => {
  const taskId = await execute(count);
  const { verify } = open({
    openForVerification: async () => await Promise.reject(new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE")),
  });
  for (let attempt = 0; attempt < 3; attempt++) {
    expect(await verify.run()).toBe(1);
    expect(await verify.run()).toBe(0);
    clock.advance(1);
  }
  expect(await lastMove(database, taskId)).toMatchObject({
    to: "rejected",
    detail: { code: "EXECUTION_FAILED", detail: { attempts: 3 } },
  });
  expect(await verdictsOf(taskId)).toEqual([]);
  expect((await readResults(database, [taskId])).size).toBe(1);
});

test("an account that is no verifier decides nothing [OPER-08]", async () => {
  const taskId = await execute(count);
  expect(await open({ verifiers: [actor("nobody")] }).verify.run()).toBe(0);
  expect(await stateOf(database, taskId)).toBe("verifying");
  expect(await verdictsOf(taskId)).toEqual([]);
});
