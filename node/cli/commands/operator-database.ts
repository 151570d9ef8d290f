// The database as an operator's command uses it: beside a running node without disturbing it, and never migrated by the way.
import { existsSync } from "node:fs";
import { ProtocolError } from "#protocol/errors.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { startEmbedded } from "#storage/embedded.ts";
import { migrate, migrationsFolder, requireMigrated } from "#storage/migrate.ts";
import { connectionUrls, provisionDatabase, readSecret, type Role, type RoleUrls } from "#storage/roles.ts";
import type { Configuration } from "../config/schema.ts";
import { databaseFiles } from "../wiring/database.ts";

/** Commands do one thing after the other. */
const connections = 4;

type Reached = { readonly adminUrl: string; readonly database: string; readonly letGo: () => Promise<void> };

/**
 * Reaches the server. An embedded one that runs already belongs to a node and is let go as it was found; one that was started
 * for the command is stopped after it.
 */
async function reach(configuration: Configuration, make: boolean): Promise<Reached> {
  const { SCS_DATABASE_URL: url, SCS_DATA_DIR: dataDir } = configuration;
  if (url !== "") {
    const named = new URL(url).pathname.slice(1);
    return { adminUrl: url, database: named === "" || named === "postgres" ? "scs" : named, letGo: async () => {} };
  }
  const folder = databaseFiles.cluster(dataDir);
  if (!make && !existsSync(folder)) {
    const settings = [`${dataDir} holds no database: run "scs migrate" or "scs start" first, or set SCS_DATABASE_URL`];
    throw new ProtocolError("INTERNAL_CONFIGURATION", { settings });
  }
  const embedded = await startEmbedded({ dataDir: folder, log: () => undefined });
  const letGo = async () => await (embedded.adopted ? embedded.release() : embedded.stop());
  return { adminUrl: embedded.adminUrl, database: "scs", letGo };
}

/**
 * Opens the database under a role for the time of `use`.
 * @throws ProtocolError INTERNAL_CONFIGURATION when there is none, or it lacks migrations; INTERNAL_DATABASE_UNAVAILABLE
 */
export async function withDatabase<T>(
  configuration: Configuration,
  role: Role,
  use: (database: Database) => Promise<T>,
): Promise<T> {
  const { adminUrl, database: name, letGo } = await reach(configuration, false);
  try {
    const secret = await readSecret(databaseFiles.secret(configuration.SCS_DATA_DIR));
    const database = openDatabase({
      url: connectionUrls({ adminUrl, database: name, secret })[role],
      applicationName: `scs command as ${role}`,
      maxConnections: connections,
      statementTimeoutMs: configuration.SCS_DATABASE_TIMEOUT_MS,
    });
    try {
      await requireMigrated(database, migrationsFolder);
      return await use(database);
    } finally {
      await database.close();
    }
  } finally {
    await letGo();
  }
}

/** Makes the database and its roles as far as they are missing, and migrates it; answers the names of what was applied. */
export async function migrateDatabase(
  configuration: Configuration,
  say: (line: string) => void,
): Promise<{ readonly applied: readonly string[]; readonly urls: RoleUrls }> {
  const { adminUrl, database, letGo } = await reach(configuration, true);
  try {
    const secret = await readSecret(databaseFiles.secret(configuration.SCS_DATA_DIR));
    const urls = await provisionDatabase({ adminUrl, database, secret });
    return { applied: await migrate({ url: urls.migrator, folder: migrationsFolder, log: say }), urls };
  } finally {
    await letGo();
  }
}
