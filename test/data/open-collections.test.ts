// Authorized reading: nothing without a grant that covers it, and the journal knows before the plaintext is given.
import { beforeAll, expect, test } from "vitest";
import { revokeGrant } from "#data/grants.ts";
import { openCollections, refuseAccess, type Access } from "#data/open-collections.ts";
import { PlaintextCache } from "#data/plaintext-cache.ts";
import { openMetrics } from "#observability/metrics.ts";
import { hexToBytes, type Hex } from "#protocol/hash.ts";
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
import { query, salesVault } from "#test/layers/sales.ts";

const { database } = await useDatabase();
const clock = openClock();
const metrics = openMetrics();
const deps = { database, clock: clock.now, metrics, cache: new PlaintextCache({ database, masterKey, metrics }) };
const reader = { by: executor.address, purpose: "execution" } as const;
/** An id of nothing. */
const elsewhere: Hex = `0x${"99".repeat(32)}`;
let access: Access;
let taskCount = 0;

async function newTask(): Promise<Hex> {
  const { envelope, taskId } = envelopeOf(
    query({ function: "count" }),
    [{ vault: "east", collection: "sales" }],
    `t-${++taskCount}`,
  );
  await admit(database, [envelope], clock.now());
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
  access = {
    taskId: await newTask(),
    program: "protected_query",
    vault: "east",
    collection: "sales",
    grantId,
    ...head.snapshot,
  };
});

test("an access under its grant is journalled with task, authorization and what was read, then opened [LAYR-10]", async () => {
  const [outcome] = await openCollections(deps, [access], reader);
  expect(outcome?.kind === "opened" && outcome.snapshot.column("shop", { kind: "text" })?.values).toHaveLength(8);
  const { grantId, size, digest } = access;
  expect(await journalled(database, "access", hexToBytes(access.taskId))).toEqual([
    { by: executor.address, collection: "sales", digest, grantId, purpose: "execution", size, vault: "east" },
  ]);
});

test("the journal knows of an access before any plaintext is read [LAYR-10]", async () => {
  const taskId = await newTask();
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
  const other = { ...access, taskId: await newTask(), ...change };
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
  const taskId = await newTask();
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
  const wrong = { ...access, digest: elsewhere };
  const outcomes = await openCollections(deps, [wrong, access, wrong], { ...reader, purpose: "verification" });
  expect(outcomes.map(({ kind }) => kind)).toEqual(["refused", "opened", "refused"]);
  expect(outcomes[0]).toMatchObject({ refusal: { code: "EXECUTION_RECORD_CORRUPT" } });
});
