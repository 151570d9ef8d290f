// Published documents: one content a version, read once, and the first epoch whose versions are still open.
import { expect, test } from "vitest";
import { closeEpoch } from "#storage/epoch-closing.ts";
import { openEpoch, startClosing } from "#storage/epochs.ts";
import {
  firstUndecidedEpoch,
  insertPolicy,
  insertRegistry,
  insertRollout,
  openDocuments,
  readRollouts,
  unpublishedVersions,
} from "#storage/registry.ts";
import type { Queryable } from "#storage/database.ts";
import { useDatabase } from "#test/layers/database.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import { queryRows } from "#test/setup/database.ts";

const { database, test: testDatabase } = await useDatabase();
const now = new Date("2026-03-01T12:00:00Z");
const freezeAggregation = async () => await Promise.resolve(null);

test("a version has the content that it was published with first", async () => {
  expect(await insertRegistry(database, registryOf(), "test", now)).toBe("published");
  expect(await insertRegistry(database, registryOf(), "test", now)).toBe("repeated");
  expect(await insertRegistry(database, { ...registryOf(), attributes: [] }, "test", now)).toBe("conflict");
  expect(await insertPolicy(database, policyOf(), "test", now)).toBe("published");
  expect(await insertPolicy(database, policyOf(), "test", now)).toBe("repeated");
  expect(await insertPolicy(database, policyOf({ verifiers: 3 }), "test", now)).toBe("conflict");
  const wanted = { semanticVersions: ["2026.1", "x"], policyVersions: ["1", "y"] };
  expect(await unpublishedVersions(database, wanted)).toEqual(["semantic x", "policy y"]);
});

test("documents are read once each; a version that is not there is asked for again", async () => {
  let queries = 0;
  const counted: Queryable = {
    query: async (...given) => {
      queries++;
      return await database.query(...given);
    },
  };
  const documents = openDocuments();
  expect((await documents.policies(counted, ["1", "1", "later"])).get("1")).toEqual(policyOf());
  expect([...(await documents.policies(counted, ["1"])).keys()]).toEqual(["1"]);
  expect(await documents.registry(counted, "2026.1")).toEqual(registryOf());
  expect(await documents.registry(counted, "2026.1")).toEqual(registryOf());
  expect(queries).toBe(2);
  expect(await documents.registry(counted, "later")).toBeUndefined();
  await insertPolicy(database, policyOf({ policyVersion: "later" }), "test", now);
  expect((await documents.policies(counted, ["later"])).has("later")).toBe(true);
  expect(queries).toBe(4);
});

test("a roll-out is ordered once for an epoch", async () => {
  const rollout = { scope: "trade", fromEpoch: 1, semanticVersions: ["2026.1"], policyVersions: ["1"] };
  expect(await insertRollout(database, rollout, "test", now)).toBe(true);
  expect(await insertRollout(database, { ...rollout, policyVersions: ["later"] }, "test", now)).toBe(false);
  const kept = { ...rollout, retiring: { semanticVersions: [], policyVersions: [] } };
  for (const epoch of [0, 1, 2]) expect(await readRollouts(database, "trade", epoch)).toEqual([kept]);
  expect(await readRollouts(database, "other", 1)).toEqual([]);
});

test("the first epoch that can still be decided: the next one, or the one after where the next may be opening", async () => {
  const first = async () =>
    await database.transaction(async (transaction) => await firstUndecidedEpoch(transaction, "trade"));
  expect(await first()).toBe(1);
  await database.transaction(
    async (transaction) => await openEpoch(transaction, { scope: "trade", epoch: 1, by: "test" }, now),
  );
  expect(await first()).toBe(2);
  const closing = { scope: "trade", epoch: 1, trigger: "order", by: "test" } as const;
  await database.transaction(async (transaction) => await startClosing(transaction, closing, now));
  expect(await first()).toBe(2);
  await database.transaction(
    async (transaction) => await closeEpoch(transaction, { ...closing, freezeAggregation }, now),
  );
  expect(await first()).toBe(3);
});

test.each(["registry", "policy", "rollout", "governance_act"])(
  "what ledger.%s holds is changed by nobody (OPER-03)",
  async (table) => {
    await expect(database.query(`DELETE FROM ledger.${table}`)).rejects.toThrow("permission denied");
    await expect(queryRows(testDatabase.adminUrl, `DELETE FROM ledger.${table}`)).rejects.toThrow("append-only");
  },
);
