// Decisions about challenges: what may be opened, what a replay says, what a verdict does, what it costs.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  challengeMove,
  checkEvidence,
  checkOpening,
  decideReview,
  decideVerdict,
  findingBeforeReplay,
  penaltiesOf,
  type OpeningFacts,
  type Standing,
} from "#protocol/challenges.ts";
import { contentId, type Hex } from "#protocol/hash.ts";
import { allows, challengeLifecycle, type ChallengeState, type SettlementState } from "#protocol/lifecycles.ts";
import { challengeEvidenceHashOf, decisionIdOf } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeStatement } from "#protocol/schemas/challenge.ts";
import type {
  ExecutionAssignment,
  SemanticResolutionResult,
  VerificationDecision,
} from "#protocol/schemas/execution.ts";
import { finishedTask, place } from "#test/settlement/finished-tasks.ts";

const task = finishedTask(1);
const [decided] = task.decisions;
if (decided === undefined) throw new Error("it was verified");
const evidence: ChallengeEvidence = {
  schemaVersion: "1.0",
  kind: "re_execution",
  taskId: task.taskId,
  envelope: task.envelope,
  resolution: JSON.parse(task.resolution) as SemanticResolutionResult,
  assignment: JSON.parse(task.assignment) as ExecutionAssignment,
  bundle: task.bundle,
  bundleSignature: task.bundleSignature,
  decision: JSON.parse(decided.body) as VerificationDecision,
  decisionSignature: decided.signature,
  recomputedCommitment: contentId("test.output", 0),
  remark: "",
};
const root = contentId("test.root", 1);
const statement: ChallengeStatement = {
  schemaVersion: "1.0",
  taskId: task.taskId,
  decisionId: decided.decisionId,
  candidate: { scope: "films", epoch: 1, revision: 1, root },
  evidenceHash: challengeEvidenceHashOf(evidence),
  challenger: `0x${"c4".repeat(20)}`,
};
const facts: OpeningFacts = {
  decision: { taskId: task.taskId, verdict: "accepted" },
  candidate: { root, state: "candidate_ready", holdsTask: true },
};
const admitted = {
  taskId: task.taskId,
  resolutionId: task.resolutionId,
  bundleId: task.bundleId,
  bundleSignature: task.bundleSignature,
  decisionSignature: decided.signature,
};

test("a challenge of what is there is taken; each thing that is missing refuses it [CHAL-02]", () => {
  expect(checkOpening(statement, evidence, facts)).toBeUndefined();
  const reasonOf = (change: Partial<OpeningFacts>, words: Partial<ChallengeStatement> = {}) =>
    checkOpening({ ...statement, ...words }, evidence, { ...facts, ...change })?.detail["reason"];
  expect(reasonOf({ decision: undefined })).toMatch(/no such decision/);
  expect(reasonOf({ decision: { taskId: root, verdict: "accepted" } })).toMatch(/no such decision/);
  expect(reasonOf({ decision: { taskId: task.taskId, verdict: "rejected" } })).toMatch(/does not accept/);
  expect(reasonOf({ candidate: undefined })).toMatch(/no such candidate/);
  expect(reasonOf({ candidate: { root: task.taskId, state: "candidate_ready", holdsTask: true } })).toMatch(/no such/);
  expect(reasonOf({ candidate: { root, state: "candidate_ready", holdsTask: false } })).toMatch(/does not hold/);
  expect(reasonOf({}, { candidate: null })).toMatch(/names no candidate/);
  const states: SettlementState[] = ["candidate_ready", "finalizing", "finalized", "failed"];
  const refusals = states.map((state) => reasonOf({ candidate: { root, state, holdsTask: true } }));
  expect(refusals).toEqual([undefined, undefined, "the candidate is final", "the candidate has failed"]);
  const other = { ...evidence, remark: "changed" };
  expect(checkOpening(statement, other, facts)).toEqual({
    code: "VERIFY_EVIDENCE_INVALID",
    detail: { part: "evidenceHash" },
  });
  expect(checkEvidence(statement, other)).toBeUndefined();
});

test("a review compares what was executed with what was claimed, and nothing else [CHAL-03]", () => {
  const claimed = task.bundle.outputCommitment;
  expect(decideReview(evidence, claimed)).toMatchObject({ verdict: "not_confirmed", recomputedCommitment: claimed });
  expect(decideReview({ ...evidence, recomputedCommitment: claimed }, root)).toMatchObject({
    verdict: "confirmed",
    recomputedCommitment: root,
  });
});

test("evidence of something else confirms nothing; a signature that does not hold confirms [CHAL-03]", () => {
  const { bundle, envelope, assignment } = evidence;
  const before = (change: Partial<ChallengeEvidence>, known: object = {}) =>
    findingBeforeReplay(place, { ...evidence, ...change }, { ...admitted, ...known })?.verdict;
  expect(before({})).toBeUndefined();
  expect(before({ envelope: { ...envelope, feeLimit: "1" } })).toBe("not_confirmed");
  expect(before({ assignment: { ...assignment, fee: "1" } })).toBe("not_confirmed");
  expect(before({ bundle: { ...bundle, fee: "1" } })).toBe("not_confirmed");
  expect(before({ bundleSignature: decided.signature })).toBe("not_confirmed");
  expect(before({}, { decisionSignature: undefined })).toBe("not_confirmed");
  expect(before({ bundleSignature: decided.signature }, { bundleSignature: decided.signature })).toBe("confirmed");
  const forged = { decisionSignature: task.bundleSignature };
  expect(before(forged, forged)).toBe("confirmed");
  expect(findingBeforeReplay({ ...place, chainId: 1n }, evidence, admitted)?.verdict).toBe("confirmed");
});

