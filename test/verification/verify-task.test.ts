// A verifier's verdict on every way in which a bundle can be wrong, and what verdicts come to together.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { artifactsOf } from "#execution/artifacts.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { sha256Hex, type Hex } from "#protocol/hash.ts";
import { bundleDigest, evidenceHashOf, resolutionIdOf } from "#protocol/messages.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { ExecutionResultBundle, QueryResult } from "#protocol/schemas/execution.ts";
import { identify } from "#protocol/text-ids.ts";
import type { StoredResult } from "#storage/results.ts";
import { agreementOf, checkBundle, decisionOf, type Checked } from "#verification/verify-task.ts";
import { actor, type Actor } from "#test/layers/actors.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { domain, executor, submitter, verifier } from "#test/layers/node.ts";
import { query } from "#test/layers/sales.ts";

const program = query({ function: "count" });
const resolution = resolve(program, indexRegistry(registryOf()), { submitter: submitter.address, scope: "trade" });
if (resolution.kind !== "resolved") throw new Error("resolved");
const bindings = [
  {
    grantId: sha256Hex("grant"),
    snapshot: { vault: "east", collection: "sales", size: 9, digest: sha256Hex("d") },
    fields: {},
  },
];
const resolved = { resolution: resolution.result, bindings, fee: "1500" };
const assignment = {
  schemaVersion: "1.0",
  taskId: sha256Hex("task"),
  resolutionId: resolutionIdOf(resolved),
  fee: "1500",
  bindings,
};
const result: QueryResult = {
  kind: "protected_query",
  scale: 0,
  groups: [{ key: null, count: 9, value: "9", bins: null }],
  suppressedGroups: 0,
};
const honest = artifactsOf(assignment, {
  executor: executor.address,
  runtime: "protected-query/1",
  result,
  projections: [],
});

/** A bundle as it would be stored, signed by `signer`, after a change to what it claims. */
function storedAfter(
  change: Partial<ExecutionResultBundle>,
  signer: Actor = executor,
  more: Partial<StoredResult> = {},
) {
  const bundle = { ...honest.bundle, ...change };
  const { id: bundleId, text } = identify("bundle", bundle);
  const stored: StoredResult = {
    bundleId,
    taskId: assignment.taskId,
    executor: bundle.executor,
    bundle: text,
    signature: signer.sign(bundleDigest(domain, assignment.taskId, bundleId)),
    result: honest.result,
    transcript: honest.transcript,
    accessLog: honest.accessLog,
    ...more,
  };
  return { stored, bundle };
}

const { outputCommitment, transcriptId, accessLogId, units, fee } = honest.bundle;
const assigned = {
  program,
  assignment,
  resolution: resolution.result,
  resolutionText: canonicalText(resolution.result),
  policy: policyOf(),
};
const checkedOf = (parts: ReturnType<typeof storedAfter>, more: Partial<Checked> = {}): Checked => ({
  domain,
  assigned,
  expected: { outputCommitment, transcriptId, accessLogId, units, fee },
  isExecutor: true,
  ...parts,
  ...more,
});

test("an honest bundle is accepted, with the evidence that a check rests on [LAYR-15]", () => {
  const finding = checkBundle(checkedOf(storedAfter({})));
  expect(finding).toMatchObject({ verdict: "accepted", fault: undefined });
  expect(finding.evidence).toEqual({
    taskId: assignment.taskId,
    bundleId: honest.bundleText.id,
    resolutionId: assignment.resolutionId,
    claimedCommitment: outputCommitment,
    recomputedCommitment: outputCommitment,
    transcriptId,
    recomputedTranscriptId: transcriptId,
  });
  const decision = decisionOf(finding, verifier.address);
  expect(decision).toMatchObject({
    verifier: verifier.address,
    verdict: "accepted",
    method: "re_execution",
    recomputedCommitment: outputCommitment,
  });
  expect(decision.evidenceHash).toBe(evidenceHashOf(finding.evidence));
});

const other: Hex = sha256Hex("something else");
const otherResult = canonicalText({ ...result, suppressedGroups: 3 });

