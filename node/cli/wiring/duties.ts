// The end of a process that stops in order: what only it might do is free at once, for whoever goes on.
import type { Logger } from "#observability/log.ts";
import type { Database } from "#storage/database.ts";
import { releaseDuties, type DutySchema } from "#storage/duties.ts";

/** Gives back every duty of a holder. Where the database is gone they end by their time: that stops no stop. */
export async function giveBackDuties(
  { database, log }: { readonly database: Database; readonly log: Logger },
  schema: DutySchema,
  holder: string,
): Promise<void> {
  try {
    await releaseDuties(database, { schema, holder, now: new Date() });
  } catch (error) {
    log.warn({ schema, err: error }, "duties were not given back; another process waits until their time is over");
  }
}
