// The database and who may do what in it: four group roles that the migrations grant to, and one login for each of them.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type pg from "pg";
import { ProtocolError } from "#protocol/errors.ts";
import { clientConfig, withClient } from "./database.ts";
import { hasCode, makeFolder, syncFolder, writeNewFile } from "./objects/durable.ts";

/** The roles: the layers' processes, the payout signer, whoever only looks, and the one that changes the schema. */
export const roles = ["node", "signer", "reader", "migrator"] as const;
export type Role = (typeof roles)[number];

/** One address per role, password included. */
export type RoleUrls = Readonly<Record<Role, string>>;

export type Provision = {
  /** Address of an administrator who may create roles and databases; it needs not be a superuser. */
  readonly adminUrl: string;
  /** Name of the database: `[a-z][a-z0-9_]*`, at most 40 characters. */
  readonly database: string;
  /** What the logins' passwords are derived from: 32 random bytes, see {@link readSecret}. */
  readonly secret: Uint8Array;
  /** A finished database to copy instead of an empty one. */
  readonly template?: string;
};

/** What administration waits for at most: copying a template, or another process that is provisioning. */
const adminTimeoutMs = 60_000;
/** Serializes provisioning in a cluster: PostgreSQL refuses concurrent changes of one role. */
const provisionLock = 0x5c5001;
/** PostgreSQL's own default; the passwords are random, so more rounds would buy nothing. */
const scramIterations = 4096;

/** The group role that the migrations grant to; shared by all databases of a cluster, where it means nothing by itself. */
export function groupOf(role: Role): string {
  return `scs_${role}`;
}

function loginOf(database: string, role: Role): string {
  return `${database}_${role}_login`;
}

function passwordOf(secret: Uint8Array, login: string): string {
  return createHmac("sha256", secret).update(login).digest("base64url");
}

