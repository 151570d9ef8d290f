// Migrations: in order, once, whole; a changed past, a gap and a newer database are refused.
import { expect, test } from "vitest";
import { openDatabase } from "#storage/database.ts";
import { migrate, migrationsFolder, readMigrations, requireMigrated, schemaChecksum } from "#storage/migrate.ts";
import { createTestDatabase, queryRows } from "#test/setup/database.ts";
import { ledger, refusal, useMigrations } from "#test/setup/migrations.ts";

const { folderOf, emptyDatabase, run } = useMigrations();

test("applies what is missing, in order, once", async () => {
  const database = await emptyDatabase();
  const files = { "0001-ledger.sql": ledger, "0002-more.sql": "CREATE TABLE ledger.more (id int);" };
  expect(await run(database, await folderOf(files))).toEqual(["0001-ledger", "0002-more"]);
  expect(await run(database, await folderOf(files))).toEqual([]);
  const longer = { ...files, "0003-last.sql": "CREATE TABLE ledger.last (id int);", "README.md": "ignored" };
  expect(await run(database, await folderOf(longer))).toEqual(["0003-last"]);
  const applied = await queryRows(database.urls.reader, "SELECT number, name FROM scs.migration ORDER BY number");
  expect(applied.map((row) => String(row["name"]))).toEqual(["0001-ledger", "0002-more", "0003-last"]);
});

test("two processes at once apply each migration once", async () => {
  const database = await emptyDatabase();
  const folder = await folderOf({ "0001-ledger.sql": ledger, "0002-slow.sql": "SELECT pg_sleep(0.2);" });
  const applied = await Promise.all([run(database, folder), run(database, folder), run(database, folder)]);
  expect(applied.flat().sort()).toEqual(["0001-ledger", "0002-slow"]);
});

test("everything belongs to the migrator's role; the others read which migrations there are", async () => {
  const database = await emptyDatabase();
  await run(database, await folderOf({ "0001-ledger.sql": ledger }));
  const owners = await queryRows(
    database.adminUrl,
    `SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class WHERE relnamespace IN ('scs'::regnamespace, 'ledger'::regnamespace)`,
  );
  expect(owners).toEqual([{ owner: "scs_migrator" }]);
  await expect(queryRows(database.urls.node, "DELETE FROM scs.migration")).rejects.toThrow("permission denied");
  await expect(queryRows(database.urls.node, "SELECT ledger.refuse()")).rejects.toThrow(
    "permission denied for function",
  );
});

test("line ends do not count as a change", async () => {
  const [unix, windows] = [
    await folderOf({ "0001-a.sql": "SELECT 1;\n" }),
    await folderOf({ "0001-a.sql": "SELECT 1;\r\n" }),
  ];
  expect(schemaChecksum(await readMigrations(unix))).toBe(schemaChecksum(await readMigrations(windows)));
});

test("a past that is not the folder's beginning is refused, by the migration and by every process's start", async () => {
  const database = await emptyDatabase();
  const second = { "0002-more.sql": "CREATE TABLE ledger.more (id int);" };
  await run(database, await folderOf({ "0001-ledger.sql": ledger, ...second }));
  const node = openDatabase({
    url: database.urls.node,
    applicationName: "test",
    maxConnections: 1,
    statementTimeoutMs: 9000,
  });
  const cases = [
    {
      reason: "0002-more was changed after it was applied",
      files: { "0001-ledger.sql": ledger, "0002-more.sql": "SELECT 1;" },
    },
    { reason: "the database is ahead: it has 0002-more", files: { "0001-ledger.sql": ledger } },
    {
      reason: "migration 2 was applied as 0002-more",
      files: { "0001-ledger.sql": ledger, "0002-other.sql": "SELECT 1;" },
    },
  ];
  for (const { reason, files } of cases) {
    const folder = await folderOf(files);
    await expect(run(database, folder)).rejects.toMatchObject(refusal(reason));
    await expect(requireMigrated(node, folder)).rejects.toMatchObject(refusal(reason));
  }
  const third = await folderOf({ "0001-ledger.sql": ledger, ...second, "0003-new.sql": "SELECT 1;" });
  await expect(requireMigrated(node, third)).rejects.toMatchObject(refusal("the database lacks 0003-new"));
  await queryRows(database.adminUrl, "DELETE FROM scs.migration WHERE number = 1");
  await expect(run(database, third)).rejects.toMatchObject(refusal("lacks migration 1 but has 2"));
  await node.close();
});

