// Readiness: what has to hold for this process to serve, each asked with a bound on how long it may think.

/** A condition; it throws, or rejects, with the reason why it does not hold. */
export type Check = () => Promise<void> | void;

/** What asking a condition came to. `reason` is null where it holds. */
export type CheckResult = { readonly name: string; readonly holds: boolean; readonly reason: unknown };

export type Health = {
  /** Adds a condition under a name of its own. */
  readonly add: (name: string, check: Check) => void;
  /** Takes a condition away. */
  readonly remove: (name: string) => void;
  /** Asks all conditions at the same time, in the order they were added. No answer in time counts as: does not hold. */
  readonly ask: () => Promise<readonly CheckResult[]>;
};

/** Longer than any healthy answer, shorter than the patience of whoever asks. */
const defaultTimeoutMs = 2_000;

/** Opens the register of conditions. */
export function openHealth(timeoutMs: number = defaultTimeoutMs): Health {
  const checks = new Map<string, Check>();
  return {
    add: (name, check) => void checks.set(name, check),
    remove: (name) => void checks.delete(name),
    ask: async () => await Promise.all([...checks].map(async ([name, check]) => await askOne(name, check, timeoutMs))),
  };
}

async function askOne(name: string, check: Check, timeoutMs: number): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    await Promise.race([Promise.resolve().then(check), late]);
    return { name, holds: true, reason: null };
  } catch (reason) {
    return { name, holds: false, reason };
  } finally {
    clearTimeout(timer);
  }
}
