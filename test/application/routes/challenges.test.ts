// Challenges over REST: who may open one against what, what is refused by which code, and who may read what.
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, type Hex } from "#protocol/hash.ts";
import {
  challengeDigest,
  challengeEvidenceHashOf,
  challengeIdOf,
  challengeReopeningDigest,
} from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeStatement, ChallengeView } from "#protocol/schemas/challenge.ts";
import { addressOf, sign } from "#protocol/signature.ts";
import { giveToAnchor } from "#storage/challenge-standing.ts";
import { epochSubject } from "#storage/epochs.ts";
import { appendJournal } from "#storage/journal.ts";
import {
  challenger,
  challengerKey,
  decide,
  evidenceFor,
  reviewAll,
  statementFor,
  taskState,
} from "#test/settlement/challenging.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import { settle, showAnchored, type Settling } from "#test/settlement/settling.ts";
import { call, expectEveryAnswer, expectProblem } from "../calling.ts";
import { candidateAtHand } from "../candidate-at-hand.ts";
import { domain, openTestApplication, type Opened } from "../opened.ts";

const strangerKey = contentId("test.key", "stranger");
const stranger = addressOf(strangerKey);
let opened: Opened;
/** The settlement steps over the application's database. */
let settling: Settling;
let epoch = 0;
let token = "";

beforeAll(async () => {
  opened = await openTestApplication();
  ({ settling, epoch } = await candidateAtHand(opened, 12));
  await opened.enrol(challenger, ["challenger"]);
  token = await opened.token(challenger, "challenge:write");
});
afterAll(async () => {
  await opened.close();
  await settling.close();
});

type Prepared = { readonly challenge: ChallengeStatement; readonly evidence: ChallengeEvidence };

async function prepare(number: number, remark?: string): Promise<Prepared> {
  const evidence = evidenceFor(finishedTask(number), remark);
  return { challenge: await statementFor(settling, finishedTask(number), { epoch, evidence }), evidence };
}

const signed = ({ challenge, evidence }: Prepared, key: Hex = challengerKey) => ({
  challenge,
  evidence,
  signature: sign(challengeDigest(domain, challenge), key),
});

const post = async (body: unknown, by?: string) =>
  await call(opened, "POST", "/v1/challenges", { body, ...(by === undefined ? {} : { token: by }) });

test("a challenge is opened by its challenger's signature or token, and is the same when it is sent again [CHAL-02]", async () => {
  const prepared = await prepare(0);
  const challengeId = challengeIdOf(prepared.challenge);
  expectProblem(await post(prepared), "AUTH_REQUIRED");
  expectProblem(await post(signed(prepared, strangerKey)), "AUTH_SIGNATURE_INVALID");
  expectProblem(await post({ ...prepared, signature: "0x12" }), "AUTH_SIGNATURE_MALFORMED");
  const other = await opened.token(stranger, "challenge:write");
  expectProblem(await post(prepared, other), "AUTH_ROLE");
  expectProblem(await post(prepared, await opened.token(challenger, "own:read")), "AUTH_ROLE");
  const first = await post(signed(prepared));
  expect([first.statusCode, first.json()]).toEqual([201, { challengeId, repeated: false }]);
  const again = await post(prepared, token);
  expect([again.statusCode, again.json()]).toEqual([200, { challengeId, repeated: true }]);
  expect(await taskState(settling, finishedTask(0).taskId)).toBe("challenged");
  expect((await post(await prepare(1), token)).statusCode).toBe(201);
});

test("who is not registered as a challenger opens none [CHAL-02, OPER-08]", async () => {
  const { challenge, evidence } = await prepare(2);
  const own = { challenge: { ...challenge, challenger: stranger }, evidence };
  expectProblem(await post(signed(own, strangerKey)), "AUTH_ACTOR_UNKNOWN");
  await opened.enrol(stranger, ["executor"]);
  opened.clock.now = new Date(opened.clock.now.getTime() + 10_000);
  expectProblem(await post(signed(own, strangerKey)), "AUTH_ROLE");
});

