// Reading back in the shape of the published messages, page by page, without a gap or a repetition.
import { afterAll, beforeAll, expect, test } from "vitest";
import fc from "fast-check";
import { canonicalText } from "#protocol/canonical.ts";
import { contentId, hexToBytes, type Hex } from "#protocol/hash.ts";
import { taskIdOf } from "#protocol/messages.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import {
  listEpochs,
  listPayouts,
  listTasks,
  readGrant,
  readOperator,
  readSettlements,
  readSubmitter,
  readTask,
  type Page,
  type PageRequest,
} from "#storage/reading.ts";
import { listRewards } from "#storage/earnings.ts";
import { readPolicies, readRegistry } from "#storage/registry.ts";
import { envelopeOf } from "#test/application/envelopes.ts";
import { actor, policy, publish } from "#test/application/opened.ts";
import { createTestDatabase, queryRows, type TestDatabase } from "#test/setup/database.ts";

const at = "2026-11-21T12:00:00.000Z";
const [alice, bob] = [actor(1).address, actor(2).address];
const hash = (text: string): Hex => contentId("test", text);
const sql = (value: Hex): string => `'\\x${value.slice(2)}'`;
const envelopes = Array.from({ length: 7 }, (_, n) => envelopeOf(alice, { idempotencyKey: `k${n}` }));
const ids = envelopes.map(taskIdOf);
const states = ["accepted", "resolving", "awaiting_settlement", "completed", "rejected", "timed_out", "verifying"];
const refusal = { code: "POLICY_GRANT_MISSING", detail: { vault: "v" } };

let testDatabase: TestDatabase;
let database: Database;

const task = (n: number): string => {
  const id = sql(ids[n] ?? "0x");
  const detail = states[n] === "rejected" ? { detail: refusal } : {};
  return `
    INSERT INTO ledger.task VALUES (${id}, 'main', ${sql(alice)}, 'k${n}', '${canonicalText(envelopes[n] ?? {})}', NULL, 1000, '${at}');
    INSERT INTO work.task (task_id, scope, submitter, state, schema_version, semantic_version, policy_version, due_at)
      VALUES (${id}, 'main', ${sql(alice)}, '${states[n] ?? ""}', '1.0', '2026.1', '1', '${at}');
    INSERT INTO ledger.journal (kind, subject, body, at) VALUES ('task', ${id}, '${canonicalText({ to: states[n] ?? "", ...detail })}', '${at}');
    INSERT INTO ledger.result VALUES (${sql(hash(`bundle ${n}`))}, ${id}, ${sql(bob)}, '', '', '{"groups":${n}}', '', '');`;
};

const epoch = (scope: string, n: number): string =>
  `INSERT INTO work.epoch VALUES ('${scope}', ${n}, 'closed', '${at}', '${at}', 'volume', '{2026.1}', '{1}', ${n * 2});`;

const settlement = (n: number, revision: number, state: string): string => `
  INSERT INTO ledger.candidate VALUES ('main', ${n}, ${revision}, ${sql(hash(`root ${n}/${revision}`))}, '{"epoch":${n}}', '{}',
    ${sql(hash("archive"))}, 1, 1, 70, 100, NULL, '${at}');
  INSERT INTO work.settlement VALUES ('main', ${n}, ${revision}, '${state}', ${state === "failed" ? "'inputs'" : "NULL"}, '${at}');
  INSERT INTO ledger.reward VALUES (${sql(hash(`reward ${n}`))}, 'main', ${n}, ${revision}, 0, ${sql(alice)}, 'vault', 70, '{"epoch":${n}}');`;

const payout = (n: number): string => `
  INSERT INTO ledger.finalized VALUES ('main', ${n}, ${n === 1 ? 2 : 1}, ${sql(hash("root"))}, ${sql(hash("previous"))}, 9,
    ${sql(hash("block"))}, ${sql(hash("transaction"))}, '${at}');
  INSERT INTO payout.instruction VALUES (${sql(hash(`payout ${n}`))}, 'main', ${n}, 0, ${sql(alice)}, 70, 'prepared', NULL, NULL);`;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const url = testDatabase.urls.node;
  database = openDatabase({ url, applicationName: "reading test", maxConnections: 4, statementTimeoutMs: 30_000 });
  await publish(database);
  const rows = [
    ...ids.map((_, n) => task(n)),
    ...[1, 2, 3].map((n) => epoch("main", n)),
    ...[1, 2].map((n) => epoch("other", n)),
    settlement(1, 1, "failed"),
    settlement(1, 2, "finalized"),
    settlement(2, 1, "finalized"),
    settlement(3, 1, "collecting"),
    payout(1),
    payout(2),
    `INSERT INTO ledger.collection (vault, collection, operator, fields, wrapped_key, at) VALUES ('v', 'c', ${sql(bob)}, '{}', '', '${at}');
     INSERT INTO ledger.vault_grant VALUES (${sql(hash("grant"))}, 'v', 'c', ${sql(alice)}, '{}', '${at}', '{}', NULL, '${at}');`,
  ];
  await queryRows(testDatabase.adminUrl, rows.join("\n"));
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** All items of a list, read in pages of a length. */
async function walk<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<readonly T[]> {
  const found: T[] = [];
  for (let after: string | undefined; ;) {
    const { items, next } = await list({ after, limit });
    expect(items.length).toBeLessThanOrEqual(limit);
    found.push(...items);
    if (next === null) return found;
    expect(items).toHaveLength(limit);
    after = next;
  }
}

