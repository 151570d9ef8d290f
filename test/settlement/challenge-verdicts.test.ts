// Challenges and settlements: a candidate waits for them, fails by them, and both sides follow the anchor where it decides.
import { afterEach, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import type { Hex } from "#protocol/hash.ts";
import { accountNames, readBalances, sumOfBalances } from "#storage/accounts.ts";
import { giveToAnchor, lockStandingCandidate } from "#storage/challenge-standing.ts";
import { readChallenge } from "#storage/challenge-views.ts";
import { epochSubject } from "#storage/epochs.ts";
import { appendJournal } from "#storage/journal.ts";
import { readCandidate } from "#storage/settlements.ts";
import { readSettlements } from "#storage/reading.ts";
import { challengeVerdictStep } from "#settlement/challenge-verdicts.ts";
import {
  challenger,
  challengeState,
  challengeTask,
  decide,
  evidenceFor,
  penalties,
  reviewAll,
  statementFor,
  taskState,
  tryOpening,
} from "./challenging.ts";
import { finishedTask, place, policy, scope, treasuryAccount, type FinishedTask } from "./finished-tasks.ts";
import { closeOver, openSettling, pass, settle, showAnchored, type Settling } from "./settling.ts";

const opened: Settling[] = [];

afterEach(async () => {
  for (const settling of opened.splice(0)) await settling.close();
});

/** An epoch of ten tasks with a candidate, and the first of its tasks. */
async function candidate(): Promise<{ settling: Settling; epoch: number; task: FinishedTask }> {
  const settling = await openSettling({ ...policy, penalties });
  opened.push(settling);
  const tasks = Array.from({ length: 10 }, (_, number) => finishedTask(number));
  const epoch = await closeOver(settling, tasks);
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
  return { settling, epoch, task: finishedTask(3) };
}

/** The candidate was given to the anchor, and stands there. */
async function give(settling: Settling, epoch: number): Promise<void> {
  const key = { scope, epoch, revision: 1 };
  const given = await settling.database.transaction((transaction) =>
    giveToAnchor(transaction, key, { found: false, now: settling.now }),
  );
  expect(given).toBe("given");
}

/** Has the anchor say something about the evidence of a challenge, as the follower journals it. */
async function anchorSays(
  settling: Settling,
  epoch: number,
  event: { readonly event: "Challenged" | "Resolved"; readonly evidenceHash: Hex; readonly upheld?: boolean },
): Promise<void> {
  const root = (await readCandidate(settling.database, { scope, epoch, revision: 1 }))?.root ?? "0x";
  const where = { blockNumber: "70", transactionHash: `0x${"dd".repeat(32)}` };
  const body = canonicalText({ ...event, ...where, root, challenger });
  const act = { kind: "anchor", subject: epochSubject(scope, epoch), body };
  await settling.database.transaction((transaction) => appendJournal(transaction, [act], settling.now));
}

async function evidenceHashOf(settling: Settling, challengeId: Hex): Promise<Hex> {
  return (await readChallenge(settling.database, challengeId))?.evidenceHashes.at(-1) ?? "0x";
}

test("an open challenge keeps its candidate from finalizing, whatever the window; a dismissed one does not [CHAL-04, CHAL-06]", async () => {
  const { settling, epoch, task } = await candidate();
  await give(settling, epoch);
  const challengeId = await challengeTask(settling, task, { epoch });
  await showAnchored(settling, epoch, "candidate");
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
  await reviewAll(settling, "not_confirmed");
  pass(settling, 10_000);
  expect((await settle(settling, epoch)).state).toBe("candidate_ready");
  await decide(settling, challengeId, { upheld: false });
  expect(await taskState(settling, task.taskId)).toBe("awaiting_settlement");
  expect((await settle(settling, epoch)).state).toBe("finalizing");
  const { rows } = await settling.database.query(`SELECT key FROM work.outbox WHERE topic = 'anchor.finalize'`);
  expect(rows).toHaveLength(1);
});

test("a challenge and the finalization that it meets at the same moment: one waits for the other [CHAL-04]", async () => {
  const { settling, epoch, task } = await candidate();
  await showAnchored(settling, epoch, "candidate");
  const evidence = evidenceFor(task);
  const statement = await statementFor(settling, task, { epoch, evidence });
  const [answer] = await Promise.all([tryOpening(settling, statement, evidence), settle(settling, epoch)]);
  const { state } = await settle(settling, epoch);
  // Whichever came first: a candidate that is finalizing was not challenged before it began to.
  if (state === "candidate_ready") expect(answer).toMatchObject({ repeated: false });
  else expect(state).toBe("finalizing");
});

test("upheld before it is on the anchor: the next revision has another root without the item, the old one stays readable [CHAL-05, SETL-10]", async () => {
  const { settling, epoch, task } = await candidate();
  const first = await readCandidate(settling.database, { scope, epoch, revision: 1 });
  const challengeId = await challengeTask(settling, task, { epoch });
  await reviewAll(settling, "confirmed");
  await decide(settling, challengeId, { upheld: true });
  expect(await settle(settling, epoch)).toMatchObject({ state: "candidate_ready", revision: 2 });
  const second = await readCandidate(settling.database, { scope, epoch, revision: 2 });
  expect(second?.header).toMatchObject({ itemCount: 9, revision: 1 });
  expect(second?.root).not.toBe(first?.root);
  expect(await readCandidate(settling.database, { scope, epoch, revision: 1 })).toEqual(first);
  const [failed, live] = await readSettlements(settling.database, scope, epoch);
  expect(failed).toMatchObject({ state: "failed", root: first?.root });
  expect(failed?.failure).toContain(challengeId);
  expect(live).toMatchObject({ state: "candidate_ready", revision: 2 });
  const { rows } = await settling.database.query<{ body: string }>(
    `SELECT body FROM work.outbox WHERE key = 'settlement.event:failed:${scope}/${epoch}/1'`,
  );
  expect(JSON.parse(rows[0]?.body ?? "{}")).toMatchObject({ event: "failed", revision: 1 });
  const given = await settling.database.transaction((transaction) =>
    giveToAnchor(transaction, { scope, epoch, revision: 1 }, { found: false, now: settling.now }),
  );
  expect(given).toBe("ended");

  await showAnchored(settling, epoch, "candidate", 2);
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "finalized", 2);
  expect((await settle(settling, epoch)).state).toBe("finalized");
  expect(await taskState(settling, task.taskId)).toBe("rejected");
  const reserved = accountNames.reserved(task.envelope.submitter);
  expect((await readBalances(settling.database, [reserved])).get(reserved)).toBe(0n);
  expect(await sumOfBalances(settling.database)).toBe(0n);
});