test("whatever is changed of what a replay rests on, it is not what was admitted [CHAL-03]", () => {
  const change = fc.oneof(
    fc.tuple(
      fc.constantFrom("envelope", "resolution", "bundle", "decision"),
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.string(),
    ),
    fc.tuple(fc.constant("assignment"), fc.constantFrom("taskId", "resolutionId", "fee"), fc.string()),
    fc.tuple(fc.constant("assignment"), fc.constant("bindings"), fc.array(fc.string())),
  );
  fc.assert(
    fc.property(change, ([part, key, value]) => {
      const before = (evidence as Readonly<Record<string, unknown>>)[part] as object;
      const changed = { ...evidence, [part]: { ...before, [key]: value } };
      const known = decisionIdOf(changed.decision) === statement.decisionId ? decided.signature : undefined;
      const finding = findingBeforeReplay(place, changed, { ...admitted, decisionSignature: known });
      expect(finding?.verdict).toBe("not_confirmed");
    }),
  );
});

const states = Object.keys(challengeLifecycle.states) as ChallengeState[];
const standings: Standing[] = ["nowhere", "standing", "challenged"];

test("every verdict on every state leads along the table, or is refused [CHAL-01, CHAL-05, CHAL-06]", () => {
  const verdict = fc.record({
    judge: fc.constantFrom("governance" as const, "anchor" as const),
    upheld: fc.boolean(),
    penalty: fc.boolean(),
  });
  const all = [fc.constantFrom(...states), verdict, fc.constantFrom(...standings), fc.boolean()] as const;
  fc.assert(
    fc.property(...all, (state, said, standing, isOwed) => {
      const course = decideVerdict(state, said, standing, isOwed);
      if ("code" in course) return;
      let at: ChallengeState = state;
      for (const to of course) {
        expect(allows(challengeLifecycle, at, to)).toBe(true);
        expect(challengeMove(at, to)).toMatchObject({ from: at, to });
        at = to;
      }
      const isConfirmed = state === "confirmed";
      if (at === "penalty_recorded")
        expect([isConfirmed, said.upheld, said.penalty, isOwed]).toEqual(Array(4).fill(true));
      if (said.judge === "governance") {
        expect(said.upheld).toBe(isConfirmed);
        expect(standing === "challenged" || (said.upheld && standing === "standing")).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});

test("where the anchor has the candidate, it decides; governance closes what nobody put before it [CHAL-07]", () => {
  const governance = (upheld: boolean, standing: Standing, state: ChallengeState) =>
    decideVerdict(state, { judge: "governance", upheld, penalty: upheld }, standing, true);
  const anchorDecides = { code: "GOVERNANCE_ACT_REFUSED", detail: { reason: "the anchor decides" } };
  expect(governance(true, "nowhere", "confirmed")).toEqual(["approved", "penalty_recorded"]);
  expect(governance(true, "standing", "confirmed")).toEqual(anchorDecides);
  expect(governance(true, "challenged", "confirmed")).toEqual(anchorDecides);
  expect(governance(false, "standing", "not_confirmed")).toEqual(["closed_without_penalty"]);
  expect(governance(false, "challenged", "not_confirmed")).toEqual(anchorDecides);
  const anchor = (upheld: boolean, state: ChallengeState) =>
    decideVerdict(state, { judge: "anchor", upheld, penalty: upheld }, "standing", true);
  expect(anchor(true, "confirmed")).toEqual(["approved", "penalty_recorded"]);
  expect(anchor(true, "not_confirmed")).toEqual(["closed_without_penalty"]);
  expect(anchor(false, "confirmed")).toEqual(["closed_without_penalty"]);
});

test("penalties are policy's amounts, executor first, and nothing where policy asks nothing [RWRD-04]", () => {
  const account = (byte: string): Hex => `0x${byte.repeat(20)}`;
  const [a, b, c] = [account("0a"), account("0b"), account("0c")] as const;
  const about = { challengeId: root, round: 2, scope: "films" };
  const policy = { policyVersion: "7", penalties: { executor: "50", verifier: "20" } };
  const records = penaltiesOf(about, policy, { executor: c, verifiers: [b, a] });
  expect(records.map(({ account: by, role, amount }) => [by, role, amount])).toEqual([
    [c, "executor", "50"],
    [a, "verifier", "20"],
    [b, "verifier", "20"],
  ]);
  const { challengeId, round } = about;
  expect(records[0]?.penaltyId).toBe(contentId("scs.penalty", { challengeId, round, account: c, role: "executor" }));
  const free = { ...policy, penalties: { executor: "0", verifier: "20" } };
  expect(penaltiesOf(about, free, { executor: c, verifiers: [a] }).map((each) => each.account)).toEqual([a]);
  const none = { ...policy, penalties: { executor: "0", verifier: "0" } };
  expect(penaltiesOf(about, none, { executor: c, verifiers: [a] })).toEqual([]);
});
