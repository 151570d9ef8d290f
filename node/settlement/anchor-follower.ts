// Follows the anchor's events into the journal, through reorganizations, and wakes the settlements they are about.
import { anchorTopics, decodeAnchorEvents, type AnchorEvent, type ContractPlace } from "#chain/anchor.ts";
import type { FollowCursor } from "#chain/follow-decision.ts";
import { followOnce, type FollowSource } from "#chain/follower.ts";
import { followCheckpoints } from "#chain/limits.ts";
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { hexToBytes } from "#protocol/hash.ts";
import { scopeId } from "#protocol/leaves.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import { loadCursors, storeCursors } from "#storage/chain-cursors.ts";
import type { Queryable } from "#storage/database.ts";
import { challengesWith } from "#storage/challenge-standing.ts";
import { requireDuty } from "#storage/duties.ts";
import { epochSubject } from "#storage/epochs.ts";
import { appendJournal, type Act } from "#storage/journal.ts";
import { wakeSettlement } from "#storage/settlements.ts";
import { mayPass, takeDuty, type Step, type StepDeps } from "./step.ts";

/** What following needs. */
export type FollowerDeps = StepDeps & {
  readonly anchor: ContractPlace;
  /** Block of the anchor's deployment, or any block before it. */
  readonly deploymentBlock: bigint;
  /** Blocks that must lie on top of a block before its events count. */
  readonly confirmations: bigint;
};

/**
 * The step that follows the anchor (ANCH-05): events of this node's scopes are journalled with their place, in the transaction
 * that stores how far was read; nothing is concluded from an answer that is missing.
 */
export function anchorFollowerStep(deps: FollowerDeps): Step {
  return {
    name: "anchor-follower",
    run: async () => {
      try {
        return await follow(deps);
      } catch (error) {
        if (!mayPass(error)) throw error;
        deps.log.warn({ code: error.code, detail: error.detail }, "the anchor cannot be followed now");
        return 0;
      }
    },
  };
}

async function follow(deps: FollowerDeps): Promise<number> {
  const { database, anchor, deploymentBlock, confirmations, log } = deps;
  const { address } = anchor;
  const duty = await takeDuty(deps, "anchor-follower");
  if (duty === undefined) return 0;
  const source: FollowSource = { address, topics: anchorTopics, deploymentBlock, confirmations };
  const cursors: readonly FollowCursor[] = await loadCursors(database, "work", address);
  const step = await followOnce(anchor.chain, source, cursors);
  const write = (work: (transaction: Queryable) => Promise<void>): Promise<void> =>
    database.transaction(async (transaction) => {
      await requireDuty(transaction, duty);
      await work(transaction);
    });
  switch (step.kind) {
    case "advance":
      await write(async (transaction) => {
        const kept = [step.cursor, ...cursors].slice(0, followCheckpoints);
        await storeCursors(transaction, "work", address, kept);
        await recordEvents(deps, transaction, decodeAnchorEvents(step.events));
      });
      return step.events.length;
    case "rollback":
      log.error({ toBlock: step.toBlock }, "the chain was reorganized below what counted as deep");
      await write(async (transaction) => {
        const kept = cursors.filter(({ blockNumber }) => blockNumber <= (step.cursor?.blockNumber ?? -1n));
        await storeCursors(transaction, "work", address, kept);
        const body = canonicalText({ event: "RolledBack", toBlock: String(step.toBlock) });
        await appendJournal(transaction, [{ kind: "anchor", subject: hexToBytes(address), body }], deps.clock());
      });
      return 1;
    case "gap":
      log.error(
        { at: String(step.at.sequence), reason: step.at.reason },
        "no endpoint gives the anchor's events in full",
      );
      return 0;
    case "foreign":
      log.error({ address }, "there is no anchor at this address on this chain");
      return 0;
    case "behind":
    case "moved":
    case "idle":
      return 0;
  }
}

/** An event in the form that is journalled: its name, its arguments with integers as text, and its place. */
function bodyOf({ eventName, args, place }: AnchorEvent): string {
  const { sequence, blockNumber, blockHash, transactionHash, logIndex } = place;
  const where = { blockNumber, blockHash, transactionHash, logIndex };
  return canonicalText(jsonOf({ ...args, sequence, ...where, event: eventName }));
}

function jsonOf(value: unknown): Json {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object" || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonOf(member)]));
}

async function recordEvents(deps: FollowerDeps, transaction: Queryable, events: readonly AnchorEvent[]): Promise<void> {
  const names = new Map<Hex, string>(deps.scopes.map((scope) => [scopeId(scope), scope]));
  const acts: Act[] = [];
  const now = deps.clock();
  for (const event of events) {
    if (!("scope" in event.args && "epoch" in event.args)) continue;
    const scope = names.get(event.args.scope);
    if (scope === undefined) continue;
    const epoch = Number(event.args.epoch);
    acts.push({ kind: "anchor", subject: epochSubject(scope, epoch), body: bodyOf(event) });
    if (event.eventName === "Challenged" || event.eventName === "Resolved") {
      acts.push(...(await challengeActs(transaction, scope, event)));
    }
    await wakeSettlement(transaction, scope, epoch, now);
    deps.log.info({ scope, epoch, event: event.eventName }, "the anchor moved");
  }
  await appendJournal(transaction, acts, now);
}

/** What the anchor says about the evidence of the node's own challenges, for their histories (CHAL-07). */
async function challengeActs(
  transaction: Queryable,
  scope: string,
  { eventName, args, place: { transactionHash } }: AnchorEvent & { readonly eventName: "Challenged" | "Resolved" },
): Promise<readonly Act[]> {
  const { root, evidenceHash } = args;
  const challengeIds = await challengesWith(transaction, { scope, evidenceHash });
  const body = canonicalText({ event: `${eventName} on the anchor`, evidenceHash, root, transactionHash });
  return challengeIds.map((challengeId) => ({ kind: "challenge", subject: hexToBytes(challengeId), body }));
}
