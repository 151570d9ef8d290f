// Publishing and rolling out: a version means one thing for ever, and what is open keeps the versions it has.
import { beforeEach, expect, test } from "vitest";
import { policyDigest, registryDigest } from "#protocol/parameters.ts";
import { publishPolicy, publishRegistry, rollOut as rollOutIn, type Act } from "#semantic/publish.ts";
import { closeEpoch } from "#storage/epoch-closing.ts";
import { openEpoch, startClosing } from "#storage/epochs.ts";
import { readLiveVersions } from "#storage/intake.ts";
import { openDocuments } from "#storage/registry.ts";
import { journalled, useDatabase } from "#test/layers/database.ts";
import { policyOf, registryOf } from "#test/layers/documents.ts";

const { database } = await useDatabase();
const now = new Date("2026-03-01T12:00:00Z");
const act = { by: "governance", now };
const refused = (code: string) => expect.objectContaining({ code }) as Error;

test("a registry is published once, and again is the same; with other content it is refused [ATTR-02, OPER-03]", async () => {
  expect(await publishRegistry(database, registryOf("p.1"), act)).toBe(true);
  expect(await publishRegistry(database, structuredClone(registryOf("p.1")), act)).toBe(false);
  const changed = registryOf("p.1");
  changed.attributes.pop();
  await expect(publishRegistry(database, changed, act)).rejects.toThrow(refused("VERSION_ROLLOUT_REFUSED"));
  expect(await openDocuments().registry(database, "p.1")).toEqual(registryOf("p.1"));
  expect(await journalled(database, "registry", Buffer.from("p.1"))).toEqual([
    { act: "published", by: "governance", digest: registryDigest(registryOf("p.1")), version: "p.1" },
  ]);
});

test("a policy is published once, and again is the same; with other content it is refused [RWRD-03, OPER-03]", async () => {
  const policy = policyOf({ policyVersion: "p1" });
  expect(await publishPolicy(database, policy, act)).toBe(true);
  expect(await publishPolicy(database, policy, act)).toBe(false);
  await expect(publishPolicy(database, { ...policy, verifiers: 2 }, act)).rejects.toThrow(
    refused("VERSION_ROLLOUT_REFUSED"),
  );
  expect((await openDocuments().policies(database, ["p1", "none"])).get("p1")).toEqual(policy);
  expect(await journalled(database, "policy", Buffer.from("p1"))).toEqual([
    { act: "published", by: "governance", digest: policyDigest(policy), version: "p1" },
  ]);
});

test("two processes that publish one version at once publish one document", async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, async () => await publishPolicy(database, policyOf({ policyVersion: "race" }), act)),
  );
  expect(outcomes.filter(Boolean)).toHaveLength(1);
});

test("a registry with faults is refused with their names", async () => {
  const registry = registryOf("p.2");
  registry.domains.pop();
  const error: unknown = await publishRegistry(database, registry, act).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: {
      faults: ["attribute trade.gone/thing: its domain trade.gone does not exist", "domain trade.gone: it vanished"],
    },
  });
  expect(await openDocuments().registry(database, "p.2")).toBeUndefined();
});

test.each([9_999, 10_001])("shares that add up to %i basis points are refused [RWRD-03]", async (sum) => {
  const { rewards } = policyOf();
  const policy = policyOf({
    policyVersion: "uneven",
    rewards: { ...rewards, shares: { ...rewards.shares, treasury: 500 + sum - 10_000 } },
  });
  await expect(publishPolicy(database, policy, act)).rejects.toThrow(refused("GOVERNANCE_ACT_REFUSED"));
});

let scope = "";
let scopes = 0;
beforeEach(async () => {
  scope = `scope-${++scopes}`;
  for (const version of ["r.1", "r.2"]) await publishRegistry(database, registryOf(version), act);
  for (const policyVersion of ["r1", "r2"]) await publishPolicy(database, policyOf({ policyVersion }), act);
});

const rollOut = async (ordered: Parameters<typeof rollOutIn>[1], by: Act) =>
  await database.transaction(async (transaction) => await rollOutIn(transaction, ordered, by));
const order = (fromEpoch: number, semanticVersions = ["r.1"], policyVersions = ["r1"], retires: string[] = []) => ({
  scope,
  fromEpoch,
  semanticVersions,
  policyVersions,
  retiring: { semanticVersions: retires, policyVersions: [] },
});
const open = async (epoch: number) =>
  await database.transaction(async (transaction) => await openEpoch(transaction, { scope, epoch, by: "test" }, now));