test("without task, decision, candidate and the evidence's own hash it is refused, by stable codes [CHAL-02]", async () => {
  const prepared = await prepare(2);
  const { challenge, evidence } = prepared;
  const nothing: Hex = `0x${"99".repeat(32)}`;
  const refusedWith = async (change: object, code: string) =>
    expectProblem(await post({ evidence, challenge: { ...challenge, ...change } }, token), code).detail;
  for (const part of ["taskId", "decisionId", "candidate", "evidenceHash"] as const) {
    const { [part]: _, ...rest } = challenge;
    expectProblem(await post({ challenge: rest, evidence }, token), "SCHEMA_INVALID");
  }
  expectProblem(await post({ challenge }, token), "SCHEMA_INVALID");
  await refusedWith({ evidenceHash: nothing }, "VERIFY_EVIDENCE_INVALID");
  await refusedWith({ taskId: nothing }, "VERIFY_EVIDENCE_INVALID");
  await refusedWith({ decisionId: nothing }, "VERIFY_EVIDENCE_INVALID");
  expect(await refusedWith({ candidate: null }, "VERIFY_CHALLENGE_REFUSED")).toEqual({
    reason: "it names no candidate",
  });
  expect(
    await refusedWith({ candidate: { ...challenge.candidate, root: nothing } }, "VERIFY_CHALLENGE_REFUSED"),
  ).toEqual({ reason: "no such candidate" });
  const unknown = evidenceFor(finishedTask(900));
  const strange = await statementFor(settling, finishedTask(900), { epoch, evidence: unknown });
  expectProblem(await post({ challenge: strange, evidence: unknown }, token), "VERIFY_CHALLENGE_REFUSED");
  expect(await taskState(settling, finishedTask(2).taskId)).toBe("awaiting_settlement");
});

test("whoever has a bond on the anchor needs no role; nobody else takes that evidence's place [CHAL-07]", async () => {
  const outsider = contentId("test.key", "outsider");
  const { challenge, evidence } = await prepare(3);
  const own = { challenge: { ...challenge, challenger: addressOf(outsider) }, evidence };
  expectProblem(await post(signed(own, outsider)), "AUTH_ACTOR_UNKNOWN");
  const event = {
    event: "Challenged",
    evidenceHash: challenge.evidenceHash,
    root: challenge.candidate?.root ?? "0x",
    challenger: addressOf(outsider),
    blockNumber: "5",
  };
  const act = { kind: "anchor", subject: epochSubject(scope, epoch), body: canonicalText(event) };
  await opened.database.transaction((transaction) => appendJournal(transaction, [act], settling.now));
  expectProblem(await post(signed({ challenge, evidence })), "VERIFY_CHALLENGE_REFUSED");
  expect((await post(signed(own, outsider))).statusCode).toBe(201);
  const view = (await call(opened, "GET", `/v1/challenges/${challengeIdOf(own.challenge)}`)).json<ChallengeView>();
  expect(view.origin).toBe("chain");
});

