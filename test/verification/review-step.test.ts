// Reviews of challenges on a real database: evidence alone replays to one verdict, signed, however often and whoever replays it.
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { openCollections } from "#data/open-collections.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import { challengeReviewDigest, decisionIdOf } from "#protocol/messages.ts";
import type { ChallengeView } from "#protocol/schemas/challenge.ts";
import { recover } from "#protocol/signature.ts";
import { publishPolicy } from "#semantic/publish.ts";
import { decideChallenge } from "#storage/challenge-decisions.ts";
import { readReviewCases } from "#storage/challenge-reviews.ts";
import { listChallenges } from "#storage/challenge-views.ts";
import { readVerdicts } from "#storage/decisions.ts";
import { readItems } from "#storage/settlement-items.ts";
import { registerActor } from "#storage/tokens.ts";
import { replay } from "#verification/review-challenge.ts";
import type { VerifyDeps } from "#verification/verify-step.ts";
import { actor } from "#test/layers/actors.ts";
import { policyOf } from "#test/layers/documents.ts";
import { executeFalsely } from "#test/layers/lying-executor.ts";
import { domain, executor, masterKey, openLayers, verifier, type LayerOptions } from "#test/layers/node.ts";
import { query, question } from "#test/layers/sales.ts";
import { east, lastMove, setStage, settle, stateOf, west } from "#test/layers/stage.ts";

const penalties = { executor: "900", verifier: "300" };
const stage = await setStage({ policy: policyOf({ penalties }) });
const { database, clock, submit } = stage;
const open = (more: Partial<LayerOptions> = {}) => openLayers(database, { clock: clock.now, ...more });
const metrics = openMetrics();
const data = { database, clock: clock.now, metrics, cache: new PlaintextCache({ database, masterKey, metrics }) };
const reallyOpen: VerifyDeps["openCollections"] = async (accesses, reader) =>
  await openCollections(data, accesses, reader);
/** A verifier's view in which every number is twice what it is. */
const wronglyOpen: VerifyDeps["openCollections"] = async (accesses, reader) =>
  (await reallyOpen(accesses, reader)).map((outcome) => {
    if (outcome.kind === "refused") return outcome;
    const column = (term: string) => {
      const read = outcome.snapshot.column(term);
      return read?.kind === "number" ? { ...read, values: read.values.map((value) => value * 2) } : read;
    };
    return { kind: "opened", snapshot: { column } };
  });

const second = actor("second verifier");
const third = actor("third verifier");
for (const { address } of [second, third])
  await registerActor(database, { address, roles: ["verifier"] }, "test", clock.now());
await publishPolicy(database, policyOf({ policyVersion: "two", verifiers: 2, penalties }), {
  by: "test",
  now: clock.now(),
});
const two = { policyVersion: "two" };

beforeEach(() => clock.advance(leaseSeconds + 1));

async function challengeOf(taskId: Hex): Promise<ChallengeView> {
  const { items } = await listChallenges(database, { task: taskId }, { after: undefined, limit: 10 });
  const last = items.at(-1);
  if (last === undefined) throw new Error("the task was not challenged");
  return last;
}

/** An honest result that one of two verifiers mistakes for a false one. */
async function disputeHonest(...given: Parameters<typeof submit>): Promise<Hex> {
  const taskId = await submit(given[0], given[1], two);
  const layers = open();
  await settle(layers.handoff, layers.resolve, layers.execute);
  await open({ verifiers: [verifier] }).verify.run();
  clock.advance(0.2);
  await open({ verifiers: [second], openForVerification: wronglyOpen }).verify.run();
  expect(await stateOf(database, taskId)).toBe("challenged");
  return taskId;
}

async function decide(challenge: ChallengeView, upheld: boolean) {
  const { challengeId, round } = challenge;
  const actId = contentId("test.act", { challengeId, round });
  const order = { challengeId, round, upheld, penalty: upheld, by: "governance", actId };
  return await database.transaction((transaction) => decideChallenge(transaction, order, clock.now()));
}

test("a false result is confirmed, with a signed review; upheld, its task is rejected and its executor owes [CHAL-03, LAYR-16]", async () => {
  const taskId = await executeFalsely(stage);
  await open().verify.run();
  const opened = await challengeOf(taskId);
  expect(opened).toMatchObject({
    origin: "disagreement",
    state: "opened",
    challenge: { candidate: null, challenger: verifier.address },
  });
  expect(await open().review.run()).toBe(1);
  expect(await open().review.run()).toBe(0);
  const reviewed = await challengeOf(taskId);
  expect(reviewed.state).toBe("confirmed");
  const [review] = reviewed.reviews;
  if (review === undefined) throw new Error("it was reviewed");
  expect(review).toMatchObject({ verdict: "confirmed", reviewer: verifier.address, round: 1 });
  const { rows } = await database.query<{ signature: Buffer }>(
    `SELECT signature FROM ledger.challenge_review WHERE challenge_id = $1`,
    [hexToBytes(opened.challengeId)],
  );
  const signature = `0x${rows[0]?.signature.toString("hex") ?? ""}`;
  expect(recover(challengeReviewDigest(domain, review), signature)).toBe(verifier.address);
  const { penalties: recorded } = await decide(reviewed, true);
  expect(recorded).toMatchObject([{ account: executor.address, role: "executor", amount: "900" }]);
  expect(await lastMove(database, taskId)).toMatchObject({ from: "challenged", to: "rejected", why: "upheld" });
});

