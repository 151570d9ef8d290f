// Acts of governance carried out: by whom, with what effect, kept in the history, all or nothing.
import { beforeAll, expect, test } from "vitest";
import { canonicalText } from "#protocol/canonical.ts";
import { draftOf, subjectOf } from "#protocol/governance.ts";
import { actsPerVersion } from "#protocol/limits.ts";
import { governanceActIdOf } from "#protocol/messages.ts";
import { indexRegistry, resolve } from "#protocol/resolution.ts";
import type { GovernanceOrder } from "#protocol/schemas/governance.ts";
import { carryOut } from "#semantic/govern.ts";
import { readDraft } from "#semantic/registry-draft.ts";
import { insertAct, listActs } from "#storage/governance.ts";
import { readLastRegistry, readRegistry } from "#storage/registry.ts";
import { registerActor } from "#storage/tokens.ts";
import { actor } from "#test/layers/actors.ts";
import { journalled } from "#test/layers/database.ts";
import { domainOf, policyOf, queryAttributeOf, registryOf } from "#test/layers/documents.ts";
import { query } from "#test/layers/sales.ts";
import { board, now, openGovernance, proposalIn } from "./governing.ts";

const { database, deps, actOf, carry, order, codeOf } = await openGovernance();

beforeAll(async () => {
  await registerActor(database, { address: actor("other").address, roles: ["task_submitter", "auditor"] }, "test", now);
});

test("an act counts by its actor's signature, and the actor governs (ATTR-02, OPER-08)", async () => {
  const act = actOf({ kind: "open_version", semanticVersion: "who", base: "2026.1" });
  await expect(carry(act, actor("other"))).rejects.toMatchObject({ code: "AUTH_SIGNATURE_INVALID" });
  await expect(carryOut(deps, act, "0x12")).rejects.toMatchObject({ code: "AUTH_SIGNATURE_MALFORMED" });
  await expect(carry({ ...act, by: actor("other").address }, actor("other"))).rejects.toMatchObject({
    code: "AUTH_ROLE",
    detail: { required: ["governance"] },
  });
  await expect(carry({ ...act, by: actor("nobody").address }, actor("nobody"))).rejects.toMatchObject({
    code: "AUTH_ACTOR_UNKNOWN",
  });
  await expect(carry({ ...act, schemaVersion: "2.0" })).rejects.toMatchObject({ code: "VERSION_SCHEMA_UNKNOWN" });
  expect(await readDraft(database, "who")).toBeUndefined();
});

test("a role that was taken away governs no more, not even by a token (OPER-08)", async () => {
  const gone = actor("gone");
  const act = actOf({ kind: "open_version", semanticVersion: "gone", base: "2026.1" }, { by: gone.address });
  await registerActor(database, { address: gone.address, roles: ["governance", "auditor"] }, "test", now);
  expect(await carryOut(deps, act, null)).toMatchObject({ repeated: false });
  await registerActor(database, { address: gone.address, roles: ["auditor"] }, "test", now);
  await expect(carryOut(deps, act, null)).rejects.toMatchObject({ code: "AUTH_ROLE" });
});

test("an act is kept once, in the history and in the journal, bound to its version (ATTR-02)", async () => {
  const act = actOf({ kind: "open_version", semanticVersion: "once", base: "2026.1" });
  const receipt = await carry(act);
  expect(receipt).toEqual({ actId: governanceActIdOf(act), sequence: receipt.sequence, repeated: false });
  expect(await carry(act)).toEqual({ ...receipt, repeated: true });
  const page = await listActs(database, { semanticVersion: "once" }, { after: undefined, limit: 5 });
  expect(page.items).toEqual([
    {
      actId: receipt.actId,
      sequence: receipt.sequence,
      subject: "once",
      semanticVersion: "once",
      act,
      isSigned: true,
      at: now.toISOString(),
    },
  ]);
  expect(await journalled(database, "governance", Buffer.from("once"))).toEqual([
    { act: "open_version", actId: receipt.actId, by: board.address, isSigned: true, semanticVersion: "once" },
  ]);
});

test("acts at the same time follow one another: one opens the version, one is the same act again", async () => {
  const act = actOf({ kind: "open_version", semanticVersion: "race", base: "2026.1" });
  const rival = actOf({ kind: "open_version", semanticVersion: "race", base: "2026.1" });
  const outcomes = await Promise.allSettled([carry(act), carry(act), carry(rival), carry(rival)]);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  expect((await listActs(database, { subject: "race" }, { after: undefined, limit: 5 })).items).toHaveLength(1);
});

