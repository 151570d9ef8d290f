// From accepted to awaiting_settlement: the same envelopes over the same records leave the same bytes, however they are worked on.
import { beforeAll, expect, test } from "vitest";
import { startLoop } from "#coordination/loop.ts";
import { openLog } from "#observability/log.ts";
import { openMetrics } from "#observability/metrics.ts";
import { canonicalMove, foldHistory } from "#protocol/histories.ts";
import { taskIdOf } from "#protocol/messages.ts";
import type { QueryResult, SemanticResolutionResult, Transcript } from "#protocol/schemas/execution.ts";
import type { TaskEnvelope } from "#protocol/schemas/task.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import type { Database } from "#storage/database.ts";
import { taskHistories } from "#storage/tasks.ts";
import { registryOf } from "./documents.ts";
import { countStates } from "./database.ts";
import { admit, envelopeOf, openClock, openLayers, type Layers } from "./node.ts";
import { query, question, sequence } from "./sales.ts";
import { east, rowsOf, setStage, west } from "./stage.ts";

const stages = [await setStage(), await setStage(), await setStage()] as const;

const regionRule = registryOf().queryAttributes.find(
  ({ queryAttributeId }) => queryAttributeId === "trade.sales?region",
)?.derivationRuleRef;

/** Questions that are answered, and some that are refused in each of the layers. */
const envelopes: readonly TaskEnvelope[] = Array.from({ length: 90 }, (_, at) => {
  const sources = at % 3 === 0 ? [east] : at % 3 === 1 ? [west, east] : [west];
  const refused = [
    query({ function: "sum", attribute: "turnover" }),
    query({ function: "count" }, { minimumGroupSize: 500 }),
    query({ function: "count" }, { conditions: [{ attribute: "shop", operator: "equal", value: "nowhere" }] }),
  ];
  const program = at % 10 === 0 ? (refused[(at / 10) % 3] ?? question(at)) : question(at);
  return envelopeOf(program, at === 31 ? [{ vault: "north", collection: "sales" }] : sources, `task-${at}`).envelope;
});

