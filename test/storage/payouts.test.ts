// Payout state in PostgreSQL: instructions, and their moves along the published lifecycle.
import { beforeEach, expect, test } from "vitest";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
import { allows, payoutLifecycle, type PayoutState } from "#protocol/lifecycles.ts";
import { openTransactions } from "#storage/chain-transactions.ts";
import { sqlState, withClient } from "#storage/database.ts";
import {
  authorizedSince,
  commitmentOf,
  epochsDue,
  epochsWith,
  finalizedScopes,
  instructionsAt,
  instructionsOf,
  intentOfTransaction,
  moveInstructions,
  prepareInstructions,
  recipientRefused,
  type Instruction,
} from "#storage/payouts.ts";
import { paymentsTo, payoutIdOf } from "#test/payout/stage.ts";
import { anchor, now, usePayoutLedger } from "./payout-ledger.ts";

const { server, signer, node, newScope, finalize, prepare } = await usePayoutLedger();
let scope = "";
beforeEach(() => {
  scope = newScope();
});

async function moveAll(instructions: readonly Instruction[], to: Instruction["state"], why = "test"): Promise<number> {
  return await moveInstructions(
    signer,
    instructions.map((instruction) => ({ instruction, to, why })),
    now,
  );
}

async function journalOf(instruction: Instruction | undefined): Promise<readonly unknown[]> {
  const { rows } = await signer.query(
    "SELECT from_state, to_state, why FROM payout.journal WHERE payout_id = $1 ORDER BY entry_no",
    [hexToBytes(instruction?.payoutId ?? "0x")],
  );
  return rows.map(({ from_state, to_state, why }) => [from_state, to_state, why]);
}

test("a final epoch becomes instructions once, with the ids, accounts and amounts of its leaves [PAYO-01]", async () => {
  const instructions = await prepare(scope, 3);
  expect(instructions).toEqual(
    paymentsTo(3).map(({ account, amount }, index) => ({
      scope,
      epoch: 1,
      payoutId: payoutIdOf(scope, index),
      index,
      account,
      amount,
      state: "prepared",
      intent: null,
      refused: false,
      retry: null,
    })),
  );
  expect(await prepareInstructions(signer, now)).toBe(0);
  expect(await journalOf(instructions[0])).toEqual([[null, "prepared", "its epoch is finalized"]]);
  const commitment = await commitmentOf(signer, { scope, epoch: 1 });
  expect(JSON.parse(commitment?.header ?? "")).toMatchObject({ epoch: 1, payoutCount: 3 });
  expect(await commitmentOf(signer, { scope, epoch: 2 })).toBeUndefined();
  expect(await finalizedScopes(signer)).toContain(scope);
});

test("two processes that prepare at once make each instruction once [PAYO-01]", async () => {
  await finalize(scope, 200);
  const made = await Promise.all([1, 2, 3].map(() => prepareInstructions(signer, now)));
  expect(made.reduce((sum, each) => sum + each, 0)).toBe(200);
  const { rows } = await signer.query(
    `SELECT count(*) AS entries, count(DISTINCT payout_id) AS payouts
     FROM payout.journal JOIN payout.instruction USING (payout_id) WHERE scope = $1`,
    [scope],
  );
  expect(rows).toEqual([{ entries: 200n, payouts: 200n }]);
});

test("a candidate that is not final makes no instructions [PAYO-01]", async () => {
  await finalize(scope, 2);
  await prepareInstructions(signer, now);
  await node.query(
    `INSERT INTO ledger.candidate SELECT scope, 2, 1, root, header, sub_roots, archive, item_count, payout_count,
       payout_total, pot, journal_batch, built_at FROM ledger.candidate WHERE scope = $1`,
    [scope],
  );
  await node.query(
    `INSERT INTO ledger.payout_leaf SELECT scope, 2, 1, index, sha256(payout_id::bytea), account, amount
     FROM ledger.payout_leaf WHERE scope = $1`,
    [scope],
  );
  expect(await prepareInstructions(signer, now)).toBe(0);
  expect(await instructionsOf(signer, { scope, epoch: 2 })).toEqual([]);
});

