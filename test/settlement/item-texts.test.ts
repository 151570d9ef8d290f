// Stored texts are held against their ids with the same tags that made the ids.
import { expect, test } from "vitest";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import {
  accessLogIdOf,
  bundleIdOf,
  decisionIdOf,
  evidenceHashOf,
  taskIdOf,
  transcriptIdOf,
} from "#protocol/messages.ts";
import { canonicalCommitted, canonicalUnder, parseItem, textTags } from "#settlement/item-texts.ts";
import { finishedTask, storedItemOf } from "./finished-tasks.ts";

const task = finishedTask(5);
const stored = storedItemOf(task, new Date(0));
const [decision] = task.decisions;
const parse = <T>(text: string | undefined): T => JSON.parse(text ?? "null") as T;

test("the tags are those of the published ids", () => {
  const texts = [
    [textTags.envelope, stored.envelope, taskIdOf(task.envelope)],
    [textTags.bundle, stored.result?.bundle, bundleIdOf(task.bundle)],
    [textTags.transcript, task.transcript, transcriptIdOf(parse(task.transcript))],
    [textTags.accessLog, task.accessLog, accessLogIdOf(parse(task.accessLog))],
    [textTags.decision, decision?.body, decisionIdOf(parse(decision?.body))],
    [textTags.evidence, decision?.evidence, evidenceHashOf(parse(decision?.evidence))],
  ] as const;
  for (const [tag, text = "", id] of texts) expect(canonicalUnder(tag, text, id), tag).toBe(text);
});

test("another content, or no JSON, has no canonical text under the id", () => {
  expect(canonicalUnder(textTags.bundle, stored.envelope, task.bundleId)).toBeUndefined();
  expect(canonicalUnder(textTags.bundle, "{", task.bundleId)).toBeUndefined();
  expect(canonicalCommitted("{", task.bundle.outputCommitment)).toBeUndefined();
  const spaced = JSON.stringify(parse<Json>(task.result), undefined, 2);
  expect(canonicalCommitted(spaced, task.bundle.outputCommitment)).toBe(canonicalText(parse(task.result)));
});

test("what is missing cannot be read", () => {
  expect(parseItem({ ...stored, assignment: null })).toBeUndefined();
  expect(parseItem(stored)?.decisions).toHaveLength(1);
});
