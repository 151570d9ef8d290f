// What a settlement does next: one pure, total function for each state that waits for something outside.
import type { AnchoredCandidate } from "#chain/anchor.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { OpinionVerdict } from "./second-opinion.ts";

/** What to do with a built candidate once it was judged (SETL-06). */
export type BuiltAction =
  | { readonly kind: "commit" }
  | { readonly kind: "fail"; readonly failure: string }
  | { readonly kind: "wait"; readonly reason: string };

/**
 * Only a candidate on which two builders agree is committed to. One that differs fails, with the first difference; one that
 * cannot be judged waits.
 */
export function decideBuilt(root: Hex, verdict: OpinionVerdict): BuiltAction {
  switch (verdict.kind) {
    case "valid":
      return verdict.root === root
        ? { kind: "commit" }
        : differs({ field: "root", claimed: root, recomputed: verdict.root });
    case "invalid":
      return differs(verdict.difference);
    case "unknown":
      return { kind: "wait", reason: verdict.reason };
  }
}

function differs(difference: {
  readonly field: string;
  readonly claimed: string;
  readonly recomputed: string;
}): BuiltAction {
  const { field, claimed, recomputed } = difference;
  return { kind: "fail", failure: `SETTLEMENT_SECOND_OPINION: ${field} is ${claimed}, recomputed ${recomputed}` };
}

/** A candidate as the chain shows it, at a block deep enough to count, and that block's time. */
export type AnchorView = {
  readonly candidate: Pick<AnchoredCandidate, "state" | "revision" | "root" | "finalizableAtSeconds">;
  readonly timeSeconds: number;
};

/** What a settlement with a committed candidate does next. */
export type AnchoredAction =
  /** Not proposed yet: its proposal is on its way. */
  | { readonly kind: "await_proposal" }
  /** Proposed; its window, or a doubt, is open. `untilSeconds` where the end is known. */
  | { readonly kind: "await_window"; readonly untilSeconds: number | null }
  /** The window is over: finalization may be sent. */
  | { readonly kind: "finalize" }
  /** Final on chain with this root. */
  | { readonly kind: "complete" }
  /** Rejected on chain: this revision has failed. */
  | { readonly kind: "reject" }
  /** The chain holds what this node did not propose. Nothing is sent; somebody must look. */
  | { readonly kind: "foreign"; readonly root: Hex };

/** Reads the chain's view of a committed candidate (ANCH-01). `own.revision` is the anchor's number for it. */
export function decideAnchored(
  own: { readonly root: Hex; readonly revision: number },
  view: AnchorView,
): AnchoredAction {
  const { state, revision, root, finalizableAtSeconds } = view.candidate;
  if (state === "none") return { kind: "await_proposal" };
  if (state === "rejected") {
    if (revision === own.revision) return { kind: "reject" };
    return revision === own.revision - 1 ? { kind: "await_proposal" } : { kind: "foreign", root };
  }
  if (root !== own.root) return { kind: "foreign", root };
  switch (state) {
    case "finalized":
      return { kind: "complete" };
    case "challenged":
      return { kind: "await_window", untilSeconds: null };
    case "candidate":
    case "held":
      return view.timeSeconds >= finalizableAtSeconds
        ? { kind: "finalize" }
        : { kind: "await_window", untilSeconds: finalizableAtSeconds };
  }
}
