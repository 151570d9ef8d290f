// A migrated database for each test file, copied from one that is made once per run.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { withClient } from "#storage/database.ts";
import { migrate, migrationsFolder, readMigrations, schemaChecksum } from "#storage/migrate.ts";
import { dropDatabase, provisionDatabase, type RoleUrls } from "#storage/roles.ts";

export type TestDatabase = {
  readonly name: string;
  /** One address per role. */
  readonly urls: RoleUrls;
  /** The server's administrator in this database: for what no role may do. */
  readonly adminUrl: string;
  readonly drop: () => Promise<void>;
};

/** One process at a time makes the template. */
const templateLock = 0x5c50f1;

function newName(): string {
  return `${inject("databasePrefix")}${randomBytes(6).toString("hex")}`;
}

/** Runs one statement, or several, on a connection of its own and answers the rows of a single one. */
export async function queryRows(url: string, text: string): Promise<pg.QueryResultRow[]> {
  return await withClient(
    { connectionString: url },
    async (client) => (await client.query<pg.QueryResultRow>(text)).rows,
  );
}

/** A database without migrations; with a template, one that has the template's. */
export async function createEmptyDatabase(template?: string): Promise<TestDatabase> {
  const adminUrl = inject("databaseAdminUrl");
  const database = newName();
  const from = template === undefined ? {} : { template };
  const urls = await provisionDatabase({ adminUrl, database, secret: randomBytes(32), ...from });
  const inside = new URL(adminUrl);
  inside.pathname = `/${database}`;
  const drop = async (): Promise<void> => await dropDatabase({ adminUrl, database });
  return { name: database, urls, adminUrl: inside.href, drop };
}

/** The name of a database that has a folder's migrations and takes no connections. */
async function templateFor(folder: string): Promise<string> {
  const adminUrl = inject("databaseAdminUrl");
  const name = `${inject("databasePrefix")}template_${schemaChecksum(await readMigrations(folder)).slice(0, 8)}`;
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [templateLock]);
    const { rows } = await client.query<{ open: boolean }>(
      "SELECT datallowconn AS open FROM pg_database WHERE datname = $1",
      [name],
    );
    if (rows[0]?.open === false) return name;
    // One that takes connections was left unfinished.
    await dropDatabase({ adminUrl, database: name });
    const urls = await provisionDatabase({ adminUrl, database: name, secret: randomBytes(32) });
    await migrate({ url: urls.migrator, folder, log: () => undefined });
    await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    return name;
  } finally {
    await client.end();
  }
}

/** A freshly migrated database of the test file's own. Drop it in `afterAll`; what is forgotten goes when the run ends. */
export async function createTestDatabase(folder: string = migrationsFolder): Promise<TestDatabase> {
  return await createEmptyDatabase(await templateFor(folder));
}
