// Roles: each login can do what its group may and nothing else; passwords are derived, and never seen by the server's log.
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { removeEmbedded, startEmbedded } from "#storage/embedded.ts";
import { migrate, migrationsFolder, readMigrations } from "#storage/migrate.ts";
import { connectionUrls, dropDatabase, groupOf, provisionDatabase, readSecret, roles } from "#storage/roles.ts";
import type { Role, RoleUrls } from "#storage/roles.ts";
import { createEmptyDatabase, queryRows, type TestDatabase } from "#test/setup/database.ts";

let first: TestDatabase;
let second: TestDatabase;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scs-roles-"));
  [first, second] = await Promise.all([createEmptyDatabase(), createEmptyDatabase()]);
});

afterAll(async () => {
  await Promise.all([first.drop(), second.drop()]);
  await rm(folder, { recursive: true });
});

const everyPair = roles.flatMap((role) => roles.map((wanted) => [role, wanted] as const));

test.for(everyPair)("the login of %s and the group of %s", async ([role, wanted]) => {
  const become = queryRows(first.urls[role], `SET ROLE ${groupOf(wanted)}`);
  if (role === wanted) await expect(become).resolves.toEqual([]);
  else await expect(become).rejects.toThrow(`permission denied to set role "${groupOf(wanted)}"`);
});

test.for([...roles])("%s is no superuser, reaches no other database and writes no schema", async (role) => {
  const [me] = await queryRows(first.urls[role], "SELECT * FROM pg_roles WHERE rolname = current_user");
  expect(me).toMatchObject({ rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolreplication: false });
  const elsewhere = new URL(first.urls[role]);
  elsewhere.pathname = new URL(second.adminUrl).pathname;
  await expect(queryRows(elsewhere.href, "SELECT 1")).rejects.toThrow("permission denied for database");
  const creating = queryRows(first.urls[role], "CREATE SCHEMA mine");
  if (role === "migrator") await creating;
  else await expect(creating).rejects.toThrow("permission denied for database");
  await expect(queryRows(first.urls[role], "CREATE TABLE public.mine ()")).rejects.toThrow(
    "permission denied for schema",
  );
});

test("provisioning again changes nothing but a changed password", async () => {
  const adminUrl = inject("databaseAdminUrl");
  const secret = randomBytes(32);
  const before = await queryRows(
    second.adminUrl,
    "SELECT datacl::text FROM pg_database WHERE datname = current_database()",
  );
  const urls = await provisionDatabase({ adminUrl, database: second.name, secret });
  expect(await provisionDatabase({ adminUrl, database: second.name, secret })).toEqual(urls);
  expect(
    await queryRows(second.adminUrl, "SELECT datacl::text FROM pg_database WHERE datname = current_database()"),
  ).toEqual(before);
  await expect(queryRows(urls.node, "SELECT 1 AS one")).resolves.toEqual([{ one: 1 }]);
  await expect(queryRows(second.urls.node, "SELECT 1")).rejects.toThrow("password authentication failed");
});

test("several processes may provision one database at once", async () => {
  const options = { adminUrl: inject("databaseAdminUrl"), database: `${second.name}_x`, secret: randomBytes(32) };
  const urls = await Promise.all([1, 2, 3, 4].map(async () => await provisionDatabase(options)));
  expect(new Set(urls.map((each) => each.signer)).size).toBe(1);
  await dropDatabase(options);
  const left = await queryRows(second.adminUrl, `SELECT 1 FROM pg_roles WHERE rolname LIKE '${options.database}%'`);
  expect(left).toEqual([]);
});

test("the server keeps a verifier, and one password opens one login", async () => {
  const passwords = roles.map((role) => new URL(first.urls[role]).password);
  expect(new Set(passwords).size).toBe(roles.length);
  const stored = await queryRows(
    first.adminUrl,
    `SELECT rolpassword AS verifier FROM pg_authid WHERE rolname LIKE '${first.name}%'`,
  );
  expect(stored).toHaveLength(roles.length);
  for (const { verifier } of stored) expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:/);
});

