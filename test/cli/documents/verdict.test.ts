// Verdicts: three answers, three exit codes, and both values where two differ.
import { expect, test } from "vitest";
import type { Verdict } from "#audit/disproof.ts";
import { answerVerdict } from "#cli/documents/verdict.ts";
import { exitCodes, type Output } from "#cli/output.ts";

const root = `0x${"ab".repeat(32)}` as const;
const difference = { field: "rewards[3].amount", claimed: "7", recomputed: "8" };

/** An output that keeps what people would see, or the one JSON value. */
function recorded(json: boolean) {
  const lines: string[] = [];
  const values: unknown[] = [];
  const output: Output = {
    json,
    say: (line) => void lines.push(line),
    table: (headings, rows) => void lines.push(headings.join("|"), ...rows.map((row) => row.join("|"))),
    answer: (value, show) => (json ? void values.push(value) : show()),
  };
  return { output, lines, values };
}

test.each<[Verdict, number, string]>([
  [{ kind: "valid", root }, exitCodes.done, `equal: ${root}`],
  [
    { kind: "invalid", difference },
    exitCodes.disproved,
    "first difference|stored or claimed|worked out again\nrewards[3].amount|7|8",
  ],
  [{ kind: "unknown", reason: "no endpoint" }, exitCodes.failed, "cannot be judged: no endpoint"],
])("%j ends with %i; what cannot be judged neither passes nor accuses (ASSR-01)", (verdict, code, text) => {
  const shown = recorded(false);
  expect(answerVerdict(shown.output, { epoch: 1 }, verdict)).toBe(code);
  expect(shown.lines.join("\n")).toBe(text);
  const printed = recorded(true);
  expect(answerVerdict(printed.output, { epoch: 1 }, verdict)).toBe(code);
  expect(printed.values).toEqual([{ epoch: 1, ...verdict }]);
});