test("a penalty is taken in a later epoch, from what the account earns there; what is final stays as it was [CHAL-05, RWRD-04]", async () => {
  const { settling, epoch, task } = await candidate();
  const challengeId = await challengeTask(settling, task, { epoch });
  await reviewAll(settling, "confirmed");
  await decide(settling, challengeId, { upheld: true });
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "candidate", 2);
  await settle(settling, epoch);
  await showAnchored(settling, epoch, "finalized", 2);
  await settle(settling, epoch);
  const final = await readCandidate(settling.database, { scope, epoch, revision: 2 });

  const later = await closeOver(
    settling,
    Array.from({ length: 10 }, (_, number) => finishedTask(100 + number)),
  );
  expect((await settle(settling, later)).state).toBe("candidate_ready");
  const { rows } = await settling.database.query<{ amount: bigint; beneficiary: Buffer }>(
    `SELECT a.amount, a.beneficiary FROM ledger.adjustment a JOIN ledger.penalty p USING (penalty_id)
      WHERE a.epoch = $1 AND p.challenge_id = decode($2, 'hex') ORDER BY a.amount DESC`,
    [later, challengeId.slice(2)],
  );
  expect(rows.map(({ amount }) => amount)).toEqual([500n, 200n]);
  expect(rows.every(({ beneficiary }) => `0x${beneficiary.toString("hex")}` === treasuryAccount)).toBe(true);
  expect(await readCandidate(settling.database, { scope, epoch, revision: 2 })).toEqual(final);
});

test("a candidate on the anchor fails by the anchor's word alone; governance closes only what nobody put before it", async () => {
  const { settling, epoch, task } = await candidate();
  await give(settling, epoch);
  const challengeId = await challengeTask(settling, task, { epoch });
  await reviewAll(settling, "confirmed");
  const anchorDecides = { code: "GOVERNANCE_ACT_REFUSED", detail: { reason: "the anchor decides" } };
  await expect(decide(settling, challengeId, { upheld: true })).rejects.toMatchObject(anchorDecides);
  const other = await challengeTask(settling, finishedTask(4), { epoch });
  await reviewAll(settling, "not_confirmed");
  await anchorSays(settling, epoch, { event: "Challenged", evidenceHash: await evidenceHashOf(settling, other) });
  await expect(decide(settling, other, { upheld: false })).rejects.toMatchObject(anchorDecides);
  expect(await taskState(settling, task.taskId)).toBe("challenged");
});

