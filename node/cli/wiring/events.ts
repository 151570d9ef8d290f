// Publishing of settlement events: each is an object of its own under its key, so that publishing again changes nothing.
import { ProtocolError } from "#protocol/errors.ts";
import type { SettlementEvent } from "#settlement/effects.ts";
import type { ObjectStore } from "#storage/objects/store.ts";
import { canonicalBytes } from "#protocol/canonical.ts";

/** The object that holds an event: `events/<event>/<scope>/<epoch>/<revision>`. */
export function eventKey({ event, scope, epoch, revision }: SettlementEvent): string {
  return `events/${event}/${scope}/${epoch}/${revision}`;
}

/** Publishes to an object store (SETL-09). @throws ProtocolError INTERNAL_OBJECT_CORRUPT if the key holds another event */
export function publishTo(store: ObjectStore): (key: string, event: SettlementEvent) => Promise<void> {
  return async (key, event) => {
    const outcome = await store.putOnce(eventKey(event), canonicalBytes({ ...event }));
    if (outcome === "conflict") throw new ProtocolError("INTERNAL_OBJECT_CORRUPT", { key });
  };
}