test("moves are made from where they were read, once, and each is journalled [PAYO-04]", async () => {
  const instructions = await prepare(scope, 2);
  expect(await moveAll(instructions, "authorized", "policy allows it")).toBe(2);
  expect(await moveAll(instructions, "authorized")).toBe(0);
  const [first] = await instructionsOf(signer, { scope, epoch: 1 });
  if (!first) throw new Error("no instruction");
  await moveInstructions(signer, [{ instruction: first, to: "submitted", why: "sent", intent: "pay:a/1/0#1" }], now);
  const submitted = { ...first, state: "submitted" as const };
  // Read before it was part of a transaction, or as part of another one.
  expect(await moveAll([submitted], "failed")).toBe(0);
  expect(await moveAll([{ ...submitted, intent: "pay:a/1/0#2" }], "failed")).toBe(0);
  expect(await moveAll([{ ...submitted, intent: "pay:a/1/0#1" }], "confirmed", "mined")).toBe(1);
  expect(await journalOf(first)).toEqual([
    [null, "prepared", "its epoch is finalized"],
    ["prepared", "authorized", "policy allows it"],
    ["authorized", "submitted", "sent"],
    ["submitted", "confirmed", "mined"],
  ]);
  expect(await moveInstructions(signer, [], now)).toBe(0);
});

test("a move that the table does not have is refused, and the others with it [PAYO-04]", async () => {
  const [first, second] = await prepare(scope, 2);
  if (!first || !second) throw new Error("no instructions");
  const moves = [
    { instruction: first, to: "authorized" as const, why: "test" },
    { instruction: second, to: "confirmed" as const, why: "test" },
  ];
  await expect(moveInstructions(signer, moves, now)).rejects.toMatchObject({
    code: "SETTLEMENT_TRANSITION_REFUSED",
    detail: { payoutId: second.payoutId, from: "prepared", to: "confirmed" },
  });
  const states = (await instructionsOf(signer, { scope, epoch: 1 })).map(({ state }) => state);
  expect(states).toEqual(["prepared", "prepared"]);
});

test("an instruction keeps its account, amount and place; the database refuses their change [PAYO-04]", async () => {
  await prepare(scope, 1);
  const changes = [
    "amount = amount + 1",
    "account = decode(repeat('ee', 20), 'hex')",
    "index = 7",
    "epoch = 2",
    "scope = 'other'",
    "payout_id = sha256(payout_id)",
  ];
  for (const change of changes) {
    const refused = await signer
      .query(`UPDATE payout.instruction SET ${change} WHERE scope = $1`, [scope])
      .catch((error: unknown) => error);
    expect(sqlState(refused), change).toBe("SC005");
  }
  expect((await instructionsOf(signer, { scope, epoch: 1 }))[0]).toMatchObject(paymentsTo(1)[0] ?? {});
  for (const table of ["journal", "event"]) {
    const refused = await signer.query(`UPDATE payout.${table} SET at = now()`).catch((error: unknown) => error);
    expect(sqlState(refused), table).toBe("SC001");
  }
});

test("due are what is prepared and what failed not too often; what its recipient refused is not", async () => {
  const key = { scope, epoch: 1 };
  const isDue = async (tries: number): Promise<boolean> =>
    (await epochsDue(signer, tries)).some((each) => each.scope === scope);
  const [first] = await prepare(scope, 1);
  if (!first) throw new Error("no instruction");
  expect(await isDue(3)).toBe(true);
  const read = async (): Promise<Instruction> => (await instructionsOf(signer, key))[0] ?? first;
  await moveAll([await read()], "authorized");
  expect(await isDue(3)).toBe(false);
  expect((await epochsWith(signer, ["authorized"])).some((each) => each.scope === scope)).toBe(true);
  await moveInstructions(
    signer,
    [{ instruction: await read(), to: "submitted", why: "sent", intent: "pay:a/1/0#2" }],
    now,
  );
  await moveAll([await read()], "failed", "its transaction reverted");
  expect(await isDue(3)).toBe(true);
  expect(await isDue(2)).toBe(false);
  expect((await read()).refused).toBe(false);
  await moveAll([await read()], "authorized");
  await moveInstructions(signer, [{ instruction: await read(), to: "submitted", why: "sent" }], now);
  await moveAll([await read()], "failed", recipientRefused);
  expect(await isDue(3)).toBe(false);
  expect(await read()).toMatchObject({ refused: true, intent: "pay:a/1/0#2" });
});