/** What PostgreSQL stores for a password (RFC 5803), so that the password itself is in no statement and no server log. */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, scramIterations, 32, "sha256");
  const key = (name: string): Buffer => createHmac("sha256", salted).update(name).digest();
  const storedKey = createHash("sha256").update(key("Client Key")).digest("base64");
  const serverKey = key("Server Key").toString("base64");
  return `SCRAM-SHA-256$${scramIterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}

/** The secret kept in a file that only its owner can read; made when missing, and the same for ever after. */
export async function readSecret(path: string): Promise<Uint8Array> {
  await makeFolder(dirname(path));
  try {
    await writeNewFile(path, randomBytes(32).toString("hex"), 0o600);
    await syncFolder(dirname(path));
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  const secret = Buffer.from(await readFile(path, "utf8"), "hex");
  if (secret.length === 32) return secret;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { reason: `${path} does not hold 32 bytes in hex` });
}

/** The addresses under which the roles reach a database; nothing is asked of the server. */
export function connectionUrls({ adminUrl, database, secret }: Provision): RoleUrls {
  const urlOf = (role: Role): string => {
    const url = new URL(adminUrl);
    url.username = loginOf(database, role);
    url.password = passwordOf(secret, url.username);
    url.pathname = `/${database}`;
    return url.href;
  };
  return { node: urlOf("node"), signer: urlOf("signer"), reader: urlOf("reader"), migrator: urlOf("migrator") };
}

async function admin<T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const config = clientConfig({ url: adminUrl, applicationName: "scs provision" });
  return await withClient({ ...config, statement_timeout: adminTimeoutMs }, async (client) => {
    // Held until the connection ends.
    await client.query("SELECT pg_advisory_lock($1)", [provisionLock]);
    return await work(client);
  });
}

/** Which of the names are missing in a catalog. */
async function missing(client: pg.Client, statement: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(statement, [names]);
  const present = new Set(rows.map(({ name }) => name));
  return new Set(names.filter((name) => !present.has(name)));
}

const presentRoles = "SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1)";
const presentDatabases = "SELECT datname AS name FROM pg_database WHERE datname = ANY($1)";

async function makeRoles(client: pg.Client, { database, secret }: Provision): Promise<void> {
  const groups = roles.map(groupOf);
  const logins = roles.map((role) => loginOf(database, role));
  const absent = await missing(client, presentRoles, [...groups, ...logins]);
  for (const group of groups) if (absent.has(group)) await client.query(`CREATE ROLE ${group} NOLOGIN`);
  for (const role of roles) {
    const login = loginOf(database, role);
    const verifier = scramVerifier(passwordOf(secret, login));
    await client.query(`${absent.has(login) ? "CREATE" : "ALTER"} ROLE ${login} LOGIN PASSWORD '${verifier}'`);
    if (absent.has(login)) await client.query(`GRANT ${groupOf(role)} TO ${login}`);
  }
  // Whoever made such a role beforehand may have given it more than it may have.
  const { rows } = await client.query<{ rolname: string }>(
    `SELECT rolname FROM pg_roles
     WHERE rolname = ANY($1) AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
     UNION SELECT m.rolname FROM pg_roles m, pg_roles g
     WHERE m.rolname = ANY($1) AND g.rolname <> ALL($1) AND pg_has_role(m.oid, g.oid, 'MEMBER')
     UNION SELECT l.rolname FROM pg_roles l, unnest($2::text[], $3::text[]) AS own (login, own_group), pg_roles g
     WHERE l.rolname = own.login AND g.rolname = ANY($3) AND g.rolname <> own.own_group AND pg_has_role(l.oid, g.oid, 'MEMBER')`,
    [[...groups, ...logins], logins, groups],
  );
  if (rows.length === 0) return;
  const reason = `roles with more rights than they may have: ${rows.map(({ rolname }) => rolname).join(", ")}`;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { reason });
}

async function makeDatabase(client: pg.Client, { database, template }: Provision): Promise<void> {
  if ((await missing(client, presentDatabases, [database])).has(database)) {
    // The C locale sorts text by its bytes on every machine and in every version.
    const source = template ?? "template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'";
    await client.query(`CREATE DATABASE ${database} TEMPLATE ${source}`);
  }
  const logins = roles.map((role) => loginOf(database, role)).join(", ");
  await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE ${database} TO ${logins};
    GRANT CREATE, TEMPORARY ON DATABASE ${database} TO ${groupOf("migrator")}`);
}

function assertName(name: string): void {
  if (/^[a-z][a-z0-9_]{0,39}$/.test(name)) return;
  throw new ProtocolError("INTERNAL_CONFIGURATION", { reason: `not a database name: ${name}` });
}

/**
 * Makes the database, its roles and its logins, as far as they are missing, and sets the logins' passwords. A login is a
 * member of its own group and of nothing else, and reaches its own database only.
 * @throws ProtocolError INTERNAL_CONFIGURATION when a role has more rights than it may; INTERNAL_DATABASE_UNAVAILABLE
 */
export async function provisionDatabase(options: Provision): Promise<RoleUrls> {
  assertName(options.database);
  await admin(options.adminUrl, async (client) => {
    await makeRoles(client, options);
    await makeDatabase(client, options);
  });
  const inside = new URL(options.adminUrl);
  inside.pathname = `/${options.database}`;
  const config = clientConfig({ url: inside.href, applicationName: "scs provision" });
  await withClient(config, async (client) => await client.query("REVOKE ALL ON SCHEMA public FROM PUBLIC"));
  return connectionUrls(options);
}

/** Removes a database for good, with its logins and whoever is connected; the group roles stay. */
export async function dropDatabase({ adminUrl, database }: Pick<Provision, "adminUrl" | "database">): Promise<void> {
  assertName(database);
  await admin(adminUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    for (const role of roles) await client.query(`DROP ROLE IF EXISTS ${loginOf(database, role)}`);
  });
}
