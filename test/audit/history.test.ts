// A history is checked once for all tasks that went the same way, and another way is never taken for it.
import { expect, test } from "vitest";
import { Disproof } from "#audit/disproof.ts";
import { checkHistory, type KnownHistories } from "#audit/history.ts";
import { canonicalMove } from "#protocol/histories.ts";
import { contentId, type Hex } from "#protocol/hash.ts";

const states = [null, "accepted", "resolving", "dispatched", "verifying", "awaiting_settlement"] as const;

function historyOf(taskId: Hex, why = "it went on"): string[] {
  return states.slice(1).map((to, step) => {
    const from = states[step] ?? null;
    return canonicalMove(taskId, step, { from, to: to ?? "accepted", by: "someone", why });
  });
}

const [one, two]: Hex[] = ["one", "two"].map((name) => contentId("test.task", name));
if (one === undefined || two === undefined) throw new Error("no ids");

const fieldOf = (known: KnownHistories, taskId: Hex, history: string[]): string | undefined => {
  try {
    checkHistory(known, { taskId, history }, "item");
    return undefined;
  } catch (error) {
    if (error instanceof Disproof) return error.difference.field;
    return "not JSON";
  }
};

test("many tasks that went the same way are one history; another reason is another", () => {
  const known: KnownHistories = new Set();
  expect(fieldOf(known, one, historyOf(one))).toBeUndefined();
  expect(fieldOf(known, two, historyOf(two))).toBeUndefined();
  expect(known.size).toBe(1);
  expect(fieldOf(known, two, historyOf(two, `as ${two} did`))).toBeUndefined();
  expect(known.size).toBe(2);
});

const mark = "\u0001";
const lies: readonly (readonly [field: string, history: string[]])[] = [
  ["item.history[0].taskId", historyOf(one)],
  ["item.history[2].taskId", historyOf(two).with(2, historyOf(one)[2] ?? "")],
  ["item.history[1].step", historyOf(two).toSpliced(1, 1)],
  ["item.history ends in", historyOf(two).slice(0, 4)],
  ["not JSON", historyOf(two).map((text) => text.replaceAll(two, mark))],
  ["not JSON", [...historyOf(two).slice(0, 3), historyOf(two).slice(3).join("\n")]],
  ["item.history[0]", historyOf(two).map((text) => ` ${text}`)],
  // A list of one text reads like the text.
  ["item.history[0]", JSON.parse(JSON.stringify(historyOf(two).map((text) => [text]))) as string[]],
];

test.each(lies)("beside a history that is known, %s is found", (field, history) => {
  const known: KnownHistories = new Set();
  checkHistory(known, { taskId: one, history: historyOf(one) }, "item");
  expect(fieldOf(known, two, history)).toBe(field);
});

test("a history that does not hold is not remembered", () => {
  const known: KnownHistories = new Set();
  const cut = (taskId: Hex): string[] => historyOf(taskId).slice(0, 4);
  expect(fieldOf(known, one, cut(one))).toBe("item.history ends in");
  expect(fieldOf(known, two, cut(two))).toBe("item.history ends in");
});
