// History and migrations: rows of append-only tables outlive every migration value by value, and may only be added to.
import { expect, test } from "vitest";
import { queryRows } from "#test/setup/database.ts";
import { ledger, refusal, useMigrations } from "#test/setup/migrations.ts";

const { folderOf, emptyDatabase, run } = useMigrations();

const unguard = "ALTER TABLE ledger.entry DISABLE TRIGGER append_only;";
const guard = "ALTER TABLE ledger.entry ENABLE TRIGGER append_only;";

test.for([
  ["1 rows of ledger.entry were changed", `${unguard} UPDATE ledger.entry SET body = 'x' WHERE id = 1; ${guard}`],
  [
    "2 rows of ledger.entry were changed",
    `${unguard} UPDATE ledger.entry SET body = CASE id WHEN 1 THEN 'two' ELSE 'one' END WHERE id < 3; ${guard}`,
  ],
  ["1 rows of ledger.entry were changed", `${unguard} DELETE FROM ledger.entry WHERE id = 3; ${guard}`],
  ["3 rows of ledger.entry were changed", `${unguard} TRUNCATE ledger.entry; ${guard}`],
  [
    "2 rows of ledger.entry were changed",
    "ALTER TABLE ledger.entry ALTER COLUMN extra TYPE text USING nullif(extra, '');",
  ],
  ["ledger.entry with 3 rows lost a column", "ALTER TABLE ledger.entry DROP COLUMN extra;"],
  ["ledger.entry with 3 rows is gone", "DROP TABLE ledger.entry;"],
  ["ledger.entry is no longer append-only", unguard],
  ["ledger.entry is no longer append-only", "DROP TRIGGER append_only ON ledger.entry;"],
] as const)("history is not changed: %s", async ([reason, text]) => {
  const database = await emptyDatabase();
  const folder = await folderOf({ "0001-ledger.sql": ledger, "0002-change.sql": text });
  await expect(run(database, folder)).rejects.toMatchObject(refusal(`0002-change would change history: ${reason}`));
  const rows = await queryRows(database.urls.node, "SELECT id::int, body, extra FROM ledger.entry ORDER BY id");
  expect(rows.map(({ id }) => id as number)).toEqual([1, 2, 3]);
});

test("history may grow, and its table may be renamed, widened and indexed", async () => {
  const database = await emptyDatabase();
  const text = `
    INSERT INTO ledger.entry VALUES (4, 'two', '');
    ALTER TABLE ledger.entry ADD COLUMN weight numeric NOT NULL DEFAULT 1;
    ALTER TABLE ledger.entry RENAME COLUMN body TO content;
    ALTER TABLE ledger.entry RENAME TO event;
    CREATE INDEX ON ledger.event (content);
    SET LOCAL bytea_output = 'escape';`;
  const folder = await folderOf({ "0001-ledger.sql": ledger, "0002-grow.sql": text });
  expect(await run(database, folder)).toEqual(["0001-ledger", "0002-grow"]);
});
