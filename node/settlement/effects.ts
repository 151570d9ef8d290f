// The effects of settlements: what is put into the outbox, under which keys, and how it is read back.
import { canonicalText } from "#protocol/canonical.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Effect } from "#storage/outbox.ts";
import type { SettlementKey } from "#storage/settlements.ts";

/** What anchoring and publishing are asked for. */
export const effectTopics = {
  /** Propose a candidate to the anchor. */
  propose: "anchor.propose",
  /** Make a candidate final on the anchor. */
  finalize: "anchor.finalize",
  /** Publish the name under which a candidate's archive is found. */
  archive: "archive.publish",
  /** Tell the world what happened to a settlement. */
  event: "settlement.event",
} as const;

/** What happened to a settlement, as it is published (SETL-09). */
export type SettlementEvent = SettlementKey & {
  readonly event: "candidate_ready" | "finalized" | "failed";
  readonly root: Hex | null;
  readonly archive: Hex | null;
  readonly reason: string | null;
};

const nameOf = ({ scope, epoch, revision }: SettlementKey): string => `${scope}/${epoch}/${revision}`;

/** An effect about one settlement; the same settlement gives the same key. */
function effectOf(topic: string, { scope, epoch, revision }: SettlementKey): Effect {
  const key = { scope, epoch, revision };
  return { key: `${topic}:${nameOf(key)}`, topic, body: canonicalText(key) };
}

export const proposeEffect = (key: SettlementKey): Effect => effectOf(effectTopics.propose, key);
export const finalizeEffect = (key: SettlementKey): Effect => effectOf(effectTopics.finalize, key);
export const archiveEffect = (key: SettlementKey): Effect => effectOf(effectTopics.archive, key);

/** The publication of an event; each event of a settlement has one key for ever. */
export function eventEffect({ event, root, archive, reason, ...key }: SettlementEvent): Effect {
  const { scope, epoch, revision } = key;
  return {
    key: `${effectTopics.event}:${event}:${nameOf(key)}`,
    topic: effectTopics.event,
    body: canonicalText({ event, scope, epoch, revision, root, archive, reason }),
  };
}

/** The settlement that an effect of anchoring or publishing is about. */
export function settlementOf(body: string): SettlementKey {
  const { scope, epoch, revision } = JSON.parse(body) as SettlementKey;
  return { scope, epoch, revision };
}

/** What a published event says. */
export function eventOf(body: string): SettlementEvent {
  return JSON.parse(body) as SettlementEvent;
}
