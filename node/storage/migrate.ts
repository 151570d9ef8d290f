// Moves a database forward: numbered SQL files, each whole or not at all, never changed once applied, never touching history.
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type pg from "pg";
import { ProtocolError } from "#protocol/errors.ts";
import { clientConfig, withClient, type Queryable } from "./database.ts";
import { compareHistory, recordHistory } from "./migrate-history.ts";
import { groupOf } from "./roles.ts";

/** One migration. `before` and `after` hold queries that answer with what is wrong: no row means that all is well. */
export type Migration = {
  readonly number: number;
  /** File name without `.sql`, e.g. `0001-ledger`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text with \n line ends, in hex. */
  readonly checksum: string;
  readonly before: string;
  readonly after: string;
};

export type MigrateOptions = {
  /** Address of a login that is a member of the migrator role. */
  readonly url: string;
  readonly folder: string;
  readonly log: (message: string) => void;
};

/** The migrations of this version of the node. */
export const migrationsFolder = fileURLToPath(new URL("./migrations", import.meta.url));

/** One migration at a time in a database. */
const migrateLock = 0x5c5002;
/** How long to wait for another process that migrates. */
const turnTimeoutMs = 600_000;
/** How long a migration may wait for a table: whoever comes after it waits as well. */
const lockTimeoutMs = 10_000;
/** Below 15 PostgreSQL lets everyone create objects in every database. */
const oldestServer = 150_000;
/** Offending rows that go into the error. */
const shownRows = 3;

const refused = (reason: string, cause?: unknown): ProtocolError =>
  new ProtocolError("INTERNAL_CONFIGURATION", { reason }, { cause });

/** Statements that would end the transaction a migration runs in. */
const transactionControl = /^\s*(BEGIN|COMMIT|ROLLBACK|ABORT|START\s+TRANSACTION)(\s+(WORK|TRANSACTION))?\s*;/im;

/** The part of a check file between `-- before` or `-- after` and the next such line. */
function sectionOf(check: string, wanted: "before" | "after"): string {
  const parts = check.split(/^-- (before|after)$/m);
  const index = parts.indexOf(wanted);
  return index === -1 ? "" : (parts[index + 1] ?? "");
}

/**
 * Reads a folder of `NNNN-name.sql` files with optional `NNNN-name.check.sql` beside them, whose queries below a line
 * `-- before` or `-- after` must answer with no rows then.
 * @throws ProtocolError INTERNAL_CONFIGURATION for a gap, a number used twice, another name, a check without a migration
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  const read = async (file: string): Promise<string> =>
    (await readFile(join(folder, file), "utf8")).replaceAll("\r\n", "\n");
  const migrations: Migration[] = [];
  for (const file of files.filter((candidate) => !candidate.endsWith(".check.sql"))) {
    const number = migrations.length + 1;
    const name = file.slice(0, -".sql".length);
    if (!/^\d{4}-[a-z0-9-]+$/.test(name)) throw refused(`${file} is not named NNNN-name.sql`);
    if (Number(name.slice(0, 4)) !== number) throw refused(`${file} stands where migration ${number} is expected`);
    const text = await read(file);
    if (transactionControl.test(text)) throw refused(`${file} begins or ends a transaction: it runs inside one`);
    const check = files.includes(`${name}.check.sql`) ? await read(`${name}.check.sql`) : "";
    const checksum = createHash("sha256").update(text).digest("hex");
    migrations.push({
      number,
      name,
      text,
      checksum,
      before: sectionOf(check, "before"),
      after: sectionOf(check, "after"),
    });
  }
  for (const file of files.filter((candidate) => candidate.endsWith(".check.sql"))) {
    const stray = !migrations.some(({ name }) => file === `${name}.check.sql`);
    if (stray) throw refused(`${file} checks no migration`);
  }
  return migrations;
}

/** One digest over all migrations, in hex: databases with the same one have the same schema. */
export function schemaChecksum(migrations: readonly Migration[]): string {
  return createHash("sha256")
    .update(migrations.map(({ name, checksum }) => `${name} ${checksum}\n`).join(""))
    .digest("hex");
}

type AppliedRow = { readonly number: number; readonly name: string; readonly checksum: Buffer };

const appliedStatement = "SELECT number, name, checksum FROM scs.migration ORDER BY number";

/** The migrations that are still to be applied; refuses a database whose past is not the beginning of this folder. */
function pendingAfter(applied: readonly AppliedRow[], migrations: readonly Migration[]): readonly Migration[] {
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (row.number !== index + 1) throw refused(`the database lacks migration ${index + 1} but has ${row.number}`);
    if (migration === undefined) throw refused(`the database is ahead: it has ${row.name}, which this version lacks`);
    if (migration.name !== row.name)
      throw refused(`migration ${row.number} was applied as ${row.name}, here it is ${migration.name}`);
    const applied = row.checksum.toString("hex");
    if (migration.checksum !== applied)
      throw refused(`${row.name} was changed after it was applied: ${applied} became ${migration.checksum}`);
  }
  return migrations.slice(applied.length);
}

