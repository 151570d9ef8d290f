// Payout state: instructions made from finalized rewards, and their moves along the published lifecycle.
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { allows, payoutLifecycle, type PayoutState } from "#protocol/lifecycles.ts";
import type { Queryable } from "./database.ts";

/** An epoch of a scope. */
export type EpochKey = { readonly scope: string; readonly epoch: number };

/** One payment to make: account and amount never change, its state does (PAYO-04). */
export type Instruction = EpochKey & {
  readonly payoutId: Hex;
  readonly index: number;
  readonly account: Hex;
  readonly amount: bigint;
  readonly state: PayoutState;
  /** The transaction it is, or was last, part of. */
  readonly intent: string | null;
  /** Whether it failed because its recipient refused it; such a one is not sent again. */
  readonly refused: boolean;
  /** Who asked for another transaction after the last one, and why; null where nobody did. */
  readonly retry: string | null;
};

/** Why a payout failed whose recipient did not take it. */
export const recipientRefused = "its recipient refused it";

/** One transition of one instruction. */
export type PayoutMove = {
  readonly instruction: Instruction;
  readonly to: PayoutState;
  readonly why: string;
  readonly intent?: string | null;
};

type InstructionRow = {
  readonly payout_id: Buffer;
  readonly scope: string;
  readonly epoch: bigint;
  readonly index: number;
  readonly account: Buffer;
  readonly amount: bigint;
  readonly state: PayoutState;
  readonly intent: string | null;
  readonly refused: boolean;
  readonly retry: string | null;
};

const columns = `payout_id, scope, epoch, index, account, amount, state, intent,
  state = 'failed' AND detail = '${recipientRefused}' AS refused,
  (SELECT asked_by || ' asked for another try: ' || why FROM payout.retry WHERE retry.intent = instruction.intent) AS retry`;

function instructionOf(row: InstructionRow): Instruction {
  return {
    payoutId: bytesToHex(row.payout_id),
    scope: row.scope,
    epoch: Number(row.epoch),
    index: row.index,
    account: bytesToHex(row.account),
    amount: row.amount,
    state: row.state,
    intent: row.intent,
    refused: row.refused,
    retry: row.retry,
  };
}

/**
 * Makes the instructions of every finalized epoch that has none yet (PAYO-01). Ids come from the rewards, so making them again
 * changes nothing. Answers how many were made.
 */
export async function prepareInstructions(transaction: Queryable, now: Date): Promise<number> {
  const { rowCount } = await transaction.query(
    `WITH fresh AS (
       INSERT INTO payout.instruction (payout_id, scope, epoch, index, account, amount, state)
       SELECT leaf.payout_id, leaf.scope, leaf.epoch, leaf.index, leaf.account, leaf.amount, 'prepared'
       FROM ledger.finalized JOIN ledger.payout_leaf leaf USING (scope, epoch, revision)
       WHERE NOT EXISTS (SELECT 1 FROM payout.instruction i WHERE i.scope = leaf.scope AND i.epoch = leaf.epoch)
       ORDER BY leaf.scope, leaf.epoch, leaf.index
       ON CONFLICT (payout_id) DO NOTHING
       RETURNING payout_id)
     INSERT INTO payout.journal (payout_id, from_state, to_state, why, at)
     SELECT payout_id, NULL, 'prepared', 'its epoch is finalized', $1 FROM fresh`,
    [now],
  );
  return rowCount;
}

/** All instructions of an epoch by index. */
export async function instructionsOf(database: Queryable, { scope, epoch }: EpochKey): Promise<readonly Instruction[]> {
  const { rows } = await database.query<InstructionRow>(
    `SELECT ${columns} FROM payout.instruction WHERE scope = $1 AND epoch = $2 ORDER BY index`,
    [scope, epoch],
  );
  return rows.map(instructionOf);
}

/** The instructions of an epoch from an index on, at most `count`, by index. */
export async function instructionsAt(
  database: Queryable,
  { scope, epoch }: EpochKey,
  firstIndex: number,
  count: number,
): Promise<readonly Instruction[]> {
  const { rows } = await database.query<InstructionRow>(
    `SELECT ${columns} FROM payout.instruction WHERE scope = $1 AND epoch = $2 AND index >= $3 AND index < $4
     ORDER BY index`,
    [scope, epoch, firstIndex, firstIndex + count],
  );
  return rows.map(instructionOf);
}

/** Epochs with at least one instruction in one of the states, in order. */
export async function epochsWith(database: Queryable, states: readonly PayoutState[]): Promise<readonly EpochKey[]> {
  const { rows } = await database.query<{ scope: string; epoch: bigint }>(
    `SELECT DISTINCT scope, epoch FROM payout.instruction WHERE state = ANY($1) ORDER BY scope, epoch`,
    [states],
  );
  return rows.map(({ scope, epoch }) => ({ scope, epoch: Number(epoch) }));
}

