// Shows that a migration left history alone: every row an append-only table had before is there after, value by value.
import type pg from "pg";

/** A table as it was before the migration: its columns by number, since a column may be renamed. */
type HistoryTable = { readonly oid: number; readonly name: string; readonly columns: readonly number[] };

/** Texts of values depend on these settings, which a migration may change. */
const plainOutput = `SET LOCAL search_path = ''; SET LOCAL "TimeZone" = 'UTC'; SET LOCAL "DateStyle" = 'ISO'; SET LOCAL "IntervalStyle" = 'postgres';
  SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1`;

/** A table is append-only when it bears a trigger of this name, as the migrations give it to every table of the ledger. */
const historyTables = `
  SELECT c.oid, c.oid::regclass::text AS name,
    (SELECT array_agg(attnum::int ORDER BY attnum) FROM pg_attribute
     WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
  FROM pg_class c
  WHERE c.relkind = 'r' AND EXISTS (
    SELECT 1 FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'append_only' AND NOT tgisinternal AND tgenabled IN ('O', 'A'))
  ORDER BY 2`;

/** The rows of a table as digests with their number of copies. */
const digestsOf = (name: string, columns: readonly string[]): string =>
  `SELECT sha256(convert_to(ROW(${columns.join(", ")})::text, 'UTF8')) AS digest, count(*) AS copies FROM ${name} GROUP BY 1`;

/** The current names, quoted, of columns given by number; undefined when one of them is gone. */
async function columnNames(client: pg.Client, table: HistoryTable): Promise<readonly string[] | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(attname) AS name FROM pg_attribute
     WHERE attrelid = $1 AND attnum = ANY($2) AND NOT attisdropped ORDER BY attnum`,
    [table.oid, table.columns],
  );
  return rows.length === table.columns.length ? rows.map(({ name }) => name) : undefined;
}

/** Notes every row of every append-only table for {@link compareHistory} in the same transaction. */
export async function recordHistory(client: pg.Client): Promise<readonly HistoryTable[]> {
  await client.query(plainOutput);
  await client.query(`CREATE TEMPORARY TABLE history_row (relation oid, digest bytea, copies bigint) ON COMMIT DROP`);
  const { rows: tables } = await client.query<HistoryTable>(historyTables);
  for (const table of tables) {
    const columns = (await columnNames(client, table)) ?? [];
    const digests = digestsOf(table.name, columns);
    await client.query(`INSERT INTO pg_temp.history_row SELECT ${table.oid}, d.* FROM (${digests}) d`);
  }
  return tables;
}

/** What happened to one table's rows, or undefined when all of them are still there. */
async function changeOf(client: pg.Client, table: HistoryTable): Promise<string | undefined> {
  const count = async (statement: string): Promise<bigint> =>
    (await client.query<{ count: bigint }>(statement)).rows[0]?.count ?? 0n;
  const before = await count(
    `SELECT coalesce(sum(copies), 0) AS count FROM pg_temp.history_row WHERE relation = ${table.oid}`,
  );
  const { rows } = await client.query<{ name: string; guarded: boolean }>(
    `SELECT c.oid::regclass::text AS name, EXISTS (SELECT 1 FROM pg_trigger
       WHERE tgrelid = c.oid AND tgname = 'append_only' AND NOT tgisinternal AND tgenabled IN ('O', 'A')) AS guarded
     FROM pg_class c WHERE c.oid = $1`,
    [table.oid],
  );
  const [now] = rows;
  if (now === undefined) return before === 0n ? undefined : `${table.name} with ${before} rows is gone`;
  if (!now.guarded) return `${now.name} is no longer append-only`;
  const columns = await columnNames(client, table);
  if (columns === undefined) return before === 0n ? undefined : `${now.name} with ${before} rows lost a column`;
  const lost = await count(
    `SELECT count(*) FROM pg_temp.history_row b LEFT JOIN (${digestsOf(now.name, columns)}) a USING (digest)
     WHERE b.relation = ${table.oid} AND b.copies > coalesce(a.copies, 0)`,
  );
  return lost === 0n ? undefined : `${lost} rows of ${now.name} were changed or removed`;
}

/** The first change of a row that existed when {@link recordHistory} ran; inserted rows are none. */
export async function compareHistory(client: pg.Client, tables: readonly HistoryTable[]): Promise<string | undefined> {
  await client.query(plainOutput);
  for (const table of tables) {
    const change = await changeOf(client, table);
    if (change !== undefined) return change;
  }
  return undefined;
}
