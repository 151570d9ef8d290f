// The database of a process: embedded or a server, with its roles and every migration.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "#observability/log.ts";
import { ProtocolError } from "#protocol/errors.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import { startEmbedded } from "#storage/embedded.ts";
import { migrate, migrationsFolder } from "#storage/migrate.ts";
import { provisionDatabase, readSecret, type Role, type RoleUrls } from "#storage/roles.ts";
import type { Configuration } from "../config/schema.ts";

/** A database that is there and migrated. */
export type ReadyDatabase = {
  readonly urls: RoleUrls;
  /** Settles with the reason when an embedded server is gone for good; a server of somebody else's is theirs to watch. */
  readonly lost: Promise<string>;
  /** Ends an embedded server, and leaves another one alone. */
  readonly stop: () => Promise<void>;
  /** Ends an embedded server that this start began; one that ran before may be another node's. */
  readonly undo: () => Promise<void>;
};

const databaseName = "scs";

/** Files of the data folder that belong to this part. */
export const databaseFiles = {
  cluster: (dataDir: string): string => join(dataDir, "postgres"),
  secret: (dataDir: string): string => join(dataDir, "keys", "database.secret"),
  signerUrl: (dataDir: string): string => join(dataDir, "keys", "signer-database-url"),
} as const;

/**
 * Starts, or finds, the database, makes its roles, and migrates it. The signer's address is left in a file that only its
 * owner can read, so that it stands in no environment.
 */
export async function provideDatabase(configuration: Configuration, log: Logger): Promise<ReadyDatabase> {
  const dataDir = configuration.SCS_DATA_DIR;
  const embedded =
    configuration.SCS_DATABASE_URL === ""
      ? await startEmbedded({ dataDir: databaseFiles.cluster(dataDir), log: (message) => log.info(message) })
      : undefined;
  const undo = async () => await (embedded?.adopted === true ? embedded.release() : embedded?.stop());
  try {
    const urls = await prepareDatabase(configuration, embedded?.adminUrl, log);
    let isLost = false;
    const lost = (embedded?.lost ?? new Promise<never>(() => undefined)).finally(() => (isLost = true));
    // A server that stands where the lost one was is somebody else's.
    const stop = async () => await (isLost ? embedded?.release() : embedded?.stop());
    return { urls, lost, stop, undo };
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Makes roles and database as far as they are missing, migrates, and leaves the signer's address to its owner. */
async function prepareDatabase(
  configuration: Configuration,
  embeddedUrl: string | undefined,
  log: Logger,
): Promise<RoleUrls> {
  const dataDir = configuration.SCS_DATA_DIR;
  const secret = await readSecret(databaseFiles.secret(dataDir));
  const adminUrl = embeddedUrl ?? configuration.SCS_DATABASE_URL;
  const database = embeddedUrl === undefined ? databaseOf(adminUrl) : databaseName;
  const urls = await provisionDatabase({ adminUrl, database, secret });
  for (const name of await migrate({
    url: urls.migrator,
    folder: migrationsFolder,
    log: (message) => log.info(message),
  })) {
    log.info({ migration: name }, "migrated");
  }
  mkdirSync(join(dataDir, "keys"), { recursive: true, mode: 0o700 });
  writeFileSync(databaseFiles.signerUrl(dataDir), urls.signer, { mode: 0o600 });
  return urls;
}

/** The address the signer's process uses; the start of the node left it there. */
export function signerUrl(dataDir: string): string {
  const file = databaseFiles.signerUrl(dataDir);
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  throw new ProtocolError("INTERNAL_CONFIGURATION", {
    settings: [`${file} is missing: run "scs start" or "scs migrate" first`],
  });
}

/** Opens the database under one of its roles. */
export function openAs(urls: Pick<RoleUrls, Role>, role: Role, configuration: Configuration, log: Logger): Database {
  return openDatabase({
    url: urls[role],
    applicationName: `scs ${role}`,
    maxConnections: configuration.SCS_DATABASE_CONNECTIONS,
    statementTimeoutMs: configuration.SCS_DATABASE_TIMEOUT_MS,
    onConnectionLost: (error) => log.warn({ reason: error.message }, "a database connection was lost"),
  });
}

/** A server's address names the database; without one it is the product's own. */
function databaseOf(url: string): string {
  const named = new URL(url).pathname.slice(1);
  return named === "" || named === "postgres" ? databaseName : named;
}
