// A database of a test file's own, opened as the node's role, and put away after the last test.
import { afterAll } from "vitest";
import { openDatabase, type Database } from "#storage/database.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

/** Makes the database, and has it dropped when the file's tests are done. */
export async function useDatabase(): Promise<{ readonly database: Database; readonly test: TestDatabase }> {
  const made = await createTestDatabase();
  const database = openDatabase({
    url: made.urls.node,
    applicationName: "scs test",
    maxConnections: 8,
    statementTimeoutMs: 20_000,
  });
  afterAll(async () => {
    await database.close();
    await made.drop();
  });
  return { database, test: made };
}

/** The bodies of journal entries of one kind, in their order; of one subject where it is named. */
export async function journalled(database: Database, kind: string, subject?: Uint8Array): Promise<readonly unknown[]> {
  const { rows } = await database.query<{ body: string }>(
    `SELECT body FROM ledger.journal WHERE kind = $1 AND ($2::bytea IS NULL OR subject = $2) ORDER BY entry_no`,
    [kind, subject ?? null],
  );
  return rows.map(({ body }) => JSON.parse(body) as unknown);
}

/** How many tasks are in each state. */
export async function countStates(database: Database): Promise<Readonly<Record<string, number>>> {
  const { rows } = await database.query<{ state: string; tasks: bigint }>(
    `SELECT state, count(*) AS tasks FROM work.task GROUP BY state ORDER BY state`,
  );
  return Object.fromEntries(rows.map(({ state, tasks }) => [state, Number(tasks)]));
}
