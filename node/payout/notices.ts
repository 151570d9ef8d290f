// What lasts is told when it begins, when it becomes something else, and now and then while it stays: not at every look.
import type { Logger } from "#observability/log.ts";

/** The same about the same is said again after this long. */
const repeatMilliseconds = 60_000;

type Said = { readonly text: string; readonly atMilliseconds: number };

/** Warnings about states that last, one for each subject. Kept in memory: a process that starts says again what stands. */
export class Notices {
  readonly #log: Logger;
  readonly #clock: () => Date;
  readonly #said = new Map<string, Said>();

  constructor(log: Logger, clock: () => Date) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Warns about a subject, unless just this was said of it less than a minute ago. */
  say(subject: string, fields: object, message: string): void {
    const text = JSON.stringify([message, fields]);
    const atMilliseconds = this.#clock().getTime();
    const before = this.#said.get(subject);
    if (before?.text === text && atMilliseconds - before.atMilliseconds < repeatMilliseconds) return;
    this.#said.set(subject, { text, atMilliseconds });
    this.#log.warn(fields, message);
  }

  /** Forgets a subject: what was said of it is over. */
  end(subject: string): void {
    this.#said.delete(subject);
  }
}