/**
 * Epochs with something that may be authorized, in order: prepared instructions; failed ones that were not refused by their
 * recipient, and mismatched ones, that were not part of `triesLimit` transactions, whose number ends an intent's key; and
 * failed or mismatched ones for which somebody asked (see payout-retries.ts).
 */
export async function epochsDue(database: Queryable, triesLimit: number): Promise<readonly EpochKey[]> {
  const { rows } = await database.query<{ scope: string; epoch: bigint }>(
    `SELECT DISTINCT scope, epoch FROM payout.instruction WHERE state = 'prepared'
       OR (state IN ('failed', 'mismatched') AND (
         (detail <> $1 AND (intent IS NULL OR split_part(intent, '#', 2)::integer < $2::integer))
         OR EXISTS (SELECT 1 FROM payout.retry WHERE retry.intent = instruction.intent)))
     ORDER BY scope, epoch`,
    [recipientRefused, triesLimit],
  );
  return rows.map(({ scope, epoch }) => ({ scope, epoch: Number(epoch) }));
}

/** What was authorized after a moment, in base units: the velocity a policy limits. */
export async function authorizedSince(database: Queryable, since: Date): Promise<bigint> {
  const { rows } = await database.query<{ sum: bigint }>(
    `SELECT coalesce(sum(amount), 0) AS sum FROM payout.journal JOIN payout.instruction USING (payout_id)
     WHERE to_state = 'authorized' AND at > $1`,
    [since],
  );
  return rows[0]?.sum ?? 0n;
}

/**
 * Moves instructions along the published table and journals each move; those that are no longer where they were read, or
 * are part of another transaction by now, are left alone. Answers how many moved.
 * @throws ProtocolError SETTLEMENT_TRANSITION_REFUSED when the table does not allow a move; nothing is written
 */
export async function moveInstructions(
  transaction: Queryable,
  moves: readonly PayoutMove[],
  now: Date,
): Promise<number> {
  if (moves.length === 0) return 0;
  for (const { instruction, to } of moves) {
    if (allows(payoutLifecycle, instruction.state, to)) continue;
    const { payoutId, state } = instruction;
    throw new ProtocolError("SETTLEMENT_TRANSITION_REFUSED", { payoutId, from: state, to });
  }
  const { rowCount } = await transaction.query(
    `WITH wanted AS (
       SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         AS w (payout_id, from_state, to_state, why, from_intent, intent)),
     moved AS (
       UPDATE payout.instruction SET state = w.to_state, intent = coalesce(w.intent, instruction.intent), detail = w.why
       FROM wanted w WHERE instruction.payout_id = w.payout_id AND instruction.state = w.from_state
         AND instruction.intent IS NOT DISTINCT FROM w.from_intent
       RETURNING instruction.payout_id)
     INSERT INTO payout.journal (payout_id, from_state, to_state, why, at)
     SELECT w.payout_id, w.from_state, w.to_state, w.why, $7 FROM wanted w JOIN moved USING (payout_id)`,
    [
      moves.map(({ instruction }) => hexToBytes(instruction.payoutId)),
      moves.map(({ instruction }) => instruction.state),
      moves.map(({ to }) => to),
      moves.map(({ why }) => why),
      moves.map(({ instruction }) => instruction.intent),
      moves.map(({ intent }) => intent ?? null),
      now,
    ],
  );
  return rowCount;
}

/** What a finalized epoch committed to: enough to prove its payouts. Undefined where nothing is final. */
export type FinalizedCommitment = { readonly root: Hex; readonly header: string; readonly subRoots: string };

export async function commitmentOf(
  database: Queryable,
  { scope, epoch }: EpochKey,
): Promise<FinalizedCommitment | undefined> {
  const { rows } = await database.query<{ root: Buffer; header: string; sub_roots: string }>(
    `SELECT finalized.root, header, sub_roots FROM ledger.finalized JOIN ledger.candidate USING (scope, epoch, revision)
     WHERE scope = $1 AND epoch = $2`,
    [scope, epoch],
  );
  const [row] = rows;
  return row && { root: bytesToHex(row.root), header: row.header, subRoots: row.sub_roots };
}

/** Scopes that have a finalized epoch; events name a scope only by its hash. */
export async function finalizedScopes(database: Queryable): Promise<readonly string[]> {
  const { rows } = await database.query<{ scope: string }>(`SELECT DISTINCT scope FROM ledger.finalized`);
  return rows.map(({ scope }) => scope);
}

/** The intent that a transaction of ours carried out; null for one of somebody else, as a claim is. */
export async function intentOfTransaction(database: Queryable, transactionHash: Hex): Promise<string | null> {
  const { rows } = await database.query<{ intent: string }>(`SELECT intent FROM payout.chain_attempt WHERE hash = $1`, [
    hexToBytes(transactionHash),
  ]);
  return rows[0]?.intent ?? null;
}
