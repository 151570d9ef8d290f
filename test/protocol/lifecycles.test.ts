// The published tables: every pair of states of every lifecycle is allowed or refused, and what the protocol demands of them.
import { describe, expect, test } from "vitest";
import { allows, lifecycles, taskLifecycle, terminalStates } from "#protocol/lifecycles.ts";
import type { Lifecycle } from "#protocol/lifecycles/table.ts";

/** The protocol's own words for the states (scp-core-spec), and the moves of the design, written down once more. */
const published: Readonly<
  Record<keyof typeof lifecycles, { readonly states: string; readonly moves: readonly string[] }>
> = {
  task: {
    states: "accepted resolving dispatched verifying awaiting_settlement completed challenged rejected timed_out",
    moves: [
      "accepted > resolving rejected timed_out",
      "resolving > dispatched rejected timed_out",
      "dispatched > verifying rejected timed_out",
      "verifying > awaiting_settlement rejected timed_out challenged",
      "awaiting_settlement > completed challenged",
      "challenged > verifying awaiting_settlement rejected",
    ],
  },
  challenge: {
    states: "opened reviewing confirmed not_confirmed approved closed_without_penalty penalty_recorded reopened",
    moves: [
      "opened > reviewing",
      "reviewing > confirmed not_confirmed",
      "confirmed > approved closed_without_penalty",
      "not_confirmed > closed_without_penalty",
      "approved > penalty_recorded",
      "closed_without_penalty > reopened",
      "reopened > reviewing",
    ],
  },
  settlement: {
    states: "collecting verifying_inputs candidate_ready finalizing finalized failed",
    moves: [
      "collecting > verifying_inputs",
      "verifying_inputs > candidate_ready failed",
      "candidate_ready > finalizing failed",
      "finalizing > finalized failed",
    ],
  },
  epoch: { states: "open closing closed", moves: ["open > closing", "closing > closed"] },
  reward: {
    states: "pending_input eligible calculated finalized blocked adjusted",
    moves: ["pending_input > eligible", "eligible > calculated blocked", "calculated > finalized blocked"],
  },
  payout: {
    states: "prepared authorized submitted confirmed reconciled failed mismatched",
    moves: [
      "prepared > authorized reconciled mismatched",
      "authorized > submitted reconciled mismatched",
      "submitted > confirmed failed reconciled mismatched",
      "confirmed > reconciled failed mismatched",
      "failed > authorized reconciled mismatched",
      "reconciled > mismatched",
      "mismatched > reconciled authorized",
    ],
  },
  domain: {
    states: "proposed registered active deprecated retired",
    moves: [
      "proposed > registered retired",
      "registered > active retired",
      "active > deprecated",
      "deprecated > active retired",
    ],
  },
  attribute: {
    states: "proposed registered active deprecated retired superseded",
    moves: [
      "proposed > registered retired",
      "registered > active retired",
      "active > deprecated superseded",
      "deprecated > active retired superseded",
      "superseded > retired",
    ],
  },
  query_attribute: {
    states: "proposed registered active restricted deprecated retired",
    moves: [
      "proposed > registered retired",
      "registered > active restricted retired",
      "active > restricted deprecated",
      "restricted > active deprecated",
      "deprecated > active retired",
    ],
  },
};

/** The rule that a lifecycle's table answers for; a reward's stands in the design alone. */
const ruleOf: Readonly<Record<string, string>> = {
  task: " [TASK-02]",
  challenge: " [CHAL-01]",
  settlement: " [SETL-01]",
  epoch: " [EPOC-02]",
  payout: " [PAYO-04]",
  domain: " [DOMN-02]",
  attribute: " [ATTR-02]",
  query_attribute: " [ATTR-06]",
};

describe.each(Object.entries(published))("%s", (name, { states, moves }) => {
  const lifecycle: Lifecycle = lifecycles[name as keyof typeof lifecycles];
  const names = states.split(" ");
  const allowed = new Set(
    moves.flatMap((line) => {
      const [from = "", targets = ""] = line.split(" > ");
      return targets.split(" ").map((to) => `${from} > ${to}`);
    }),
  );

  test("its states are the protocol's, each with a sentence", () => {
    expect(Object.keys(lifecycle.states).sort()).toEqual([...names].sort());
    expect(Object.values(lifecycle.states).every((sentence) => /^[A-Z].*\.$/.test(sentence))).toBe(true);
    expect(names[0]).toBe(lifecycle.initial);
  });

  test.each(names.flatMap((from) => names.map((to) => [from, to] as const)))(`%s to %s`, (from, to) => {
    expect(allows(lifecycle, from, to)).toBe(allowed.has(`${from} > ${to}`));
  });

  test(`nothing but its table counts, and no move stands in it twice${ruleOf[name] ?? ""}`, () => {
    const pairs = lifecycle.transitions.map(({ from, to }) => `${from} > ${to}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    expect(new Set(pairs)).toEqual(allowed);
    expect(allows(lifecycle, "elsewhere", lifecycle.initial)).toBe(false);
    expect(allows(lifecycle, lifecycle.initial, "elsewhere")).toBe(false);
    expect(lifecycle.transitions.every(({ by, why }) => by.length > 0 && why.length > 0)).toBe(true);
  });

  test("every state can be reached, but one that a correcting record begins in", () => {
    const reached = new Set([lifecycle.initial]);
    for (let before = 0; before < reached.size;) {
      before = reached.size;
      for (const { from, to } of lifecycle.transitions) if (reached.has(from)) reached.add(to);
    }
    expect(names.filter((state) => !reached.has(state))).toEqual(name === "reward" ? ["adjusted"] : []);
  });
});

test("a task is in one of nine states [TASK-01]", () => {
  expect(Object.keys(taskLifecycle.states)).toHaveLength(9);
});

test("no way leads past verification, and none to completed but out of awaiting_settlement [TASK-04]", () => {
  const into = (to: string) => taskLifecycle.transitions.filter((each) => each.to === to).map(({ from }) => from);
  expect(into("completed")).toEqual(["awaiting_settlement"]);
  expect(into("awaiting_settlement").sort()).toEqual(["challenged", "verifying"]);
  // Whoever is challenged was verifying before, or waited after it.
  expect(into("challenged").sort()).toEqual(["awaiting_settlement", "verifying"]);
});

test("what has ended stays ended", () => {
  expect(terminalStates(taskLifecycle).toSorted()).toEqual(["completed", "rejected", "timed_out"]);
  expect(terminalStates(lifecycles.settlement).toSorted()).toEqual(["failed", "finalized"]);
  expect(terminalStates(lifecycles.epoch)).toEqual(["closed"]);
  expect(terminalStates(lifecycles.challenge)).toEqual(["penalty_recorded"]);
});
