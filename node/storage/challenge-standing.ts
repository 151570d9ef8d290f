// How a challenged task's candidate stands, in the node and on the anchor.
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import type { Standing } from "#protocol/challenges.ts";
import type { Hex } from "#protocol/schemas/primitives.ts";
import type { Queryable } from "./database.ts";
import type { Settlement } from "./settlements.ts";
import { stateOf } from "./tasks.ts";

/** A live candidate that holds a task. */
export type StandingCandidate = Settlement & {
  readonly root: Hex;
  /** Whether it was given to the anchor: from then on the chain's verdict decides. */
  readonly isGiven: boolean;
};

/** The live candidate that holds a task, kept where it is for the rest of the transaction; undefined when none does. */
export async function lockStandingCandidate(
  transaction: Queryable,
  taskId: Hex,
): Promise<StandingCandidate | undefined> {
  type StandingRow = {
    readonly scope: string;
    readonly epoch: bigint;
    readonly revision: number;
    readonly state: Settlement["state"];
    readonly due_at: Date;
    readonly given_at: Date | null;
    readonly root: Buffer;
  };
  const { rows } = await transaction.query<StandingRow>(
    `SELECT s.scope, s.epoch, s.revision, s.state, s.due_at, s.given_at, c.root
      FROM ledger.settlement_item i JOIN work.settlement s USING (scope, epoch, revision)
        JOIN ledger.candidate c USING (scope, epoch, revision)
      WHERE i.task_id = $1 AND s.state IN ('candidate_ready', 'finalizing') FOR UPDATE OF s`,
    [hexToBytes(taskId)],
  );
  const [row] = rows;
  return (
    row && {
      scope: row.scope,
      epoch: Number(row.epoch),
      revision: row.revision,
      state: row.state,
      failure: null,
      dueAt: row.due_at,
      root: bytesToHex(row.root),
      isGiven: row.given_at !== null,
    }
  );
}

/** What became of giving a candidate to the anchor. */
export type Giving = "given" | "disturbed" | "ended";

/**
 * Notes that a candidate is given to the anchor now, unless its settlement has ended or one of its items is challenged: then
 * nothing may be sent. `found` says that the anchor has it already, whoever gave it.
 */
export async function giveToAnchor(
  transaction: Queryable,
  key: Pick<Settlement, "scope" | "epoch" | "revision">,
  { found, now }: { readonly found: boolean; readonly now: Date },
): Promise<Giving> {
  const at = [key.scope, key.epoch, key.revision] as const;
  const { rows } = await transaction.query<{ state: Settlement["state"] }>(
    `SELECT state FROM work.settlement WHERE scope = $1 AND epoch = $2 AND revision = $3 FOR UPDATE`,
    at,
  );
  const state = rows[0]?.state;
  if (state !== "candidate_ready" && state !== "finalizing") return "ended";
  if (!found) {
    const disturbed = await transaction.query(
      `SELECT 1 FROM ledger.settlement_item i WHERE i.scope = $1 AND i.epoch = $2 AND i.revision = $3
        AND ${stateOf("i.task_id")} NOT IN ('awaiting_settlement', 'completed') LIMIT 1`,
      at,
    );
    if (disturbed.rowCount > 0) return "disturbed";
  }
  await transaction.query(
    `UPDATE work.settlement SET given_at = $4
      WHERE scope = $1 AND epoch = $2 AND revision = $3 AND given_at IS NULL`,
    [...at, now],
  );
  return "given";
}

/** The epoch whose candidates held a challenge's task last: a task that was deferred is attacked where it is now. */
export const latestEpoch = `(SELECT max(i.epoch) FROM ledger.settlement_item i WHERE i.task_id = c.task_id)`;

/** A reviewed challenge that the anchor resolved. */
export type ResolvedChallenge = {
  readonly challengeId: Hex;
  readonly round: number;
  readonly upheld: boolean;
  readonly transactionHash: Hex;
};

/** Challenges at once: what is over waits for the next look. */
const resolvedLimit = 64;

