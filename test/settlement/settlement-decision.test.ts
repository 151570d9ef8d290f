// Every state of the anchor, read against the candidate that is the node's own.
import { expect, test } from "vitest";
import { decideAnchored, decideBuilt, type AnchorView } from "#settlement/settlement-decision.ts";

const root = `0x${"11".repeat(32)}` as const;
const other = `0x${"22".repeat(32)}` as const;
const none = `0x${"00".repeat(32)}` as const;
const own = { root, revision: 2 };
const view = (state: AnchorView["candidate"]["state"], found: Partial<AnchorView["candidate"]> = {}): AnchorView => ({
  candidate: { state, revision: 2, root, finalizableAtSeconds: 100, ...found },
  timeSeconds: 100,
});

test.each([
  ["await_proposal", view("none", { revision: 0, root: none })],
  ["await_proposal", view("rejected", { revision: 1, root: none })],
  ["reject", view("rejected", { root: none })],
  ["foreign", view("rejected", { revision: 3, root: none })],
  ["finalize", view("candidate")],
  ["finalize", view("held")],
  ["await_window", view("candidate", { finalizableAtSeconds: 101 })],
  ["await_window", view("challenged")],
  ["complete", view("finalized")],
  ["foreign", view("candidate", { root: other })],
  ["foreign", view("challenged", { root: other })],
  ["foreign", view("finalized", { root: other, revision: 1 })],
] as const)("%s (case %#) [ANCH-01]", (kind, shown) => {
  expect(decideAnchored(own, shown).kind).toBe(kind);
});

test("only a candidate that both builders agree on is committed to [SETL-06]", () => {
  const difference = { field: "payouts[3].amount", claimed: "5", recomputed: "6" };
  expect(decideBuilt(root, { kind: "valid", root })).toEqual({ kind: "commit" });
  expect(decideBuilt(root, { kind: "valid", root: other })).toMatchObject({ kind: "fail" });
  expect(decideBuilt(root, { kind: "unknown", reason: "no disk" })).toEqual({ kind: "wait", reason: "no disk" });
  expect(decideBuilt(root, { kind: "invalid", difference })).toEqual({
    kind: "fail",
    failure: "SETTLEMENT_SECOND_OPINION: payouts[3].amount is 5, recomputed 6",
  });
});