test("a closed challenge is reopened by its challenger with new evidence only [CHAL-06]", async () => {
  const prepared = await prepare(4);
  const challengeId = challengeIdOf(prepared.challenge);
  await post(signed(prepared));
  const bring = async (evidence: ChallengeEvidence, key: Hex | null = challengerKey, id: Hex = challengeId) => {
    const digest = challengeReopeningDigest(domain, id, challengeEvidenceHashOf(evidence));
    const body = key === null ? { evidence } : { evidence, signature: sign(digest, key) };
    return await call(opened, "POST", `/v1/challenges/${id}/reopen`, { body });
  };
  const second = evidenceFor(finishedTask(4), "second");
  expectProblem(await bring(second), "VERIFY_CHALLENGE_REFUSED");
  await reviewAll(settling, "not_confirmed");
  await decide(settling, challengeId, { upheld: false });
  expectProblem(await bring(second, null), "AUTH_REQUIRED");
  expectProblem(await bring(second, strangerKey), "AUTH_SIGNATURE_INVALID");
  expectProblem(await bring(prepared.evidence), "VERIFY_EVIDENCE_KNOWN");
  expectProblem(await bring(evidenceFor(finishedTask(5))), "VERIFY_EVIDENCE_INVALID");
  expectProblem(await bring(second, challengerKey, `0x${"99".repeat(32)}`), "VERIFY_CHALLENGE_NOT_FOUND");
  expect((await bring(second)).json()).toEqual({ challengeId, repeated: false });
  expect(await taskState(settling, finishedTask(4).taskId)).toBe("challenged");
});

test("challenges are public; evidence, reviewers' commitments and candidates' artifacts are for challengers and auditors [SETL-07]", async () => {
  const auditor = await opened.token("auditor", "audit:read");
  const submitterToken = await opened.token(finishedTask(6).envelope.submitter, "own:read");
  const { taskId } = finishedTask(6);
  const page = (await call(opened, "GET", `/v1/challenges?scope=${scope}&epoch=${epoch}&limit=2`)).json<{
    items: ChallengeView[];
    next: string | null;
  }>();
  expect(page.items).toHaveLength(2);
  const [first] = page.items;
  const id = first?.challengeId ?? "0x";
  expect((await call(opened, "GET", `/v1/challenges/${id}`)).json()).toEqual(first);
  expectProblem(await call(opened, "GET", `/v1/challenges/0x${"99".repeat(32)}`), "VERIFY_CHALLENGE_NOT_FOUND");
  expectProblem(await call(opened, "GET", "/v1/challenges?state=unheard"), "SCHEMA_INVALID");
  const guarded = [
    `/v1/challenges/${id}/evidence`,
    `/v1/settlements/${scope}/${epoch}/items`,
    `/v1/tasks/${taskId}/candidate`,
  ];
  for (const path of guarded) {
    expectProblem(await call(opened, "GET", path), "AUTH_REQUIRED");
    expectProblem(await call(opened, "GET", path, { token: submitterToken }), "AUTH_ROLE");
    for (const by of [auditor, token]) expect((await call(opened, "GET", path, { token: by })).statusCode).toBe(200);
  }
  const nowhere = `0x${"99".repeat(32)}`;
  expectProblem(await call(opened, "GET", `/v1/tasks/${nowhere}/candidate`, { token }), "SCHEMA_NOT_FOUND");
  expectProblem(
    await call(opened, "GET", `/v1/challenges/${nowhere}/evidence`, { token }),
    "VERIFY_CHALLENGE_NOT_FOUND",
  );
  const { items } = (await call(opened, "GET", `/v1/settlements/${scope}/${epoch}/items?limit=500`, { token })).json<{
    items: unknown[];
  }>();
  expect(items).toHaveLength(12);
});

test("what is final, or has failed, is not attacked any more [CHAL-02, SETL-08]", async () => {
  const late = await prepare(7);
  await opened.database.transaction((transaction) =>
    giveToAnchor(transaction, { scope, epoch, revision: 1 }, { found: true, now: settling.now }),
  );
  await showAnchored(settling, epoch, "finalized");
  expect((await settle(settling, epoch)).state).toBe("finalized");
  const answer = expectProblem(await post(late, token), "VERIFY_CHALLENGE_REFUSED");
  expect(answer.detail).toEqual({ reason: "the candidate is final" });
  const gone = await call(opened, "GET", `/v1/tasks/${finishedTask(7).taskId}/candidate`, { token });
  expectProblem(gone, "SCHEMA_NOT_FOUND");
});

test("every operation was answered in every way it succeeds, as the document says [CONT-02]", () => {
  expectEveryAnswer("challenges");
});