test("every list read in pages of any length is the list read at once", async () => {
  const lists: readonly (readonly [(page: PageRequest) => Promise<Page<unknown>>, number])[] = [
    [async (page) => await listTasks(database, alice, page), 7],
    [async (page) => await listTasks(database, bob, page), 0],
    [async (page) => await listEpochs(database, undefined, page), 5],
    [async (page) => await listEpochs(database, "main", page), 3],
    [async (page) => await listRewards(database, alice, page), 4],
    [async (page) => await listPayouts(database, alice, page), 2],
  ];
  const seed = 20261121;
  console.error(`[seed] pages ${seed}`);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...lists), fc.integer({ min: 1, max: 8 }), async ([list, size], limit) => {
      const whole = await list({ after: undefined, limit: 100 });
      expect(whole.items).toHaveLength(size);
      expect(whole.next).toBeNull();
      expect(await walk(list, limit)).toEqual(whole.items);
    }),
    { numRuns: 60, seed },
  );
});

test("tasks are listed in the order of arrival, epochs by scope and number", async () => {
  const tasks = await walk(async (page) => await listTasks(database, alice, page), 3);
  expect(tasks).toEqual(ids.map((taskId, n) => ({ taskId, scope: "main", state: states[n], epoch: null })));
  const epochs = await walk(async (page) => await listEpochs(database, undefined, page), 2);
  expect(epochs.map(({ epochId }) => epochId)).toEqual(["main/1", "main/2", "main/3", "other/1", "other/2"]);
  expect(epochs[1]).toMatchObject({ status: "closed", trigger: "volume", openAt: at, settlementScope: { tasks: 4 } });
});

test("a task has its envelope always, its result once it is accepted, its refusal if it ended without one", async () => {
  for (const [n, taskId] of ids.entries()) {
    const isAccepted = states[n] === "awaiting_settlement" || states[n] === "completed";
    expect(await readTask(database, taskId)).toEqual({
      taskId,
      scope: "main",
      submitter: alice,
      state: states[n],
      envelope: envelopes[n],
      acceptedAt: at,
      epoch: null,
      result: isAccepted ? { groups: n } : null,
      refusal: states[n] === "rejected" ? refusal : null,
    });
    expect(await readSubmitter(database, taskId)).toBe(alice);
  }
  expect(await readTask(database, hash("unknown"))).toBeUndefined();
  expect(await readSubmitter(database, hash("unknown"))).toBeUndefined();
});

test("a settlement that failed stays readable beside the one that followed it [SETL-10]", async () => {
  const revisions = await readSettlements(database, "main", 1);
  expect(revisions).toMatchObject([
    { revision: 1, state: "failed", failure: "inputs", root: hash("root 1/1"), transactions: [] },
    { revision: 2, state: "finalized", failure: null, root: hash("root 1/2"), header: { epoch: 1 } },
  ]);
  expect(await readSettlements(database, "main", 9)).toEqual([]);
});

test("a reward has the state that its settlement gives it", async () => {
  const { items } = await listRewards(database, alice, { after: undefined, limit: 10 });
  expect(items.map(({ state, revision }) => [state, revision])).toEqual([
    ["blocked", 1],
    ["finalized", 2],
    ["finalized", 1],
    ["calculated", 1],
  ]);
});

test("a payout is shown with its transaction once it has one", async () => {
  const before = await listPayouts(database, alice, { after: "main/1", limit: 10 });
  expect(before.items).toMatchObject([{ payoutId: hash("payout 2"), epoch: 2, amount: "70", transactionHash: null }]);
  await queryRows(
    testDatabase.adminUrl,
    `INSERT INTO payout.chain_transaction VALUES ('pay', 1, ${sql(bob)}, 0, 0, NULL);
     INSERT INTO payout.chain_attempt VALUES ('pay', 1, ${sql(hash("first"))}, '', '${at}'), ('pay', 2, ${sql(hash("second"))}, '', '${at}');
     UPDATE payout.instruction SET state = 'authorized' WHERE epoch = 2;
     UPDATE payout.instruction SET intent = 'pay', state = 'submitted' WHERE epoch = 2;`,
  );
  const after = await listPayouts(database, alice, { after: "main/1", limit: 10 });
  expect(after.items).toMatchObject([{ state: "submitted", transactionHash: hash("second") }]);
});

test("a grant is known with its operator, also when it was taken back", async () => {
  expect(await readOperator(database, "v", "c")).toBe(bob);
  expect(await readOperator(database, "v", "none")).toBeUndefined();
  expect(await readGrant(database, hash("grant"))).toEqual({ operator: bob, isRevoked: false });
  await database.query("INSERT INTO ledger.grant_revocation (grant_id, at) VALUES ($1, $2)", [
    hexToBytes(hash("grant")),
    new Date(at),
  ]);
  expect(await readGrant(database, hash("grant"))).toEqual({ operator: bob, isRevoked: true });
  expect(await readGrant(database, hash("unknown"))).toBeUndefined();
});

test("published documents are read under their versions", async () => {
  expect(await readRegistry(database, "2026.1")).toMatchObject({ semanticVersion: "2026.1" });
  expect(await readRegistry(database, "none")).toBeUndefined();
  expect(await readPolicies(database, ["1", "none"])).toEqual(new Map([["1", policy]]));
});
