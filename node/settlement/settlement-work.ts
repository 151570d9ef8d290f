// What the work of each settlement state shares: what it is given, what it answers, and how it moves a settlement.
import type { Queryable } from "#storage/database.ts";
import { requireDuty, type Duty } from "#storage/duties.ts";
import { enqueue } from "#storage/outbox.ts";
import { moveSettlement, type Settlement, type SettlementMove } from "#storage/settlements.ts";
import type { BuildDeps } from "./build.ts";
import { eventEffect } from "./effects.ts";
import type { SecondOpinion } from "./second-opinion.ts";
import type { AnchorView } from "./settlement-decision.ts";
import { actor } from "./step.ts";

/** What settling needs besides the object store. */
export type SettlementDeps = BuildDeps & {
  readonly secondOpinion: SecondOpinion;
  /** The anchor's view of an epoch at a block deep enough to count. */
  readonly readAnchor: (scope: string, epoch: number) => Promise<AnchorView>;
  /** How long to wait before looking again at what is not there yet. */
  readonly pollSeconds: number;
};

/** What the work of one state came to. `wait` looks again later. */
export type Outcome =
  { readonly kind: "moved" } | { readonly kind: "wait"; readonly reason: string; readonly seconds?: number };

/** The work of one state. */
export type Work = (deps: SettlementDeps, duty: Duty, settlement: Settlement) => Promise<Outcome>;

/** Writes under the duty: a process that lost it writes nothing. */
export async function write<T>(
  deps: SettlementDeps,
  duty: Duty,
  run: (transaction: Queryable) => Promise<T>,
): Promise<T> {
  return await deps.database.transaction(async (transaction) => {
    await requireDuty(transaction, duty);
    return await run(transaction);
  });
}

/** The move, and what else is written with it. */
export type MoveWords = Pick<SettlementMove, "to" | "why"> & Partial<Pick<SettlementMove, "failure" | "detail">>;

/** Moves a settlement in one transaction with what `also` writes; a failure is published with it. */
export async function move(
  deps: SettlementDeps,
  duty: Duty,
  settlement: Settlement,
  words: MoveWords,
  also: (transaction: Queryable) => Promise<void> = () => Promise.resolve(),
): Promise<Outcome> {
  const now = deps.clock();
  const { scope, epoch, revision } = settlement;
  const reason = words.failure ?? null;
  const moved = await write(deps, duty, async (transaction) => {
    if (!(await moveSettlement(transaction, { settlement, by: actor, ...words }, now))) return false;
    const failed = { event: "failed", scope, epoch, revision, root: null, archive: null, reason } as const;
    if (reason !== null) await enqueue(transaction, [eventEffect(failed)], now);
    await also(transaction);
    return true;
  });
  if (!moved) return { kind: "wait", reason: "it was moved by another process" };
  const about = { scope, epoch, revision, from: settlement.state, ...words };
  if (reason === null) deps.log.info(about, "settlement moved");
  else deps.log.error(about, "settlement failed");
  return { kind: "moved" };
}
