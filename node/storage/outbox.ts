// The outbox: effects that a transaction decided on, delivered after its commit, idempotent by key.
import { outboxBatchLimit } from "#protocol/limits.ts";
import type { Queryable } from "./database.ts";

/** An effect to be delivered. The key is a function of what it says, so that deciding it again changes nothing (SETL-09). */
export type Effect = { readonly key: string; readonly topic: string; readonly body: string };

/** An effect in somebody's hands. `attempts` counts this one too, and is what keeps an older claim from answering for it. */
export type ClaimedEffect = Effect & { readonly attempts: number };

/** What a delivery came to: done, or to be looked at again later, which is no failure. */
export type Delivery = { readonly kind: "delivered" } | { readonly kind: "later"; readonly dueAt: Date };

/** How long a claim holds: a delivery that takes longer is made again, which its key makes harmless. */
const claimSeconds = 60;
/** The longest pause between failed attempts: an endpoint that comes back is used within a minute. */
const longestPauseSeconds = 60;
/** Characters of an error that are kept. */
const errorLimit = 500;

/** Writes effects into the transaction that decides on them. A key that is there already is left as it is. */
export async function enqueue(transaction: Queryable, effects: readonly Effect[], now: Date): Promise<void> {
  if (effects.length === 0) return;
  await transaction.query(
    {
      name: "enqueue-effects",
      text: `INSERT INTO work.outbox (key, topic, body, due_at)
        SELECT key, topic, body, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS e (key, topic, body)
        ON CONFLICT (key) DO NOTHING`,
    },
    [effects.map(({ key }) => key), effects.map(({ topic }) => topic), effects.map(({ body }) => body), now],
  );
}

const claimStatement = {
  name: "claim-effects",
  text: `WITH due AS (
      SELECT key FROM work.outbox WHERE topic = $1 AND delivered_at IS NULL AND due_at <= $2
      ORDER BY due_at, key LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE work.outbox SET attempts = attempts + 1, due_at = $4 FROM due WHERE outbox.key = due.key
    RETURNING outbox.key, outbox.topic, outbox.body, outbox.attempts`,
};

/** Claims undelivered effects of a topic that are due. */
export async function claimEffects(
  database: Queryable,
  request: { readonly topic: string; readonly now: Date; readonly limit?: number },
): Promise<readonly ClaimedEffect[]> {
  const { topic, now, limit = outboxBatchLimit } = request;
  const until = new Date(now.getTime() + claimSeconds * 1000);
  const { rows } = await database.query<ClaimedEffect>(claimStatement, [topic, now, limit, until]);
  return rows;
}

/** Seconds to wait after so many failed attempts: doubling from one second to a minute. */
export function pauseSeconds(attempts: number): number {
  return Math.min(2 ** Math.max(0, attempts - 1), longestPauseSeconds);
}

const markText = `UPDATE work.outbox SET delivered_at = $3, due_at = $4, last_error = $5
  WHERE key = $1 AND attempts = $2 AND delivered_at IS NULL`;

/** Notes what became of a claimed effect; does nothing when it was claimed again since, or is delivered. */
export async function settleEffect(
  database: Queryable,
  effect: ClaimedEffect,
  outcome: Delivery | { readonly kind: "failed"; readonly error: string },
  now: Date,
): Promise<void> {
  const { key, attempts } = effect;
  switch (outcome.kind) {
    case "delivered":
      await database.query(markText, [key, attempts, now, now, null]);
      return;
    case "later":
      await database.query(markText, [key, attempts, null, outcome.dueAt, null]);
      return;
    case "failed": {
      const dueAt = new Date(now.getTime() + pauseSeconds(attempts) * 1000);
      await database.query(markText, [key, attempts, null, dueAt, outcome.error.slice(0, errorLimit)]);
    }
  }
}

/**
 * Delivers what is due of a topic, one after the other; answers how many were delivered. A delivery that throws is tried
 * again with growing pauses, and reported to `onFailure`; the others go on.
 */
export async function deliverDue(
  database: Queryable,
  request: {
    readonly topic: string;
    readonly clock: () => Date;
    readonly deliver: (effect: ClaimedEffect) => Promise<Delivery>;
    readonly onFailure: (effect: ClaimedEffect, error: unknown) => void;
  },
): Promise<number> {
  const { topic, clock, deliver, onFailure } = request;
  let delivered = 0;
  for (const effect of await claimEffects(database, { topic, now: clock() })) {
    try {
      const delivery = await deliver(effect);
      await settleEffect(database, effect, delivery, clock());
      if (delivery.kind === "delivered") delivered++;
    } catch (error) {
      onFailure(effect, error);
      const message = error instanceof Error ? error.message : String(error);
      await settleEffect(database, effect, { kind: "failed", error: message }, clock());
    }
  }
  return delivered;
}
