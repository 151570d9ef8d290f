// From a closed epoch to a finalized settlement, on a real database.
import { afterEach, expect, test } from "vitest";
import { secondOpinion } from "#audit/recompute.ts";
import type { Hex } from "#protocol/hash.ts";
import { accountNames, readBalances, sumOfBalances } from "#storage/accounts.ts";
import { Database, type DatabaseOptions, type Isolation, type Queryable } from "#storage/database.ts";
import { readCandidate } from "#storage/settlements.ts";
import { epochStep } from "#settlement/epoch-step.ts";
import { settlementStep } from "#settlement/settlement-step.ts";
import { finishedTask, scope, submitters, type FinishedTask } from "./finished-tasks.ts";
import { storeFinished } from "./stored-tasks.ts";
import { closeOver, openSettling, pass, settle, showAnchored, type Settling } from "./settling.ts";

const opened: Settling[] = [];

afterEach(async () => {
  for (const settling of opened.splice(0)) await settling.close();
});

async function fresh(): Promise<Settling> {
  const settling = await openSettling();
  opened.push(settling);
  return settling;
}

const tasksTo = (count: number): readonly FinishedTask[] =>
  Array.from({ length: count }, (_, number) => finishedTask(number));

async function rootOf(settling: Settling, epoch: number, revision = 1): Promise<Hex | undefined> {
  return (await readCandidate(settling.database, { scope, epoch, revision }))?.root;
}

async function expectSettled({ database }: Settling, epoch: number, items: number): Promise<void> {
  const { rows } = await database.query(
    `SELECT state, count(*) FROM work.task t JOIN ledger.epoch_member m USING (task_id) WHERE m.epoch = $1 GROUP BY state`,
    [epoch],
  );
  expect(rows).toEqual([{ state: "completed", count: BigInt(items) }]);
  const pot = accountNames.pot(scope, epoch);
  const reserved = submitters.map(accountNames.reserved);
  const balances = await readBalances(database, [pot, ...reserved]);
  expect([...balances.values()].every((amount) => amount === 0n)).toBe(true);
  expect(await sumOfBalances(database)).toBe(0n);
}

test("an epoch is collected, checked, agreed on, and finalized with its tasks and money [SETL-01] [LAYR-17]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const epoch = await closeOver(settling, tasksTo(30));
  expect(await settle(settling, epoch)).toMatchObject({ state: "candidate_ready", failure: null });
  const candidate = await readCandidate(database, { scope, epoch, revision: 1 });
  expect(candidate?.header).toMatchObject({ itemCount: 30, revision: 1, previousRoot: `0x${"00".repeat(32)}` });
  expect(candidate?.pot).toBe(BigInt(candidate?.header.payoutTotal ?? "0"));
  await showAnchored(settling, epoch, "candidate");
  expect(await settle(settling, epoch)).toMatchObject({ state: "finalizing" });
  const first = await showAnchored(settling, epoch, "finalized");
  expect(await settle(settling, epoch)).toMatchObject({ state: "finalized" });
  await expectSettled(settling, epoch, 30);

  const next = await closeOver(settling, [finishedTask(100), finishedTask(101)]);
  expect(next).toBe(epoch + 1);
  expect(await settle(settling, next)).toMatchObject({ state: "candidate_ready" });
  expect((await readCandidate(database, { scope, epoch: next, revision: 1 }))?.header.previousRoot).toBe(first);
});

test("the same items in another order of arrival and other pages give the same root [SETL-03]", async () => {
  const tasks = tasksTo(300);
  const shuffled = tasks.toSorted((a, b) => (a.bundleId < b.bundleId ? -1 : 1));
  const [one, two] = [await fresh(), await fresh()];
  const epochOne = await closeOver(one, tasks);
  await storeFinished(two.database, shuffled.slice(0, 120), two.now);
  await epochStep(two.deps).run();
  pass(two, 10);
  const epochTwo = await closeOver(two, shuffled.slice(120));
  expect((await settle(one, epochOne)).state).toBe("candidate_ready");
  expect((await settle(two, epochTwo)).state).toBe("candidate_ready");
  const root = await rootOf(one, epochOne);
  expect(root).toMatch(/^0x[0-9a-f]{64}$/);
  expect(await rootOf(two, epochTwo)).toBe(root);
});

test("where the second opinion differs, the settlement fails with the first difference and nothing is anchored [SETL-06]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const epoch = await closeOver(settling, tasksTo(5));
  const deps = {
    ...settling.deps,
    // What a faulty builder would claim: one unit more for the first payee.
    secondOpinion: (archive: Parameters<typeof secondOpinion>[0], claim: Parameters<typeof secondOpinion>[1]) => {
      const [payout, ...others] = claim.payouts ?? [];
      if (payout === undefined) throw new Error("no payouts");
      return secondOpinion(archive, {
        ...claim,
        payouts: [{ ...payout, amount: `${BigInt(payout.amount) + 1n}` }, ...others],
      });
    },
  };
  const failed = await settle(settling, epoch, deps);
  expect(failed.state).toBe("failed");
  expect(failed.failure).toMatch(/^SETTLEMENT_SECOND_OPINION: payouts\[0\]\.amount is \d+, recomputed \d+$/);
  const { rows } = await database.query(
    `SELECT (SELECT count(*) FROM ledger.candidate) AS candidates, (SELECT count(*) FROM work.outbox WHERE topic LIKE 'anchor%') AS effects`,
  );
  expect(rows).toEqual([{ candidates: 0n, effects: 0n }]);
});

