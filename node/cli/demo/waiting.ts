// Waiting: a condition is asked for until it holds, with progress shown, and a bound after which the demo gives up.
import { setTimeout as pause } from "node:timers/promises";

const pauseMilliseconds = 100;

/**
 * Asks `measure` until it answers `goal`, telling each answer to `advance`.
 * @throws Error naming what did not happen, when it takes longer than `seconds`
 */
export async function until(
  what: string,
  goal: number,
  seconds: number,
  measure: () => Promise<number>,
  advance: (value: number) => void = () => undefined,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await measure();
    advance(value);
    if (value >= goal) return;
    if (Date.now() > end) throw new Error(`${what}: ${value} of ${goal} after ${seconds} seconds`);
    await pause(pauseMilliseconds);
  }
}
