// Who may do what: roles that actors hold, and bearer tokens, of which only the digest is kept.
import { canonicalText } from "#protocol/canonical.ts";
import { bytesToHex, hexToBytes, sha256, type Hex } from "#protocol/hash.ts";
import type { ActorRole } from "#protocol/schemas/vault.ts";
import type { Database, Queryable } from "./database.ts";
import { appendJournal } from "./journal.ts";

/** Bytes of chance in a token: nobody guesses one, so that its digest needs no salt. */
const tokenBytes = 32;

/** A token as it is kept: for whom it acts, what it may do, until when. */
export type Token = {
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly until: Date;
  readonly revokedAt: Date | null;
};

/** A token in a list: the digest names it and cannot be used in its place. */
export type ListedToken = Token & { readonly digest: Hex };

type TokenRow = {
  readonly digest: Buffer;
  readonly subject: string;
  readonly scopes: string[];
  readonly until: Date;
  readonly revoked_at: Date | null;
};

/** What a token is known by: a lookup by digest takes the same time whatever the token is. */
export function tokenDigest(token: string): Hex {
  return bytesToHex(sha256(token));
}

const tokenOf = (row: TokenRow): ListedToken => ({
  digest: bytesToHex(row.digest),
  subject: row.subject,
  scopes: row.scopes,
  until: row.until,
  revokedAt: row.revoked_at,
});

/**
 * Makes a token and keeps its digest. Expired tokens are cleared away on the way.
 * @param random the source of chance: `size` bytes that nobody can predict.
 * @returns the token itself, which cannot be read again.
 */
export async function issueToken(
  database: Queryable,
  token: { readonly subject: string; readonly scopes: readonly string[]; readonly until: Date },
  chance: { readonly random: (size: number) => Uint8Array; readonly now: Date },
): Promise<string> {
  const text = `scs_${Buffer.from(chance.random(tokenBytes)).toString("base64url")}`;
  await database.query(
    `WITH expired AS (DELETE FROM work.token WHERE until < $5)
      INSERT INTO work.token (digest, subject, scopes, until) VALUES ($1, $2, $3, $4)`,
    [sha256(text), token.subject, token.scopes, token.until, chance.now],
  );
  return text;
}

/** The token with a digest, also when it is revoked or has expired; undefined when there is none. */
export async function findToken(database: Queryable, digest: Hex): Promise<Token | undefined> {
  const statement = { name: "find-token", text: `SELECT * FROM work.token WHERE digest = $1` };
  const { rows } = await database.query<TokenRow>(statement, [hexToBytes(digest)]);
  return rows[0] && tokenOf(rows[0]);
}

/** Every token that has not expired, by subject. */
export async function listTokens(database: Queryable, now: Date): Promise<readonly ListedToken[]> {
  const statement = `SELECT * FROM work.token WHERE until >= $1 AND cardinality(scopes) > 0 ORDER BY subject, until, digest`;
  const { rows } = await database.query<TokenRow>(statement, [now]);
  return rows.map(tokenOf);
}

/** Revokes a token for good; false when no such token was valid. Processes that know it forget it within seconds. */
export async function revokeToken(database: Queryable, digest: Hex, now: Date): Promise<boolean> {
  const statement = `UPDATE work.token SET revoked_at = $2 WHERE digest = $1 AND revoked_at IS NULL`;
  const { rowCount } = await database.query(statement, [hexToBytes(digest), now]);
  return rowCount === 1;
}

/**
 * Uses up a signed login: false when it was used before. It is kept as a token that nobody can hold, until it expires and
 * is refused for that.
 */
export async function useLogin(
  database: Queryable,
  login: { readonly digest: Uint8Array; readonly account: Hex; readonly until: Date },
  now: Date,
): Promise<boolean> {
  const { rowCount } = await database.query(
    `INSERT INTO work.token (digest, subject, scopes, until, revoked_at) VALUES ($1, $2, '{}', $3, $4)
      ON CONFLICT (digest) DO NOTHING`,
    [login.digest, login.account, login.until, now],
  );
  return rowCount === 1;
}

/** The roles that an address holds now; none for an actor that is not registered. */
export async function readRoles(database: Queryable, address: Hex): Promise<ReadonlySet<ActorRole>> {
  const statement = { name: "read-roles", text: `SELECT role FROM ledger.actor WHERE address = $1 AND held` };
  const { rows } = await database.query<{ role: ActorRole }>(statement, [hexToBytes(address)]);
  return new Set(rows.map(({ role }) => role));
}

/**
 * Gives an address exactly these roles: those it lacks are added, others it held are ended (OPER-08). Journalled with who did
 * it; nothing is written when nothing changes. Answers whether anything did.
 */
export async function registerActor(
  database: Database,
  actor: { readonly address: Hex; readonly roles: readonly ActorRole[] },
  by: string,
  now: Date,
): Promise<boolean> {
  return await database.transaction(async (transaction) => {
    const address = hexToBytes(actor.address);
    // Two registrations of one address would take the same sequence numbers.
    await transaction.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`actor ${actor.address}`]);
    const { rowCount } = await transaction.query(
      `WITH known AS (
          SELECT DISTINCT ON (role) role, sequence, held FROM ledger.actor_role WHERE address = $1 ORDER BY role, sequence DESC),
        wanted AS (SELECT role, role = ANY($2::text[]) AS held FROM (SELECT unnest($2::text[]) UNION SELECT role FROM known) r (role))
        INSERT INTO ledger.actor_role (address, role, sequence, held, at)
        SELECT $1, wanted.role, coalesce(known.sequence, 0) + 1, wanted.held, $3 FROM wanted LEFT JOIN known USING (role)
        WHERE wanted.held IS DISTINCT FROM coalesce(known.held, false)`,
      [address, actor.roles, now],
    );
    if (rowCount === 0) return false;
    const body = canonicalText({ act: "register", by, roles: [...actor.roles].sort() });
    await appendJournal(transaction, [{ kind: "actor", subject: address, body }], now);
    return true;
  });
}
