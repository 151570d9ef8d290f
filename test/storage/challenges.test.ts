// Challenges in the database: one writer of states, one challenge at a time, claims that outdate, and what a verdict does.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { allows, challengeLifecycle, type ChallengeState } from "#protocol/lifecycles.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import { challengeIdOf } from "#protocol/messages.ts";
import { accountNames, readBalances } from "#storage/accounts.ts";
import { claimChallenges, lockChallenge, moveChallenges, releaseChallenge } from "#storage/challenges.ts";
import { listChallenges, readChallenge, readChallengeEvidence } from "#storage/challenge-views.ts";
import { taskHistories } from "#storage/tasks.ts";
import { executors, finishedTask, policy, scope, verifiers, type FinishedTask } from "../settlement/finished-tasks.ts";
import {
  challenger,
  challengeState,
  challengeTask,
  decide,
  evidenceFor,
  penalties,
  reopen,
  reviewAll,
  statementFor,
  taskState,
  tryOpening,
} from "../settlement/challenging.ts";
import { closeOver, openSettling, pass, settle, type Settling } from "../settlement/settling.ts";

const tasks = Array.from({ length: 12 }, (_, number) => finishedTask(number));
let settling: Settling;
let epoch = 0;

const taskAt = (at: number): FinishedTask => finishedTask(at);

beforeAll(async () => {
  settling = await openSettling({ ...policy, penalties });
  epoch = await closeOver(settling, tasks);
  await settle(settling, epoch);
});
afterAll(async () => await settling.close());

const page = { after: undefined, limit: 100 };

test("a challenge names task, decision, candidate and evidence, moves its task, and is the same when it is sent again [CHAL-02]", async () => {
  const task = taskAt(0);
  const evidence = evidenceFor(task);
  const statement = await statementFor(settling, task, { epoch, evidence });
  const opened = await tryOpening(settling, statement, evidence);
  const challengeId = challengeIdOf(statement);
  expect(opened).toEqual({ challengeId, repeated: false });
  expect(await tryOpening(settling, statement, evidence)).toEqual({ challengeId, repeated: true });
  expect(await taskState(settling, task.taskId)).toBe("challenged");
  const [last] = ((await taskHistories(settling.database, [task.taskId])).get(task.taskId) ?? []).slice(-1);
  expect(last).toMatchObject({ from: "awaiting_settlement", why: "a challenge was opened", detail: { challengeId } });
  const view = await readChallenge(settling.database, challengeId);
  expect(view).toMatchObject({
    challengeId,
    challenge: statement,
    origin: "api",
    state: "opened",
    round: 1,
    evidenceHashes: [statement.evidenceHash],
    reviews: [],
    penalties: [],
  });
  expect(view?.history).toMatchObject([{ from: null, to: "opened", by: challenger }]);
  expect(await readChallengeEvidence(settling.database, challengeId)).toEqual([
    { round: 1, evidenceHash: statement.evidenceHash, evidence },
  ]);
});

test("what is not there cannot be attacked, and leaves nothing [CHAL-02]", async () => {
  const [task, other] = [taskAt(1), taskAt(2)];
  const evidence = evidenceFor(task);
  const statement = await statementFor(settling, task, { epoch, evidence });
  const { candidate } = statement;
  if (candidate === null) throw new Error("it names one");
  const reasonOf = async (change: Partial<typeof statement>, brought = evidence) => {
    const answer = await tryOpening(settling, { ...statement, ...change }, brought);
    return "code" in answer ? [answer.code, answer.detail["reason"] ?? answer.detail["part"]] : answer;
  };
  const nothing: Hex = `0x${"99".repeat(32)}`;
  expect(await reasonOf({ evidenceHash: nothing })).toEqual(["VERIFY_EVIDENCE_INVALID", "evidenceHash"]);
  expect(await reasonOf({}, evidenceFor(other))).toEqual(["VERIFY_EVIDENCE_INVALID", "taskId"]);
  expect(await reasonOf({ decisionId: nothing })).toEqual(["VERIFY_EVIDENCE_INVALID", "decision"]);
  expect(await reasonOf({ candidate: null })).toEqual(["VERIFY_CHALLENGE_REFUSED", "it names no candidate"]);
  for (const change of [{ root: nothing }, { revision: 2 }, { epoch: epoch + 1 }, { scope: "elsewhere" }]) {
    const named = { candidate: { ...candidate, ...change } };
    expect(await reasonOf(named)).toEqual(["VERIFY_CHALLENGE_REFUSED", "no such candidate"]);
  }
  const stranger = evidenceFor(finishedTask(900));
  const strange = await statementFor(settling, finishedTask(900), { epoch, evidence: stranger });
  expect(await tryOpening(settling, strange, stranger)).toMatchObject({
    detail: { reason: "the candidate does not hold the task" },
  });
  expect(await taskState(settling, task.taskId)).toBe("awaiting_settlement");
  expect((await listChallenges(settling.database, { task: task.taskId }, page)).items).toEqual([]);
});