test("what was authorized is summed from a moment on, that moment not included", async () => {
  const instructions = await prepare(scope, 3);
  const later = new Date("2030-01-01T00:00:00Z");
  await moveInstructions(
    signer,
    instructions.slice(1).map((instruction) => ({ instruction, to: "authorized" as const, why: "test" })),
    later,
  );
  expect(await authorizedSince(signer, new Date(later.getTime() - 1))).toBe(1_001n + 1_002n);
  expect(await authorizedSince(signer, later)).toBe(0n);
});

test("instructions are read by their index", async () => {
  await prepare(scope, 10);
  const at = async (first: number, count: number): Promise<readonly number[]> =>
    (await instructionsAt(signer, { scope, epoch: 1 }, first, count)).map(({ index }) => index);
  expect(await at(3, 4)).toEqual([3, 4, 5, 6]);
  expect(await at(8, 256)).toEqual([8, 9]);
  expect(await at(10, 1)).toEqual([]);
});

test("the intent of a transaction of ours is found by any of its hashes; another's has none", async () => {
  const hash = (byte: string): Hex => `0x${byte.repeat(32)}`;
  const journal = openTransactions(signer, "payout");
  const attempt = { hash: hash("c1"), raw: "0x01" as const, signedAtSeconds: 1 };
  const record = { chainId: 1, sender: anchor, nonce: 0, sinceBlock: 1n, outcome: null };
  await journal.insert({ ...record, intentKey: scope, attempts: [attempt] });
  await journal.addAttempt(scope, 1, { ...attempt, hash: hash("c2") });
  expect(await intentOfTransaction(signer, hash("c1"))).toBe(scope);
  expect(await intentOfTransaction(signer, hash("c2"))).toBe(scope);
  expect(await intentOfTransaction(signer, hash("c3"))).toBeNull();
});

test("of all pairs of states, the database lets through exactly the moves of the published table [PAYO-04]", async () => {
  const states = Object.keys(payoutLifecycle.states) as PayoutState[];
  await prepare(scope, 1);
  for (const [row, from] of states.entries()) {
    for (const [column, to] of states.entries()) {
      const index = 1 + row * states.length + column;
      const id = hexToBytes(payoutIdOf(scope, index));
      await signer.query(
        `INSERT INTO payout.instruction (payout_id, scope, epoch, index, account, amount, state)
         SELECT $1, scope, epoch, $2, account, amount, $3 FROM payout.instruction WHERE scope = $4 AND index = 0`,
        [id, index, from, scope],
      );
      const refused: unknown = await signer
        .query("UPDATE payout.instruction SET state = $2 WHERE payout_id = $1", [id, to])
        .then(() => undefined, sqlState);
      const expected = from === to || allows(payoutLifecycle, from, to) ? undefined : "SC006";
      expect(refused, `${from} to ${to}`).toBe(expected);
    }
  }
});

test("what was authorized within an hour is read by its time, however long the journal is", async () => {
  const [first] = await prepare(scope, 1);
  await signer.query(
    `INSERT INTO payout.journal (payout_id, from_state, to_state, why, at)
     SELECT $1, 'prepared', CASE n % 3 WHEN 0 THEN 'authorized' ELSE 'submitted' END, 'test', $2::timestamptz - n * interval '1 minute'
     FROM generate_series(1, 20000) n`,
    [hexToBytes(first?.payoutId ?? "0x"), now],
  );
  await withClient({ connectionString: server.adminUrl }, async (client) => {
    await client.query("ANALYZE payout.journal");
    const { rows } = await client.query<{ "QUERY PLAN": string }>({
      text: `EXPLAIN SELECT coalesce(sum(amount), 0) FROM payout.journal JOIN payout.instruction USING (payout_id)
         WHERE to_state = 'authorized' AND at > '2025-12-31T23:00:00Z'`,
    });
    expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toMatch(/Index.* journal_authorized/);
  });
});