test("a version is opened, amended act by act, and published; from then on it means that for ever (ATTR-02, ATTR-05, ATTR-06)", async () => {
  const version = "2026.2";
  const proposed = { status: "proposed", semanticVersion: version } as const;
  const rule = { kind: "prefix", source: "trade.sales/colour", length: 1 } as const;
  const usage = { actors: [board.address], scopes: [] };
  const attributeId = "trade.sales/colour";
  const queryAttributeId = "trade.sales?colour";
  await order({ kind: "open_version", semanticVersion: version, base: "2026.1" });
  const acts: readonly GovernanceOrder[] = [
    { kind: "propose_domain", semanticVersion: version, domain: domainOf("trade.tax", "trade", proposed) },
    { kind: "move_domain", semanticVersion: version, domainId: "trade.tax", to: "registered" },
    { kind: "move_domain", semanticVersion: version, domainId: "trade.tax", to: "active" },
    { kind: "propose_attribute", semanticVersion: version, attribute: proposalIn(version, attributeId) },
    { kind: "move_attribute", semanticVersion: version, attributeId, to: "registered" },
    { kind: "move_attribute", semanticVersion: version, attributeId, to: "active" },
    {
      kind: "move_attribute",
      semanticVersion: version,
      attributeId: "trade.sales/note",
      to: "superseded",
      successor: attributeId,
    },
    {
      kind: "propose_query_attribute",
      semanticVersion: version,
      queryAttribute: queryAttributeOf(queryAttributeId, rule, proposed),
    },
    { kind: "move_query_attribute", semanticVersion: version, queryAttributeId, to: "registered" },
    {
      kind: "move_query_attribute",
      semanticVersion: version,
      queryAttributeId,
      to: "restricted",
      allowedUsageScope: usage,
    },
  ];
  for (const each of acts) await order(each);
  const draft = await readDraft(database, version);
  expect(draft).toMatchObject({ base: "2026.1", faults: [] });
  expect(await readRegistry(database, version)).toBeUndefined();
  await order({ kind: "publish_version", semanticVersion: version });
  const published = await readRegistry(database, version);
  expect(published).toEqual(draft?.registry);
  const untouched = draftOf(registryOf("2026.1"), version);
  expect(published?.domains).toEqual([
    ...untouched.domains,
    { ...domainOf("trade.tax", "trade", proposed), status: "active", domainVersion: version },
  ]);
  expect(published?.attributes.find((each) => each.attributeId === "trade.sales/note")).toMatchObject({
    status: "superseded",
    successor: attributeId,
  });
  expect(published?.queryAttributes.at(-1)).toMatchObject({ status: "restricted", allowedUsageScope: usage });

  const retire = { kind: "move_domain", semanticVersion: version, domainId: "trade.tax", to: "retired" } as const;
  expect(await codeOf(retire)).toBe("VERSION_ROLLOUT_REFUSED");
  expect(await codeOf({ kind: "publish_version", semanticVersion: version })).toBe("VERSION_ROLLOUT_REFUSED");
  expect(await codeOf({ kind: "open_version", semanticVersion: version, base: "2026.1" })).toBe(
    "VERSION_ROLLOUT_REFUSED",
  );
  expect(await readRegistry(database, version)).toEqual(published);
  const history = await listActs(database, { subject: attributeId }, { after: undefined, limit: 9 });
  expect(history.items.map(({ act }) => act.order.kind)).toEqual([
    "propose_attribute",
    "move_attribute",
    "move_attribute",
  ]);
});

test.each<[string, string, GovernanceOrder]>([
  ["its base is not published", "GOVERNANCE_ACT_REFUSED", { kind: "open_version", semanticVersion: "x", base: "none" }],
  ["it was never opened", "GOVERNANCE_ACT_REFUSED", { kind: "publish_version", semanticVersion: "x" }],
  [
    "what is amended was never opened",
    "GOVERNANCE_ACT_REFUSED",
    { kind: "move_domain", semanticVersion: "x", domainId: "trade", to: "deprecated" },
  ],
  [
    "what is amended is published",
    "VERSION_ROLLOUT_REFUSED",
    { kind: "move_domain", semanticVersion: "2026.1", domainId: "trade", to: "deprecated" },
  ],
  [
    "another registry under a published version",
    "VERSION_ROLLOUT_REFUSED",
    { kind: "publish_registry", registry: { ...registryOf("2026.1"), attributes: [] } },
  ],
  [
    "another policy under a published version",
    "VERSION_ROLLOUT_REFUSED",
    { kind: "publish_policy", policy: policyOf({ minimumGroupSize: 1 }) },
  ],
  [
    "a registry in which something vanished",
    "GOVERNANCE_ACT_REFUSED",
    { kind: "publish_registry", registry: { ...registryOf("y"), queryAttributes: [] } },
  ],
])("refused, and nothing is kept: %s (ATTR-05, OPER-03)", async (_, code, each) => {
  const filter = { subject: subjectOf(each) };
  const before = await listActs(database, filter, { after: undefined, limit: 500 });
  expect(await codeOf(each)).toBe(code);
  expect(await listActs(database, filter, { after: undefined, limit: 500 })).toEqual(before);
});

