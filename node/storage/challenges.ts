// Challenges: their one writer of states, table-checked and journalled; and the claims of those who review them.
import { canonicalText, type Json } from "#protocol/canonical.ts";
import { challengeMove } from "#protocol/challenges.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { ChallengeState } from "#protocol/lifecycles.ts";
import { leaseSeconds } from "#protocol/limits.ts";
import type { ChallengeView } from "#protocol/schemas/challenge.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";

/** A challenge as it stands: only who knows the current fence can move it. */
export type Challenge = {
  readonly challengeId: Hex;
  readonly taskId: Hex;
  readonly scope: string;
  readonly origin: ChallengeView["origin"];
  readonly state: ChallengeState;
  /** 1, and one more for each reopening. */
  readonly round: number;
  /** Where the task goes back to; null where nothing was taken out of its way. */
  readonly resume: "verifying" | "awaiting_settlement" | null;
  readonly fence: bigint;
  /** Reviews of this round that failed for reasons of their own. */
  readonly attempt: number;
};

type ChallengeRow = {
  readonly challenge_id: Buffer;
  readonly task_id: Buffer;
  readonly scope: string;
  readonly origin: Challenge["origin"];
  readonly state: ChallengeState;
  readonly round: number;
  readonly resume: Challenge["resume"];
  readonly fence: bigint;
  readonly attempt: number;
};

const columns = `challenge.challenge_id, challenge.task_id, challenge.scope, challenge.state, challenge.round, challenge.resume,
  challenge.fence, challenge.attempt,
  (SELECT origin FROM ledger.challenge l WHERE l.challenge_id = challenge.challenge_id) AS origin`;

const challengeOf = (row: ChallengeRow): Challenge => ({
  challengeId: bytesToHex(row.challenge_id),
  taskId: bytesToHex(row.task_id),
  scope: row.scope,
  origin: row.origin,
  state: row.state,
  round: row.round,
  resume: row.resume,
  fence: row.fence,
  attempt: row.attempt,
});

/** Reads a challenge and keeps it as it is for the rest of the transaction; undefined when there is none. */
export async function lockChallenge(transaction: Queryable, challengeId: Hex): Promise<Challenge | undefined> {
  const { rows } = await transaction.query<ChallengeRow>(
    `SELECT ${columns} FROM work.challenge WHERE challenge_id = $1 FOR UPDATE`,
    [hexToBytes(challengeId)],
  );
  return rows[0] && challengeOf(rows[0]);
}

/** The challenge that is under way against a task; undefined when none is. */
export async function liveChallenge(database: Queryable, taskId: Hex): Promise<Challenge | undefined> {
  const { rows } = await database.query<ChallengeRow>(
    `SELECT ${columns} FROM work.challenge
      WHERE task_id = $1 AND state IN ('opened', 'reviewing', 'confirmed', 'not_confirmed', 'reopened')`,
    [hexToBytes(taskId)],
  );
  return rows[0] && challengeOf(rows[0]);
}

/** One move of a challenge. Who and why are the published table's words unless somebody else caused it. */
export type ChallengeMove = {
  readonly challenge: Pick<Challenge, "challengeId" | "state" | "fence" | "round">;
  readonly to: ChallengeState;
  readonly by?: string;
  /** Public facts that explain the move. */
  readonly detail?: { readonly [key: string]: Json };
  /** Given when it is reopened: its new round, and where its task goes back to. */
  readonly reopening?: Pick<Challenge, "round" | "resume">;
};

/** The journal entry of a move; the first one leads from nowhere. */
export function challengeAct(
  challengeId: Hex,
  body: {
    readonly from: ChallengeState | null;
    readonly to: ChallengeState;
    readonly by: string;
    readonly why: string;
    readonly round: number;
    readonly detail?: { readonly [key: string]: Json };
  },
) {
  return { kind: "challenge", subject: hexToBytes(challengeId), body: canonicalText(body) };
}

const moveStatement = {
  name: "move-challenges",
  text: `WITH wanted AS (
      SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::boolean[], $8::text[])
        AS w (challenge_id, fence, from_state, to_state, round, resume, reopens, body)),
    moved AS (
      UPDATE work.challenge SET state = w.to_state, round = w.round, fence = challenge.fence + 1, due_at = $9, attempt = 0,
        resume = CASE WHEN w.reopens THEN w.resume ELSE challenge.resume END, holder = NULL, held_until = NULL
      FROM wanted w
      WHERE challenge.challenge_id = w.challenge_id AND challenge.fence = w.fence AND challenge.state = w.from_state
      RETURNING challenge.challenge_id, challenge.fence),
    journalled AS (
      INSERT INTO ledger.journal (kind, subject, body, at)
      SELECT 'challenge', w.challenge_id, w.body, $9 FROM wanted w JOIN moved USING (challenge_id))
    SELECT challenge_id, fence FROM moved`,
};

