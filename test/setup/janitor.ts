// A process beside a test run: starts or finds its PostgreSQL, waits for the run to end in whatever way, and cleans up after it.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { removeEmbedded, startEmbedded, type EmbeddedDatabase } from "#storage/embedded.ts";
import { dropDatabase, groupOf, roles } from "#storage/roles.ts";

/** What the janitor prints, once, as a line of JSON. */
export type TestServer = {
  readonly adminUrl: string;
  readonly version: string;
  readonly embedded: boolean;
  /** What the names of this run's databases begin with. */
  readonly prefix: string;
};

type Server = {
  readonly adminUrl: string;
  readonly client: pg.Client;
  readonly embedded: EmbeddedDatabase | undefined;
};

/** Runs hold it shared; who gets it alone knows that no other run uses the server. */
const runLock = 0x5c50f0;
/** A server found running may be about to be stopped by the run that ends. */
const maxClaims = 5;
/** After a run that was killed its workers may still live for a moment. */
const workersGonePauseMs = 1_000;
const anyPrefix = "scs_test_";

/** Kept between runs, stopped: making it takes longer than many a test. */
const dataDir = join(tmpdir(), `scs-test-postgresql-${process.getuid?.() ?? "user"}`);

/** Losing test databases in a power cut harms nobody; a server that is killed still loses nothing. */
const settings = { fsync: "off", full_page_writes: "off", max_connections: "200" };

async function startCached(): Promise<EmbeddedDatabase> {
  const options = { dataDir, settings, log: () => undefined };
  try {
    return await startEmbedded(options);
  } catch (error) {
    console.error("[tests] making the tests' PostgreSQL again:", error);
    await removeEmbedded(dataDir);
    return await startEmbedded(options);
  }
}

async function tryAlone(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ alone: boolean }>("SELECT pg_try_advisory_lock($1) AS alone", [runLock]);
  return rows[0]?.alone === true;
}

/** Drops the databases whose names begin with a prefix, and their logins. */
async function dropDatabases(client: pg.Client, adminUrl: string, prefix: string): Promise<void> {
  const statement = "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)";
  const { rows } = await client.query<{ name: string }>(statement, [prefix]);
  for (const { name } of rows) await dropDatabase({ adminUrl, database: name });
}

/** Connects for the whole run and removes what killed janitors left. */
async function claim(adminUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: "scs tests" });
  client.on("error", () => undefined);
  await client.connect();
  const alone = await tryAlone(client);
  if (alone) await dropDatabases(client, adminUrl, anyPrefix);
  await client.query("SELECT pg_advisory_lock_shared($1)", [runLock]);
  if (alone) await client.query("SELECT pg_advisory_unlock($1)", [runLock]);
  return client;
}

async function openServer(): Promise<Server> {
  const url = process.env["SCS_TEST_DATABASE_URL"];
  if (url !== undefined && url !== "") return { adminUrl: url, client: await claim(url), embedded: undefined };
  for (let attempt = 1; ; attempt++) {
    const embedded = await startCached();
    try {
      return { adminUrl: embedded.adminUrl, client: await claim(embedded.adminUrl), embedded };
    } catch (error) {
      await embedded.release();
      if (attempt === maxClaims) throw error;
    }
  }
}

async function groupsIn(client: pg.Client): Promise<readonly string[]> {
  const statement = "SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1)";
  const { rows } = await client.query<{ name: string }>(statement, [roles.map(groupOf)]);
  return rows.map(({ name }) => name);
}

async function cleanUp(
  { adminUrl, client, embedded }: Server,
  prefix: string,
  foundGroups: readonly string[],
): Promise<void> {
  await dropDatabases(client, adminUrl, prefix);
  await client.query("SELECT pg_advisory_unlock_shared($1)", [runLock]);
  const alone = await tryAlone(client);
  if (alone && embedded === undefined) {
    const made = (await groupsIn(client)).filter((group) => !foundGroups.includes(group));
    for (const group of made) await client.query(`DROP ROLE ${group}`);
  }
  if (alone) await embedded?.stop();
  else await embedded?.release();
  await client.end().catch(() => undefined);
}

// Ctrl-C is meant for the run; the janitor ends when the run's end of the pipe closes.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
const server = await openServer();
const foundGroups = await groupsIn(server.client);
const { rows } = await server.client.query<{ server_version: string }>("SHOW server_version");
const prefix = `${anyPrefix}${randomBytes(4).toString("hex")}_`;
const { adminUrl, embedded } = server;
const version = rows[0]?.server_version ?? "";
console.log(JSON.stringify({ adminUrl, version, embedded: embedded !== undefined, prefix } satisfies TestServer));

let orderly = false;
process.stdin.on("data", () => {
  orderly = true;
});
await once(process.stdin, "close");
if (!orderly) await pause(workersGonePauseMs);
await cleanUp(server, prefix, foundGroups);
