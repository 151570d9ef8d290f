// The payout signer's process: its own database role, its own key, no web server; it runs the payout steps until it is stopped.
import { randomUUID } from "node:crypto";
import { leaseSeconds } from "#protocol/limits.ts";
import { Notices } from "#payout/notices.ts";
import { payoutSteps } from "#payout/steps.ts";
import type { Logger } from "#observability/log.ts";
import { ProtocolError } from "#protocol/errors.ts";
import type { Hex } from "#protocol/hash.ts";
import type { Database } from "#storage/database.ts";
import { acquireDuty } from "#storage/duties.ts";
import { setTimeout as pause } from "node:timers/promises";
import type { Configuration } from "../config/schema.ts";
import { followSource, submitterFor, type ChainAccess } from "./chain.ts";
import { giveBackDuties } from "./duties.ts";

const clock = (): Date => new Date();

/** Pause after a failure; the chain or the database may be back by then. */
const failurePauseMilliseconds = 1_000;

/**
 * Runs the payout steps, one after another, until `signal` says stop. One signer at a time does it; others wait, and one that
 * stops in order lets the next begin at once.
 */
export async function runSigner(
  parts: {
    readonly configuration: Configuration;
    readonly database: Database;
    readonly chain: ChainAccess;
    readonly privateKey: Hex;
    readonly log: Logger;
  },
  signal: AbortSignal,
): Promise<void> {
  const { configuration, database, chain, privateKey, log } = parts;
  const submitter = submitterFor(configuration, chain, { database, schema: "payout", privateKey, clock });
  const limits = {
    epochCap: BigInt(configuration.SCS_PAYOUT_EPOCH_CAP),
    hourlyCap: BigInt(configuration.SCS_PAYOUT_HOURLY_CAP),
  };
  const { anchor, treasury } = chain;
  const source = followSource(chain, "treasury");
  const notices = new Notices(log, clock);
  const steps = payoutSteps({ database, anchor, treasury, source, submitter, limits, clock, log, notices });
  const holder = randomUUID();
  while (!signal.aborted) {
    const wait = await runOnce(database, steps, holder, log, configuration.SCS_CHAIN_POLL_MS);
    await pause(wait, undefined, { signal }).catch(() => undefined);
  }
  await giveBackDuties({ database, log }, "payout", holder);
}

async function runOnce(
  database: Database,
  steps: ReturnType<typeof payoutSteps>,
  holder: string,
  log: Logger,
  pollMilliseconds: number,
): Promise<number> {
  try {
    const duty = { schema: "payout", name: "payer", holder, seconds: leaseSeconds, now: clock() } as const;
    if ((await acquireDuty(database, duty)) === undefined) return failurePauseMilliseconds;
    for (const step of steps) await step.run();
    return pollMilliseconds;
  } catch (error) {
    const code = error instanceof ProtocolError ? error.code : "INTERNAL_UNEXPECTED";
    log.error({ code, err: error }, "a payout step failed; it is run again after a pause");
    return failurePauseMilliseconds;
  }
}