/**
 * Moves challenges along the published table and journals each move, or does nothing for those whose fence has passed to somebody
 * else (CHAL-01). Answers those that moved, as they stand now.
 * @throws ProtocolError GOVERNANCE_TRANSITION_REFUSED when the table does not allow one of the moves; nothing is written
 */
export async function moveChallenges<C extends ChallengeMove["challenge"]>(
  transaction: Queryable,
  moves: readonly (Omit<ChallengeMove, "challenge"> & { readonly challenge: C })[],
  now: Date,
): Promise<ReadonlyMap<Hex, C>> {
  if (moves.length === 0) return new Map();
  const bodies = moves.map(({ challenge: { challengeId, state: from, round }, to, by, detail, reopening }) => {
    const row = challengeMove(from, to);
    if (row === undefined) throw new ProtocolError("GOVERNANCE_TRANSITION_REFUSED", { challengeId, from, to });
    const words = { from, to, by: by ?? row.by, why: row.why, round: reopening?.round ?? round };
    return canonicalText(detail === undefined ? words : { ...words, detail });
  });
  const { rows } = await transaction.query<{ challenge_id: Buffer; fence: bigint }>(moveStatement, [
    moves.map(({ challenge }) => hexToBytes(challenge.challengeId)),
    moves.map(({ challenge }) => challenge.fence),
    moves.map(({ challenge }) => challenge.state),
    moves.map(({ to }) => to),
    moves.map(({ challenge, reopening }) => reopening?.round ?? challenge.round),
    moves.map(({ reopening }) => reopening?.resume ?? null),
    moves.map(({ reopening }) => reopening !== undefined),
    bodies,
    now,
  ]);
  const fences = new Map(rows.map((row) => [bytesToHex(row.challenge_id), row.fence]));
  return new Map(
    moves.flatMap(({ challenge, to, reopening }): (readonly [Hex, C])[] => {
      const fence = fences.get(challenge.challengeId);
      return fence === undefined ? [] : [[challenge.challengeId, { ...challenge, ...reopening, state: to, fence }]];
    }),
  );
}

const claimStatement = {
  name: "claim-challenges",
  text: `WITH due AS (
      SELECT challenge_id FROM work.challenge
      WHERE state IN ('opened', 'reviewing', 'reopened') AND due_at <= $1 AND (held_until IS NULL OR held_until <= $1)
      ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    UPDATE work.challenge SET holder = $3, held_until = $4, fence = fence + 1 FROM due
    WHERE challenge.challenge_id = due.challenge_id RETURNING ${columns}`,
};

/**
 * Claims up to `limit` challenges to be reviewed by `holder` until the lease ends, and moves those that nobody took up before.
 * Whoever held one earlier can no longer write about it.
 */
export async function claimChallenges(
  transaction: Queryable,
  request: { readonly holder: string; readonly limit: number; readonly now: Date },
): Promise<readonly Challenge[]> {
  const { holder, limit, now } = request;
  const until = new Date(now.getTime() + leaseSeconds * 1000);
  const { rows } = await transaction.query<ChallengeRow>(claimStatement, [now, limit, holder, until]);
  const claimed = rows.map(challengeOf);
  const fresh = claimed.filter(({ state }) => state !== "reviewing");
  const moved = await moveChallenges(
    transaction,
    fresh.map((challenge) => ({ challenge, to: "reviewing" as const })),
    now,
  );
  // A move ends a claim; what was moved is this holder's all the same.
  await transaction.query(`UPDATE work.challenge SET holder = $2, held_until = $3 WHERE challenge_id = ANY($1)`, [
    [...moved.keys()].map((id) => hexToBytes(id)),
    holder,
    until,
  ]);
  return claimed.map((challenge) => moved.get(challenge.challengeId) ?? challenge);
}

/** Gives a claimed challenge back after a failure that may pass, to be reviewed again from `dueAt` on. */
export async function releaseChallenge(database: Queryable, challenge: Challenge, dueAt: Date): Promise<void> {
  await database.query(
    `UPDATE work.challenge SET attempt = attempt + 1, holder = NULL, held_until = NULL, due_at = $3
      WHERE challenge_id = $1 AND fence = $2`,
    [hexToBytes(challenge.challengeId), challenge.fence, dueAt],
  );
}
