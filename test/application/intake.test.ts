// Durable intake: batches that grow with the load, one transaction each, acknowledged after the commit, bounded.
import { afterAll, beforeAll, expect, test } from "vitest";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { identify } from "#protocol/text-ids.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { isRefusal, type Candidate } from "#application/admission.ts";
import { Intake } from "#application/intake.ts";
import { openLookups } from "#application/lookups.ts";
import type { ApplicationLimits, Observation } from "#application/ports.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { readBudget } from "#storage/budgets.ts";
import { taskHistories } from "#storage/tasks.ts";
import { envelopeOf } from "./envelopes.ts";
import { actor, openTestApplication, startOfTests, type Opened } from "./opened.ts";

let opened: Opened;
const [alice, bob, carol, poor] = [actor(1).address, actor(2).address, actor(3).address, actor(4).address];

beforeAll(async () => {
  opened = await openTestApplication();
  for (const each of [alice, bob, carol]) await opened.enrol(each, ["task_submitter"], 1_000_000n);
  await opened.enrol(poor, ["task_submitter"], 2_500n);
});
afterAll(async () => await opened.close());

const candidateOf = (submitter: Hex, change: Partial<TaskEnvelope>): Candidate => {
  const envelope = envelopeOf(submitter, change);
  const { id: taskId, text: envelopeText } = identify("task", envelope);
  return { taskId, envelope, envelopeText, signature: null };
};

/** An intake of its own over the test's database, as another process would have one. */
function openIntake(limits: Partial<ApplicationLimits> = {}): { readonly intake: Intake; readonly batches: number[] } {
  const batches: number[] = [];
  const clock = (): Date => startOfTests;
  const observe = (seen: Observation): void => void (seen.kind === "intake" && batches.push(seen.tasks));
  const lookups = openLookups(opened.database, clock);
  return { intake: new Intake({ database: opened.database, lookups, clock, observe, limits }), batches };
}

async function count(table: string, where: string, values: readonly (string | Uint8Array)[]): Promise<number> {
  const { rows } = await opened.database.query<{ count: bigint }>(
    `SELECT count(*) FROM ${table} WHERE ${where}`,
    values,
  );
  return Number(rows[0]?.count);
}

test("submissions that come together share a transaction; all are durable when they are acknowledged", async () => {
  const { intake, batches } = openIntake();
  const submitted = Array.from({ length: 100 }, (_, at) => candidateOf(alice, { idempotencyKey: `together-${at}` }));
  const outcomes = await Promise.all(submitted.map(async (each) => await intake.submit(each)));
  expect(outcomes.every((outcome) => !isRefusal(outcome) && !outcome.repeated)).toBe(true);
  expect(batches).toEqual([100]);
  expect(await count("ledger.task", "idempotency_key LIKE 'together-%'", [])).toBe(100);
  const [first] = submitted;
  const history = (await taskHistories(opened.database, [first?.taskId ?? "0x"])).get(first?.taskId ?? "0x");
  expect(history).toMatchObject([{ from: null, to: "accepted", by: "application", step: 0, at: startOfTests }]);
  expect(history?.[0]?.versions).toEqual({ schema: "1.0", semantic: "2026.1", policy: "1" });
});

test("what comes while a batch is being written is written with the next one, in its order, in parts of the limit", async () => {
  const { intake, batches } = openIntake({ intakeBatch: 8, intakeFlushes: 1 });
  const submitted = Array.from({ length: 30 }, (_, at) => candidateOf(bob, { idempotencyKey: `parts-${at}` }));
  await Promise.all(submitted.map(async (each) => await intake.submit(each)));
  expect(batches).toEqual([8, 8, 8, 6]);
  const { rows } = await opened.database.query<{ key: string }>(
    `SELECT idempotency_key AS key FROM work.task JOIN ledger.task USING (task_id) WHERE idempotency_key LIKE 'parts-%' ORDER BY arrival`,
  );
  expect(rows.map(({ key }) => key)).toEqual(submitted.map(({ envelope }) => envelope.idempotencyKey));
});

test("a write begins beside another when it is twice as large, and else when that is done", async () => {
  const { intake, batches } = openIntake({ intakeFlushes: 2 });
  const ofLane = (lane: number): Hex =>
    [alice, bob, carol].find((each) => parseInt(each.slice(-6), 16) % 2 === lane) ?? alice;
  const submit = (lane: number, count: number): Promise<unknown>[] =>
    Array.from({ length: count }, async (_, at) => {
      const idempotencyKey = `beside-${lane}-${count}-${at}`;
      return await intake.submit(candidateOf(ofLane(lane), { idempotencyKey, feeLimit: "100" }));
    });
  const turn = async (): Promise<unknown> => await new Promise((resolve) => setTimeout(resolve, 20));
  const held = await opened.database.transaction(async (transaction) => {
    await transaction.query("SELECT FROM work.balance WHERE account = $1 FOR UPDATE", [`budget:${ofLane(0)}`]);
    const slow = submit(0, 3);
    await turn();
    const few = submit(1, 5);
    await turn();
    expect(batches).toEqual([]);
    await Promise.all([...few, ...submit(1, 1)]);
    expect(batches).toEqual([6]);
    const later = submit(1, 2);
    await turn();
    expect(batches).toEqual([6]);
    return [...slow, ...later];
  });
  await Promise.all(held);
  expect(batches).toEqual([6, 3, 2]);
});

