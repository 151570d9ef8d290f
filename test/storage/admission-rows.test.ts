// Admitted tasks as the parameters of one statement: what tasks have in common travels once, and nothing is mixed up.
import { expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { admitValues, clearValues, keyText, windowText, type HopefulAdmission } from "#storage/admission-rows.ts";

const now = new Date("2026-11-21T12:00:00.000Z");
const [alice, bob]: readonly [Hex, Hex] = [`0x${"aa".repeat(20)}`, `0x${"bb".repeat(20)}`];

const admissionOf = (number: number, submitter: Hex, change: Partial<HopefulAdmission> = {}): HopefulAdmission => ({
  taskId: `0x${String(number).repeat(64)}`,
  scope: "main",
  submitter,
  idempotencyKey: `key-${number}`,
  envelopeText: `{"n":${number}}`,
  signature: null,
  feeLimit: 100n,
  versions: { schema: "1.0", semantic: "2026.1", policy: "1" },
  deadlineAt: new Date(now.getTime() + 60_000),
  window: { submitter, startSeconds: 3_600 },
  tasksPerWindow: 10,
  ...change,
});

const batch = [
  admissionOf(1, alice),
  admissionOf(2, bob, { signature: Buffer.from("0102", "hex") }),
  admissionOf(3, alice, { scope: "side", feeLimit: 0n }),
  admissionOf(4, alice, { window: { submitter: alice, startSeconds: 7_200 } }),
];

test("kinds, spenders and windows travel once; tasks point at the first two", () => {
  const [at, scope, schema, semantic, policy, deadline, bodies, submitters, budgets, reserved, totals, ...rest] =
    admitValues(batch, "application", now);
  expect([at, scope, schema, semantic, policy]).toEqual([
    now.toISOString(),
    '{"main","side"}',
    '{"1.0","1.0"}',
    '{"2026.1","2026.1"}',
    '{"1","1"}',
  ]);
  expect(deadline).toBe('{"2026-11-21T12:01:00.000Z","2026-11-21T12:01:00.000Z"}');
  expect(bodies?.match(/\\"by\\":\\"application\\"/g)).toHaveLength(2);
  expect([submitters, totals]).toEqual([`{"\\\\x${"aa".repeat(20)}","\\\\x${"bb".repeat(20)}"}`, "{200,100}"]);
  expect([budgets, reserved]).toEqual([
    `{"budget:${alice}","budget:${bob}"}`,
    `{"reserved:${alice}","reserved:${bob}"}`,
  ]);
  const [windows, starts, counts, ids, kinds, spenders, keys, envelopes, signatures, fees] = rest;
  expect(windows?.match(/x(aa|bb)/g)).toEqual(["xaa", "xbb", "xaa"]);
  expect([starts, counts]).toEqual(["{3600,3600,7200}", "{2,1,1}"]);
  expect(ids?.match(/\d{64}/g)).toEqual(batch.map(({ taskId }) => taskId.slice(2)));
  expect([kinds, spenders]).toEqual(["{1,1,2,1}", "{1,2,1,1}"]);
  expect(keys).toBe("key-1\u001ekey-2\u001ekey-3\u001ekey-4");
  expect(envelopes?.split("\u001e")).toEqual(batch.map(({ envelopeText }) => envelopeText));
  expect([signatures, fees]).toEqual(['{NULL,"\\\\x0102",NULL,NULL}', "{100,100,0,100}"]);
});

test("every key of the batch is looked for, and a window has the smallest maximum of its tasks", () => {
  const keys = [...batch, { submitter: bob, idempotencyKey: "refused" }];
  const strict = [...batch, admissionOf(5, alice, { tasksPerWindow: 3 })];
  const [submitters, names, maxima] = clearValues(keys, strict, "application", now).slice(-3);
  expect(submitters?.match(/x(aa|bb)/g)).toEqual(["xaa", "xbb", "xaa", "xaa", "xbb"]);
  expect(names?.split("\u001e").at(-1)).toBe("refused");
  expect(maxima).toBe("{3,10,10}");
});

test("keys and windows are names of their submitter", () => {
  expect(keyText({ submitter: alice, idempotencyKey: "k" })).not.toBe(keyText({ submitter: bob, idempotencyKey: "k" }));
  expect(windowText({ submitter: alice, startSeconds: 1 })).not.toBe(windowText({ submitter: bob, startSeconds: 1 }));
});
