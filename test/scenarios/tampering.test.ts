// Somebody with full power over a copy of the database changes its journal; the audit names the entry.
import { afterAll, beforeAll, expect, test } from "vitest";
import type pg from "pg";
import { auditJournal, type AuditFinding } from "#cli/documents/auditing.ts";
import { openDatabase } from "#storage/database.ts";
import { prepare, submissionsFor, submitEach, until } from "./play.ts";
import { openAdmin, Stage } from "./stage.ts";

const tasks = 4;
let stage: Stage;
let copies = 0;

beforeAll(async () => {
  stage = await Stage.open({ tasksPerEpoch: tasks });
  await prepare(stage);
  await submitEach(stage, submissionsFor(stage, tasks));
  await until(stage, "sealed journal entries", async () => (await stage.count(sealed)) > 30);
  // The database server stays.
  await stage.kill("signer");
});

afterAll(async () => await stage.close());

const sealed = `SELECT coalesce(max(tree_size), 0) AS count FROM ledger.journal_batch`;

/** Copies the database, lets somebody at its journal without triggers, and audits the copy. */
async function auditAfter(tamper: (thief: pg.Client) => Promise<void>): Promise<readonly AuditFinding[]> {
  const { adminUrl } = stage;
  const name = `copy_${++copies}`;
  const server = openAdmin({ adminUrl }, "postgres");
  // A database that somebody uses cannot be copied.
  await server.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'scs'`);
  await server.query(`CREATE DATABASE ${name} TEMPLATE scs`);
  await server.end();
  const pool = openAdmin({ adminUrl }, name);
  const thief = await pool.connect();
  await thief.query(`SET session_replication_role = replica`);
  await tamper(thief);
  thief.release();
  const url = new URL(adminUrl);
  url.pathname = name;
  await pool.end();
  const copy = openDatabase({ url: url.href, applicationName: "audit", maxConnections: 2, statementTimeoutMs: 10_000 });
  try {
    return await auditJournal(copy, () => undefined);
  } finally {
    await copy.close();
  }
}

/** The number of the journal's entry at a place. */
async function entryAt(thief: pg.Client, place: number): Promise<number> {
  const sql = `SELECT entry_no FROM ledger.journal ORDER BY transaction_id, entry_no OFFSET $1 LIMIT 1`;
  const { rows } = await thief.query<{ entry_no: string }>(sql, [place]);
  return Number(rows[0]?.entry_no);
}

test("an untouched copy holds", async () => {
  expect(await auditAfter(() => Promise.resolve())).toEqual([]);
});

test("a changed entry is named [ASSR-02]", async () => {
  let entry = 0;
  const findings = await auditAfter(async (thief) => {
    entry = await entryAt(thief, 12);
    await thief.query(`UPDATE ledger.journal SET at = at + interval '1 second' WHERE entry_no = $1`, [entry]);
  });
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ stored: "changed" });
  expect(findings[0]?.subject).toMatch(new RegExp(`^entry ${entry},`));
});

/** A sealed entry that neither begins nor ends its batch, with the one before it. */
const inside = `SELECT entry_no AS removed, before FROM (
    SELECT entry_no, row_number() OVER journal AS place, lag(entry_no) OVER journal AS before
    FROM ledger.journal WINDOW journal AS (ORDER BY transaction_id, entry_no)) j
  WHERE EXISTS (SELECT 1 FROM ledger.journal_batch WHERE place < tree_size AND place > tree_size - entries + 1)
  ORDER BY place LIMIT 1`;

test("a removed entry is named by the one before it [ASSR-02]", async () => {
  let before = "";
  const findings = await auditAfter(async (thief) => {
    const { rows } = await thief.query<{ removed: string; before: string }>(inside);
    before = String(rows[0]?.before);
    await thief.query(`DELETE FROM ledger.journal WHERE entry_no = $1`, [rows[0]?.removed]);
  });
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ stored: "removed" });
  expect(findings[0]?.subject).toMatch(new RegExp(`^the entry after ${before},`));
});

test("an inserted entry is named [ASSR-02]", async () => {
  let entry = 0;
  const findings = await auditAfter(async (thief) => {
    const copied = await entryAt(thief, 9);
    const { rows } = await thief.query<{ entry_no: string }>(
      `INSERT INTO ledger.journal (transaction_id, kind, subject, body, at)
        SELECT transaction_id, kind, subject, body, at FROM ledger.journal WHERE entry_no = $1 RETURNING entry_no`,
      [copied],
    );
    entry = Number(rows[0]?.entry_no);
  });
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ stored: "inserted" });
  expect(findings[0]?.subject).toMatch(new RegExp(`^entry ${entry},`));
});

test("a batch sealed again over changed entries does not follow from the one before [ASSR-02]", async () => {
  const findings = await auditAfter(async (thief) => {
    await thief.query(`UPDATE ledger.journal_batch SET root = sha256(root) WHERE batch_no = 1`);
  });
  expect(findings[0]).toMatchObject({ stored: "batch" });
});
