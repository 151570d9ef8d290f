// What lasts is said when it begins, when it changes, and once a minute; each subject by itself.
import { expect, test } from "vitest";
import { openLog } from "#observability/log.ts";
import { Notices } from "#payout/notices.ts";

test("the same of the same is said once a minute; a change and another subject at once; what ended begins anew", () => {
  const said: unknown[] = [];
  const write = (line: string): boolean => said.push((JSON.parse(line) as { readonly why: string }).why) > 0;
  const start = Date.parse("2026-01-01T00:00:00Z");
  let milliseconds = 0;
  const log = openLog({ level: "info", destination: { write, pendingBytes: () => 0 } });
  const notices = new Notices(log, () => new Date(start + milliseconds));
  const linesAt = (at: number, subject: string, why: string): number => {
    const before = said.length;
    milliseconds = at;
    notices.say(subject, { why }, "held back");
    return said.length - before;
  };
  expect(linesAt(0, "films/1", "not funded")).toBe(1);
  for (let at = 250; at < 60_000; at += 250) expect(linesAt(at, "films/1", "not funded")).toBe(0);
  expect(linesAt(60_000, "films/1", "not funded")).toBe(1);
  expect(linesAt(60_250, "films/1", "hourly cap")).toBe(1);
  expect(linesAt(60_250, "films/2", "hourly cap")).toBe(1);
  expect(linesAt(60_500, "films/1", "hourly cap")).toBe(0);
  notices.end("films/1");
  expect(linesAt(60_750, "films/1", "hourly cap")).toBe(1);
  expect(linesAt(60_750, "films/2", "hourly cap")).toBe(0);
});