test("an honest result is not confirmed; the dissent is overruled, and another verifier ends it [CHAL-06, LAYR-16]", async () => {
  const taskId = await disputeHonest(query({ function: "sum", attribute: "price" }), [east]);
  const opened = await challengeOf(taskId);
  const accepted = (await readVerdicts(database, [taskId])).get(taskId)?.find(({ verdict }) => verdict === "accepted");
  expect(opened.challenge.challenger).toBe(second.address);
  await open().review.run();
  const reviewed = await challengeOf(taskId);
  expect(reviewed).toMatchObject({ state: "not_confirmed", reviews: [{ verdict: "not_confirmed" }] });
  await decide(reviewed, false);
  expect(await lastMove(database, taskId)).toMatchObject({ from: "challenged", to: "verifying" });
  // Whoever was overruled does not decide again, and its dissent counts no more.
  await open({ verifiers: [second] }).verify.run();
  expect(await stateOf(database, taskId)).toBe("verifying");
  clock.advance(1);
  await open({ verifiers: [third] }).verify.run();
  expect(await stateOf(database, taskId)).toBe("awaiting_settlement");
  const [item] = await readItems(database, [taskId]);
  const settled = new Set(item?.decisions.map((each) => each.verifier));
  expect(settled).toEqual(new Set([accepted?.verifier, third.address]));
});

test("the same evidence replays to the same verdict, whoever replays it and in whatever order [CHAL-03]", async () => {
  const ids = [
    await disputeHonest(query({ function: "mean", attribute: "price" }), [east, west]),
    await disputeHonest(query({ function: "sum", attribute: "price" }, { groupBy: "shop" }), [west]),
  ];
  ids.push(await executeFalsely(stage));
  await open().verify.run();
  const challenges = await Promise.all(ids.map(challengeOf));
  const cases = await readReviewCases(database, challenges);
  const policy = policyOf({ policyVersion: "two" });
  const findings = await Promise.all(
    challenges.map(async ({ challengeId }) => {
      const about = cases.get(challengeId);
      if (about === undefined) throw new Error("it has evidence");
      const deps = { domain, openCollections: reallyOpen };
      return { about, deps, first: await replay(deps, about, { policy, reviewer: third.address }) };
    }),
  );
  expect(findings.map(({ first }) => first.verdict)).toEqual(["not_confirmed", "not_confirmed", "confirmed"]);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...findings), fc.constantFrom(verifier, second, third), async (each, by) => {
      expect(await replay(each.deps, each.about, { policy, reviewer: by.address })).toEqual(each.first);
    }),
    { numRuns: 30 },
  );
  await open().review.run();
  const reviews = await Promise.all(ids.map(async (id) => (await challengeOf(id)).reviews[0]?.verdict));
  expect(reviews).toEqual(["not_confirmed", "not_confirmed", "confirmed"]);
});

test("evidence of what was not admitted confirms nothing, and nothing is read for it [CHAL-03]", async () => {
  const taskId = await executeFalsely(stage);
  await open().verify.run();
  const challenge = await challengeOf(taskId);
  const about = (await readReviewCases(database, [challenge])).get(challenge.challengeId);
  if (about === undefined) throw new Error("it has evidence");
  const { evidence, admitted } = about;
  const openNothing: VerifyDeps["openCollections"] = () => Promise.reject(new Error("nothing is read"));
  const made = [
    { ...evidence, bundle: { ...evidence.bundle, outputCommitment: contentId("test.output", 1) } },
    { ...evidence, assignment: { ...evidence.assignment, fee: "1" } },
    { ...evidence, envelope: { ...evidence.envelope, idempotencyKey: "other" } },
    { ...evidence, decision: { ...evidence.decision, verifier: third.address } },
    { ...evidence, bundleSignature: evidence.decisionSignature },
  ];
  for (const each of made) {
    const known = decisionIdOf(each.decision) === decisionIdOf(evidence.decision);
    const facts = known ? admitted : { ...admitted, decisionSignature: undefined };
    const finding = await replay(
      { domain, openCollections: openNothing },
      { evidence: each, admitted: facts },
      { policy: policyOf(), reviewer: third.address },
    );
    expect(finding).toMatchObject({ verdict: "not_confirmed", recomputedCommitment: null });
    expect(finding.finding).toMatch(/is not the one that was admitted/);
  }
  const other = await replay({ domain: { ...domain, chainId: 1n }, openCollections: openNothing }, about, {
    policy: policyOf(),
    reviewer: third.address,
  });
  expect(other).toMatchObject({ verdict: "confirmed", finding: "the bundle's signature is not its executor's" });
});

test("what keeps a review from being done is tried again; a reviewer is a verifier [TASK-06, OPER-08]", async () => {
  const taskId = await disputeHonest(question(2), [east]);
  expect(await open({ verifiers: [actor("nobody")] }).review.run()).toBe(0);
  const away = open({
    openForVerification: async () => await Promise.reject(new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE")),
  });
  for (let attempt = 0; attempt < 5; attempt++) {
    expect(await away.review.run()).toBeGreaterThan(0);
    expect((await challengeOf(taskId)).state).toBe("reviewing");
    clock.advance(60);
  }
  await open({ verifiers: [third] }).review.run();
  expect((await challengeOf(taskId)).state).toBe("not_confirmed");
});
