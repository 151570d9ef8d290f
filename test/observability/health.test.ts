// Readiness: every condition is asked, a silent one counts as not holding, and none can disturb another.
import { expect, test } from "vitest";
import { openHealth } from "#observability/health.ts";

test("conditions are asked in the order they were added, and say why they do not hold", async () => {
  const health = openHealth();
  const reason = new Error("no database");
  health.add("database", async () => await Promise.reject(reason));
  health.add("chain", () => undefined);
  health.add("clock", () => {
    throw new TypeError("skew");
  });
  const results = await health.ask();
  expect(results.map(({ name, holds }) => [name, holds])).toEqual([
    ["database", false],
    ["chain", true],
    ["clock", false],
  ]);
  expect(results[0]?.reason).toBe(reason);
  health.remove("database");
  health.add("clock", () => undefined);
  expect((await health.ask()).every(({ holds }) => holds)).toBe(true);
});

test("a condition that does not answer counts as not holding, and keeps nobody waiting for ever", async () => {
  const health = openHealth(20);
  health.add("silent", async () => await new Promise<never>(() => undefined));
  health.add("fine", () => undefined);
  const [silent, fine] = await health.ask();
  expect([silent?.holds, fine?.holds]).toEqual([false, true]);
  expect(String(silent?.reason)).toContain("no answer within 20 ms");
});