test("what brings a fault in is refused at once; a domain may name what comes after it, and cannot be published before", async () => {
  const version = "faulty";
  const proposed = { status: "proposed", semanticVersion: version } as const;
  await order({ kind: "open_version", semanticVersion: version, base: "2026.1" });
  const astray = proposalIn(version, "trade.none/x");
  expect(await codeOf({ kind: "propose_attribute", semanticVersion: version, attribute: astray })).toBe(
    "GOVERNANCE_ACT_REFUSED",
  );
  const rule = { kind: "presence", source: "trade.sales/none" } as const;
  const queryAttribute = queryAttributeOf("trade.sales?none", rule, proposed);
  expect(await codeOf({ kind: "propose_query_attribute", semanticVersion: version, queryAttribute })).toBe(
    "GOVERNANCE_ACT_REFUSED",
  );
  const mediation = { "trade.people/age": "trade.mine/age" };
  const references = [{ domain: "trade.people", answer: "mediated" as const, mediation }];
  const mine = domainOf("trade.mine", "trade", { ...proposed, references });
  await order({ kind: "propose_domain", semanticVersion: version, domain: mine });
  expect((await readDraft(database, version))?.faults).toHaveLength(1);
  expect(await codeOf({ kind: "publish_version", semanticVersion: version })).toBe("GOVERNANCE_ACT_REFUSED");
  const attribute = proposalIn(version, "trade.mine/age");
  await order({ kind: "propose_attribute", semanticVersion: version, attribute });
  expect((await readDraft(database, version))?.faults).toEqual([]);
});

test("a version takes a bounded number of acts, since whoever looks at it has them folded", async () => {
  const version = "full";
  await order({ kind: "open_version", semanticVersion: version, base: "2026.1" });
  const proposal = {
    kind: "propose_attribute",
    semanticVersion: version,
    attribute: proposalIn(version, "trade.sales/x"),
  } as const;
  await database.transaction(async (transaction) => {
    for (let at = 0; at < actsPerVersion; at++)
      await insertAct(transaction, { act: actOf(proposal), signature: null }, now);
  });
  expect(await readDraft(database, version)).toMatchObject({ acts: actsPerVersion, faults: [] });
  await expect(order(proposal)).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: { acts: actsPerVersion },
  });
});

test("a version opened from one that is not the last any more is published only if it still follows (ATTR-02)", async () => {
  for (const version of ["b.1", "b.2"]) {
    await order({ kind: "open_version", semanticVersion: version, base: "2026.2" });
    const attribute = proposalIn(version, `trade.sales/only_in_${version.replace(".", "_")}`);
    await order({ kind: "propose_attribute", semanticVersion: version, attribute });
  }
  await order({ kind: "publish_version", semanticVersion: "b.1" });
  await expect(order({ kind: "publish_version", semanticVersion: "b.2" })).rejects.toMatchObject({
    code: "GOVERNANCE_ACT_REFUSED",
    detail: { faults: ["attribute trade.sales/only_in_b_1: it vanished"] },
  });
});

test("retiring a domain leaves what older versions mean byte for byte; the new one refuses (DOMN-04, DOMN-02, ATTR-05)", async () => {
  const program = query({ function: "sum", attribute: "price" });
  const requester = { submitter: board.address, scope: "trade" };
  const resolved = async (version: string) => {
    const registry = await readRegistry(database, version);
    if (registry === undefined) throw new Error(`${version} is not published`);
    const resolution = resolve(program, indexRegistry(registry), requester);
    return resolution.kind === "resolved" ? canonicalText(resolution.result) : resolution.refusal.code;
  };
  const before = await resolved("2026.1");
  const version = "without-sales";
  const last = (await readLastRegistry(database))?.semanticVersion ?? "";
  await order({ kind: "open_version", semanticVersion: version, base: last });
  for (const to of ["deprecated", "retired"] as const) {
    await order({ kind: "move_domain", semanticVersion: version, domainId: "trade.sales", to });
  }
  await order({ kind: "publish_version", semanticVersion: version });
  expect(before).toContain("trade.sales/amount");
  expect(await resolved("2026.1")).toBe(before);
  expect(await resolved(version)).toBe("POLICY_DOMAIN_UNKNOWN");
});
