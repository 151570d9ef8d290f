// An item that holds, as it is settled: its line in the archive, its leaves, and what it brings into its epoch.
import { canonicalText } from "#protocol/canonical.ts";
import { canonicalMove } from "#protocol/histories.ts";
import type { LeafItem } from "#protocol/leaves.ts";
import type { Contribution } from "#protocol/rewards.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchivedItem } from "#protocol/schemas/settlement.ts";
import type { HistoryEntry } from "#storage/tasks.ts";
import type { ParsedItem } from "./item-texts.ts";

/** An item that holds: its line in the archive, its leaves, and what it brings into the epoch. */
export type SettledItem = {
  readonly taskId: Hex;
  readonly line: string;
  readonly result: LeafItem<"result">;
  readonly evidence: readonly LeafItem<"evidence">[];
  readonly contribution: Contribution;
  readonly history: readonly string[];
};

/** The canonical texts of an item's artifacts, each the one that its id commits to. */
export type ItemTexts = Readonly<
  Record<"envelope" | "resolution" | "bundle" | "result" | "transcript" | "accessLog", string>
> & {
  readonly decisions: readonly { readonly decision: string; readonly evidence: string }[];
};

/**
 * A task's canonical history as far as it is settled: up to its verification. A challenge that came later and was not upheld is one
 * node's own affair; it changes neither the root nor what is proven against it.
 */
export function settledHistory(taskId: Hex, history: readonly HistoryEntry[]): readonly string[] {
  const end = history.findLastIndex(({ from, to }) => from === "verifying" && to === "awaiting_settlement") + 1;
  return history.slice(0, end).map((move) => canonicalMove(taskId, move.step, move));
}

/** Puts an item together that was found to hold. */
export function settledItem(
  parsed: ParsedItem,
  texts: ItemTexts,
  contributions: ArchivedItem["contributions"],
): SettledItem {
  const { stored, bundle, assignment, resultTexts, decisions } = parsed;
  const { taskId } = stored;
  const history = settledHistory(taskId, stored.history);
  const signed = texts.decisions.map(
    ({ decision, evidence }, at) =>
      `{"decision":${decision},"evidence":${evidence},"signature":"${decisions[at]?.stored.signature ?? "0x"}"}`,
  );
  // The canonical text of an ArchivedItem, put together from texts that are canonical: its keys are in their order.
  const line =
    `{"accessLog":${texts.accessLog},"assignment":${canonicalText(assignment)},"bundle":${texts.bundle}` +
    `,"bundleSignature":"${resultTexts.signature}","contributions":${canonicalText(contributions)}` +
    `,"decisions":[${signed.join()}],"envelope":${texts.envelope}` +
    `,"envelopeSignature":${canonicalText(stored.envelopeSignature)},"history":${canonicalText(history)}` +
    `,"resolution":${texts.resolution},"result":${texts.result},"taskId":"${taskId}","transcript":${texts.transcript}}`;
  return {
    taskId,
    line,
    result: {
      taskId,
      resultCommitment: bundle.outputCommitment,
      bundleId: resultTexts.bundleId,
      decisionId: decisions[0]?.stored.decisionId ?? taskId,
    },
    evidence: decisions.map(({ decision }) => ({ taskId, evidenceHash: decision.evidenceHash })),
    contribution: {
      fee: BigInt(bundle.fee),
      executor: bundle.executor,
      verifiers: decisions.map(({ decision }) => decision.verifier),
      records: bundle.units.records,
      vaults: contributions,
    },
    history,
  };
}