const refuseServer = `SELECT
  CASE WHEN current_setting('server_version_num')::int < ${oldestServer} THEN 'PostgreSQL 15 or later is needed'
       WHEN current_setting('server_encoding') <> 'UTF8' THEN 'the database must be encoded in UTF8'
       WHEN 'a' < 'B' THEN 'the database must sort text by bytes: create it with LOCALE ''C'' from template0'
  END AS reason`;

const bootstrap = `
  CREATE SCHEMA scs;
  CREATE TABLE scs.migration (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL UNIQUE,
    checksum bytea NOT NULL CHECK (octet_length(checksum) = 32),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  GRANT USAGE ON SCHEMA scs TO ${groupOf("node")}, ${groupOf("signer")}, ${groupOf("reader")};
  GRANT SELECT ON scs.migration TO ${groupOf("node")}, ${groupOf("signer")}, ${groupOf("reader")};
  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`;

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query("BEGIN");
  try {
    await work();
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Runs the queries of a check and refuses when one answers with a row. */
async function runCheck(client: pg.Client, title: string, text: string): Promise<void> {
  const result: pg.QueryResult | readonly pg.QueryResult[] = await client.query(text);
  const rows = [result].flat().flatMap((each) => each.rows as Record<string, unknown>[]);
  if (rows.length === 0) return;
  const shown = rows
    .slice(0, shownRows)
    .map((row) => Object.entries(row).map(([name, value]) => `${name}=${String(value)}`));
  throw refused(`${title} found ${rows.length} rows: ${shown.map((row) => row.join(" ")).join("; ")}`);
}

async function transactionId(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>("SELECT pg_current_xact_id()::text AS id");
  return rows[0]?.id;
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await inTransaction(client, async () => {
    await client.query(`SET LOCAL search_path = ''; SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    const id = await transactionId(client);
    const history = await recordHistory(client);
    await runCheck(client, `${migration.name} before`, migration.before);
    await client.query(migration.text);
    if ((await transactionId(client)) !== id) throw refused(`${migration.name} ended the transaction it runs in`);
    await runCheck(client, `${migration.name} after`, migration.after);
    const changed = await compareHistory(client, history);
    if (changed !== undefined) throw refused(`${migration.name} would change history: ${changed}`);
    const values = [migration.number, migration.name, Buffer.from(migration.checksum, "hex")];
    await client.query("INSERT INTO scs.migration (number, name, checksum) VALUES ($1, $2, $3)", values);
  });
}

/**
 * Applies what is missing, in order, as the migrator role; one process at a time. Answers the names that were applied.
 * @throws ProtocolError INTERNAL_CONFIGURATION when the database's past is not this folder's beginning, a check finds rows, a
 * migration would change append-only rows, or the server is not fit; pg.DatabaseError for a statement that fails.
 * Nothing of the migration at fault remains; those before it do.
 */
export async function migrate({ url, folder, log }: MigrateOptions): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  const config = clientConfig({ url, role: groupOf("migrator"), applicationName: "scs migrate" });
  return await withClient({ ...config, lock_timeout: turnTimeoutMs }, async (client) => {
    const { rows: unfit } = await client.query<{ reason: string | null }>(refuseServer);
    if (unfit[0]?.reason != null) throw refused(unfit[0].reason);
    await client.query("SELECT pg_advisory_lock($1)", [migrateLock]);
    const { rows: known } = await client.query<{ present: boolean }>(
      "SELECT to_regclass('scs.migration') IS NOT NULL AS present",
    );
    if (known[0]?.present !== true) await inTransaction(client, async () => void (await client.query(bootstrap)));
    const pending = pendingAfter((await client.query<AppliedRow>(appliedStatement)).rows, migrations);
    for (const migration of pending) {
      await apply(client, migration);
      log(`applied migration ${migration.name}`);
    }
    return pending.map(({ name }) => name);
  });
}

/**
 * Refuses a database that is not exactly at this folder's last migration: for the start of every process.
 * @throws ProtocolError INTERNAL_CONFIGURATION
 */
export async function requireMigrated(database: Queryable, folder: string): Promise<void> {
  const { rows: known } = await database.query<{ present: boolean }>(
    "SELECT to_regclass('scs.migration') IS NOT NULL AS present",
  );
  if (known[0]?.present !== true) throw refused("the database was never migrated: run `scs migrate`");
  const { rows } = await database.query<AppliedRow>(appliedStatement);
  const pending = pendingAfter(rows, await readMigrations(folder));
  if (pending.length > 0)
    throw refused(`the database lacks ${pending.map(({ name }) => name).join(", ")}: run \`scs migrate\``);
}
