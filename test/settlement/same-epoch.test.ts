// The same finished tasks, whoever settles them and however they came, give the same members, rewards and roots.
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { openDatabase, type Database } from "#storage/database.ts";
import { memberIds } from "#storage/settlement-items.ts";
import { readPayoutLeaves, readRewardRecords } from "#storage/proofs.ts";
import { readCandidate } from "#storage/settlements.ts";
import { epochStep, orderClosing } from "#settlement/epoch-step.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import { finishedTask, scope } from "./finished-tasks.ts";
import { openSettling, pass, showAnchored, type Settling } from "./settling.ts";
import { storeFinished } from "./stored-tasks.ts";

const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const tasks = Array.from({ length: 90 }, (_, number) => finishedTask(number));
const perEpoch = 45;

/** How the tasks come and who works on them. */
type Way = { readonly order: readonly number[]; readonly batch: number; readonly workers: number };

/** The processes that look after the scope: pools and holders of their own over one database. */
function workersOf(settling: Settling, count: number): readonly Settling["deps"][] {
  return Array.from({ length: count }, (_, at) => {
    const options = {
      url: settling.url,
      applicationName: `worker ${at}`,
      maxConnections: 2,
      statementTimeoutMs: 60_000,
    };
    const database: Database = openDatabase(options);
    opened.push(async () => await database.close());
    return { ...settling.deps, database, holder: `worker-${at}` };
  });
}

/** Lets all workers run until the newest settlement of an epoch comes to a state; their duties may go around. */
async function runUntil(settling: Settling, workers: readonly Settling["deps"][], epoch: number, state: string) {
  for (let turn = 0; turn < 40; turn++) {
    await Promise.all(workers.flatMap((deps) => [epochStep(deps).run(), settlementStep(deps).run()]));
    const { rows } = await settling.database.query(
      `SELECT 1 FROM work.settlement WHERE scope = $1 AND epoch = $2 AND state = $3`,
      [scope, epoch, state],
    );
    if (rows.length > 0) return;
    pass(settling, 31);
  }
  throw new Error(`epoch ${epoch} did not come to ${state}`);
}

/** Two epochs over the tasks, each over the same of them; answers everything that has to be the same. */
async function settleBy({ order, batch, workers: count }: Way): Promise<unknown> {
  const settling = await openSettling();
  opened.push(settling.close);
  const { database } = settling;
  const workers = workersOf(settling, count);
  const outcome: unknown[] = [];
  for (const epoch of [1, 2]) {
    const from = (epoch - 1) * perEpoch;
    const own = order.filter((at) => at >= from && at < from + perEpoch);
    for (let next = 0; next < own.length; next += batch) {
      const part = own.slice(next, next + batch).map((at) => tasks[at] ?? finishedTask(at));
      await storeFinished(database, part, settling.now);
      await Promise.all(workers.map((deps) => epochStep(deps).run()));
    }
    for (let turn = 0; (await memberIds(database, scope, epoch)).length < perEpoch; turn++) {
      if (turn > 20) throw new Error("not all tasks became members");
      pass(settling, 31);
      await Promise.all(workers.map((deps) => epochStep(deps).run()));
    }
    await orderClosing(settling.deps, { scope, by: "test" });
    await runUntil(settling, workers, epoch, "candidate_ready");
    await showAnchored(settling, epoch, "finalized");
    await runUntil(settling, workers, epoch, "finalized");
    const key = { scope, epoch, revision: 1 };
    const candidate = await readCandidate(database, key);
    outcome.push({
      members: await memberIds(database, scope, epoch),
      rewards: await readRewardRecords(database, key),
      payouts: await readPayoutLeaves(database, key),
      header: candidate?.header,
      subRoots: candidate?.subRoots,
      root: candidate?.root,
    });
  }
  for (const close of opened.splice(0).reverse()) await close();
  return outcome;
}

const ordered = tasks.map((_, at) => at);

test(
  "1, 2 and 4 workers, batches of any size and any order of arrival come to the same bytes [SETL-03]",
  { timeout: 240_000 },
  async () => {
    const expected = await settleBy({ order: ordered, batch: perEpoch, workers: 1 });
    const seed = 20261121;
    console.error(`[seed] same epoch ${seed}`);
    const counts = [1, 2, 4];
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(ordered, { minLength: ordered.length }),
        fc.integer({ min: 9, max: perEpoch }),
        async (order, batch) => {
          const workers = counts[run++ % counts.length] ?? 1;
          expect(await settleBy({ order, batch, workers })).toEqual(expected);
        },
      ),
      { numRuns: 6, seed, endOnFailure: true },
    );
  },
);
