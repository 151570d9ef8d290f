// Folders of migrations made up for a test, and empty databases to apply them to.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { migrate } from "#storage/migrate.ts";
import { createEmptyDatabase, type TestDatabase } from "./database.ts";

/** The beginning of every fixture: one table of history with three rows, as the ledger has them. */
export const ledger = `
  CREATE SCHEMA ledger;
  CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'append-only'; END $$;
  CREATE TABLE ledger.entry (id bigint PRIMARY KEY, body text NOT NULL, extra text);
  INSERT INTO ledger.entry VALUES (1, 'one', NULL), (2, 'two', ''), (3, 'two', '');
  CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
  GRANT USAGE ON SCHEMA ledger TO scs_node;
  GRANT SELECT ON ledger.entry TO scs_node;`;

/** The error of a refused migration, by a part of its reason. */
export const refusal = (reason: string): object => ({
  code: "INTERNAL_CONFIGURATION",
  detail: { reason: expect.stringContaining(reason) as string },
});

export type Migrations = {
  /** Writes files into a new folder. */
  readonly folderOf: (files: Readonly<Record<string, string>>) => Promise<string>;
  /** A database that is dropped after the test file. */
  readonly emptyDatabase: () => Promise<TestDatabase>;
  /** Applies a folder as the migrator. */
  readonly run: (database: TestDatabase, folder: string) => Promise<readonly string[]>;
};

/** Gives a test file folders and databases, and takes them away after it. */
export function useMigrations(): Migrations {
  let root = "";
  let counter = 0;
  const databases: TestDatabase[] = [];
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "scs-migrate-"));
  });
  afterAll(async () => {
    await Promise.all(databases.map(async ({ drop }) => await drop()));
    await rm(root, { recursive: true });
  });
  return {
    folderOf: async (files) => {
      const folder = join(root, String(counter++));
      await mkdir(folder);
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
      return folder;
    },
    emptyDatabase: async () => {
      const database = await createEmptyDatabase();
      databases.push(database);
      return database;
    },
    run: async ({ urls }, folder) => await migrate({ url: urls.migrator, folder, log: () => undefined }),
  };
}
