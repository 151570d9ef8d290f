// Settlements move along their table alone; what ended stays.
import { afterAll, beforeAll, expect, test } from "vitest";
import { allows, settlementLifecycle, type SettlementState } from "#protocol/lifecycles.ts";
import { moveSettlement, newestSettlement, readCandidate, startRevision } from "#storage/settlements.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { closeOver, openSettling, settle, showAnchored, type Settling } from "#test/settlement/settling.ts";

let settling: Settling;
let epoch: number;

beforeAll(async () => {
  settling = await openSettling();
  epoch = await closeOver(settling, [finishedTask(1), finishedTask(2)]);
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "finalized");
  await settle(settling, epoch);
});

afterAll(async () => {
  await settling.close();
});

test("an ended settlement stays, and is never deleted [SETL-08]", async () => {
  const { database, migrator } = settling;
  for (const role of [database, migrator]) {
    await expect(role.query(`UPDATE work.settlement SET state = 'collecting'`)).rejects.toThrow(/change refused/);
    await expect(role.query(`DELETE FROM work.settlement`)).rejects.toThrow(/permission denied|change refused/);
  }
});

test("a second finalized root for an epoch is refused [ANCH-02]", async () => {
  const { database } = settling;
  const statement = `INSERT INTO ledger.finalized SELECT scope, epoch, revision, sha256(root), previous_root, block_number,
    block_hash, transaction_hash, at FROM ledger.finalized`;
  await expect(database.query(statement)).rejects.toThrow(/finalized_pkey/);
});

test("every move outside the table is refused before anything is written [SETL-01]", async () => {
  const { database, now } = settling;
  const states = Object.keys(settlementLifecycle.states) as SettlementState[];
  const refused = states.flatMap((from) =>
    states.filter((to) => !allows(settlementLifecycle, from, to)).map((to) => ({ from, to })),
  );
  expect(refused.length).toBeGreaterThan(20);
  for (const { from, to } of refused) {
    const settlement = { scope, epoch, revision: 1, state: from, failure: null, dueAt: now };
    const failure = to === "failed" ? { failure: "x" } : {};
    const moving = database.transaction((transaction) =>
      moveSettlement(transaction, { settlement, to, by: "test", why: "none", ...failure }, now),
    );
    await expect(moving).rejects.toMatchObject({ code: "SETTLEMENT_TRANSITION_REFUSED" });
  }
});

test("a move from a state that has passed does nothing; a settlement that did not fail gets no revision", async () => {
  const { database, now } = settling;
  const settlement = { scope, epoch, revision: 1, state: "collecting", failure: null, dueAt: now } as const;
  const move = { settlement, to: "verifying_inputs", by: "test", why: "none" } as const;
  expect(await database.transaction((transaction) => moveSettlement(transaction, move, now))).toBe(false);
  const request = { scope, epoch, by: "test", why: "again" };
  expect(await database.transaction((transaction) => startRevision(transaction, request, now))).toBeUndefined();
  expect(await newestSettlement(database, scope, epoch)).toMatchObject({ state: "finalized", revision: 1 });
});

test("a candidate reads back as it was recorded", async () => {
  const stored = await readCandidate(settling.database, { scope, epoch, revision: 1 });
  expect(stored?.header).toMatchObject({ epoch, revision: 1, itemCount: 2 });
  expect(await readCandidate(settling.database, { scope, epoch, revision: 2 })).toBeUndefined();
});