async function close(epoch: number): Promise<void> {
  await database.transaction(async (transaction) => {
    await startClosing(transaction, { scope, epoch, trigger: "order", by: "test" }, now);
    const freezeAggregation = () => Promise.resolve(null);
    await closeEpoch(transaction, { scope, epoch, by: "test", freezeAggregation }, now);
  });
}

test("versions roll out from an epoch on, each list ascending and without repetition [OPER-03]", async () => {
  expect(await rollOut(order(1, ["r.2", "r.1", "r.2"], ["r1"]), act)).toBe(true);
  expect(await rollOut(order(1, ["r.1", "r.2"], ["r1"]), act)).toBe(false);
  expect((await readLiveVersions(database, [scope])).get(scope)).toEqual({ semantic: ["r.1", "r.2"], policy: ["r1"] });
  expect((await open(1))?.semanticVersions).toEqual(["r.1", "r.2"]);
  expect(await journalled(database, "rollout", Buffer.from(scope))).toEqual([
    {
      act: "ordered",
      by: "governance",
      fromEpoch: 1,
      policyVersions: ["r1"],
      semanticVersions: ["r.1", "r.2"],
      retiring: { policyVersions: [], semanticVersions: [] },
    },
  ]);
});

test("an open epoch keeps its versions; the next one gets those ordered for it [OPER-03]", async () => {
  await rollOut(order(1), act);
  await open(1);
  await expect(rollOut(order(1, ["r.2"]), act)).rejects.toMatchObject({
    code: "VERSION_ROLLOUT_REFUSED",
    detail: { firstUndecidedEpoch: 2 },
  });
  await rollOut(order(2, ["r.2", "r.1"], ["r1", "r2"]), act);
  await close(1);
  expect(await open(2)).toMatchObject({ semanticVersions: ["r.1", "r.2"], policyVersions: ["r1", "r2"] });
});

test("an epoch that may be opening at this moment is decided; another order for one that is ordered is refused", async () => {
  await rollOut(order(1), act);
  await rollOut(order(4, ["r.1", "r.2"]), act);
  await expect(rollOut(order(4, ["r.1"]), act)).rejects.toThrow(refused("VERSION_ROLLOUT_REFUSED"));
  await open(1);
  await close(1);
  await expect(rollOut(order(2, ["r.2"]), act)).rejects.toMatchObject({ detail: { firstUndecidedEpoch: 3 } });
  expect(await rollOut(order(3, ["r.1"]), act)).toBe(true);
});

test("a version is retired before it is left out, and only its own versions does a roll-out retire [OPER-03]", async () => {
  await rollOut(order(1), act);
  const refusal = async (ordered: ReturnType<typeof order>) =>
    await rollOut(ordered, act).catch((reason: unknown) => reason as { code: string; detail: object });
  expect(await refusal(order(2, ["r.2"]))).toMatchObject({
    code: "VERSION_ROLLOUT_REFUSED",
    detail: { dropped: ["semantic r.1"] },
  });
  expect(await refusal(order(2, ["r.2"], ["r2"], ["r.1"]))).toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: { foreign: ["semantic r.1"] },
  });
  const retiring = order(2, ["r.1", "r.2"], ["r1"], ["r.1"]);
  expect(await rollOut(retiring, act)).toBe(true);
  expect(await rollOut(retiring, act)).toBe(false);
  expect(await refusal(order(2, ["r.1", "r.2"]))).toMatchObject({ code: "VERSION_ROLLOUT_REFUSED" });
  // Until then tasks are taken under it.
  expect(await refusal(order(3, ["r.2"]))).toMatchObject({ detail: { dropped: ["semantic r.1"] } });
  await open(1);
  await close(1);
  await open(2);
  expect((await readLiveVersions(database, [scope])).get(scope)).toEqual({ semantic: ["r.2"], policy: ["r1"] });
  expect(await rollOut(order(3, ["r.2"]), act)).toBe(true);
});

test.each([
  ["an unpublished version", ["r.1", "r.9"], ["r1"]],
  ["no semantic version", [], ["r1"]],
  ["no policy version", ["r.1"], []],
])("%s is refused", async (_, semantic, policy) => {
  await expect(rollOut(order(1, semantic, policy), act)).rejects.toThrow(refused("GOVERNANCE_ACT_REFUSED"));
});
