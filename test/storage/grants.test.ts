// Grants as they are kept: found by who was granted what, until they are revoked.
import { expect, test } from "vitest";
import { grantIdOf } from "#protocol/messages.ts";
import type { Grant } from "#protocol/schemas/vault.ts";
import { findGrants, insertGrant, insertRevocation, readLiveGrants } from "#storage/grants.ts";
import { actor } from "#test/layers/actors.ts";
import { useDatabase } from "#test/layers/database.ts";
import { fillVault } from "#test/layers/node.ts";
import { salesVault } from "#test/layers/sales.ts";

const { database } = await useDatabase();
const now = new Date("2026-03-01T12:00:00Z");
for (const vault of ["east", "west"]) await fillVault(database, salesVault(vault, 2, 1), { clock: () => now });

const grantOf = (nonce: string, more: Partial<Grant> = {}): Grant => ({
  vault: "east",
  collection: "sales",
  grantee: actor("a").address,
  programs: ["protected_query"],
  untilSeconds: 1_800_000_000,
  nonce,
  ...more,
});
const wanted = (vault: string, name: string) => ({ vault, collection: "sales", grantee: actor(name).address });

test("grants are found for exactly the grantees and collections asked for, ascending by id", async () => {
  const grants = [
    grantOf("1"),
    grantOf("2"),
    grantOf("3", { grantee: actor("b").address }),
    grantOf("4", { vault: "west" }),
  ];
  for (const grant of grants) expect(await insertGrant(database, grant, null, now)).toBe(true);
  expect(await insertGrant(database, grantOf("1"), null, now)).toBe(false);
  const found = await findGrants(database, [wanted("east", "a"), wanted("west", "b")]);
  expect(found.map(({ grantId }) => grantId)).toEqual(grants.slice(0, 2).map(grantIdOf).toSorted());
  expect(found.every(({ until }) => until.getTime() === 1_800_000_000_000)).toBe(true);
  expect(await findGrants(database, [])).toEqual([]);
});

test("a revoked grant is found no more, and is revoked once", async () => {
  const id = grantIdOf(grantOf("1"));
  expect(await insertRevocation(database, id, now)).toBe(true);
  expect(await insertRevocation(database, id, now)).toBe(false);
  const left = await findGrants(database, [wanted("east", "a")]);
  expect(left.map(({ grantId }) => grantId)).toEqual([grantIdOf(grantOf("2"))]);
  expect([...(await readLiveGrants(database, [id, grantIdOf(grantOf("2"))])).keys()]).toEqual([
    grantIdOf(grantOf("2")),
  ]);
});