test("a database that was never migrated does not start", async () => {
  const { urls } = await emptyDatabase();
  const node = openDatabase({ url: urls.node, applicationName: "test", maxConnections: 1, statementTimeoutMs: 9000 });
  await expect(requireMigrated(node, migrationsFolder)).rejects.toMatchObject(refusal("never migrated"));
  await node.close();
});

test("a folder with a gap, a double, a stray name or a stray check is refused", async () => {
  const cases = [
    { reason: "0003-c.sql stands where migration 2", files: { "0001-a.sql": "", "0003-c.sql": "" } },
    { reason: "0001-b.sql stands where migration 2", files: { "0001-a.sql": "", "0001-b.sql": "" } },
    { reason: "1-a.sql is not named", files: { "1-a.sql": "" } },
    { reason: "0002-b.check.sql checks no migration", files: { "0001-a.sql": "", "0002-b.check.sql": "" } },
    { reason: "begins or ends a transaction", files: { "0001-a.sql": "SELECT 1;\n  commit;\n" } },
  ];
  for (const { reason, files } of cases) {
    await expect(readMigrations(await folderOf(files))).rejects.toMatchObject(refusal(reason));
  }
});

test("a migration that fails leaves nothing of itself, and those before it stay", async () => {
  const database = await emptyDatabase();
  const failing = "CREATE TABLE ledger.half (id int); SELECT 1 / 0;";
  const folder = await folderOf({ "0001-ledger.sql": ledger, "0002-half.sql": failing });
  await expect(run(database, folder)).rejects.toThrow("division by zero");
  const left = await queryRows(
    database.adminUrl,
    "SELECT to_regclass('ledger.half') AS half, count(*)::int FROM scs.migration",
  );
  expect(left).toEqual([{ half: null, count: 1 }]);
});

test("a check whose queries answer with rows stops the migration, before or after", async () => {
  const check = (section: string, condition: string): string =>
    `-- ${section}\nSELECT 1 WHERE false;\nSELECT id, body FROM ledger.entry WHERE ${condition} ORDER BY id;\n`;
  const database = await emptyDatabase();
  const files = { "0001-ledger.sql": ledger, "0002-add.sql": "INSERT INTO ledger.entry VALUES (4, 'four');" };
  const before = { ...files, "0002-add.check.sql": check("before", "id < 3") };
  await expect(run(database, await folderOf(before))).rejects.toMatchObject(
    refusal("0002-add before found 2 rows: id=1 body=one; id=2 body=two"),
  );
  const after = { ...files, "0002-add.check.sql": check("before", "id = 4") + check("after", "id = 4") };
  await expect(run(database, await folderOf(after))).rejects.toMatchObject(
    refusal("0002-add after found 1 rows: id=4"),
  );
  const passing = { ...files, "0002-add.check.sql": check("after", "id = 5") + check("before", "id = 4") };
  expect(await run(database, await folderOf(passing))).toEqual(["0002-add"]);
});

test("a database that sorts text by a language is refused", async () => {
  const database = await emptyDatabase();
  const collations = await queryRows(database.adminUrl, "SELECT 1 FROM pg_collation WHERE collprovider = 'i' LIMIT 1");
  expect(collations).toHaveLength(1);
  const name = `${database.name}_en`;
  await queryRows(
    database.adminUrl,
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'`,
  );
  await queryRows(database.adminUrl, `GRANT CONNECT, CREATE ON DATABASE ${name} TO scs_migrator`);
  const url = new URL(database.urls.migrator);
  url.pathname = `/${name}`;
  const folder = await folderOf({ "0001-ledger.sql": ledger });
  await expect(migrate({ url: url.href, folder, log: () => undefined })).rejects.toMatchObject(
    refusal("sort text by bytes"),
  );
  await queryRows(database.adminUrl, `DROP DATABASE ${name}`);
});

test("the node's own migrations apply, and a copied database has them all", async () => {
  const database = await createTestDatabase();
  const expected = await readMigrations(migrationsFolder);
  const applied = await queryRows(database.urls.signer, "SELECT name FROM scs.migration ORDER BY number");
  expect(applied).toEqual(expected.map(({ name }) => ({ name })));
  expect(await run(database, migrationsFolder)).toEqual([]);
});
