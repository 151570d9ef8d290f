// A candidate in an application's database, for tests of what is challenged over REST or from the command line.
import { finishedTask, policy } from "#test/settlement/finished-tasks.ts";
import { penalties } from "#test/settlement/challenging.ts";
import { closeOver, openSettling, settle, type Settling } from "#test/settlement/settling.ts";
import { publishGround } from "#test/settlement/stored-tasks.ts";
import type { Opened } from "./opened.ts";

/** The settlement steps over an application's database, and the epoch whose candidate holds so many finished tasks. */
export async function candidateAtHand(
  { database, clock }: Pick<Opened, "database" | "clock">,
  count: number,
): Promise<{ readonly settling: Settling; readonly epoch: number }> {
  const used = { ...policy, penalties };
  const beside = await openSettling(used);
  // Later than all that the application writes during a test.
  const now = new Date(clock.now.getTime() + 3_600_000);
  const settling: Settling = {
    ...beside,
    now,
    database,
    deps: { ...beside.deps, database, clock: () => settling.now },
  };
  await publishGround(database, used);
  const tasks = Array.from({ length: count }, (_, number) => finishedTask(number));
  const epoch = await closeOver(settling, tasks);
  await settle(settling, epoch);
  return { settling, epoch };
}
