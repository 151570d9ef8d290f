// Consent: kept with its operator's signature, once; taken back for good.
import { expect, test } from "vitest";
import { giveGrant, revokeGrant } from "#data/grants.ts";
import type { Hex } from "#protocol/hash.ts";
import { grantDigest, grantIdOf } from "#protocol/messages.ts";
import type { Grant } from "#protocol/schemas/vault.ts";
import { findGrants, readLiveGrants } from "#storage/grants.ts";
import { actor } from "#test/layers/actors.ts";
import { journalled, useDatabase } from "#test/layers/database.ts";
import { domain, fillVault, openClock, operatorOf, submitter } from "#test/layers/node.ts";
import { salesVault } from "#test/layers/sales.ts";

const { database } = await useDatabase();
const clock = openClock();
await fillVault(database, salesVault("east", 3, 1), { clock: clock.now });
const deps = { database, clock: clock.now, domain };

const grantOf = (more: Partial<Grant> = {}): Grant => ({
  vault: "east",
  collection: "sales",
  grantee: submitter.address,
  programs: ["protected_query"],
  untilSeconds: 1_800_000_000,
  nonce: "1",
  ...more,
});
const signed = (grant: Grant, by = operatorOf("east")): Hex => by.sign(grantDigest(domain, grant));

test("a grant signed by its collection's operator is kept, and again is the same one [LAYR-11]", async () => {
  const grant = grantOf();
  const { grantId } = await giveGrant(deps, grant, signed(grant));
  expect(grantId).toBe(grantIdOf(grant));
  expect(await giveGrant(deps, grant, signed(grant))).toEqual({ grantId });
  expect(await findGrants(database, [{ grantee: submitter.address, vault: "east", collection: "sales" }])).toEqual([
    {
      grantId,
      vault: "east",
      collection: "sales",
      grantee: submitter.address,
      programs: ["protected_query"],
      until: new Date(1_800_000_000_000),
    },
  ]);
  expect(await journalled(database, "grant")).toEqual([{ act: "granted", grant, signature: signed(grant) }]);
});

test.each([
  [
    "another's signature",
    "AUTH_SIGNATURE_INVALID",
    grantOf({ nonce: "2" }),
    signed(grantOf({ nonce: "2" }), actor("somebody")),
  ],
  [
    "the signature of another grant",
    "AUTH_SIGNATURE_INVALID",
    grantOf({ nonce: "2" }),
    signed(grantOf({ nonce: "3" })),
  ],
  ["no such collection", "SCHEMA_NOT_FOUND", grantOf({ collection: "nowhere" }), null],
])("%s is refused", async (_, code, grant, signature) => {
  await expect(giveGrant(deps, grant, signature)).rejects.toMatchObject({ code });
  expect((await readLiveGrants(database, [grantIdOf(grant)])).size).toBe(0);
});

test("a grant that was taken back stays so, whoever kept the signature [LAYR-11]", async () => {
  const grant = grantOf({ nonce: "4" });
  const { grantId } = await giveGrant(deps, grant, null);
  expect([...(await readLiveGrants(database, [grantId])).keys()]).toEqual([grantId]);
  await revokeGrant(deps, grantId);
  await revokeGrant(deps, grantId);
  expect((await readLiveGrants(database, [grantId])).size).toBe(0);
  await expect(giveGrant(deps, grant, signed(grant))).rejects.toMatchObject({ code: "AUTH_REPLAYED" });
  expect(
    (await journalled(database, "grant")).filter((body) => (body as { act: string }).act === "revoked"),
  ).toHaveLength(1);
});

test("an unknown grant cannot be taken back", async () => {
  await expect(revokeGrant(deps, `0x${"99".repeat(32)}`)).rejects.toMatchObject({ code: "SCHEMA_NOT_FOUND" });
});