describe("a bundle that claims something else is challenged, and the finding says in what [LAYR-15]", () => {
  test.each<[string, Partial<Checked["expected"]>]>([
    ["outputCommitment", { outputCommitment: other }],
    ["transcriptId", { transcriptId: other }],
    ["accessLogId", { accessLogId: other }],
    ["fee", { fee: "1" }],
    ["units", { units: { records: 8, vaults: [] } }],
  ])("%s", (part, recomputed) => {
    const finding = checkBundle(
      checkedOf(storedAfter({}), {
        expected: { outputCommitment, transcriptId, accessLogId, units, fee, ...recomputed },
      }),
    );
    expect(finding).toMatchObject({ verdict: "challenged", fault: { code: "VERIFY_MISMATCH", detail: { part } } });
    expect(finding.evidence.recomputedCommitment).toBe(recomputed.outputCommitment ?? outputCommitment);
    // The submitter is shown the fault: a hash over an answer would tell it.
    for (const hash of [outputCommitment, transcriptId]) expect(JSON.stringify(finding.fault)).not.toContain(hash);
  });

  test("a forged result with a bundle that fits it", () => {
    const forged = artifactsOf(assignment, {
      executor: executor.address,
      runtime: "protected-query/1",
      result: { ...result, suppressedGroups: 3 },
      projections: [],
    });
    const parts = storedAfter(forged.bundle, executor, { result: forged.result, transcript: forged.transcript });
    expect(checkBundle(checkedOf(parts))).toMatchObject({
      verdict: "challenged",
      fault: { detail: { part: "outputCommitment" } },
    });
  });
});

describe("a bundle without context, signature or role is rejected [LAYR-13, LAYR-15]", () => {
  test.each<[string, string, Checked]>([
    ["EXECUTION_CONTEXT_MISSING", "result", checkedOf(storedAfter({}, executor, { result: otherResult }))],
    ["EXECUTION_CONTEXT_MISSING", "transcript", checkedOf(storedAfter({}, executor, { transcript: "{}" }))],
    ["EXECUTION_CONTEXT_MISSING", "access log", checkedOf(storedAfter({}, executor, { accessLog: "" }))],
    ["EXECUTION_CONTEXT_MISSING", "bundle", checkedOf(storedAfter({}, executor, { bundleId: other }))],
    ["EXECUTION_CONTEXT_MISSING", "assignment", checkedOf(storedAfter({ taskId: other }))],
    ["EXECUTION_CONTEXT_MISSING", "assignment", checkedOf(storedAfter({ resolutionId: other }))],
    [
      "EXECUTION_CONTEXT_MISSING",
      "resolution",
      checkedOf(storedAfter({}), { assigned: { ...assigned, assignment: { ...assignment, fee: "1" } } }),
    ],
    ["AUTH_SIGNATURE_INVALID", "executor", checkedOf(storedAfter({}, actor("somebody")))],
    ["AUTH_SIGNATURE_INVALID", "executor", checkedOf(storedAfter({}, executor, { signature: `0x${"00".repeat(65)}` }))],
    [
      "AUTH_SIGNATURE_INVALID",
      "executor",
      checkedOf(storedAfter({}, executor, { executor: actor("somebody").address })),
    ],
    ["AUTH_ROLE", "address", checkedOf(storedAfter({}), { isExecutor: false })],
  ])("%s: %s (case %#)", (code, detail, checked) => {
    const finding = checkBundle(checked);
    expect(finding).toMatchObject({ verdict: "rejected", fault: { code } });
    expect(JSON.stringify(finding.fault?.detail)).toContain(detail);
  });

  test("a signature for another chain or anchor counts for nothing here", () => {
    const elsewhere = { chainId: 1n, anchor: domain.anchor };
    expect(checkBundle(checkedOf(storedAfter({}), { domain: elsewhere }))).toMatchObject({
      fault: { code: "AUTH_SIGNATURE_INVALID" },
    });
  });
});

describe("verdicts together", () => {
  const verdict = fc.constantFrom("accepted", "rejected", "challenged");

  test("as many as policy asks for must agree; one that differs or challenges makes a challenge, never a majority [LAYR-16]", () => {
    fc.assert(
      fc.property(fc.array(verdict, { maxLength: 6 }), fc.integer({ min: 1, max: 6 }), (verdicts, needed) => {
        const agreement = agreementOf(verdicts, needed);
        const isUnanimous = new Set(verdicts).size <= 1 && !verdicts.includes("challenged");
        if (!isUnanimous) expect(agreement).toBe("challenged");
        else if (verdicts.length < needed) expect(agreement).toBe("undecided");
        else expect(agreement).toBe(verdicts[0] === "accepted" ? "awaiting_settlement" : "rejected");
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    [["accepted", "accepted", "rejected"], 2, "challenged"],
    [["accepted", "accepted", "accepted", "challenged"], 3, "challenged"],
    [["accepted"], 2, "undecided"],
    [["rejected", "rejected"], 2, "rejected"],
    [[], 1, "undecided"],
  ] as const)("%j of %i needed: %s [LAYR-16]", (verdicts, needed, agreement) => {
    expect(agreementOf(verdicts, needed)).toBe(agreement);
  });

  test("the order of verdicts changes nothing", () => {
    const shuffled = fc
      .array(verdict, { maxLength: 5 })
      .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 5 }), ([all, others], needed) => {
        expect(agreementOf(others, needed)).toBe(agreementOf(all, needed));
      }),
    );
  });
});
