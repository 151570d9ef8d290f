// Verdicts: three answers, three exit codes, and both values where two differ.
import { expect, test } from "vitest";
import type { Verdict } from "#audit/disproof.ts";
import { exitCodeOf, verdictLines } from "#cli/documents/verdict.ts";

const root = `0x${"ab".repeat(32)}` as const;
const difference = { field: "rewards[3].amount", claimed: "7", recomputed: "8" };

test.each<[Verdict, number, RegExp]>([
  [{ kind: "valid", root }, 0, new RegExp(`equal: ${root}`)],
  [{ kind: "invalid", difference }, 1, /rewards\[3\]\.amount\n.*claimed +7\n.*recomputed +8/],
  [{ kind: "unknown", reason: "no endpoint" }, 2, /cannot be judged: no endpoint/],
])("%j ends with %i; what cannot be judged neither passes nor accuses", (verdict, code, text) => {
  expect(exitCodeOf(verdict)).toBe(code);
  expect(verdictLines(verdict).join("\n")).toMatch(text);
});
