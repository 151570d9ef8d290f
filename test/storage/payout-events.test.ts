// The treasury's events in PostgreSQL: they stand, are superseded, stand again, and are found while they are foreign.
import { afterAll, beforeAll, expect, test } from "vitest";
import { bytesToHex, type Hex } from "#protocol/hash.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import {
  eventsAbove,
  foreignEvents,
  hasForeignEvents,
  lockEvents,
  recordEvents,
  supersedeEvents,
  type SeenEvent,
} from "#storage/payout-events.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

const now = new Date("2026-01-01T00:00:00Z");

let server: TestDatabase;
let signer: Database;
beforeAll(async () => {
  server = await createTestDatabase();
  const options = { applicationName: "payout events test", maxConnections: 4, statementTimeoutMs: 10_000 };
  signer = openDatabase({ url: server.urls.signer, ...options });
});
afterAll(async () => {
  await signer.close();
  await server.drop();
});

function eventAt(sequence: number, foreignScope: Hex | null = null): SeenEvent {
  return {
    sequence: BigInt(sequence),
    blockNumber: BigInt(1_000 + sequence),
    blockHash: bytesToHex(Buffer.alloc(32, sequence)),
    transactionHash: bytesToHex(Buffer.alloc(32, 0x80 + sequence)),
    logIndex: sequence,
    body: `{"event":${sequence}}`,
    foreignScope,
  };
}

test("events stand until they are superseded, and again when they are seen again; nothing is lost", async () => {
  const all = [1, 2, 3].map((sequence) => eventAt(sequence));
  await recordEvents(signer, all, now);
  await recordEvents(signer, [], now);
  expect(await eventsAbove(signer, 1_000n)).toEqual(all);
  expect(await eventsAbove(signer, 1_002n)).toEqual(all.slice(2));
  await supersedeEvents(signer, all.slice(1), now);
  expect(await eventsAbove(signer, 0n)).toEqual(all.slice(0, 1));
  await recordEvents(signer, all.slice(2), now);
  expect(await eventsAbove(signer, 0n)).toEqual([all[0], all[2]]);
  const { rows } = await signer.query("SELECT count(*) AS count FROM payout.event");
  expect(rows).toEqual([{ count: 6n }]);
});

test("one transaction at a time follows events", async () => {
  const order: string[] = [];
  let entered = (): void => undefined;
  const inside = new Promise<void>((resolve) => (entered = resolve));
  const first = signer.transaction(async (transaction) => {
    await lockEvents(transaction);
    entered();
    await transaction.query("SELECT pg_sleep(0.2)");
    order.push("first");
  });
  await inside;
  await signer.transaction(async (transaction) => {
    await lockEvents(transaction);
    order.push("second");
  });
  await first;
  expect(order).toEqual(["first", "second"]);
});

test("foreign events of a scope are found while they stand and nothing took them over", async () => {
  const scope = (byte: string): Hex => `0x${byte.repeat(32)}`;
  expect(await hasForeignEvents(signer)).toBe(false);
  const [kept, gone, matched, other] = [
    eventAt(11, scope("0a")),
    eventAt(12, scope("0a")),
    eventAt(13, scope("0a")),
    eventAt(14, scope("0b")),
  ] as const;
  await recordEvents(signer, [kept, gone, matched, other], now);
  expect(await hasForeignEvents(signer)).toBe(true);
  await supersedeEvents(signer, [gone], now);
  await recordEvents(signer, [{ ...matched, foreignScope: null }], now);
  expect(await foreignEvents(signer, [scope("0a")])).toEqual([kept]);
  expect(await foreignEvents(signer, [])).toEqual([]);
  expect(await eventsAbove(signer, 1_010n)).toEqual([kept, { ...matched, foreignScope: null }, other]);
});