test("where the second opinion cannot judge, the settlement waits, and goes on once it can", async () => {
  const settling = await fresh();
  const epoch = await closeOver(settling, tasksTo(3));
  const unknown = {
    ...settling.deps,
    secondOpinion: () => Promise.resolve({ kind: "unknown" as const, reason: "no store" }),
  };
  expect((await settle(settling, epoch, unknown)).state).toBe("verifying_inputs");
  expect((await settle(settling, epoch)).state).toBe("verifying_inputs");
  pass(settling, 31);
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
});

test("an item that does not hold is left out with its reason, and its money stays reserved [SETL-02]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const [good, bad] = [finishedTask(1), { ...finishedTask(2), bundleSignature: finishedTask(1).bundleSignature }];
  const epoch = await closeOver(settling, [good, bad]);
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
  const manifest = settling.told.find(({ message }) => message === "candidate ready");
  expect(manifest?.fields).toMatchObject({ items: 1, excluded: 1 });
  // The builder took the signature as it was admitted; the second opinion found it, and the candidate was built again.
  const doubt = settling.told.find(({ message }) => message.startsWith("the second opinion differs"));
  expect(JSON.stringify(doubt?.fields)).toMatch(/"field":"parts\[0\]\.items\[[01]\]\.bundleSignature"/);
  await showAnchored(settling, epoch, "finalized");
  expect((await settle(settling, epoch)).state).toBe("finalized");
  const { rows } = await database.query(
    `SELECT w.state, (SELECT body::json->>'why' FROM ledger.journal j WHERE j.subject = w.task_id ORDER BY entry_no DESC LIMIT 1) AS why
      FROM work.task w ORDER BY w.arrival`,
  );
  expect(rows).toEqual([
    { state: "completed", why: "its settlement finalized" },
    { state: "challenged", why: "left out of its settlement: the bundle's signature is not its executor's" },
  ]);
  const account = accountNames.reserved(bad.envelope.submitter);
  expect((await readBalances(database, [account])).get(account)).toBe(BigInt(bad.envelope.feeLimit));
  expect(await sumOfBalances(database)).toBe(0n);
});

test("a candidate rejected on chain fails, stays readable, and a new revision is built [SETL-10]", async () => {
  const settling = await fresh();
  const { database } = settling;
  const epoch = await closeOver(settling, tasksTo(4));
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "rejected");
  const second = await settle(settling, epoch);
  expect(second).toMatchObject({ revision: 2, state: "candidate_ready" });
  expect((await readCandidate(database, { scope, epoch, revision: 2 }))?.header.revision).toBe(2);
  const { rows } = await database.query(`SELECT revision, state, failure FROM work.settlement ORDER BY revision`);
  expect(rows).toMatchObject([
    { revision: 1, state: "failed", failure: "SETTLEMENT_ANCHOR_REFUSED: the candidate was rejected on chain" },
    { revision: 2, state: "candidate_ready", failure: null },
  ]);
  expect(await rootOf(settling, epoch, 1)).toBeDefined();
});

test("another root on the anchor is reported and never followed [ANCH-05]", async () => {
  const settling = await fresh();
  const epoch = await closeOver(settling, tasksTo(2));
  await settle(settling, epoch);
  const candidate = { state: "finalized", revision: 1, root: `0x${"66".repeat(32)}`, finalizableAtSeconds: 0 } as const;
  settling.anchor.set(`${scope}/${epoch}`, { candidate, timeSeconds: 1 });
  pass(settling, 120);
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
  expect(settling.told.filter(({ level }) => level === "error")).toHaveLength(1);
});

/** Ends a process: every transaction after so many is refused, as are all statements outside of one. */
class Killed extends Error {}

class DyingDatabase extends Database {
  #left: number;

  constructor(options: DatabaseOptions, transactions: number) {
    super(options);
    this.#left = transactions;
  }

  override async transaction<T>(
    work: (transaction: Queryable) => Promise<T>,
    options?: { readonly isolation?: Isolation; readonly readOnly?: boolean },
  ): Promise<T> {
    if (this.#left-- <= 0) throw new Killed();
    return await super.transaction(work, options);
  }
}

test("a node killed between any two transactions still comes to the same end", async () => {
  const [whole, killed] = [await fresh(), await fresh()];
  const tasks = tasksTo(12);
  const expected = await closeOver(whole, tasks);
  await settle(whole, expected);
  await storeFinished(killed.database, tasks, killed.now);
  const url = killed.url;
  let deaths = 0;
  const live = async (holder: string, transactions: number, stepOf: typeof epochStep | typeof settlementStep) => {
    const options = { url, applicationName: "dying", maxConnections: 2, statementTimeoutMs: 10_000 };
    const database = new DyingDatabase(options, transactions);
    try {
      await stepOf({ ...killed.deps, database, holder }).run();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      deaths++;
    } finally {
      await database.close();
    }
  };
  for (let lives = 0; lives < 60; lives++) {
    // Looking for members takes a transaction also when there are none; what is done again takes its own each time.
    await live(`epochs-${lives}`, 2, epochStep);
    await live(`settlement-${lives}`, 1 + Math.floor(lives / 4), settlementStep);
    // The next life waits out the duties of the one before.
    pass(killed, 4000);
    const found = await rootOf(killed, 1);
    if (found !== undefined) await showAnchored(killed, 1, "finalized");
    const { rows } = await killed.database.query(`SELECT state FROM work.settlement WHERE epoch = 1`);
    if (rows[0]?.["state"] === "finalized") break;
  }
  expect(deaths).toBeGreaterThan(5);
  expect(await rootOf(killed, 1)).toBe(await rootOf(whole, expected));
  await expectSettled(killed, 1, 12);
});
