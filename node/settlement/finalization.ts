// Completes a settlement that is final on chain: its tasks, its money, and last of all the settlement itself.
import assert from "node:assert/strict";
import { ProtocolError } from "#protocol/errors.ts";
import { hexToBytes } from "#protocol/hash.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { ArchiveManifest } from "#protocol/schemas/settlement.ts";
import { accountNames, post, type Posting } from "#storage/accounts.ts";
import type { Duty } from "#storage/duties.ts";
import { epochSubject } from "#storage/epochs.ts";
import {
  followedFinalization,
  insertFinalized,
  leftOutMembers,
  rewardAmounts,
  submitterTotals,
  uncompletedItems,
} from "#storage/finalizations.ts";
import { enqueue } from "#storage/outbox.ts";
import type { Settlement, StoredCandidate } from "#storage/settlements.ts";
import { moveTasks, takeNamed } from "#storage/tasks.ts";
import type { TaskState } from "#protocol/lifecycles.ts";
import { epochIdOf } from "#protocol/parameters.ts";
import { openArchive } from "./archive.ts";
import { eventEffect } from "./effects.ts";
import { move, write, type Outcome, type SettlementDeps } from "./settlement-work.ts";
import { actor, keepDuty } from "./step.ts";

/** Tasks completed, or postings made, in one transaction. */
const batchLimit = 1_000;

/**
 * Does what follows from a root that is final on chain, in many transactions, each of which may be repeated: the record of it,
 * completed tasks, postings, and the settlement itself last. Whoever dies in between leaves the rest to the next run.
 */
export async function completeSettlement(
  deps: SettlementDeps,
  duty: Duty,
  settlement: Settlement,
  candidate: StoredCandidate,
): Promise<Outcome> {
  const { scope, epoch, revision } = settlement;
  const { root, header } = candidate;
  const subjects = { epoch: epochSubject(scope, epoch), anchor: hexToBytes(deps.place.anchor) };
  const place = await followedFinalization(deps.database, subjects);
  if (place === undefined) return { kind: "wait", reason: "its final event was not followed yet" };
  if (place.root !== root) throw new ProtocolError("SETTLEMENT_CHAIN_DISAGREES", { root, found: place.root });
  await write(deps, duty, async (transaction) => {
    await insertFinalized(transaction, { ...settlement, root, previousRoot: header.previousRoot, place }, deps.clock());
  });
  await completeTasks(deps, duty, settlement);
  await challengeLeftOut(deps, duty, settlement, header.archive);
  await postFees(deps, duty, settlement, candidate);
  await postRewards(deps, duty, settlement);
  const why = "the chain shows the finalized root deep enough";
  const detail = { root, block: String(place.blockNumber), transaction: place.transactionHash };
  return await move(deps, duty, settlement, { to: "finalized", why, detail }, async (transaction) => {
    const { archive } = header;
    const event = { event: "finalized", scope, epoch, revision, root, archive, reason: null } as const;
    await enqueue(transaction, [eventEffect(event)], deps.clock());
  });
}

/** Moves the settled tasks that still wait, batch by batch. */
async function completeTasks(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<void> {
  for (let from: number | undefined = 0; from !== undefined;) {
    const range: { from: number; limit: number } = { from, limit: batchLimit };
    const { taskIds, next } = await uncompletedItems(deps.database, settlement, range);
    await moveAll(deps, duty, taskIds, "completed", () => "its settlement finalized");
    await keepDuty(deps, duty);
    from = next;
  }
}

async function moveAll(
  deps: SettlementDeps,
  duty: Duty,
  taskIds: readonly Hex[],
  to: TaskState,
  whyOf: (taskId: Hex) => string,
): Promise<void> {
  if (taskIds.length === 0) return;
  await write(deps, duty, async (transaction) => {
    const claims = await takeNamed(transaction, taskIds);
    const waiting = claims.filter(({ state }) => state === "awaiting_settlement");
    const moves = waiting.map((claim) => ({ claim, to, by: actor, why: whyOf(claim.taskId), deadlineAt: null }));
    await moveTasks(transaction, moves, deps.clock());
  });
}

/** Members that the settlement left out become challenged, with the published reason: their money stays reserved until decided. */
async function challengeLeftOut(deps: SettlementDeps, duty: Duty, settlement: Settlement, archive: Hex): Promise<void> {
  const left = await leftOutMembers(deps.database, settlement);
  if (left.length === 0) return;
  const bytes = await openArchive(deps.store, archive).manifest();
  const { excluded } = JSON.parse(Buffer.from(bytes).toString("utf8")) as ArchiveManifest;
  const reasons = new Map(excluded.map(({ taskId, reason }) => [taskId, reason]));
  for (let from = 0; from < left.length; from += batchLimit) {
    const whyOf = (taskId: Hex): string => `left out of its settlement: ${reasons.get(taskId) ?? "unknown"}`;
    await moveAll(deps, duty, left.slice(from, from + batchLimit), "challenged", whyOf);
    await keepDuty(deps, duty);
  }
}

async function postAll(deps: SettlementDeps, duty: Duty, postings: readonly Posting[]): Promise<void> {
  for (let from = 0; from < postings.length; from += batchLimit) {
    const part = postings.slice(from, from + batchLimit);
    await write(deps, duty, (transaction) => post(transaction, part, deps.clock()));
    await keepDuty(deps, duty);
  }
}

/** Fills the epoch's pot: each submitter's fees are spent and the rest of what was reserved goes back; policy adds its subsidy. */
async function postFees(
  deps: SettlementDeps,
  duty: Duty,
  settlement: Settlement,
  { pot }: StoredCandidate,
): Promise<void> {
  const { scope, epoch } = settlement;
  const reference = epochIdOf(scope, epoch);
  const potAccount = accountNames.pot(scope, epoch);
  const postings: Posting[] = [];
  let fees = 0n;
  for (const total of await submitterTotals(deps.database, settlement)) {
    const debit = accountNames.reserved(total.submitter);
    const left = total.reserved - total.fees;
    fees += total.fees;
    postings.push({ kind: "spend", debit, credit: potAccount, amount: total.fees, reference });
    postings.push({ kind: "release", debit, credit: accountNames.budget(total.submitter), amount: left, reference });
  }
  assert(pot >= fees, "a pot holds the fees of its epoch");
  postings.push({ kind: "subsidy", debit: accountNames.subsidy, credit: potAccount, amount: pot - fees, reference });
  await postAll(deps, duty, postings);
}

/** Empties the pot: every reward is credited to whoever earned it (RWRD-02). */
async function postRewards(deps: SettlementDeps, duty: Duty, settlement: Settlement): Promise<void> {
  const debit = accountNames.pot(settlement.scope, settlement.epoch);
  for (let from = 0; ; from += batchLimit) {
    const rewards = await rewardAmounts(deps.database, settlement, { from, limit: batchLimit });
    await postAll(
      deps,
      duty,
      rewards.map(({ rewardId, account, amount }) => ({
        kind: "reward",
        debit,
        credit: accountNames.earned(account),
        amount,
        reference: rewardId,
      })),
    );
    if (rewards.length < batchLimit) return;
  }
}
