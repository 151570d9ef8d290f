// How verdicts of the second opinion are shown, and the exit code each ends with.
import type { Verdict } from "#audit/disproof.ts";
import { exitCodes, type Output } from "../output.ts";

/** A verdict for people: the first difference with both values, where there is one. */
function showVerdict(output: Output, verdict: Verdict): void {
  if (verdict.kind === "valid") return output.say(`equal: ${verdict.root}`);
  if (verdict.kind === "unknown") return output.say(`cannot be judged: ${verdict.reason}`);
  const { field, claimed, recomputed } = verdict.difference;
  output.table(["first difference", "stored or claimed", "worked out again"], [[field, claimed, recomputed]]);
}

/**
 * Answers with a verdict about something; gives the exit code: valid ends with 0, invalid with 1; what cannot be judged is neither,
 * and ends with 2.
 */
export function answerVerdict(output: Output, about: Readonly<Record<string, unknown>>, verdict: Verdict): number {
  output.answer({ ...about, ...verdict }, () => showVerdict(output, verdict));
  if (verdict.kind === "valid") return exitCodes.done;
  return verdict.kind === "invalid" ? exitCodes.disproved : exitCodes.failed;
}
