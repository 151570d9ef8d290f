// The loop: at once while batches are full, patient while nothing is due, unimpressed by a step that fails.
import { afterEach, expect, test } from "vitest";
import { startLoop, type Loop, type LoopDeps, type Step } from "#coordination/loop.ts";
import { openLog } from "#observability/log.ts";
import { openMetrics } from "#observability/metrics.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { stepBatchLimit } from "#protocol/limits.ts";

const started: Loop[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map(async (loop) => await loop.stop()));
});

function start(
  steps: readonly Step[],
  more: Partial<LoopDeps> = {},
): { loop: Loop; lines: string[]; metrics: LoopDeps["metrics"] } {
  const lines: string[] = [];
  const log = openLog({ level: "debug", destination: { write: (line) => lines.push(line), pendingBytes: () => 0 } });
  const metrics = openMetrics();
  const loop = startLoop({ steps, log, metrics, clock: () => new Date(0), ...more });
  started.push(loop);
  return { loop, lines, metrics };
}

/** A step that answers from a list, then 0; and a promise for when it was asked so often. */
function scripted(name: string, answers: readonly (number | Error)[]) {
  let runs = 0;
  const waiting: { readonly after: number; readonly resolve: () => void }[] = [];
  const step: Step = {
    name,
    run: async () => {
      const answer = answers[runs++] ?? 0;
      for (const { after, resolve } of waiting) if (runs >= after) resolve();
      await Promise.resolve();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const ran = async (times: number): Promise<void> => {
    if (runs < times) await new Promise<void>((resolve) => waiting.push({ after: times, resolve }));
  };
  return { step, ran, runs: () => runs };
}

test("a step runs again while it takes full batches, and its items are counted", async () => {
  const { step, ran } = scripted("full", new Array<number>(50).fill(stepBatchLimit));
  const { loop, metrics } = start([step]);
  await ran(51);
  await loop.stop();
  expect(await metrics.text()).toContain(`scs_step_items_total{step="full"} ${50 * stepBatchLimit}`);
});

test("a step that fails is logged with its code, run again after a pause, and the others go on [LAYR-04]", async () => {
  const failing = scripted("failing", [
    new ProtocolError("INTERNAL_DATABASE_UNAVAILABLE"),
    new Error("plain"),
    new TypeError("bug"),
    1,
  ]);
  const fine = scripted("fine", [1, 1, 1]);
  const { loop, lines, metrics } = start([failing.step, fine.step]);
  await Promise.all([failing.ran(4), fine.ran(4)]);
  await loop.stop();
  const codes = lines
    .map((line) => JSON.parse(line) as { step: string; code: string })
    .map(({ step, code }) => `${step} ${code}`);
  expect(codes).toEqual([
    "failing INTERNAL_DATABASE_UNAVAILABLE",
    "failing INTERNAL_UNEXPECTED",
    "failing INTERNAL_UNEXPECTED",
  ]);
  expect(await metrics.text()).toContain(`scs_step_failures_total{step="failing",code="INTERNAL_UNEXPECTED"} 2`);
});

test("stopping lets running batches end, begins no other, and then returns", async () => {
  let release: () => void = () => undefined;
  let entered: () => void = () => undefined;
  const inside = new Promise<void>((resolve) => (entered = resolve));
  let runs = 0;
  let ended = 0;
  const slow: Step = {
    name: "slow",
    run: async () => {
      runs++;
      entered();
      await new Promise<void>((resolve) => (release = resolve));
      ended++;
      return stepBatchLimit;
    },
  };
  const { loop } = start([slow]);
  await inside;
  const stopped = loop.stop().then(() => ended);
  release();
  expect(await stopped).toBe(1);
  expect(runs).toBe(1);
});

test("waking ends the pause of an idle step, and of the named one alone", async () => {
  const [a, b] = [scripted("a", []), scripted("b", [])];
  const { loop } = start([a.step, b.step]);
  // Idle for the longest pause by now; each wake-up brings the next run at once.
  await Promise.all([a.ran(8), b.ran(8)]);
  for (let wake = 0; wake < 5; wake++) {
    const before = a.runs();
    while (a.runs() === before) {
      loop.wake("a");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  expect(a.runs()).toBeGreaterThan(b.runs());
});

test("what one step took wakes the one behind it", async () => {
  const passed: number[] = [];
  let given = 0;
  const first: Step = { name: "first", run: async () => await Promise.resolve(given < 3 ? ++given : 0) };
  const second: Step = {
    name: "second",
    run: async () => {
      const fresh = given - passed.length;
      if (fresh > 0) passed.push(given);
      return await Promise.resolve(Math.max(0, fresh));
    },
  };
  const { loop } = start([first, second]);
  while (passed.at(-1) !== 3) await new Promise((resolve) => setTimeout(resolve, 1));
  await loop.stop();
  expect(passed.at(-1)).toBe(3);
});

test("no more steps run at the same time than allowed, and each gets its turn", async () => {
  let running = 0;
  let most = 0;
  const turns = new Map<string, number>();
  const stepNamed = (name: string): Step => ({
    name,
    run: async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      turns.set(name, (turns.get(name) ?? 0) + 1);
      return stepBatchLimit;
    },
  });
  const { loop } = start(["a", "b", "c", "d", "e"].map(stepNamed), { maximumRunning: 2 });
  while ((turns.get("e") ?? 0) < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  await loop.stop();
  expect(most).toBe(2);
  const counts = [...turns.values()];
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});
