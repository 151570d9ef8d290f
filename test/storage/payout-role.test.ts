// The signer's login: what it may read and write, as the database itself says it.
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "#storage/database.ts";
import { createTestDatabase, queryRows, type TestDatabase } from "#test/setup/database.ts";

let server: TestDatabase;
beforeAll(async () => {
  server = await createTestDatabase();
});
afterAll(() => server.drop());

/** The SQLSTATE with which the server refuses a statement; undefined if it was carried out. */
async function refusalOf(url: string, text: string): Promise<string | undefined> {
  return await withClient({ connectionString: url }, async (client) => {
    await client.query("BEGIN");
    const error: unknown = await client.query(text).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    await client.query("ROLLBACK");
    return error instanceof pg.DatabaseError ? error.code : undefined;
  });
}

type Relation = {
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  readonly kind: "BASE TABLE" | "VIEW";
};

/** Every table and view of the product, with one column that can be set. */
async function relations(): Promise<readonly Relation[]> {
  const rows = await queryRows(
    server.adminUrl,
    `SELECT DISTINCT ON (table_schema, table_name) table_schema AS schema, table_name AS name, column_name AS column,
       table_type AS kind
     FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
       AND is_identity = 'NO' ORDER BY table_schema, table_name, ordinal_position`,
  );
  return rows as Relation[];
}

const denied = "42501";
const writes = ({ schema, name, column }: Relation): readonly string[] => [
  `INSERT INTO ${schema}.${name} DEFAULT VALUES`,
  `UPDATE ${schema}.${name} SET ${column} = DEFAULT`,
  `DELETE FROM ${schema}.${name}`,
  `TRUNCATE ${schema}.${name}`,
];

test("the signer's role writes nothing outside of payout: the database refuses each way for each table [PAYO-02]", async () => {
  const others = (await relations()).filter(({ schema, kind }) => schema !== "payout" && kind === "BASE TABLE");
  expect(new Set(others.map(({ schema }) => schema)).size).toBeGreaterThan(1);
  expect(others.length).toBeGreaterThan(25);
  for (const relation of others) {
    for (const text of writes(relation)) expect(await refusalOf(server.urls.signer, text), text).toBe(denied);
  }
  for (const text of ["CREATE TABLE payout.more (a int)", "CREATE TABLE ledger.more (a int)", "CREATE SCHEMA more"]) {
    expect(await refusalOf(server.urls.signer, text), text).toBe(denied);
  }
});

test("the signer's role reads what is final and its own, and nothing else [PAYO-02]", async () => {
  // It checks the version of the schema when it starts.
  const readable = new Set(["ledger.finalized", "ledger.candidate", "ledger.payout_leaf", "scs.migration"]);
  for (const { schema, name } of await relations()) {
    const text = `SELECT 1 FROM ${schema}.${name} LIMIT 1`;
    const allowed = schema === "payout" || readable.has(`${schema}.${name}`);
    expect(await refusalOf(server.urls.signer, text), text).toBe(allowed ? undefined : denied);
  }
});

test("nothing of payout is taken away by the signer's role, and no other role writes it [PAYO-02]", async () => {
  const own = (await relations()).filter(({ schema }) => schema === "payout");
  expect(own.length).toBeGreaterThan(5);
  for (const relation of own) {
    const [, , remove = "", truncate = ""] = writes(relation);
    expect(await refusalOf(server.urls.signer, remove), remove).toBe(denied);
    expect(await refusalOf(server.urls.signer, truncate), truncate).toBe(denied);
    for (const text of writes(relation)) {
      expect(await refusalOf(server.urls.node, text), text).toBe(denied);
      expect(await refusalOf(server.urls.reader, text), text).toBe(denied);
    }
  }
});
