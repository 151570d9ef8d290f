// The tally of answers: who agrees, who is missing, and that no order changes it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { majority, quorumReaches, tally, type Answer } from "#chain/agreement.ts";

const value = <T>(given: T): Answer<T> => ({ kind: "value", value: given });
const none: Answer<never> = { kind: "none", reason: "away" };

test.each([
  ["one endpoint", [value(1n)], 1, { kind: "agreed", value: 1n }],
  ["two of three", [value(1n), value(2n), value(1n)], 2, { kind: "agreed", value: 1n }],
  ["each another", [value(1n), value(2n), value(3n)], 2, { kind: "disagree", distinct: 3 }],
  ["one is away, two differ", [value(1n), none, value(2n)], 2, { kind: "disagree", distinct: 2 }],
  ["too few", [none, value(1n), none], 2, { kind: "missing", answered: 1 }],
  ["null is an answer", [value(null), value(null)], 2, { kind: "agreed", value: null }],
  ["plain data by content", [value({ a: 1n, b: "x" }), value({ a: 1n, b: "x" })], 2, { kind: "agreed" }],
] as const)("%s", (_, answers, quorum, expected) => {
  expect(tally<unknown>(answers, quorum)).toMatchObject(expected);
});

test("with a majority, no order of answers makes two values agree", () => {
  const answer = fc.oneof(fc.constant(none), fc.integer({ min: 0, max: 2 }).map(value));
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 7 }), (answers) => {
      const quorum = majority(answers.length);
      const forward = tally(answers, quorum);
      const backward = tally(answers.toReversed(), quorum);
      expect(backward).toEqual(forward);
      const most = Math.max(
        ...[0, 1, 2].map((each) => answers.filter((a) => a.kind === "value" && a.value === each).length),
      );
      expect(forward.kind === "agreed").toBe(most >= quorum);
    }),
  );
});

test("fewer liars than the quorum do not raise what it reaches above the honest, nor lower it below them", () => {
  const number = fc.bigInt({ min: 0n, max: 1_000n });
  fc.assert(
    fc.property(
      fc.array(number, { minLength: 2, maxLength: 5 }),
      fc.array(number, { maxLength: 1 }),
      (honest, lies) => {
        const quorum = majority(honest.length + lies.length);
        fc.pre(lies.length < quorum && honest.length >= quorum);
        const reached = quorumReaches([...lies, ...honest], quorum) ?? -1n;
        expect(reached <= honest.reduce((a, b) => (a > b ? a : b))).toBe(true);
        expect(reached >= honest.reduce((a, b) => (a < b ? a : b))).toBe(true);
      },
    ),
  );
  expect(quorumReaches([1n], 2)).toBeUndefined();
});