async function expectRefusedAfter(change: string, undo: string): Promise<void> {
  const options = { adminUrl: inject("databaseAdminUrl"), database: second.name, secret: randomBytes(32) };
  const login = `${second.name}_node_login`;
  await queryRows(second.adminUrl, change.replace("$login", login));
  try {
    await expect(provisionDatabase(options)).rejects.toMatchObject({
      code: "INTERNAL_CONFIGURATION",
      detail: { reason: `roles with more rights than they may have: ${login}` },
    });
  } finally {
    await queryRows(second.adminUrl, undo.replace("$login", login));
  }
}

test("a login with more rights than it may have stops provisioning", async () => {
  await expectRefusedAfter("ALTER ROLE $login SUPERUSER", "ALTER ROLE $login NOSUPERUSER");
  await expectRefusedAfter("GRANT scs_migrator TO $login", "REVOKE scs_migrator FROM $login");
  await expectRefusedAfter("GRANT pg_read_all_data TO $login", "REVOKE pg_read_all_data FROM $login");
});

test("an administrator who is no superuser suffices", async () => {
  // A server of its own: elsewhere the group roles may already belong to the superuser.
  const dataDir = join(folder, "postgresql");
  await chmod(folder, 0o755);
  const server = await startEmbedded({ dataDir, settings: { fsync: "off" }, log: () => undefined });
  try {
    await queryRows(server.adminUrl, "CREATE ROLE hired LOGIN CREATEROLE CREATEDB PASSWORD 'secret'");
    const url = new URL(server.adminUrl);
    [url.username, url.password] = ["hired", "secret"];
    const options = { adminUrl: url.href, database: "scs", secret: randomBytes(32) };
    const urls = await provisionDatabase(options);
    expect(await provisionDatabase(options)).toEqual(urls);
    const applied = await migrate({ url: urls.migrator, folder: migrationsFolder, log: () => undefined });
    expect(applied).toHaveLength((await readMigrations(migrationsFolder)).length);
    await dropDatabase(options);
  } finally {
    await removeEmbedded(dataDir);
  }
});

test.for(["", "Scs", "scs-1", "1scs", 'scs"; DROP', "s".repeat(41)])("%j is not a database name", async (database) => {
  const options = { adminUrl: inject("databaseAdminUrl"), database, secret: randomBytes(32) };
  await expect(provisionDatabase(options)).rejects.toMatchObject({ code: "INTERNAL_CONFIGURATION" });
  await expect(dropDatabase(options)).rejects.toMatchObject({ code: "INTERNAL_CONFIGURATION" });
});

test("addresses keep the host, port and parameters of the administrator's", () => {
  const adminUrl = "postgres://root:pw@db.example:5433/postgres?sslmode=require";
  const urls: RoleUrls = connectionUrls({ adminUrl, database: "scs", secret: Buffer.alloc(32) });
  for (const role of roles satisfies readonly Role[]) {
    expect(urls[role]).toMatch(
      new RegExp(`^postgres://scs_${role}_login:[\\w-]{43}@db\\.example:5433/scs\\?sslmode=require$`),
    );
  }
});

test("the secret is made once, for its owner's eyes", async () => {
  const path = join(folder, "deep", "secret");
  const secrets = await Promise.all([readSecret(path), readSecret(path), readSecret(path)]);
  expect(secrets[0]).toHaveLength(32);
  expect(secrets[1]).toEqual(secrets[0]);
  expect(await readSecret(path)).toEqual(secrets[2]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, "utf8")).toBe(Buffer.from(secrets[0] ?? []).toString("hex"));
  await writeFile(join(folder, "bad"), "not hex");
  await expect(readSecret(join(folder, "bad"))).rejects.toMatchObject({ code: "INTERNAL_CONFIGURATION" });
});
