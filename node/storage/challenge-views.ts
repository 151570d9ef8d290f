// Challenges as everybody reads them: each with its evidence's hashes, reviews, history and penalties.
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { ChallengeState } from "#protocol/lifecycles.ts";
import type {
  ChallengeEvidence,
  ChallengeReview,
  ChallengeStatement,
  ChallengeView,
  PenaltyRecord,
} from "#protocol/schemas/challenge.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";
import type { Page, PageRequest } from "./reading.ts";

type StandingRow = {
  readonly challenge_id: Buffer;
  readonly body: string;
  readonly origin: ChallengeView["origin"];
  readonly state: ChallengeState;
  readonly round: number;
  readonly at: Date;
  readonly arrival: bigint;
};

const standingText = `SELECT c.challenge_id, c.body, c.origin, w.state, w.round, c.at, w.arrival
  FROM work.challenge w JOIN ledger.challenge c USING (challenge_id)`;

/** One challenge; undefined when there is none. */
export async function readChallenge(database: Queryable, challengeId: Hex): Promise<ChallengeView | undefined> {
  const { rows } = await database.query<StandingRow>(`${standingText} WHERE c.challenge_id = $1`, [
    hexToBytes(challengeId),
  ]);
  return (await viewsOf(database, rows))[0];
}

/** Which challenges of all. */
export type ChallengeFilter = {
  readonly task?: Hex;
  readonly scope?: string;
  readonly epoch?: number;
  readonly state?: ChallengeState;
};

/** Challenges in the order in which they were opened; a page begins after a count. */
export async function listChallenges(
  database: Queryable,
  { task, scope, epoch, state }: ChallengeFilter,
  { after, limit }: PageRequest,
): Promise<Page<ChallengeView>> {
  const { rows } = await database.query<StandingRow>(
    `${standingText}
      WHERE w.arrival > $1 AND ($2::bytea IS NULL OR c.task_id = $2) AND ($3::text IS NULL OR c.scope = $3)
        AND ($4::bigint IS NULL OR c.epoch = $4) AND ($5::text IS NULL OR w.state = $5)
      ORDER BY w.arrival LIMIT $6`,
    [
      after ?? "0",
      task === undefined ? null : hexToBytes(task),
      scope ?? null,
      epoch ?? null,
      state ?? null,
      limit + 1,
    ],
  );
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const next = rows.length > limit && last !== undefined ? String(last.arrival) : null;
  return { items: await viewsOf(database, kept), next };
}

/** Rows about challenges, by the hexadecimal text of the challenge's id. */
async function byChallenge<R extends { readonly challenge_id: Buffer }, T>(
  rows: Promise<{ readonly rows: readonly R[] }>,
  item: (row: R) => T,
): Promise<ReadonlyMap<Hex, readonly T[]>> {
  const grouped = Map.groupBy((await rows).rows, (row) => bytesToHex(row.challenge_id));
  return new Map([...grouped].map(([id, group]) => [id, group.map(item)]));
}

type BodyRow = { readonly challenge_id: Buffer; readonly body: string };

async function viewsOf(database: Queryable, rows: readonly StandingRow[]): Promise<readonly ChallengeView[]> {
  const ids = [rows.map((row) => row.challenge_id)];
  const [hashes, reviews, penalties, histories] = await Promise.all([
    byChallenge(
      database.query<{ challenge_id: Buffer; evidence_hash: Buffer }>(
        `SELECT challenge_id, evidence_hash FROM ledger.challenge_evidence WHERE challenge_id = ANY($1) ORDER BY round`,
        ids,
      ),
      (row) => bytesToHex(row.evidence_hash),
    ),
    byChallenge(
      database.query<BodyRow>(
        `SELECT challenge_id, body FROM ledger.challenge_review WHERE challenge_id = ANY($1) ORDER BY round`,
        ids,
      ),
      ({ body }) => JSON.parse(body) as ChallengeReview,
    ),
    byChallenge(
      database.query<BodyRow>(
        `SELECT challenge_id, body FROM ledger.penalty WHERE challenge_id = ANY($1) ORDER BY penalty_id`,
        ids,
      ),
      ({ body }) => JSON.parse(body) as PenaltyRecord,
    ),
    byChallenge(
      database.query<BodyRow & { readonly at: Date }>(
        `SELECT subject AS challenge_id, body, at FROM ledger.journal
          WHERE kind = 'challenge' AND subject = ANY($1) AND body::json->>'to' IS NOT NULL ORDER BY entry_no`,
        ids,
      ),
      ({ body, at }): ChallengeView["history"][number] => {
        const { from, to, by, why } = JSON.parse(body) as Omit<ChallengeView["history"][number], "at">;
        return { from, to, by, why, at: at.toISOString() };
      },
    ),
  ]);
  return rows.map((row) => {
    const challengeId = bytesToHex(row.challenge_id);
    return {
      challengeId,
      challenge: JSON.parse(row.body) as ChallengeStatement,
      origin: row.origin,
      state: row.state,
      round: row.round,
      openedAt: row.at.toISOString(),
      evidenceHashes: [...(hashes.get(challengeId) ?? [])],
      reviews: [...(reviews.get(challengeId) ?? [])],
      history: [...(histories.get(challengeId) ?? [])],
      penalties: [...(penalties.get(challengeId) ?? [])],
    };
  });
}

/** The evidence of one round as it was brought. */
export type RoundEvidence = {
  readonly round: number;
  readonly evidenceHash: Hex;
  readonly evidence: ChallengeEvidence;
};

/** The evidence of every round of a challenge, oldest first; empty where there is no such challenge. */
export async function readChallengeEvidence(database: Queryable, challengeId: Hex): Promise<readonly RoundEvidence[]> {
  const { rows } = await database.query<{ round: number; evidence_hash: Buffer; body: string }>(
    `SELECT round, evidence_hash, body FROM ledger.challenge_evidence WHERE challenge_id = $1 ORDER BY round`,
    [hexToBytes(challengeId)],
  );
  return rows.map(({ round, evidence_hash, body }) => ({
    round,
    evidenceHash: bytesToHex(evidence_hash),
    evidence: JSON.parse(body) as ChallengeEvidence,
  }));
}