test("one challenge at a time is under way against a task, also when many are opened at once", async () => {
  const task = taskAt(3);
  const brought = await Promise.all(
    Array.from({ length: 6 }, async (_, at) => {
      const evidence = evidenceFor(task, `challenger ${at}`);
      return { evidence, statement: await statementFor(settling, task, { epoch, evidence }) };
    }),
  );
  const answers = await Promise.all(
    brought.map(({ evidence, statement }) => tryOpening(settling, statement, evidence)),
  );
  expect(answers.filter((answer) => !("code" in answer))).toHaveLength(1);
  const refusals = answers.filter((answer) => "code" in answer);
  expect(new Set(refusals.map(({ detail }) => detail["reason"]))).toEqual(
    new Set(["another challenge of the task is under way"]),
  );
  const otherId = hexToBytes(`0x${"77".repeat(32)}`);
  const slipIn = settling.database.transaction(async (transaction) => {
    await transaction.query(
      `INSERT INTO ledger.challenge SELECT $1, origin, task_id, decision_id, scope, epoch, revision, root, challenger, body, signature, at
        FROM ledger.challenge WHERE task_id = $2`,
      [otherId, hexToBytes(task.taskId)],
    );
    await transaction.query(
      `INSERT INTO work.challenge (challenge_id, task_id, scope, state, due_at) VALUES ($1, $2, $3, 'opened', $4)`,
      [otherId, hexToBytes(task.taskId), scope, settling.now],
    );
  });
  await expect(slipIn).rejects.toMatchObject({ code: "23505", constraint: "one_live_challenge" });
});

test("every pair of states is allowed by the table or refused, and only the allowed ones write and are journalled [CHAL-01]", async () => {
  const challengeId = await challengeTask(settling, taskAt(4), { epoch });
  const states = Object.keys(challengeLifecycle.states) as ChallengeState[];
  for (const from of states) {
    for (const to of states) {
      const attempt = settling.migrator.transaction(async (transaction) => {
        await transaction.query(`ALTER TABLE work.challenge DISABLE TRIGGER guard`);
        await transaction.query(`UPDATE work.challenge SET state = $2 WHERE challenge_id = $1`, [
          hexToBytes(challengeId),
          from,
        ]);
        const challenge = await lockChallenge(transaction, challengeId);
        if (challenge === undefined) throw new Error("it stands somewhere");
        const moved = await moveChallenges(transaction, [{ challenge, to }], settling.now);
        const { rows } = await transaction.query<{ body: string }>(
          `SELECT body FROM ledger.journal WHERE kind = 'challenge' AND subject = $1 ORDER BY entry_no DESC LIMIT 1`,
          [hexToBytes(challengeId)],
        );
        throw Object.assign(new Error("rolled back"), { moved: moved.get(challengeId)?.state, body: rows[0]?.body });
      });
      const outcome: unknown = await attempt.catch((error: unknown) => error);
      if (allows(challengeLifecycle, from, to)) {
        expect(outcome, `${from} → ${to}`).toMatchObject({ message: "rolled back", moved: to });
        expect(JSON.parse((outcome as { body: string }).body)).toMatchObject({ from, to, round: 1 });
      } else {
        expect(outcome, `${from} → ${to}`).toBeInstanceOf(ProtocolError);
        expect(outcome).toMatchObject({ code: "GOVERNANCE_TRANSITION_REFUSED", detail: { from, to } });
      }
    }
  }
  expect(await challengeState(settling, challengeId)).toBe("opened");
});

test("a reviewer that slept through its lease writes nothing; one that fails gives the challenge back", async () => {
  const claim = (holder: string) =>
    settling.database.transaction((transaction) =>
      claimChallenges(transaction, { holder, limit: 100, now: settling.now }),
    );
  const slept = await claim("sleeper");
  expect(slept.length).toBeGreaterThan(0);
  expect(slept.every(({ state }) => state === "reviewing")).toBe(true);
  expect(await claim("other")).toEqual([]);
  pass(settling, leaseSeconds + 1);
  const taken = await claim("other");
  expect(taken.map(({ challengeId }) => challengeId).sort()).toEqual(
    slept.map(({ challengeId }) => challengeId).sort(),
  );
  const [first] = slept;
  if (first === undefined) throw new Error("somebody was reviewed");
  const late = await settling.database.transaction((transaction) =>
    moveChallenges(transaction, [{ challenge: first, to: "confirmed" }], settling.now),
  );
  expect(late.size).toBe(0);
  for (const challenge of taken) await releaseChallenge(settling.database, challenge, settling.now);
  const again = await claim("third");
  expect(again.every(({ attempt }) => attempt === 1)).toBe(true);
  for (const challenge of again) await releaseChallenge(settling.database, challenge, settling.now);
});

