// Delivers what settlements publish: the name of a candidate's archive, and the events of its life.
import { ProtocolError } from "#protocol/errors.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { deliverDue, type ClaimedEffect, type Delivery } from "#storage/outbox.ts";
import { readCandidate } from "#storage/settlements.ts";
import { publishArchive } from "./archive.ts";
import { effectTopics, eventOf, settlementOf, type SettlementEvent } from "./effects.ts";
import type { Step, StepDeps } from "./step.ts";

/** What publishing needs. */
export type PublishingDeps = StepDeps & {
  readonly store: ObjectStore;
  /** Publishes an event under its key, durably when it returns; the same key again is harmless (SETL-09). */
  readonly publish: (key: string, event: SettlementEvent) => Promise<void>;
};

const delivered: Delivery = { kind: "delivered" };

/** The step that publishes archives' names (SETL-07) and settlement events (SETL-09). */
export function publishingStep(deps: PublishingDeps): Step {
  const { database, clock, log, store } = deps;
  const onFailure = ({ key, attempts }: ClaimedEffect, error: unknown): void =>
    log.warn({ key, attempts, err: error }, "a publication failed; it is tried again");
  const nameArchive = async ({ body }: ClaimedEffect): Promise<Delivery> => {
    const key = settlementOf(body);
    const candidate = await readCandidate(database, key);
    if (candidate === undefined) throw new ProtocolError("SETTLEMENT_NOT_FOUND", key);
    await publishArchive(store, { ...key, archive: candidate.header.archive });
    return delivered;
  };
  const tell = async ({ key, body }: ClaimedEffect): Promise<Delivery> => {
    await deps.publish(key, eventOf(body));
    return delivered;
  };
  return {
    name: "publishing",
    run: async () => {
      const named = await deliverDue(database, { topic: effectTopics.archive, clock, deliver: nameArchive, onFailure });
      return named + (await deliverDue(database, { topic: effectTopics.event, clock, deliver: tell, onFailure }));
    },
  };
}