function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const next = sequence(seed);
  return items
    .map((item) => ({ item, key: next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** One process, one large batch for everything, in the order of arrival. */
async function workInOne(database: Database, clock: () => Date): Promise<void> {
  await admit(database, envelopes, clock());
  const { handoff, resolve, execute, verify } = openLayers(database, { clock });
  for (const step of [handoff, resolve, execute, verify]) await step.run();
}

/** Three processes with small batches of different sizes, other arrival, all steps at once. */
async function workInMany(database: Database, clock: () => Date): Promise<void> {
  const layers = [3, 7, 1].map((batchLimit, at) =>
    openLayers(database, { clock, batchLimit, holder: `process-${at}` }),
  );
  const order = shuffled(envelopes, 5);
  for (let at = 0; at < order.length; at += 11) {
    await admit(database, order.slice(at, at + 11), clock());
    await Promise.all(
      layers.flatMap(({ verify, handoff, execute, resolve }) =>
        [verify, handoff, execute, resolve].map((step) => step.run()),
      ),
    );
  }
  const names = ["handoff", "resolve", "execute", "verify"] as const;
  for (let taken = 1; taken > 0;) {
    const runs = await Promise.all(layers.flatMap((each: Layers) => names.map((name) => each[name].run())));
    taken = runs.reduce((sum, each) => sum + each, 0);
  }
}

/** The loop of one process, as it runs in a node. */
async function workInLoop(database: Database): Promise<void> {
  const clock = (): Date => openClock().now();
  const layers = openLayers(database, { clock, batchLimit: 16 });
  const log = openLog({ level: "silent" });
  const steps = [layers.deadlines, layers.handoff, layers.resolve, layers.execute, layers.verify];
  const loop = startLoop({ steps, log, metrics: openMetrics(), clock });
  for (const envelope of shuffled(envelopes, 9)) {
    await admit(database, [envelope], clock());
    loop.wake("handoff");
  }
  const isDone = async (): Promise<boolean> => {
    const states = await countStates(database);
    return (states["awaiting_settlement"] ?? 0) + (states["rejected"] ?? 0) === envelopes.length;
  };
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 10));
  await loop.stop();
}

beforeAll(async () => {
  const [one, many, looped] = stages;
  await workInOne(one.database, one.clock.now);
  await workInMany(many.database, many.clock.now);
  await workInLoop(looped.database);
});

const others = stages
  .slice(1)
  .map(({ database }, at) => [["three processes, small batches", "the loop"][at] ?? "", database] as const);

test("every task reached its end, most of them awaiting settlement, while no epoch was ever open [TASK-01] [EPOC-08]", async () => {
  for (const { database } of stages) {
    expect((await database.query(`SELECT 1 FROM work.epoch`)).rowCount).toBe(0);
    const states = await countStates(database);
    expect(Object.keys(states).toSorted()).toEqual(["awaiting_settlement", "rejected"]);
    expect(states["awaiting_settlement"]).toBeGreaterThan(60);
    expect(states["rejected"]).toBeGreaterThan(9);
  }
});

test.each(others)(
  "%s: assignments, results and decisions are the same bytes [LAYR-12, ATTR-05]",
  async (_, database) => {
    for (const table of ["assignment", "result", "decision"]) {
      const expected = await rowsOf(stages[0].database, table);
      expect(expected.length).toBeGreaterThan(60);
      expect(await rowsOf(database, table)).toEqual(expected);
    }
  },
);

test("tasks by query attributes go through every layer: derived in each vault, linked to its snapshot, verified [ATTR-06, ATTR-07]", async () => {
  const { rows } = await stages[0].database.query<{
    transcript: string;
    result: string;
    resolution: string;
    state: string;
    verdict: string;
  }>(
    `SELECT transcript, result, resolution, state, verdict FROM ledger.result JOIN ledger.assignment USING (task_id)
      JOIN work.task USING (task_id) JOIN ledger.decision USING (task_id)`,
  );
  const projected = rows.flatMap(({ resolution, ...row }) => {
    const { references } = JSON.parse(resolution) as SemanticResolutionResult;
    const rules = references.flatMap(({ projection }) => projection?.derivationRuleRef ?? []).toSorted();
    return rules.length === 0 ? [] : [{ ...row, rules }];
  });
  expect(projected.length).toBeGreaterThan(20);
  for (const { transcript, rules, state, verdict } of projected) {
    const { steps } = JSON.parse(transcript) as Transcript;
    expect(
      steps.map(({ projections, digest, size }) => ({ projections, size, isLinked: digest.length === 66 })),
    ).toEqual(steps.map(() => ({ projections: rules, size: 60, isLinked: true })));
    expect([state, verdict]).toEqual(["awaiting_settlement", "accepted"]);
  }
  const keys = projected
    .filter(({ rules }) => rules.some((rule) => rule === regionRule))
    .flatMap(({ result }) => (JSON.parse(result) as QueryResult).groups.map(({ key }) => key));
  expect(new Set(keys)).toEqual(new Set(["north", "west"]));
});

async function canonicalHistories(database: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const ids = envelopes.map((envelope) => taskIdOf(envelope));
  const histories = await taskHistories(database, ids);
  return new Map(ids.map((id) => [id, (histories.get(id) ?? []).map((move) => canonicalMove(id, move.step, move))]));
}

test.each(others)("%s: histories are the same but for the times in them [TASK-08]", async (_, database) => {
  expect(await canonicalHistories(database)).toEqual(await canonicalHistories(stages[0].database));
});

test("every history folds to the state of its task, and names who, why and versions at each step [TASK-03, TASK-08]", async () => {
  for (const { database } of stages) {
    const histories = await taskHistories(
      database,
      envelopes.map((envelope) => taskIdOf(envelope)),
    );
    const { rows } = await database.query<{ id: string; state: string }>(
      `SELECT '0x' || encode(task_id, 'hex') AS id, state FROM work.task`,
    );
    for (const { id, state } of rows) {
      const history = histories.get(id as `0x${string}`) ?? [];
      expect(foldHistory(history)).toBe(state);
      expect(history.every(({ by, why, versions }) => by !== "" && why !== "" && versions.policy === "1")).toBe(true);
    }
  }
});

test("what was reserved for refused tasks is back, and the sum over all accounts is zero", async () => {
  for (const { database } of stages) {
    const { rows } = await database.query<{ reserved: bigint; expected: bigint }>(
      `SELECT (SELECT sum(amount) FROM work.balance WHERE account LIKE 'reserved:%') AS reserved,
        (SELECT sum(fee_limit) FROM ledger.task JOIN work.task USING (task_id) WHERE state = 'awaiting_settlement') AS expected`,
    );
    expect(rows[0]?.reserved).toBe(rows[0]?.expected);
    expect(await sumOfBalances(database)).toBe(0n);
  }
});

test("no artifact, journal entry or refusal holds anything of a record [LAYR-01, LAYR-10]", async () => {
  const { database } = stages[0];
  const texts = [
    ...(await rowsOf(database, "result")),
    ...(await rowsOf(database, "decision")),
    ...(await rowsOf(database, "assignment")),
    ...(await rowsOf(database, "journal")),
  ].join("\n");
  expect(texts).not.toMatch(/customer \d/);
});