test("a challenge that fails resumes the task where it stood, and is reopened by new evidence only [CHAL-06]", async () => {
  const task = taskAt(5);
  const evidence = evidenceFor(task);
  const statement = await statementFor(settling, task, { epoch, evidence });
  await tryOpening(settling, statement, evidence);
  const challengeId = challengeIdOf(statement);
  const second = evidenceFor(task, "second");
  expect(await reopen(settling, statement, second)).toMatchObject({ detail: { reason: "it is not closed" } });
  await reviewAll(settling, "not_confirmed");
  await expect(decide(settling, challengeId, { upheld: true })).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
  });
  await expect(decide(settling, challengeId, { upheld: false, round: 2 })).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
  });
  await decide(settling, challengeId, { upheld: false });
  expect(await taskState(settling, task.taskId)).toBe("awaiting_settlement");
  expect(await challengeState(settling, challengeId)).toBe("closed_without_penalty");
  await expect(decide(settling, challengeId, { upheld: false })).rejects.toMatchObject({
    code: "GOVERNANCE_TRANSITION_REFUSED",
  });

  expect(await reopen(settling, statement, evidence)).toMatchObject({ code: "VERIFY_EVIDENCE_KNOWN" });
  expect(await reopen(settling, statement, evidenceFor(taskAt(6)))).toMatchObject({ code: "VERIFY_EVIDENCE_INVALID" });
  expect(await reopen(settling, statement, second)).toBeUndefined();
  expect(await reopen(settling, statement, second)).toBeUndefined();
  expect(await taskState(settling, task.taskId)).toBe("challenged");
  expect(await readChallenge(settling.database, challengeId)).toMatchObject({ state: "reopened", round: 2 });
  await reviewAll(settling, "not_confirmed");
  await decide(settling, challengeId, { upheld: false, round: 2 });
  expect(await taskState(settling, task.taskId)).toBe("awaiting_settlement");
  const { history } = (await readChallenge(settling.database, challengeId)) ?? { history: [] };
  const path = ["opened", "reviewing", "not_confirmed", "closed_without_penalty"];
  expect(history.map(({ to }) => to)).toEqual([...path, "reopened", ...path.slice(1)]);
});

test("challenges are listed by task, epoch and state, in pages", async () => {
  const { database } = settling;
  const all = (await listChallenges(database, {}, page)).items;
  expect((await listChallenges(database, { scope, epoch }, page)).items).toEqual(all);
  expect((await listChallenges(database, { epoch: epoch + 7 }, page)).items).toEqual([]);
  const closed = (await listChallenges(database, { state: "closed_without_penalty" }, page)).items;
  expect(closed.every(({ state }) => state === "closed_without_penalty")).toBe(true);
  const collected = [];
  for (let after: string | undefined, end = false; !end;) {
    const { items, next } = await listChallenges(database, {}, { after, limit: 2 });
    collected.push(...items);
    after = next ?? undefined;
    end = next === null;
  }
  expect(collected).toEqual(all);
});

test("upheld: the task is rejected, its money released, the candidate fails, and penalties are records [CHAL-05, RWRD-04]", async () => {
  const task = taskAt(8);
  const { database } = settling;
  const reservedAccount = accountNames.reserved(task.envelope.submitter);
  const before = (await readBalances(database, [reservedAccount])).get(reservedAccount) ?? 0n;
  const challengeId = await challengeTask(settling, task, { epoch });
  await reviewAll(settling, "confirmed");
  await expect(decide(settling, challengeId, { upheld: false })).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
  });
  const { failed, penalties: recorded } = await decide(settling, challengeId, { upheld: true });
  expect(failed).toMatchObject({ scope, epoch, revision: 1 });
  expect(await taskState(settling, task.taskId)).toBe("rejected");
  const after = (await readBalances(database, [reservedAccount])).get(reservedAccount) ?? 0n;
  expect(before - after).toBe(BigInt(task.envelope.feeLimit));
  const view = await readChallenge(database, challengeId);
  expect(view?.state).toBe("penalty_recorded");
  expect(view?.history.slice(-2)).toMatchObject([
    { to: "approved", by: challenger },
    { to: "penalty_recorded", by: "settlement" },
  ]);
  expect(recorded).toMatchObject([
    { account: task.bundle.executor, role: "executor", amount: "500", scope, challengeId },
    { account: verifiers[0], role: "verifier", amount: "200" },
  ]);
  expect(executors).toContain(task.bundle.executor);
  const byId = (a: { penaltyId: string }, b: { penaltyId: string }) => (a.penaltyId < b.penaltyId ? -1 : 1);
  expect(view?.penalties.toSorted(byId)).toEqual([...recorded].sort(byId));
  expect((await settle(settling, epoch)).revision).toBe(2);
});

test("a challenge whose penalty is recorded stays there, whoever writes, and its records do [RWRD-04]", async () => {
  const change = settling.database.query(`UPDATE work.challenge SET round = 9 WHERE state = 'penalty_recorded'`);
  await expect(change).rejects.toMatchObject({ code: "SC005" });
  for (const database of [settling.database, settling.migrator]) {
    for (const statement of [
      `UPDATE ledger.penalty SET amount = 1`,
      `DELETE FROM ledger.penalty`,
      `DELETE FROM ledger.challenge_decision`,
    ]) {
      await expect(database.query(statement)).rejects.toThrow(/append-only|permission denied/);
    }
  }
});
