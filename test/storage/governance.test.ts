// The history of governance as it is kept: in order, by subject and by version, page by page, and never changed.
import { expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { governanceActIdOf } from "#protocol/messages.ts";
import type { GovernanceAct, GovernanceOrder } from "#protocol/schemas/governance.ts";
import { findAct, insertAct, listActs, readAct, readFinalCandidate, readVersionActs } from "#storage/governance.ts";
import { insertRegistry, listVersions, readLastRegistry } from "#storage/registry.ts";
import { useDatabase } from "#test/layers/database.ts";
import { registryOf } from "#test/layers/documents.ts";

const { database } = await useDatabase();
const now = new Date("2026-03-01T12:00:00Z");
const by: Hex = `0x${"ab".repeat(20)}`;

async function keep(order: GovernanceOrder, signature: Hex | null = null): Promise<GovernanceAct> {
  const act: GovernanceAct = { schemaVersion: "1.0", by, reason: "a \u0000 test", order, nonce: "1" };
  await database.transaction(async (transaction) => await insertAct(transaction, { act, signature }, now));
  return act;
}

const opening = (semanticVersion: string) => ({ kind: "open_version", semanticVersion, base: "2026.1" }) as const;
const moving = (domainId: string, semanticVersion: string) =>
  ({ kind: "move_domain", semanticVersion, domainId, to: "active" }) as const;

test("acts read back in their order: of a subject, of a version, all, page by page (ATTR-02)", async () => {
  const orders = [opening("v.1"), moving("trade", "v.1"), opening("v.2"), moving("trade", "v.2")] as const;
  const acts: GovernanceAct[] = [];
  for (const order of orders) acts.push(await keep(order));
  const read = async (filter: Parameters<typeof listActs>[1], limit = 10, after?: string) =>
    await listActs(database, filter, { after, limit });
  expect((await read({})).items.map(({ act }) => act)).toEqual(acts);
  expect((await read({ subject: "trade" })).items.map(({ act }) => act)).toEqual([acts[1], acts[3]]);
  expect((await read({ semanticVersion: "v.1" })).items.map(({ act }) => act)).toEqual([acts[0], acts[1]]);
  expect(await read({ subject: "trade", semanticVersion: "v.3" })).toEqual({ items: [], next: null });
  const first = await read({}, 3);
  const rest = await read({}, 3, first.next ?? undefined);
  expect([...first.items, ...rest.items].map(({ act }) => act)).toEqual(acts);
  expect(rest.next).toBeNull();
  expect(await readVersionActs(database, "v.2")).toEqual([acts[2], acts[3]]);
});

test("an act is found by its id, and stays as it is", async () => {
  const act = await keep(moving("other", "v.1"), `0x${"11".repeat(65)}`);
  const actId = governanceActIdOf(act);
  const sequence = await findAct(database, actId);
  expect(await readAct(database, actId)).toMatchObject({ actId, sequence, act, isSigned: true, subject: "other" });
  expect(await findAct(database, `0x${"00".repeat(32)}`)).toBeUndefined();
  expect(await readAct(database, `0x${"00".repeat(32)}`)).toBeUndefined();
  await expect(keep(moving("other", "v.1"))).rejects.toThrow("governance_act_act_id_key");
  for (const change of ["UPDATE ledger.governance_act SET kind = 'x'", "DELETE FROM ledger.governance_act"]) {
    await expect(database.query(change)).rejects.toThrow("permission denied");
  }
});

test("versions are listed in the order of publication, or of opening until they are published", async () => {
  expect(await readLastRegistry(database)).toBeUndefined();
  for (const version of ["z.1", "a.2"]) await insertRegistry(database, registryOf(version), "test", now);
  expect((await readLastRegistry(database))?.semanticVersion).toBe("a.2");
  const list = async (state: "published" | "open", limit = 10, after?: string) =>
    await listVersions(database, state, { after, limit });
  expect((await list("published")).items.map(({ semanticVersion }) => semanticVersion)).toEqual(["z.1", "a.2"]);
  const first = await list("published", 1);
  expect((await list("published", 1, first.next ?? undefined)).items).toMatchObject([
    { semanticVersion: "a.2", base: null, digest: expect.stringMatching(/^0x/) as string, at: now.toISOString() },
  ]);
  await insertRegistry(database, registryOf("v.1"), "test", now);
  expect(await list("open")).toEqual({
    items: [{ semanticVersion: "v.2", base: "2026.1", digest: null, at: now.toISOString() }],
    next: null,
  });
});

const hash = (byte: string): Buffer => Buffer.from(byte.repeat(32), "hex");

/** Candidates of two revisions of an epoch's settlement, the second of which is final. */
async function finalize(candidateId: Hex): Promise<void> {
  await database.query(
    `INSERT INTO work.epoch (scope, epoch, status, open_at, close_at, trigger, semantic_version_set, policy_version_set)
      VALUES ('main', 1, 'closed', $1, $1, 'order', '{v.1}', '{1,2}')`,
    [now],
  );
  for (const revision of [1, 2]) {
    await database.query(
      `INSERT INTO ledger.candidate (scope, epoch, revision, root, header, sub_roots, archive, item_count, payout_count,
          payout_total, pot, built_at) VALUES ('main', 1, $1, $2, '{}', '{}', $2, 1, 0, 0, 0, $3)`,
      [revision, hash("aa"), now],
    );
    await database.query(
      `INSERT INTO ledger.local_candidate (scope, epoch, revision, index, candidate_id, body)
        VALUES ('main', 1, $1, 0, $2, $3)`,
      [revision, Buffer.from(candidateId.slice(2), "hex"), JSON.stringify({ revision })],
    );
  }
  expect(await readFinalCandidate(database, candidateId)).toBeUndefined();
  await database.query(
    `INSERT INTO ledger.finalized (scope, epoch, revision, root, previous_root, block_number, block_hash,
        transaction_hash, at) VALUES ('main', 1, 2, $1, $2, 1, $1, $1, $3)`,
    [hash("aa"), hash("00"), now],
  );
}

test("a candidate is read as the finalized root commits to it, and not before; with its epoch's policies (ATTR-11)", async () => {
  const candidateId: Hex = `0x${"ca".repeat(32)}`;
  await finalize(candidateId);
  expect(await readFinalCandidate(database, candidateId)).toEqual({
    candidate: { revision: 2 },
    policyVersions: ["1", "2"],
  });
});
