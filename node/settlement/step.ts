// What the steps of this layer have in common: their shape, what they are given, and the duty they write under.
import { ProtocolError } from "#protocol/errors.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import type { AnchorPlace } from "#protocol/settlement-root.ts";
import type { Database } from "#storage/database.ts";
import { acquireDuty, type Duty } from "#storage/duties.ts";

/** One kind of work that is looked for again and again; `run` answers how much of it was done. */
export type Step = { readonly name: string; readonly run: () => Promise<number> };

/** Where what happens is told; fields first. */
export type Log = {
  readonly info: (fields: object, message: string) => void;
  readonly warn: (fields: object, message: string) => void;
  readonly error: (fields: object, message: string) => void;
};

/** What every step of this layer needs. */
export type StepDeps = {
  readonly database: Database;
  readonly clock: () => Date;
  readonly log: Log;
  /** Names this process, and no other, for as long as it lives. */
  readonly holder: string;
  /** The governed scopes that this process looks after. */
  readonly scopes: readonly string[];
  /** The chain and anchor that roots are for. */
  readonly place: AnchorPlace;
};

/** The versions of the message schemas that this node settles. */
export const schemaVersions: readonly string[] = ["1.0"];

/** Who acts, in journals. */
export const actor = "settlement";

/** Takes or prolongs a duty of this layer; undefined while another process has it. */
export async function takeDuty(deps: StepDeps, name: string): Promise<Duty | undefined> {
  const { database, holder, clock } = deps;
  return await acquireDuty(database, { schema: "work", name, holder, seconds: leaseSeconds, now: clock() });
}

/**
 * Prolongs a duty during long work.
 * @throws ProtocolError INTERNAL_LEASE_LOST when it went to another process meanwhile
 */
export async function keepDuty(deps: StepDeps, duty: Duty): Promise<void> {
  const kept = await takeDuty(deps, duty.name);
  if (kept?.fence !== duty.fence) throw new ProtocolError("INTERNAL_LEASE_LOST", { duty: duty.name });
}

/** Adds seconds to a time. */
export function later(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}

/** Whether an error says that the same may succeed later: the step goes on with other work and comes back. */
export function mayPass(error: unknown): error is ProtocolError {
  return error instanceof ProtocolError && error.retry;
}
