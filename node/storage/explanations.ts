// Reading back why something is as it is: the journal of one subject, and where a reward comes from.
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import type { RewardRecord, RewardView } from "#protocol/schemas/settlement.ts";
import type { Queryable } from "./database.ts";

/** A journalled act about one subject; `body` is what was written down, parsed. */
export type SubjectAct = { readonly kind: string; readonly at: Date; readonly body: Readonly<Record<string, unknown>> };

/** Everything that was journalled about a subject, in order: a task's id, or the UTF-8 bytes of a name. */
export async function subjectActs(
  database: Queryable,
  kinds: readonly string[],
  subject: Uint8Array,
): Promise<readonly SubjectAct[]> {
  const { rows } = await database.query<{ kind: string; body: string; at: Date }>(
    `SELECT kind, body, at FROM ledger.journal WHERE subject = $1 AND kind = ANY($2) ORDER BY entry_no`,
    [subject, kinds],
  );
  return rows.map(({ kind, body, at }) => ({ kind, at, body: JSON.parse(body) as SubjectAct["body"] }));
}

/** A reward with its revision, the state of that, and the archive its units can be counted from. */
export type FoundReward = RewardView & { readonly archive: Hex };

/** The newest revision of a reward; undefined for an unknown id. */
export async function findReward(database: Queryable, rewardId: Hex): Promise<FoundReward | undefined> {
  const { rows } = await database.query<{
    body: string;
    revision: number;
    state: RewardView["state"];
    archive: Buffer;
  }>(
    `SELECT r.body, r.revision, c.archive,
        CASE s.state WHEN 'finalized' THEN 'finalized' WHEN 'failed' THEN 'blocked' ELSE 'calculated' END AS state
      FROM ledger.reward r JOIN work.settlement s USING (scope, epoch, revision)
        JOIN ledger.candidate c USING (scope, epoch, revision)
      WHERE r.reward_id = $1 ORDER BY r.revision DESC LIMIT 1`,
    [hexToBytes(rewardId)],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const record = JSON.parse(row.body) as RewardRecord;
  return { record, revision: row.revision, state: row.state, archive: bytesToHex(row.archive) };
}
