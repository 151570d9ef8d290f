// Every case of deciding about a transaction, and what must hold for all of them.
import { expect, test } from "vitest";
import { attemptLimit } from "#chain/limits.ts";
import {
  decideSubmission,
  type Observation,
  type SubmissionAction,
  type SubmissionState,
} from "#chain/submission-decision.ts";
import { foreign, minedAt, policy, seen, state, superseded } from "./support/submission-states.ts";

const dear = { baseFeePerGas: 300n, priorityFeePerGas: 10n };
const beyond = { baseFeePerGas: 5_000n, priorityFeePerGas: 10n };
const full = { newestFees: { maxFeePerGas: 950n, maxPriorityFeePerGas: 10n } };

const table: readonly (readonly [string, SubmissionState, Observation, SubmissionAction])[] = [
  ["nothing is known", state(), { kind: "unknown", reason: "away" }, { kind: "wait", why: "unknown", detail: "away" }],
  [
    "stored, never sent: a crash between the two",
    state(),
    seen({ pooled: false }),
    { kind: "rebroadcast", stuck: false },
  ],
  [
    "stored, never sent, long ago",
    state(),
    seen({ pooled: false, nowSeconds: 99_999 }),
    { kind: "rebroadcast", stuck: false },
  ],
  ["in the pool", state(), seen(), { kind: "wait", why: "pooled" }],
  [
    "in the pool for long",
    state(),
    seen({ nowSeconds: 1_060 }),
    { kind: "replace", fees: { maxFeePerGas: 226n, maxPriorityFeePerGas: 12n } },
  ],
  ["a moment before that", state(), seen({ nowSeconds: 1_059 }), { kind: "wait", why: "pooled" }],
  [
    "the base fee rose above it",
    state(),
    seen({ market: dear }),
    { kind: "replace", fees: { maxFeePerGas: 610n, maxPriorityFeePerGas: 12n } },
  ],
  [
    "it rose and the pools dropped it",
    state(),
    seen({ market: dear, pooled: false }),
    { kind: "replace", fees: { maxFeePerGas: 610n, maxPriorityFeePerGas: 12n } },
  ],
  [
    "it rose beyond the ceiling: more would buy nothing",
    state(),
    seen({ market: beyond }),
    { kind: "wait", why: "stuck" },
  ],
  ["no room below the ceiling", state(full), seen({ nowSeconds: 9_999 }), { kind: "wait", why: "stuck" }],
  ["no room, and dropped", state(full), seen({ market: beyond, pooled: false }), { kind: "rebroadcast", stuck: true }],
  ["too many attempts", state({ attempts: attemptLimit }), seen({ nowSeconds: 9_999 }), { kind: "wait", why: "stuck" }],
  ["mined just now", state(), seen({ mined: minedAt(100n) }), { kind: "wait", why: "mined" }],
  ["mined, one block short", state(), seen({ mined: minedAt(99n) }), { kind: "wait", why: "mined" }],
  ["mined deep enough", state(), seen({ mined: minedAt(98n) }), { kind: "settle", outcome: minedAt(98n) }],
  ["reverted, not deep", state(), seen({ mined: minedAt(100n, { reverted: true }) }), { kind: "wait", why: "mined" }],
  [
    "reverted, deep",
    state(),
    seen({ mined: minedAt(90n, { reverted: true }) }),
    { kind: "settle", outcome: minedAt(90n, { reverted: true }) },
  ],
  [
    "nonce used, by what is unknown",
    state(),
    seen({ nonce: { kind: "unknown" }, pooled: false }),
    { kind: "wait", why: "nonce-used" },
  ],
  [
    "nonce used by an own attempt, receipt lags",
    state(),
    seen({ nonce: { kind: "own" }, pooled: false }),
    { kind: "wait", why: "nonce-used" },
  ],
  [
    "nonce used by a stranger, not deep",
    state(),
    seen({ nonce: foreign(99n), pooled: false }),
    { kind: "wait", why: "mined" },
  ],
  [
    "nonce used by a stranger, deep",
    state(),
    seen({ nonce: foreign(90n), pooled: false }),
    { kind: "settle", outcome: superseded },
  ],
  ["settled, still so", state({ outcome: minedAt(90n) }), seen({ mined: minedAt(90n) }), { kind: "keep" }],
  ["superseded, still so", state({ outcome: superseded }), seen({ nonce: foreign(90n) }), { kind: "keep" }],
  [
    "settled, nothing is known now",
    state({ outcome: minedAt(90n) }),
    { kind: "unknown", reason: "away" },
    { kind: "wait", why: "unknown", detail: "away" },
  ],
  ["settled, gone by a reorganization", state({ outcome: minedAt(90n) }), seen({ pooled: false }), { kind: "reopen" }],
  [
    "settled, endpoints have not reached it",
    state({ outcome: minedAt(101n) }),
    seen({ pooled: false }),
    { kind: "wait", why: "unknown" },
  ],
  [
    "settled, now in another block, not deep",
    state({ outcome: minedAt(90n) }),
    seen({ mined: minedAt(100n, { blockHash: "0xb2" }) }),
    { kind: "reopen" },
  ],
  [
    "settled, now in another block, deep",
    state({ outcome: minedAt(90n) }),
    seen({ mined: minedAt(91n, { blockHash: "0xb2" }) }),
    { kind: "settle", outcome: minedAt(91n, { blockHash: "0xb2" }) },
  ],
  [
    "settled, its nonce now used by a stranger",
    state({ outcome: minedAt(90n) }),
    seen({ nonce: foreign(90n) }),
    { kind: "settle", outcome: superseded },
  ],
  [
    "superseded, now mined after all",
    state({ outcome: superseded }),
    seen({ mined: minedAt(90n) }),
    { kind: "settle", outcome: minedAt(90n) },
  ],
  ["superseded, the nonce is free again", state({ outcome: superseded }), seen({ pooled: false }), { kind: "reopen" }],
  [
    "settled, its nonce used by what is unknown",
    state({ outcome: minedAt(90n) }),
    seen({ nonce: { kind: "unknown" } }),
    { kind: "wait", why: "nonce-used" },
  ],
];

