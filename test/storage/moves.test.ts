// Moves in the table's words, the release that an ending brings along, and how large a batch may be.
import fc from "fast-check";
import { expect, test } from "vitest";
import { stepBatchLimit } from "#protocol/limits.ts";
import { taskLifecycle } from "#protocol/lifecycles.ts";
import { readBudget } from "#storage/budgets.ts";
import { sumOfBalances } from "#storage/accounts.ts";
import { commitMoves, moveOf, nextBatchLimit } from "#storage/moves.ts";
import { claimTasks, type Claim } from "#storage/tasks.ts";
import { policyOf } from "#test/layers/documents.ts";
import { submitter } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";
import { budget, east, lastMove, setStage, stateOf } from "#test/layers/stage.ts";

const { database, clock, submit } = await setStage({ records: 5 });
const count = query({ function: "count" });

async function claimed(feeLimit: string): Promise<Claim> {
  const taskId = await submit(count, [east], { feeLimit });
  const claims = await claimTasks(database, { state: "accepted", holder: "test", limit: 10, now: clock.now() });
  const claim = claims.find((each) => each.taskId === taskId);
  if (!claim) throw new Error("claimed");
  return claim;
}
const policy = policyOf({
  stages: { ...policyOf().stages, resolving: { deadlineSeconds: 7, maximumAttempts: 1, backoffMilliseconds: 1 } },
});

test("a move says who and why in the table's words, and ends when the policy's stage does [TASK-03, TASK-05]", async () => {
  const claim = await claimed("5000");
  const move = moveOf({ claim, to: "resolving", policy }, clock.now());
  expect(move).toEqual({
    claim,
    to: "resolving",
    by: "coordination",
    why: "handed to the semantic layer",
    deadlineAt: new Date(clock.now().getTime() + 7_000),
  });
  for (const { from, to } of taskLifecycle.transitions) {
    const { deadlineAt } = moveOf({ claim: { ...claim, state: from }, to, policy }, clock.now());
    expect(deadlineAt === null).toBe(!["resolving", "dispatched", "verifying"].includes(to));
  }
});

test("a move that the table does not have is a programmer's error [TASK-02]", async () => {
  const claim = await claimed("5000");
  expect(() => moveOf({ claim, to: "verifying", policy }, clock.now())).toThrow(
    "the table has a move from accepted to verifying",
  );
});

test("an ending gives the fee limit back in the same transaction, or none of it happens", async () => {
  const before = await readBudget(database, submitter.address);
  const claim = await claimed("123456");
  const move = moveOf({ claim, to: "rejected", policy, refusal: { code: "AUTH_ROLE", detail: { a: 1 } } }, clock.now());
  const failing = database.transaction(async (transaction) => {
    await commitMoves(transaction, [move], clock.now());
    throw new Error("on the way");
  });
  await expect(failing).rejects.toThrow("on the way");
  expect(await stateOf(database, claim.taskId)).toBe("accepted");
  await database.transaction(async (transaction) => await commitMoves(transaction, [move], clock.now()));
  expect(await readBudget(database, submitter.address)).toEqual(before);
  expect(await lastMove(database, claim.taskId)).toMatchObject({
    to: "rejected",
    detail: { code: "AUTH_ROLE", detail: { a: 1 } },
  });
  // Again, as whoever lost the task would: nothing is given back twice.
  const again = await database.transaction(async (transaction) => await commitMoves(transaction, [move], clock.now()));
  expect(again.size).toBe(0);
  expect(await readBudget(database, submitter.address)).toEqual(before);
  expect(BigInt(before.available) <= budget).toBe(true);
  expect(await sumOfBalances(database)).toBe(0n);
});

test("batches shrink when they take long, grow again when they do not, and stay within bounds", () => {
  const runs = fc.array(fc.record({ taken: fc.nat(stepBatchLimit), milliseconds: fc.nat(60_000) }), { maxLength: 40 });
  fc.assert(
    fc.property(runs, (history) => {
      let limit = stepBatchLimit;
      for (const { taken, milliseconds } of history) {
        const next = nextBatchLimit(limit, { taken: Math.min(taken, limit), milliseconds }, stepBatchLimit);
        expect(next).toBeGreaterThanOrEqual(1);
        expect(next).toBeLessThanOrEqual(stepBatchLimit);
        if (milliseconds > 15_000) expect(next).toBeLessThanOrEqual(Math.max(1, limit / 2));
        else expect(next).toBeGreaterThanOrEqual(limit);
        limit = next;
      }
    }),
  );
  expect(nextBatchLimit(8, { taken: 8, milliseconds: 100 }, 256)).toBe(16);
  expect(nextBatchLimit(8, { taken: 3, milliseconds: 100 }, 256)).toBe(8);
});