test("what is known, refused and new in one batch: each gets its own answer", async () => {
  const { intake } = openIntake();
  const [known, fresh] = [candidateOf(alice, { idempotencyKey: "m0" }), candidateOf(alice, { idempotencyKey: "m1" })];
  await intake.submit(known);
  const outcomes = await Promise.all(
    [known, fresh, candidateOf(alice, { idempotencyKey: "m2", expiresAtSeconds: 1 }), fresh].map(
      async (each) => await intake.submit(each),
    ),
  );
  expect(outcomes).toMatchObject([
    { taskId: known.taskId, repeated: true },
    { taskId: fresh.taskId, repeated: false },
    { code: "AUTH_EXPIRED" },
    { taskId: fresh.taskId, repeated: true },
  ]);
});

test("[TASK-07] the same envelope through several processes at once becomes one task", async () => {
  const intakes = Array.from({ length: 4 }, () => openIntake().intake);
  const same = candidateOf(carol, { idempotencyKey: "everywhere" });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, async (_, at) => await intakes[at % intakes.length]?.submit(same)),
  );
  expect(outcomes.filter((outcome) => outcome && !isRefusal(outcome) && !outcome.repeated)).toHaveLength(1);
  expect(outcomes.filter((outcome) => outcome && !isRefusal(outcome) && outcome.repeated)).toHaveLength(39);
  expect(await count("ledger.task", "task_id = $1", [hexToBytes(same.taskId)])).toBe(1);
  expect(await count("ledger.journal", "subject = $1", [hexToBytes(same.taskId)])).toBe(1);
  expect(await count("ledger.posting", "reference = $1", [same.taskId])).toBe(1);
});

test("[TASK-07] one key with different contents through several processes: one wins, the others are told which", async () => {
  const intakes = Array.from({ length: 4 }, () => openIntake().intake);
  const outcomes = await Promise.all(
    intakes.map(async (intake, at) => {
      return await intake.submit(candidateOf(carol, { idempotencyKey: "contested", feeLimit: String(1000 + at) }));
    }),
  );
  const won = outcomes.filter((outcome) => !isRefusal(outcome));
  const lost = outcomes.filter(isRefusal);
  expect([won.length, lost.length]).toEqual([1, 3]);
  const taskId = won[0] && !isRefusal(won[0]) ? won[0].taskId : "";
  for (const each of lost) expect(each).toEqual({ code: "POLICY_IDEMPOTENCY_CONFLICT", detail: { taskId } });
});

test("[LAYR-03] a budget is not spent twice, however many processes admit at once; what is reserved leaves the budget", async () => {
  const intakes = Array.from({ length: 4 }, () => openIntake().intake);
  const outcomes = await Promise.all(
    Array.from({ length: 12 }, async (_, at) => {
      return await intakes[at % 4]?.submit(candidateOf(poor, { idempotencyKey: `poor-${at}`, feeLimit: "1000" }));
    }),
  );
  expect(outcomes.filter((outcome) => outcome && !isRefusal(outcome))).toHaveLength(2);
  const refused = outcomes.find((outcome) => outcome && isRefusal(outcome));
  expect(refused).toEqual({ code: "POLICY_BUDGET_EXCEEDED", detail: { available: "500", required: "1000" } });
  expect(await readBudget(opened.database, poor)).toEqual({ account: poor, available: "500", reserved: "2000" });
  expect(await sumOfBalances(opened.database)).toBe(0n);
});

test("a queue that is full refuses at once, and takes in again when it has drained", async () => {
  const { intake } = openIntake({ intakeQueue: 5 });
  const submitted = Array.from({ length: 9 }, (_, at) => candidateOf(alice, { idempotencyKey: `queue-${at}` }));
  const outcomes = await Promise.all(submitted.map(async (each) => await intake.submit(each)));
  expect(outcomes.filter((outcome) => isRefusal(outcome) && outcome.code === "POLICY_OVERLOADED")).toHaveLength(4);
  await intake.drain();
  expect(await intake.submit(candidateOf(alice, { idempotencyKey: "queue-8" }))).toMatchObject({ repeated: false });
});

test("a submission that the database refuses does not fail its neighbours", async () => {
  const { intake } = openIntake();
  const poison = { ...candidateOf(alice, { idempotencyKey: "poison" }), envelopeText: "\0" };
  const settled = await Promise.allSettled([
    intake.submit(candidateOf(alice, { idempotencyKey: "before" })),
    intake.submit(poison),
    intake.submit(candidateOf(alice, { idempotencyKey: "after" })),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await count("ledger.task", "idempotency_key IN ('before', 'poison', 'after')", [])).toBe(2);
});

test("a new version counts once it is rolled out and the policy that it names is the one applied", async () => {
  const { intake } = openIntake();
  const early = candidateOf(alice, { idempotencyKey: "early", semanticVersion: "2026.2" });
  expect(await intake.submit(early)).toMatchObject({ code: "VERSION_SEMANTIC_UNKNOWN" });
  await opened.database.query(
    `INSERT INTO ledger.rollout (scope, from_epoch, semantic_versions, policy_versions, ordered_at) VALUES
      ('main', 2, '{2026.1,2026.2}', '{1}', $1), ('main', 3, '{2026.2}', '{1}', $1)`,
    [startOfTests],
  );
  expect(await openIntake().intake.submit(early)).toMatchObject({ code: "VERSION_SEMANTIC_UNKNOWN" });
  await opened.database.query(
    `INSERT INTO work.epoch (scope, epoch, status, open_at, close_at, trigger, semantic_version_set, policy_version_set)
      VALUES ('main', 1, 'closed', $1, $1, 'order', '{2026.1}', '{1}')`,
    [startOfTests],
  );
  expect(await openIntake().intake.submit(early)).toMatchObject({ repeated: false });
});
