// Authorized reading: nothing without a grant that covers it, and the journal knows before the plaintext is given.
import { beforeAll, expect, test } from "vitest";
import { revokeGrant } from "#data/grants.ts";
import { openCollections, refuseAccess, type Access } from "#data/open-collections.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { columnOf } from "#protocol/columns.ts";
import { canonicalText } from "#protocol/canonical.ts";
import { hexToBytes, sha256Hex, type Hex } from "#protocol/hash.ts";
import { derivationRuleRefOf, project } from "#protocol/projections.ts";
import type { SemanticResolutionResult } from "#protocol/schemas/execution.ts";
import { insertAssignments } from "#storage/assignments.ts";
import { readHeads } from "#storage/records.ts";
import { actor } from "#test/layers/actors.ts";
import { journalled, useDatabase } from "#test/layers/database.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";
import {
  admit,
  domain,
  envelopeOf,
  executor,
  fillVault,
  giveBudget,
  grantQueries,
  masterKey,
  openClock,
  publish,
  submitter,
} from "#test/layers/node.ts";
import { query, salesFields, salesVault } from "#test/layers/sales.ts";

const { database } = await useDatabase();
const clock = openClock();
const metrics = openMetrics();
const deps = { database, clock: clock.now, metrics, cache: new PlaintextCache({ database, masterKey, metrics }) };
const reader = { by: executor.address, purpose: "execution" } as const;
/** An id of nothing. */
const elsewhere: Hex = `0x${"99".repeat(32)}`;
const text = { kind: "text" } as const;
const where = { term: "where", attributeId: "trade.sales/shop", valueType: text };
const fieldOf = Object.fromEntries(Object.entries(salesFields).map(([field, attribute]) => [attribute, field]));
let access: Access;
let taskCount = 0;

/** A task that was assigned accesses; without any, it was not resolved yet. */
async function newTask(
  accesses: readonly Omit<Access, "taskId">[],
  references: SemanticResolutionResult["references"] = [where],
): Promise<Hex> {
  const sources = [{ vault: "east", collection: "sales" }];
  const { envelope, taskId } = envelopeOf(query({ function: "count" }), sources, `t-${++taskCount}`);
  await admit(database, [envelope], clock.now());
  if (accesses.length === 0) return taskId;
  const bindings = accesses.map(({ vault, collection, size, digest, grantId }) => ({
    grantId,
    snapshot: { vault, collection, size, digest },
    fields: fieldOf,
  }));
  await insertAssignments(database, [
    {
      taskId,
      resolutionId: sha256Hex(taskId),
      resolution: canonicalText({ references }),
      body: canonicalText({ bindings }),
    },
  ]);
  return taskId;
}

beforeAll(async () => {
  await publish(database, registryOf(), policyOf(), clock.now());
  await fillVault(database, salesVault("east", 8, 1), { clock: clock.now });
  await fillVault(database, salesVault("west", 8, 2), { clock: clock.now });
  await giveBudget(database, submitter.address, 10n ** 9n, clock.now());
  const grantId = await grantQueries(database, { vault: "east", collection: "sales" }, { clock: clock.now });
  const [head] = await readHeads(database, [{ vault: "east", collection: "sales" }]);
  if (!head?.snapshot) throw new Error("a snapshot");
  const reading = { program: "protected_query", vault: "east", collection: "sales", grantId, ...head.snapshot };
  access = { ...reading, taskId: await newTask([reading]) };
});

test("an access under its grant is journalled with task, authorization and what was read, then opened [LAYR-10]", async () => {
  const [outcome] = await openCollections(deps, [access], reader);
  expect(outcome?.kind === "opened" && outcome.snapshot.column("where")?.values).toHaveLength(8);
  const { grantId, size, digest } = access;
  expect(await journalled(database, "access", hexToBytes(access.taskId))).toEqual([
    { by: executor.address, collection: "sales", digest, grantId, purpose: "execution", size, vault: "east" },
  ]);
});

test("a task is given the columns of its own resolution: of a query attribute what is derived, never its source [ATTR-07, LAYR-07]", async () => {
  const derivationRule = { kind: "bucket", source: "trade.sales/buyer_age", origin: 0, width: 40 } as const;
  const projection = {
    queryAttributeId: "trade.sales?age_band",
    derivationRule,
    derivationRuleRef: derivationRuleRefOf(derivationRule),
    minimumRecords: 2,
  };
  const valueType = { kind: "integer" } as const;
  const raw = columnOf(salesVault("east", 8, 1).records, "age", valueType);
  const taskId = await newTask([access], [{ term: "band", attributeId: derivationRule.source, valueType, projection }]);
  const others = { ...access, taskId: await newTask([access]) };
  const [outcome, other] = await openCollections(deps, [{ ...access, taskId }, others], reader);
  if (outcome?.kind !== "opened" || other?.kind !== "opened") throw new Error("opened");
  const band = outcome.snapshot.column("band");
  expect(band).toEqual(project(derivationRule, raw, { records: 8, minimumRecords: 2 }));
  expect(band?.values).not.toEqual(raw.values);
  // Neither the source, nor what another task sees of the same snapshot.
  for (const term of ["age", "trade.sales/buyer_age", "where", "shop"]) {
    expect(outcome.snapshot.column(term)).toBeUndefined();
  }
  expect(other.snapshot.column("band")).toBeUndefined();
  expect(other.snapshot.column("where")?.values).toHaveLength(8);
});

