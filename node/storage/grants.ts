// Consent of vaults: grants as they were signed, and the revocations that end them.
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes, type Hex } from "#protocol/hash.ts";
import { grantIdOf } from "#protocol/messages.ts";
import type { Grant } from "#protocol/schemas/vault.ts";
import type { Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";

/** A grant that is not revoked, as far as its use is decided on it. */
export type LiveGrant = {
  readonly grantId: Hex;
  readonly vault: string;
  readonly collection: string;
  readonly grantee: Hex;
  readonly programs: readonly string[];
  readonly until: Date;
};

/** Keeps a grant; journalled. False when it is kept already. The signature is null where a token stood for the operator. */
export async function insertGrant(
  transaction: Queryable,
  grant: Grant,
  signature: Hex | null,
  now: Date,
): Promise<boolean> {
  const grantId = grantIdOf(grant);
  const { rowCount } = await transaction.query(
    `INSERT INTO ledger.vault_grant (grant_id, vault, collection, grantee, programs, until, body, signature, at)
      VALUES ($1, $2, $3, $4, $5, to_timestamp($6), $7, $8, $9) ON CONFLICT DO NOTHING`,
    [
      hexToBytes(grantId),
      grant.vault,
      grant.collection,
      hexToBytes(grant.grantee),
      grant.programs,
      grant.untilSeconds,
      canonicalText(grant),
      signature && hexToBytes(signature),
      now,
    ],
  );
  if (rowCount === 0) return false;
  const body = canonicalText({ act: "granted", grant, signature });
  await appendJournal(transaction, [{ kind: "grant", subject: hexToBytes(grantId), body }], now);
  return true;
}

/** Ends a grant for good; journalled. False when it has ended already. */
export async function insertRevocation(transaction: Queryable, grantId: Hex, now: Date): Promise<boolean> {
  const { rowCount } = await transaction.query(
    `INSERT INTO ledger.grant_revocation (grant_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    [hexToBytes(grantId), now],
  );
  if (rowCount === 0) return false;
  const body = canonicalText({ act: "revoked", grantId });
  await appendJournal(transaction, [{ kind: "grant", subject: hexToBytes(grantId), body }], now);
  return true;
}

type GrantRow = {
  readonly grant_id: Buffer;
  readonly vault: string;
  readonly collection: string;
  readonly grantee: Buffer;
  readonly programs: string[];
  readonly until: Date;
};

const grantOf = (row: GrantRow): LiveGrant => ({
  grantId: bytesToHex(row.grant_id),
  vault: row.vault,
  collection: row.collection,
  grantee: bytesToHex(row.grantee),
  programs: row.programs,
  until: row.until,
});

const liveColumns = `g.grant_id, g.vault, g.collection, g.grantee, g.programs, g.until`;
const notRevoked = `NOT EXISTS (SELECT 1 FROM ledger.grant_revocation r WHERE r.grant_id = g.grant_id)`;

const findStatement = {
  name: "find-grants",
  text: `SELECT ${liveColumns}
    FROM unnest($1::bytea[], $2::text[], $3::text[]) AS w (grantee, vault, collection)
      JOIN ledger.vault_grant g USING (grantee, vault, collection)
    WHERE ${notRevoked} ORDER BY g.grant_id`,
};

/** Grants that are not revoked for these grantees and collections, ascending by id. Name each triple once. */
export async function findGrants(
  database: Queryable,
  wanted: readonly Pick<LiveGrant, "grantee" | "vault" | "collection">[],
): Promise<readonly LiveGrant[]> {
  const { rows } = await database.query<GrantRow>(findStatement, [
    wanted.map(({ grantee }) => hexToBytes(grantee)),
    wanted.map(({ vault }) => vault),
    wanted.map(({ collection }) => collection),
  ]);
  return rows.map(grantOf);
}

const liveStatement = {
  name: "live-grants",
  text: `SELECT ${liveColumns} FROM ledger.vault_grant g WHERE g.grant_id = ANY($1) AND ${notRevoked}`,
};

/** Those of the grants that are not revoked, by id. */
export async function readLiveGrants(
  database: Queryable,
  grantIds: readonly Hex[],
): Promise<ReadonlyMap<Hex, LiveGrant>> {
  const { rows } = await database.query<GrantRow>(liveStatement, [grantIds.map((grantId) => hexToBytes(grantId))]);
  return new Map(rows.map((row) => [bytesToHex(row.grant_id), grantOf(row)]));
}
