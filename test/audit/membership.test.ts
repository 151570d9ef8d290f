// Memberships are rebuilt from the journal alone, deferrals and later turns among them, and held against what is stored.
import { expect, test } from "vitest";
import { checkMemberships, membersOf, rebuildMemberships } from "#audit/membership.ts";
import type { Hex } from "#protocol/hash.ts";

async function* stream<T>(...items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

const task = (digit: string): Hex => `0x${digit.repeat(64)}`;
const act = (epochId: string, body: object) => ({
  kind: "epoch",
  subject: `0x${Buffer.from(epochId).toString("hex")}` as const,
  body: JSON.stringify(body),
});
const deferred = (digit: string, reason: string) => ({
  act: "deferred",
  members: [{ taskId: task(digit), reason }],
});
const acts = (...more: readonly ReturnType<typeof act>[]) =>
  stream(
    act("s/1", { act: "opened" }),
    act("s/1", { act: "assigned", tasks: [task("1"), task("2")] }),
    act("s/1", { act: "closing" }),
    act("s/1", deferred("2", "challenged")),
    act("s/2", { act: "assigned", tasks: [task("3"), task("2")] }),
    { ...act("s/2", { act: "assigned", tasks: [task("4")] }), kind: "other" },
    ...more,
  );

const members = [
  { taskId: task("1"), turn: 1, epochId: "s/1", deferredFor: null },
  { taskId: task("2"), turn: 1, epochId: "s/1", deferredFor: "challenged" },
  { taskId: task("2"), turn: 2, epochId: "s/2", deferredFor: null },
  { taskId: task("3"), turn: 1, epochId: "s/2", deferredFor: null },
];

test("memberships follow from the journal alone, also those after a deferral [EPOC-07]", async () => {
  expect(await checkMemberships(acts(), stream(...members))).toEqual([]);
  expect(await checkMemberships(acts(), stream(...members.slice(1)))).toEqual([
    { subject: task("1"), stored: "no epoch", expected: "s/1" },
  ]);
  const strange = { taskId: task("9"), turn: 1, epochId: "s/1", deferredFor: null };
  expect(await checkMemberships(acts(), stream(...members, strange))).toEqual([
    { subject: task("9"), stored: "s/1", expected: "no epoch" },
  ]);
  const undeferred = members.map((each) => ({ ...each, deferredFor: null }));
  expect(await checkMemberships(acts(), stream(...undeferred))).toEqual([
    { subject: task("2"), stored: "s/1", expected: "s/1, deferred: challenged" },
  ]);
});

test("a task in two epochs at once, or deferred from one it is not in, is found in the journal itself [EPOC-07]", async () => {
  const twice = await rebuildMemberships(acts(act("s/3", { act: "assigned", tasks: [task("1")] })));
  expect(twice.findings).toEqual([{ subject: task("1"), stored: "s/3", expected: "s/1" }]);
  const elsewhere = await rebuildMemberships(acts(act("s/3", deferred("3", "challenged"))));
  expect(elsewhere.findings).toEqual([{ subject: task("3"), stored: "deferred from s/3", expected: "s/2" }]);
});

test("the members of one epoch come ascending, each with why it was deferred", async () => {
  const rebuilt = await rebuildMemberships(acts());
  expect(membersOf(rebuilt, "s/1")).toEqual([
    { taskId: task("1"), deferredFor: null },
    { taskId: task("2"), deferredFor: "challenged" },
  ]);
  expect(membersOf(rebuilt, "s/2").map(({ taskId }) => taskId)).toEqual([task("2"), task("3")]);
  expect(membersOf(rebuilt, "s/9")).toEqual([]);
});
