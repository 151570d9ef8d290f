// Tokens and roles: only digests are kept, revocation is for good, and every change of roles is journalled once.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bytesToHex, hexToBytes } from "#protocol/hash.ts";
import { openDatabase, type Database } from "#storage/database.ts";
import {
  findToken,
  issueToken,
  listTokens,
  readRoles,
  registerActor,
  revokeToken,
  tokenDigest,
  useLogin,
} from "#storage/tokens.ts";
import { createTestDatabase, type TestDatabase } from "#test/setup/database.ts";

const now = new Date("2026-11-21T12:00:00.000Z");
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const address = `0x${"a7".repeat(20)}` as const;

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const url = testDatabase.urls.node;
  database = openDatabase({ url, applicationName: "tokens test", maxConnections: 8, statementTimeoutMs: 30_000 });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const issue = async (subject: string, seconds: number, at = now): Promise<string> =>
  await issueToken(
    database,
    { subject, scopes: ["own:read"], until: after(seconds) },
    { random: randomBytes, now: at },
  );

test("a token is found by its digest, and itself kept nowhere", async () => {
  const token = await issue("reader", 60);
  expect(token).toMatch(/^scs_[\w-]{43}$/);
  expect(await findToken(database, tokenDigest(token))).toMatchObject({
    subject: "reader",
    scopes: ["own:read"],
    until: after(60),
    revokedAt: null,
  });
  const { rows } = await database.query<{ text: string }>("SELECT row_to_json(t)::text AS text FROM work.token t");
  const kept = rows.map(({ text }) => text).join("");
  expect(kept).not.toContain(token);
  expect(kept).not.toContain(token.slice(4));
  expect(await findToken(database, tokenDigest(`${token}x`))).toBeUndefined();
});

test("a token is revoked once and for good", async () => {
  const digest = tokenDigest(await issue("revoked", 60));
  expect(await revokeToken(database, digest, now)).toBe(true);
  expect(await revokeToken(database, digest, after(5))).toBe(false);
  expect((await findToken(database, digest))?.revokedAt).toEqual(now);
  expect(await revokeToken(database, tokenDigest("nobody's"), now)).toBe(false);
});

test("a list has what has not expired, by subject; what has is cleared away", async () => {
  const [late, early, old] = [await issue("z", 900), await issue("b", 900), await issue("old", 10)];
  const listed = await listTokens(database, after(11));
  const subjects = listed.map(({ subject }) => subject);
  expect(subjects).toEqual(subjects.toSorted());
  const digests = listed.map(({ digest }) => digest);
  expect(digests).toEqual(expect.arrayContaining([tokenDigest(late), tokenDigest(early)]));
  expect(digests).not.toContain(tokenDigest(old));
  await issue("next", 900, after(11));
  expect(await findToken(database, tokenDigest(old))).toBeUndefined();
  expect(await findToken(database, tokenDigest(late))).toBeDefined();
});

test("a login is used up by the first of many, and is no token", async () => {
  const login = { digest: randomBytes(32), account: address, until: after(60) };
  const used = await Promise.all(Array.from({ length: 8 }, async () => await useLogin(database, login, now)));
  expect(used.filter(Boolean)).toHaveLength(1);
  const digest = bytesToHex(login.digest);
  expect((await findToken(database, digest))?.revokedAt).toEqual(now);
  expect((await listTokens(database, now)).map((token) => token.digest)).not.toContain(digest);
});

test("an actor holds exactly the roles named last; each change is journalled with who did it [OPER-08]", async () => {
  const register = async (roles: readonly ("verifier" | "executor" | "auditor")[], by: string): Promise<boolean> =>
    await registerActor(database, { address, roles }, by, now);
  expect(await readRoles(database, address)).toEqual(new Set());
  expect(await register(["verifier", "executor"], "first")).toBe(true);
  expect(await register(["executor", "verifier", "executor"], "again")).toBe(false);
  expect(await register(["auditor", "executor"], "second")).toBe(true);
  expect(await readRoles(database, address)).toEqual(new Set(["auditor", "executor"]));
  expect(await register(["verifier"], "third")).toBe(true);
  expect(await readRoles(database, address)).toEqual(new Set(["verifier"]));
  const { rows } = await database.query<{ kind: string; body: string }>(
    "SELECT kind, body FROM ledger.journal WHERE subject = $1 ORDER BY entry_no",
    [hexToBytes(address)],
  );
  expect(rows.map(({ kind, body }) => [kind, JSON.parse(body) as unknown])).toEqual([
    ["actor", { act: "register", by: "first", roles: ["executor", "verifier"] }],
    ["actor", { act: "register", by: "second", roles: ["auditor", "executor"] }],
    ["actor", { act: "register", by: "third", roles: ["verifier"] }],
  ]);
});

test("registrations of one address at the same time follow one another", async () => {
  const other = `0x${"b8".repeat(20)}` as const;
  const roles = ["verifier", "executor", "auditor", "challenger"] as const;
  await Promise.all(
    Array.from({ length: 12 }, async (_, at) => {
      await registerActor(database, { address: other, roles: [roles[at % 4] ?? "verifier"] }, `by ${at}`, now);
    }),
  );
  expect((await readRoles(database, other)).size).toBe(1);
});
