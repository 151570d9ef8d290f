// Whatever is wrong with an item is found, and named, before it is settled.
import { expect, test } from "vitest";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { bundleIdOf } from "#protocol/messages.ts";
import { indexRegistry } from "#protocol/resolution.ts";
import { contributionOf } from "#protocol/rewards.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import { checkItem, type CheckContext } from "#settlement/item-check.ts";
import type { StoredItem } from "#storage/settlement-items.ts";
import { registry } from "./finished-meaning.ts";
import { checkContext, finishedTask, policy, storedItemOf } from "./finished-tasks.ts";

const at = new Date("2026-02-01T00:00:00.000Z");
const sound = storedItemOf(finishedTask(6, { verifiers: 2 }), at);
const context = checkContext();

const reasonOf = (item: StoredItem, used: CheckContext = context): string => {
  const verdict = checkItem(used, item);
  return verdict.kind === "excluded" ? verdict.reason : "settled";
};

type Result = NonNullable<StoredItem["result"]>;
const withResult = (change: (result: Result) => Partial<Result>): StoredItem => {
  if (sound.result === null) throw new Error("no result");
  return { ...sound, result: { ...sound.result, ...change(sound.result) } };
};
const withAssignment = (body: string): StoredItem => {
  if (sound.assignment === null) throw new Error("no assignment");
  return { ...sound, assignment: { ...sound.assignment, body } };
};
const edit = (text: string, change: Json): string =>
  canonicalText({ ...(JSON.parse(text) as object), ...(change as object) });

test("a sound item is settled: its archived line is canonical and says what it contributes [SETL-02]", () => {
  const verdict = checkItem(context, sound);
  if (verdict.kind !== "settled") throw new Error(verdict.reason);
  const archived = JSON.parse(verdict.item.line) as ArchivedItem;
  expect(canonicalText(archived as Json)).toBe(verdict.item.line);
  expect(contributionOf(archived)).toEqual(verdict.item.contribution);
  expect(archived.history).toEqual(verdict.item.history);
  expect(verdict.item.evidence).toHaveLength(2);
  expect(verdict.item.history).toHaveLength(5);
});

test("texts that were not stored canonical are archived canonical", () => {
  const spaced = { ...sound, envelope: JSON.stringify(JSON.parse(sound.envelope), undefined, 1) };
  const verdict = checkItem(context, spaced);
  expect(verdict.kind === "settled" && verdict.item.line).toBe(
    (() => {
      const expected = checkItem(context, sound);
      return expected.kind === "settled" && expected.item.line;
    })(),
  );
});

const [decision] = sound.decisions;
if (decision === undefined) throw new Error("no decision");
const other = storedItemOf(finishedTask(7), at);

test("signatures that count as admitted are not looked at: the second opinion does that", () => {
  const forged = { ...sound, envelopeSignature: `0x${"11".repeat(65)}` as const };
  expect(reasonOf(forged)).toBe("the envelope's signature is not its submitter's");
  expect(checkItem({ ...context, signatures: "as_admitted" }, forged).kind).toBe("settled");
});

const faults: readonly (readonly [reason: string, item: StoredItem, used?: CheckContext])[] = [
  ["challenged", { ...sound, state: "challenged" }],
  ["an artifact is missing or unreadable", { ...sound, result: null }],
  ["an artifact is missing or unreadable", { ...sound, envelope: "{" }],
  ...["null", "{}", '{"bindings":[null],"fee":"1"}', '{"bindings":[{"snapshot":{"size":"many"}}],"fee":"1"}'].map(
    (body) => ["an artifact is missing or unreadable", withAssignment(body)] as const,
  ),
  ["the envelope does not have the task's id", { ...sound, envelope: edit(sound.envelope, { feeLimit: "9" }) }],
  ["the bundle does not have its id", withResult(({ bundle }) => ({ bundle: edit(bundle, { fee: "1" }) }))],
  [
    "the result does not have the bundle's commitment",
    withResult(({ result }) => ({ result: edit(result, { scale: 1 }) })),
  ],
  [
    "the transcript does not have the bundle's id for it",
    withResult(({ transcript }) => ({ transcript: edit(transcript, { runtime: "x" }) })),
  ],
  [
    "the access log does not have the bundle's id for it",
    withResult(() => ({ accessLog: other.result?.accessLog ?? "" })),
  ],
  [
    "a decision does not have its id",
    { ...sound, decisions: [{ ...decision, body: edit(decision.body, { schemaVersion: "9" }) }] },
  ],
  ["evidence does not have its decision's hash", { ...sound, decisions: [{ ...decision, evidence: "{}" }] }],
  ["the bundle's signature is not its executor's", withResult(() => ({ signature: decision.signature }))],
  [
    "a decision's signature is not its verifier's",
    { ...sound, decisions: [{ ...decision, signature: sound.result?.signature ?? "0x" }] },
  ],
  ["the envelope names another scope", sound, { ...context, scope: "other" }],
  ["its schema version is not live in the epoch", sound, { ...context, schemaVersions: ["2.0"] }],
  ["its semantic version is not live in the epoch", sound, { ...context, registries: new Map() }],
  ["its policy version is not live in the epoch", sound, { ...context, policies: new Map() }],
  [
    "the fee is not the policy's",
    sound,
    { ...context, policies: new Map([["1.0", { ...policy, fees: { base: "1", perThousandRecords: "0" } }]]) },
  ],
  ["too few verifiers accepted it", sound, { ...context, policies: new Map([["1.0", { ...policy, verifiers: 3 }]]) }],
  ["its executor was none", sound, { ...context, heldRole: (_, role) => role !== "executor" }],
  ["a verifier was none", sound, { ...context, heldRole: (_, role) => role !== "verifier" }],
  ["a source is not a snapshot that was taken", sound, { ...context, ownersOf: () => undefined }],
  [
    "its resolution is not what its registry gives",
    sound,
    { ...context, registries: new Map([["1.0", indexRegistry({ ...registry, attributes: [] })]]) },
  ],
  [
    "the envelope's signature is not its submitter's",
    { ...sound, envelopeSignature: storedItemOf(finishedTask(5), at).envelopeSignature },
  ],
  ["its history does not lead through verification", { ...sound, history: sound.history.toSpliced(2, 1) }],
  [
    "the bundle's signature is not its executor's",
    { ...sound, envelopeSignature: null },
    checkContext({ chainId: 1n, anchor: `0x${"a1".repeat(20)}` }),
  ],
];

test.each(faults.map(([reason, item, used = context]) => [reason, item, used] as const))(
  "an item is left out because %s (case %#)",
  (reason, item, used) => {
    expect(reasonOf(item, used)).toBe(reason);
  },
);

test("an item whose parts belong to one another but to another task is left out", () => {
  if (sound.result === null || other.result === null) throw new Error("no result");
  expect(reasonOf({ ...sound, result: other.result })).toBe("an artifact belongs to another task");
  expect(bundleIdOf(JSON.parse(other.result.bundle) as Parameters<typeof bundleIdOf>[0])).toBe(other.result.bundleId);
});