test.each<[string, readonly Partial<Access>[]]>([
  ["nothing yet", []],
  ["a shorter snapshot", [{ size: 7 }]],
  ["a snapshot of other records", [{ digest: elsewhere }]],
  ["another collection", [{ vault: "west" }]],
  ["the same under another grant", [{ grantId: elsewhere }]],
])(
  "a task that was assigned %s reads nothing else, though a grant would cover it [LAYR-07, LAYR-10]",
  async (_, assigned) => {
    const taskId = await newTask(assigned.map((change) => ({ ...access, ...change })));
    const outcomes = await openCollections(deps, [{ ...access, taskId }], reader);
    expect(outcomes).toMatchObject([{ kind: "refused", refusal: { code: "POLICY_GRANT_MISSING" } }]);
    expect(await journalled(database, "access", hexToBytes(taskId))).toEqual([]);
  },
);

test("the journal knows of an access before any plaintext is read [LAYR-10]", async () => {
  const taskId = await newTask([access]);
  let known: number | undefined;
  class Watched extends PlaintextCache {
    override async open(...given: Parameters<PlaintextCache["open"]>) {
      known = (await journalled(database, "access", hexToBytes(taskId))).length;
      return await super.open(...given);
    }
  }
  const cache = new Watched({ database, masterKey, metrics });
  await openCollections({ ...deps, cache }, [{ ...access, taskId }], reader);
  expect(known).toBe(1);
});

test.each([
  ["a grant that does not exist", { grantId: elsewhere }],
  ["a collection that it does not name", { vault: "west" }],
  ["a kind of program that it does not name", { program: "model_training" }],
  ["a task that does not exist", { taskId: elsewhere }],
])("%s is refused, and no plaintext and no journal entry comes of it [LAYR-10, LAYR-11]", async (_, change) => {
  const changed = { ...access, ...change };
  const other = { ...changed, taskId: await newTask([changed]), ...change };
  const outcomes = await openCollections(deps, [other], reader);
  expect(outcomes).toEqual([
    { kind: "refused", refusal: { code: "POLICY_GRANT_MISSING", detail: { vault: other.vault, collection: "sales" } } },
  ]);
  expect(await journalled(database, "access", hexToBytes(other.taskId))).toEqual([]);
});

test("a grant to somebody else, an expired one and a revoked one are refused, whatever the assignment says [LAYR-11]", async () => {
  const until = Math.floor(clock.now().getTime() / 1000);
  const foreign = await grantQueries(database, access, {
    clock: clock.now,
    grantee: actor("another submitter").address,
  });
  const expired = await grantQueries(database, access, { clock: clock.now, untilSeconds: until, nonce: "expired" });
  const revoked = await grantQueries(database, access, { clock: clock.now, nonce: "revoked" });
  const taskId = await newTask([foreign, expired, revoked].map((grantId) => ({ ...access, grantId })));
  const outcomes = async () =>
    (
      await openCollections(
        deps,
        [foreign, expired, revoked].map((grantId) => ({ ...access, taskId, grantId })),
        reader,
      )
    ).map(({ kind }) => kind);
  expect(await outcomes()).toEqual(["refused", "refused", "opened"]);
  await revokeGrant({ database, clock: clock.now, domain }, revoked);
  expect(await outcomes()).toEqual(["refused", "refused", "refused"]);
});

test("a grant counts until the moment at which the task was accepted, not longer [LAYR-11]", () => {
  const grant = { ...access, grantee: submitter.address, programs: ["protected_query"], until: new Date(10_000) };
  const acceptedAt = (milliseconds: number) => ({ submitter: submitter.address, acceptedAt: new Date(milliseconds) });
  expect(refuseAccess(access, grant, acceptedAt(9_999))).toBeUndefined();
  expect(refuseAccess(access, grant, acceptedAt(10_000))).toMatchObject({ code: "POLICY_GRANT_MISSING" });
});

test("what is wrong with one collection is the outcome of those that read it, and of no other", async () => {
  const corrupt = { ...access, digest: elsewhere };
  const wrong = { ...corrupt, taskId: await newTask([corrupt]) };
  const outcomes = await openCollections(deps, [wrong, access, wrong], { ...reader, purpose: "verification" });
  expect(outcomes.map(({ kind }) => kind)).toEqual(["refused", "opened", "refused"]);
  expect(outcomes[0]).toMatchObject({ refusal: { code: "EXECUTION_RECORD_CORRUPT" } });
});
