// The one loop that runs every step of the process: at once while there is work, slower and slower while there is none.
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { Logger } from "#observability/log.ts";
import type { Metrics } from "#observability/metrics.ts";
import { stepBatchLimit } from "#protocol/limits.ts";

/** A step of a layer: takes a batch of what is due, and answers how many items it took. */
export type Step = { readonly name: string; readonly run: () => Promise<number> };

export type LoopDeps = {
  /** In the order in which items go from one to the next: a step that took something wakes the one behind it. */
  readonly steps: readonly Step[];
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly clock: () => Date;
  /** Steps that run at the same time; others wait their turn in the order they came. */
  readonly maximumRunning?: number;
};

/** As many batches at a time keep one processor and the database busy; more would only hold more memory and connections. */
const runningLimit = 8;
/** Pause after a batch that was not full: others fill the next one meanwhile. */
const shortestIdleMs = 5;
/** Longest pause of a step that finds nothing: what comes without a wake-up waits no longer. */
const longestIdleMs = 200;
/** Pause after a first failure; doubles to the longest. */
const firstFailurePauseMs = 100;
const longestFailurePauseMs = 10_000;

/** Runs steps until it is stopped. Made by {@link startLoop}. */
export class Loop {
  readonly #deps: LoopDeps;
  readonly #stopping = new AbortController();
  /** Ends the present pause of each step that is idle. */
  readonly #idle = new Map<Step, AbortController>();
  readonly #waiting: (() => void)[] = [];
  readonly #ended: Promise<unknown>;
  #free: number;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
    this.#free = deps.maximumRunning ?? runningLimit;
    this.#ended = Promise.all(deps.steps.map(async (step) => await this.#drive(step)));
  }

  /** Ends the pauses of idle steps, or of the named one: something may be due. Who pauses after a failure goes on pausing. */
  wake(name?: string): void {
    for (const [step, idle] of this.#idle) if (name === undefined || step.name === name) idle.abort();
  }

  /** Lets running batches end, begins no other, and returns when all is still. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#ended;
  }

  async #drive(step: Step): Promise<void> {
    let idleMs = shortestIdleMs;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const taken = await this.#runOnce(step);
      if (taken === undefined) {
        failures++;
        await this.#rest(Math.min(firstFailurePauseMs * 2 ** (failures - 1), longestFailurePauseMs));
        continue;
      }
      failures = 0;
      if (taken > 0) {
        idleMs = shortestIdleMs;
        this.#wakeNext(step);
      }
      if (taken >= stepBatchLimit) {
        await nextTurn();
        continue;
      }
      // The shortest pause is kept even when somebody wakes all: it is what lets batches fill.
      await this.#rest(shortestIdleMs);
      if (taken > 0) continue;
      idleMs = (await this.#idleFor(step, idleMs)) ? shortestIdleMs : Math.min(idleMs * 2, longestIdleMs);
    }
  }

  #wakeNext(step: Step): void {
    const { steps } = this.#deps;
    const next = steps[steps.indexOf(step) + 1];
    if (next !== undefined) this.#idle.get(next)?.abort();
  }

  /** One run; undefined when it failed. What it failed with is logged, and nothing else happens to the process. */
  async #runOnce(step: Step): Promise<number | undefined> {
    const { log, metrics, clock } = this.#deps;
    await this.#takeSlot();
    try {
      if (this.#stopping.signal.aborted) return 0;
      const startedAt = clock();
      const taken = await step.run();
      if (taken > 0) {
        metrics.count("scs_step_items_total", taken, { step: step.name });
        metrics.observe("scs_step_seconds", (clock().getTime() - startedAt.getTime()) / 1000, { step: step.name });
      }
      return taken;
    } catch (error) {
      const code = codeOf(error);
      log.error({ step: step.name, code, err: error }, "a step failed; it is run again after a pause");
      metrics.count("scs_step_failures_total", 1, { step: step.name, code });
      return undefined;
    } finally {
      this.#returnSlot();
    }
  }

  async #takeSlot(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The slot goes to who has waited longest. */
  #returnSlot(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }

  /** A pause that only the end of the loop cuts short. */
  async #rest(milliseconds: number): Promise<void> {
    await pause(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** A pause that {@link wake} ends; answers whether it did. */
  async #idleFor(step: Step, milliseconds: number): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false;
    const woken = new AbortController();
    this.#idle.set(step, woken);
    await pause(milliseconds, undefined, { signal: woken.signal }).catch(() => undefined);
    this.#idle.delete(step);
    return woken.signal.aborted;
  }
}

/** The error's own code where it is a published one; a fixed word for all else, since it becomes a label. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  return /^[A-Z]+_[A-Z_]+$/.test(code) ? code : "INTERNAL_UNEXPECTED";
}

/** Starts to run the steps, each in its own rhythm. */
export function startLoop(deps: LoopDeps): Loop {
  return new Loop(deps);
}