test.each(table)("%s", (_, given, observation, expected) => {
  expect(decideSubmission(given, observation, policy)).toEqual(expected);
});

/** Every class of observation against every class of record. */
const observations = {
  unknown: { kind: "unknown", reason: "away" },
  "mined, shallow": seen({ mined: minedAt(100n, { blockHash: "0xb9" }) }),
  "mined, deep": seen({ mined: minedAt(91n, { blockHash: "0xb9" }) }),
  "used by a stranger, shallow": seen({ nonce: { kind: "foreign", hash: "0xf9", blockNumber: 100n } }),
  "used by a stranger, deep": seen({ nonce: { kind: "foreign", hash: "0xf9", blockNumber: 91n } }),
  "used by an own attempt": seen({ nonce: { kind: "own" } }),
  "used by what is unknown": seen({ nonce: { kind: "unknown" } }),
  "in a pool": seen(),
  "in a pool for long": seen({ nowSeconds: 9_999 }),
  "in no pool": seen({ pooled: false }),
} as const satisfies Record<string, Observation>;
const matrix: Readonly<Record<keyof typeof observations, readonly [live: string, mined: string, superseded: string]>> =
  {
    unknown: ["wait", "wait", "wait"],
    "mined, shallow": ["wait", "reopen", "reopen"],
    "mined, deep": ["settle", "settle", "settle"],
    "used by a stranger, shallow": ["wait", "reopen", "reopen"],
    "used by a stranger, deep": ["settle", "settle", "settle"],
    "used by an own attempt": ["wait", "wait", "wait"],
    "used by what is unknown": ["wait", "wait", "wait"],
    "in a pool": ["wait", "reopen", "reopen"],
    "in a pool for long": ["replace", "reopen", "reopen"],
    "in no pool": ["rebroadcast", "reopen", "reopen"],
  };

test.each(Object.entries(matrix))("%s: what is done with a live, a mined and a superseded record", (name, kinds) => {
  const observation = observations[name as keyof typeof observations];
  const found = [null, minedAt(90n), superseded].map(
    (outcome) => decideSubmission(state({ outcome }), observation, policy).kind,
  );
  expect(found).toEqual(kinds);
});