/** Reviewed and undecided challenges of scopes whose evidence the anchor resolved something about. */
export async function resolvedChallenges(
  database: Queryable,
  scopes: readonly string[],
): Promise<readonly ResolvedChallenge[]> {
  type ReviewedRow = {
    readonly challenge_id: Buffer;
    readonly round: number;
    readonly scope: string;
    readonly epoch: bigint;
    readonly evidence_hash: Buffer;
  };
  const { rows } = await database.query<ReviewedRow>(
    {
      name: "reviewed-challenges",
      text: `SELECT w.challenge_id, w.round, c.scope, ${latestEpoch} AS epoch, e.evidence_hash
        FROM work.challenge w JOIN ledger.challenge c USING (challenge_id) JOIN ledger.challenge_evidence e USING (challenge_id, round)
        WHERE w.state IN ('confirmed', 'not_confirmed') AND c.epoch IS NOT NULL AND c.scope = ANY($1)
        ORDER BY w.arrival LIMIT ${resolvedLimit}`,
    },
    [scopes],
  );
  const resolved: ResolvedChallenge[] = [];
  for (const { challenge_id, round, scope, epoch, evidence_hash } of rows) {
    const about = { scope, epoch: Number(epoch), evidenceHash: bytesToHex(evidence_hash) };
    const word = await anchorWordOn(database, about);
    if (word?.kind !== "resolved") continue;
    const { upheld, transactionHash } = word;
    resolved.push({ challengeId: bytesToHex(challenge_id), round, upheld, transactionHash });
  }
  return resolved;
}

/** The node's challenges whose evidence the anchor was just challenged with. */
export async function challengesWith(
  database: Queryable,
  about: { readonly scope: string; readonly evidenceHash: Hex },
): Promise<readonly Hex[]> {
  const { rows } = await database.query<{ challenge_id: Buffer }>(
    `SELECT c.challenge_id FROM ledger.challenge c JOIN ledger.challenge_evidence e USING (challenge_id)
      WHERE c.scope = $1 AND e.evidence_hash = $2`,
    [about.scope, hexToBytes(about.evidenceHash)],
  );
  return rows.map(({ challenge_id }) => bytesToHex(challenge_id));
}

/** The anchor's events of an epoch about some evidence, in their order; those on blocks that are gone are not among them. */
const anchorEventsText = `SELECT seen.body FROM ledger.journal seen
  WHERE seen.kind = 'anchor' AND seen.subject = convert_to($1::text || '/' || $2::bigint, 'UTF8')
    AND seen.body::json->>'event' IN ('Challenged', 'Resolved') AND seen.body::json->>'evidenceHash' = $3
    AND NOT EXISTS (
      SELECT 1 FROM ledger.journal gone
      WHERE gone.kind = 'anchor' AND gone.entry_no > seen.entry_no AND gone.body::json->>'event' = 'RolledBack'
        AND (gone.body::json->>'toBlock')::bigint < (seen.body::json->>'blockNumber')::bigint)
  ORDER BY seen.entry_no`;

/** What the anchor's followed events say of a challenge with some evidence. */
export type AnchorWord =
  | { readonly kind: "challenged"; readonly root: Hex; readonly challenger: Hex }
  | { readonly kind: "resolved"; readonly upheld: boolean; readonly transactionHash: Hex; readonly root: Hex };

/** The last that the anchor was seen to say about some evidence in an epoch; undefined when it said nothing. */
export async function anchorWordOn(
  database: Queryable,
  about: { readonly scope: string; readonly epoch: number; readonly evidenceHash: Hex },
): Promise<AnchorWord | undefined> {
  const { scope, epoch, evidenceHash } = about;
  const { rows } = await database.query<{ body: string }>(anchorEventsText, [scope, epoch, evidenceHash]);
  const last = rows.at(-1);
  if (last === undefined) return undefined;
  const event = JSON.parse(last.body) as {
    readonly event: "Challenged" | "Resolved";
    readonly root: Hex;
    readonly challenger: Hex;
    readonly upheld: boolean;
    readonly transactionHash: Hex;
  };
  const { root, challenger, upheld, transactionHash } = event;
  return event.event === "Challenged"
    ? { kind: "challenged", root, challenger: challenger.toLowerCase() as Hex }
    : { kind: "resolved", root, upheld, transactionHash };
}

/**
 * How the anchor has the candidate that holds a task, as far as evidence about it is concerned. What it said about that evidence is
 * its own, also when the candidate is gone: the node follows, and nobody comes before it.
 */
export async function standingOf(
  database: Queryable,
  candidate: StandingCandidate | undefined,
  about: { readonly scope: string; readonly epoch: number | null; readonly evidenceHash: Hex },
): Promise<Standing> {
  const { scope, epoch, evidenceHash } = about;
  const word = epoch === null ? undefined : await anchorWordOn(database, { scope, epoch, evidenceHash });
  if (word !== undefined) return "challenged";
  return candidate?.isGiven === true ? "standing" : "nowhere";
}
