// What a roll-out leaves out, among others that are in force or ordered.
import { expect, test } from "vitest";
import { droppedBy, namesOf, type Rollout } from "#protocol/rollouts.ts";

const rollout = (fromEpoch: number, versions: readonly string[], retires: readonly string[] = []): Rollout => ({
  fromEpoch,
  semanticVersions: versions,
  policyVersions: ["p"],
  retiring: { semanticVersions: retires, policyVersions: [] },
});

test.each([
  ["none before it", rollout(1, ["1"]), [], [], []],
  ["the same again", rollout(5, ["1"]), [rollout(1, ["1"])], [], []],
  ["one more", rollout(5, ["1", "2"]), [rollout(1, ["1"])], [], []],
  ["another at once", rollout(5, ["2"]), [rollout(1, ["1"])], ["1"], ["1"]],
  ["one that retires", rollout(5, ["2"]), [rollout(1, ["1", "2"], ["1"])], ["1"], []],
  ["one that will retire only", rollout(7, ["2"]), [rollout(1, ["1"]), rollout(5, ["1", "2"], ["1"])], ["1"], ["1"]],
  ["one that was ordered meanwhile", rollout(7, ["1"]), [rollout(1, ["1"]), rollout(5, ["1", "2"])], ["2"], ["2"]],
  ["before one that has less", rollout(3, ["1", "2"]), [rollout(1, ["1"]), rollout(5, ["1"])], [], ["2"]],
  ["before one that has less, retiring", rollout(3, ["1", "2"], ["2"]), [rollout(1, ["1"]), rollout(5, ["1"])], [], []],
] as const)("%s [OPER-03]", (_, ordered, others, dropped, stillTaken) => {
  const found = droppedBy(ordered, others);
  expect(namesOf(found.dropped)).toEqual(dropped.map((each) => `semantic ${each}`));
  expect(namesOf(found.stillTaken)).toEqual(stillTaken.map((each) => `semantic ${each}`));
});

test("policies are left out like meanings", () => {
  const found = droppedBy({ fromEpoch: 2, semanticVersions: ["1"], policyVersions: ["q"] }, [rollout(1, ["1"])]);
  expect(namesOf(found.stillTaken)).toEqual(["policy p"]);
});