test.each([
  ["upheld", "confirmed", { task: "rejected", challenge: "penalty_recorded", penalties: 2 }],
  ["upheld", "not_confirmed", { task: "rejected", challenge: "closed_without_penalty", penalties: 0 }],
  ["dismissed", "confirmed", { task: "awaiting_settlement", challenge: "closed_without_penalty", penalties: 0 }],
  ["dismissed", "not_confirmed", { task: "awaiting_settlement", challenge: "closed_without_penalty", penalties: 0 }],
] as const)(
  "resolved on the anchor as %s, reviewed as %s: the node ends where the chain does [CHAL-07]",
  async (resolution, verdict, end) => {
    const { settling, epoch, task } = await candidate();
    await give(settling, epoch);
    const challengeId = await challengeTask(settling, task, { epoch });
    const evidenceHash = await evidenceHashOf(settling, challengeId);
    const step = challengeVerdictStep(settling.deps);
    await anchorSays(settling, epoch, { event: "Challenged", evidenceHash });
    await anchorSays(settling, epoch, { event: "Resolved", evidenceHash, upheld: resolution === "upheld" });
    // The anchor's word waits for the review.
    expect(await step.run()).toBe(0);
    await reviewAll(settling, verdict);
    expect(await step.run()).toBe(1);
    expect(await step.run()).toBe(0);
    const view = await readChallenge(settling.database, challengeId);
    expect([await taskState(settling, task.taskId), view?.state, view?.penalties.length]).toEqual([
      end.task,
      end.challenge,
      end.penalties,
    ]);
    await showAnchored(settling, epoch, resolution === "upheld" ? "rejected" : "candidate");
    const after = await settle(settling, epoch);
    if (resolution === "upheld") {
      expect(after).toMatchObject({ revision: 2, state: "candidate_ready" });
      expect(await readCandidate(settling.database, { scope, epoch, revision: 2 })).toMatchObject({
        header: { itemCount: 9, revision: 2 },
      });
    } else expect(after).toMatchObject({ revision: 1, state: "finalizing" });
  },
);

test("what the anchor said on blocks that are gone decides nothing [CHAL-07]", async () => {
  const { settling, epoch, task } = await candidate();
  await give(settling, epoch);
  const challengeId = await challengeTask(settling, task, { epoch });
  const evidenceHash = await evidenceHashOf(settling, challengeId);
  await anchorSays(settling, epoch, { event: "Resolved", evidenceHash, upheld: true });
  const gone = canonicalText({ event: "RolledBack", toBlock: "69" });
  const act = { kind: "anchor", subject: Buffer.from(place.anchor.slice(2), "hex"), body: gone };
  await settling.database.transaction((transaction) => appendJournal(transaction, [act], settling.now));
  await reviewAll(settling, "confirmed");
  expect(await challengeVerdictStep(settling.deps).run()).toBe(0);
  expect(await challengeState(settling, challengeId)).toBe("confirmed");
});

test("final is final: what the chain finalized under a challenge completes, and a penalty is all that is left [SETL-08, CHAL-05]", async () => {
  const { settling, epoch, task } = await candidate();
  await give(settling, epoch);
  const challengeId = await challengeTask(settling, task, { epoch });
  const root = await showAnchored(settling, epoch, "finalized");
  expect((await settle(settling, epoch)).state).toBe("finalized");
  expect(await taskState(settling, task.taskId)).toBe("completed");
  const candidateNow = await settling.database.transaction((tx) => lockStandingCandidate(tx, task.taskId));
  expect(candidateNow).toBeUndefined();
  await reviewAll(settling, "confirmed");
  const { failed, penalties: recorded } = await decide(settling, challengeId, { upheld: true });
  expect([failed, recorded.length]).toEqual([undefined, 2]);
  expect(await taskState(settling, task.taskId)).toBe("completed");
  expect(await challengeState(settling, challengeId)).toBe("penalty_recorded");
  expect((await readCandidate(settling.database, { scope, epoch, revision: 1 }))?.root).toBe(root);
  expect(await sumOfBalances(settling.database)).toBe(0n);
  const late = evidenceFor(finishedTask(5));
  const statement = await statementFor(settling, finishedTask(5), { epoch, evidence: late });
  expect(await tryOpening(settling, statement, late)).toMatchObject({ detail: { reason: "the candidate is final" } });
});
