// How long closing an epoch takes, from the order to a committed candidate that two builders agree on, and where the time goes.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secondOpinionOver } from "#cli/wiring/second-opinion.ts";
import { epochStep, orderClosing, type EpochDeps } from "#settlement/epoch-step.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import type { SettlementDeps } from "#settlement/settlement-work.ts";
import type { AnchorPlace } from "#protocol/settlement-root.ts";
import type { Database } from "#storage/database.ts";
import { createFolderStore } from "#storage/objects/folder.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { newestSettlement } from "#storage/settlements.ts";
import { finishedTask, place, scope } from "../settlement/finished-tasks.ts";
import { publishGround, storeFinished } from "../settlement/stored-tasks.ts";
import { measured, withBenchDatabase, type Spent } from "./bench-database.ts";

/** Seconds by what they were spent on; stages overlap, so that they add up to more than the whole. */
export type ClosingStages = Record<"close" | "read" | "archive" | "opinion" | "commit", number>;

/** What a closing took: from the order to close to candidate_ready. */
export type ClosingFigures = Spent & {
  readonly items: number;
  /** Making the tasks members, which happens as they arrive, before the order. */
  readonly assignment: Spent;
  readonly stages: ClosingStages;
  readonly root: string;
};

const clock = (): Date => new Date();
const storedAtOnce = 5_000;

/** Stores finished tasks; numbers go on from `from`, so that every task is another. */
export async function storeMany(database: Database, items: number, from = 0): Promise<void> {
  for (let at = 0; at < items; at += storedAtOnce) {
    const numbers = Array.from({ length: Math.min(storedAtOnce, items - at) }, (_, index) => from + at + index);
    await storeFinished(
      database,
      numbers.map((number) => finishedTask(number)),
      clock(),
    );
  }
}

async function timed<T>(stages: ClosingStages, stage: keyof ClosingStages, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  try {
    return await work();
  } finally {
    stages[stage] += (performance.now() - from) / 1000;
  }
}

const quiet = { info: () => undefined, warn: console.error, error: console.error };

/** The same with a clock beside what reads members, and beside transactions once `isCommitting`. */
function timedDatabase(database: Database, stages: ClosingStages, isCommitting: () => boolean): Database {
  const methods: Partial<Database> = {
    query: (statement, values) =>
      typeof statement === "object" && /^(settlement-|task-histories)/.test(statement.name)
        ? timed(stages, "read", () => database.query(statement, values))
        : database.query(statement, values),
    transaction: (work, options) =>
      isCommitting()
        ? timed(stages, "commit", () => database.transaction(work, options))
        : database.transaction(work, options),
  };
  return Object.setPrototypeOf(methods, database) as Database;
}

/** Where closing takes place. */
type Setting = { readonly scope: string; readonly place: AnchorPlace };

/** Everything that closing needs, as a node wires it, with a clock beside each stage. */
function timedDeps(database: Database, store: ObjectStore, objects: string, setting: Setting, stages: ClosingStages) {
  const { secondOpinion, onPart } = secondOpinionOver(objects);
  let judged = false;
  const deps: SettlementDeps & EpochDeps = {
    database: timedDatabase(database, stages, () => judged),
    store: { ...storeOf(store), putOnce: (key, bytes) => timed(stages, "archive", () => store.putOnce(key, bytes)) },
    clock,
    log: quiet,
    holder: "bench",
    scopes: [setting.scope],
    place: setting.place,
    secondOpinion: async (archive, claim) => {
      const verdict = await timed(stages, "opinion", () => secondOpinion(archive, claim));
      judged = true;
      return verdict;
    },
    onPart,
    readAnchor: () => Promise.reject(new Error("nothing is anchored here")),
    pollSeconds: 1,
    noise: (size) => new Uint8Array(size),
  };
  return deps;
}

const storeOf = (store: ObjectStore): ObjectStore => ({
  putOnce: (key, bytes) => store.putOnce(key, bytes),
  get: (key) => store.get(key),
  has: (key) => store.has(key),
  list: (prefix) => store.list(prefix),
});

/** Closes the open epoch of the scope over what waits, and settles it as far as a committed candidate. */
export async function closeEpochTimed(
  database: Database,
  setting: Setting = { scope, place },
): Promise<ClosingFigures> {
  const objects = await mkdtemp(join(tmpdir(), "scs-bench-closing-"));
  try {
    const stages: ClosingStages = { close: 0, read: 0, archive: 0, opinion: 0, commit: 0 };
    const deps = timedDeps(database, await createFolderStore(objects), objects, setting, stages);
    const epochs = epochStep(deps);
    const assignment = await measured(database, async () => {
      while ((await epochs.run()) > 0);
    });
    const closing = await measured(database, async () => {
      const epoch = await orderClosing(deps, { scope: setting.scope, by: "bench" });
      await timed(stages, "close", () => epochs.run());
      const settlement = settlementStep(deps);
      let state: string | undefined;
      for (let runs = 0; runs < 10 && state !== "candidate_ready"; runs++) {
        await settlement.run();
        state = (await newestSettlement(database, setting.scope, epoch))?.state;
      }
      return epoch;
    });
    const { rows } = await database.query<{ items: bigint; root: Buffer }>(
      `SELECT item_count AS items, root FROM ledger.candidate WHERE scope = $1 AND epoch = $2`,
      [setting.scope, closing.result],
    );
    const [candidate] = rows;
    if (candidate === undefined) throw new Error("the epoch did not come to a candidate");
    return { ...closing, items: Number(candidate.items), root: candidate.root.toString("hex"), assignment, stages };
  } finally {
    await rm(objects, { recursive: true, force: true });
  }
}

/** Closes an epoch of so many items in a database of its own. */
export async function benchClosing(adminUrl: string, items = 10_000): Promise<ClosingFigures> {
  return await withBenchDatabase(adminUrl, async ({ database, migrator }) => {
    await publishGround(database);
    await storeMany(database, items);
    await migrator.query("ANALYZE");
    return await closeEpochTimed(database);
  });
}

if (process.argv[1] === import.meta.filename) {
  const url = process.env["SCS_TEST_DATABASE_URL"] ?? "";
  console.log(JSON.stringify(await benchClosing(url, Number(process.argv[2] ?? 10_000)), null, 2));
}
