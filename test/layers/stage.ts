// A database in which two vaults have granted their sales to a submitter with a budget: ready for tasks.
import type { TaskState } from "#protocol/lifecycles.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Policy } from "#protocol/schemas/policy.ts";
import type { ProtectedQuery, Source, TaskEnvelope } from "#protocol/schemas/task.ts";
import type { Database } from "#storage/database.ts";
import { taskHistories } from "#storage/tasks.ts";
import { useDatabase } from "./database.ts";
import { policyOf, registryOf } from "./documents.ts";
import {
  admit,
  envelopeOf,
  fillVault,
  giveBudget,
  grantQueries,
  openClock,
  publish,
  submitter,
  type Layers,
} from "./node.ts";
import { salesVault } from "./sales.ts";

export const east: Source = { vault: "east", collection: "sales" };
export const west: Source = { vault: "west", collection: "sales" };

/** Money that the submitter has in each test. */
export const budget = 10n ** 12n;

/** Makes the stage. Dropped after the file's last test. */
export async function setStage({
  policy = policyOf(),
  records = 60,
}: { readonly policy?: Policy; readonly records?: number } = {}) {
  const { database, test } = await useDatabase();
  const clock = openClock();
  await publish(database, registryOf(), policy, clock.now());
  for (const [source, seed] of [
    [east, 1],
    [west, 2],
  ] as const) {
    await fillVault(database, salesVault(source.vault, records, seed), { clock: clock.now });
    await grantQueries(database, source, { clock: clock.now });
  }
  await giveBudget(database, submitter.address, budget, clock.now());
  let count = 0;
  /** Admits a task of its own and answers its id. */
  const submit = async (
    program: ProtectedQuery,
    sources: readonly Source[] = [east],
    more: Partial<TaskEnvelope> = {},
  ): Promise<Hex> => {
    const { envelope, taskId } = envelopeOf(program, sources, `stage-${++count}`, more);
    await admit(database, [envelope], clock.now());
    return taskId;
  };
  return { database, test, clock, submit };
}

/** Runs steps in their order until none takes anything. */
export async function settle(...steps: readonly Layers[keyof Omit<Layers, "cache">][]): Promise<void> {
  for (let taken = 1; taken > 0;) {
    taken = 0;
    for (const step of steps) taken += await step.run();
  }
}

/** Where a task stands, as its row says. */
export async function stateOf(database: Database, taskId: Hex): Promise<TaskState | undefined> {
  const { rows } = await database.query<{ state: TaskState }>(
    `SELECT state FROM work.task WHERE task_id = decode(substr($1, 3), 'hex')`,
    [taskId],
  );
  return rows[0]?.state;
}

/** The last entry of a task's history. */
export async function lastMove(database: Database, taskId: Hex) {
  return (await taskHistories(database, [taskId])).get(taskId)?.at(-1);
}

/** Every row of a ledger table, as text, in a fixed order: to see that nothing was written or changed. */
export async function rowsOf(database: Database, table: string): Promise<readonly string[]> {
  const { rows } = await database.query<{ row: string }>(`SELECT t::text AS row FROM ledger.${table} t ORDER BY 1`);
  return rows.map(({ row }) => row);
}
