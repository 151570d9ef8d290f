// How verdicts of the second opinion are shown, and the exit code each ends with.
import type { Verdict } from "#audit/disproof.ts";
import { exitCodes, type Output } from "../output.ts";

/** Valid ends with 0, invalid with 1; what cannot be judged is neither, and ends with 2. */
export function exitCodeOf({ kind }: Verdict): number {
  if (kind === "valid") return exitCodes.done;
  return kind === "invalid" ? exitCodes.disproved : exitCodes.failed;
}

/** A verdict in lines for people: the first difference with both values, where there is one. */
export function verdictLines(verdict: Verdict): readonly string[] {
  if (verdict.kind === "valid") return [`equal: ${verdict.root}`];
  if (verdict.kind === "unknown") return [`cannot be judged: ${verdict.reason}`];
  const { field, claimed, recomputed } = verdict.difference;
  return [`does not hold: ${field}`, `  claimed    ${claimed}`, `  recomputed ${recomputed}`];
}

/** Answers with a verdict about something; gives the exit code. */
export function answerVerdict(output: Output, about: Readonly<Record<string, unknown>>, verdict: Verdict): number {
  output.answer({ ...about, ...verdict }, () => {
    for (const line of verdictLines(verdict)) output.say(line);
  });
  return exitCodeOf(verdict);
}
