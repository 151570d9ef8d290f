// Governance on the command line, against a real API: versions from opened to published, documents, roll-outs, the history.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoPolicy } from "#cli/demo/policy.ts";
import type { Hex } from "#protocol/hash.ts";
import { policyDigest, registryDigest } from "#protocol/parameters.ts";
import type { GovernanceAct, GovernanceActView, GovernanceReceipt } from "#protocol/schemas/governance.ts";
import { openEpoch } from "#storage/epochs.ts";
import { attributeOf, domainOf, queryAttributeOf } from "#test/layers/documents.ts";
import { run, runJson, scratchFile, scratchFolder } from "../running.ts";
import { openApi, type OpenedApi } from "./opened-api.ts";

const folder = scratchFolder();
const settings = { SCS_DATA_DIR: join(folder, "data") };
const version = "2026.2";
const within = ["--semantic-version", version];

let api: OpenedApi;
let signing: readonly string[];
let board: Hex;
beforeAll(async () => {
  api = await openApi(folder);
  const key = api.key("governance");
  board = key.address;
  await api.enrol(board, ["governance"]);
  signing = ["--url", api.url, "--key-file", key.file, ...api.domainArgs];
});
afterAll(async () => await api.close());

const order = async (...args: readonly string[]) =>
  await runJson<GovernanceReceipt & { error?: { code: string } }>(
    [...args, ...signing, "--reason", "a test"],
    settings,
  );
const ordered = async (...args: readonly string[]): Promise<GovernanceReceipt> => {
  const { code, value, stderr } = await order(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return value;
};
const file = (name: string, content: unknown) => scratchFile(folder, `${name}.json`, content);
const proposed = { status: "proposed", semanticVersion: version } as const;
const attribute = (id: string) => attributeOf(id, { kind: "text" }, { ...proposed, effectiveFrom: version });

test("a version is opened, amended by command, shown, published, listed (DOMN-01, ATTR-01, ATTR-02, ATTR-06)", async () => {
  const first = await ordered("version", "open", version, "--base", "2026.1");
  expect(first).toMatchObject({ sequence: 1, repeated: false });
  const parts = [
    domainOf("global", null, proposed),
    domainOf("art", "global", proposed),
    domainOf("art.film", "art", proposed),
  ];
  for (const each of parts) {
    await ordered("domain", "propose", file("domain", each), ...within);
    for (const to of ["registered", "active"]) await ordered("domain", "move", each.domainId, to, ...within);
  }
  for (const id of ["art.film/title", "art.film/name"]) {
    await ordered("attribute", "propose", file("attribute", attribute(id)), ...within);
    for (const to of ["registered", "active"]) await ordered("attribute", "move", id, to, ...within);
  }
  await ordered("attribute", "supersede", "art.film/name", "art.film/title", ...within);
  const rule = { kind: "prefix", source: "art.film/title", length: 1 } as const;
  const query = queryAttributeOf("art.film?initial", rule, proposed);
  await ordered("query-attribute", "propose", file("query", query), ...within);
  await ordered("query-attribute", "move", "art.film?initial", "registered", ...within);
  const usage = file("usage", { actors: [board], scopes: [] });
  await ordered("query-attribute", "move", "art.film?initial", "restricted", ...within, "--usage", usage);

  expect((await runJson(["version", "list", "--open", "--url", api.url])).value).toMatchObject({
    items: [{ semanticVersion: version, base: "2026.1" }],
  });
  const shown = await run(["version", "show", version, "--url", api.url]);
  expect(shown.stdout).toMatch(
    /opened from 2026.1[^]*art\.film\/name[^]*superseded[^]*art\.film\?initial[^]*restricted/,
  );
  await ordered("version", "publish", version);
  const published = await runJson<{ domains: unknown[] }>(["registry", "show", version, "--url", api.url]);
  expect(published.value.domains).toHaveLength(3);
  expect((await run(["registry", "show", version, "--url", api.url])).stdout).toContain("art.film?initial");
  expect((await run(["version", "list", "--url", api.url])).stdout).toMatch(/2026\.1[^]*2026\.2/);

  const late = await order("domain", "move", "art.film", "deprecated", ...within);
  expect(late).toMatchObject({ code: 2, value: { error: { code: "VERSION_ROLLOUT_REFUSED" } } });
});

test("histories show who did what, and why (ATTR-02)", async () => {
  const kindsOf = async (...args: readonly string[]) => {
    const { value } = await runJson<{ items: GovernanceActView[] }>([...args, "--url", api.url]);
    return value.items.map(({ act }) => act.order.kind);
  };
  expect(await kindsOf("domain", "history", "art.film")).toEqual(["propose_domain", "move_domain", "move_domain"]);
  expect(await kindsOf("attribute", "history", "art.film/name")).toHaveLength(4);
  expect(await kindsOf("query-attribute", "history", "art.film?initial")).toHaveLength(3);
  expect(await kindsOf("acts", "--semantic-version", version, "--limit", "2")).toEqual([
    "open_version",
    "propose_domain",
  ]);
  expect((await run(["acts", "--subject", version, "--url", api.url])).stdout).toMatch(/open_version[^]*a test/);
});

test("an act in a file is ordered as it is, and again is the same act", async () => {
  const act: GovernanceAct = {
    schemaVersion: "1.0",
    by: board,
    reason: "from a file",
    order: { kind: "open_version", semanticVersion: "2026.3", base: version },
    nonce: "file",
  };
  const govern = ["govern", file("act", act), ...signing];
  const first = await runJson<GovernanceReceipt>(govern, settings);
  expect(first.value).toMatchObject({ repeated: false });
  expect((await runJson(govern, settings)).value).toEqual({ ...first.value, repeated: true });
  expect((await run(govern, settings)).stdout).toContain(`was act ${first.value.sequence}`);
  const wrong = await run(["govern", file("wrong", { ...act, crown: true }), ...signing], settings);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("SCHEMA_INVALID") as string });
});

test("a token of the actor stands for its key; without either nobody is asked (OPER-08)", async () => {
  const token = await api.as(board, "governance:write");
  const open = ["version", "open", "2026.4", "--base", version, "--reason", "a test"];
  expect((await runJson([...open, ...token, "--by", board, "--nonce", "t"], settings)).value).toMatchObject({
    repeated: false,
  });
  const nobody = await run([...open, "--url", api.url], settings);
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining("--key-file is missing") as string });
  const operator = await api.as("operator", "governance:write", "actor:write");
  const other = await run([...open, ...operator, "--by", board], settings);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("AUTH_ROLE") as string });
});

test("documents are published once under a version, shown, and refused with other content (OPER-03)", async () => {
  const registry = {
    semanticVersion: "2027.1",
    ...(
      await runJson<{ domains: object[]; attributes: object[]; queryAttributes: object[] }>([
        "registry",
        "show",
        version,
        "--url",
        api.url,
      ])
    ).value,
  };
  const bound = <T extends object>(list: readonly T[]) => list.map((each) => ({ ...each, semanticVersion: "2027.1" }));
  const next = {
    semanticVersion: "2027.1",
    domains: bound(registry.domains),
    attributes: bound(registry.attributes),
    queryAttributes: bound(registry.queryAttributes),
  };
  const published = { version: "2027.1", digest: registryDigest(next as never), repeated: false };
  expect((await order("registry", "publish", file("registry", next))).value).toMatchObject(published);
  const policy = { ...demoPolicy(`0x${"ee".repeat(20)}`, 100), policyVersion: "p2" };
  const policyFile = file("policy", policy);
  expect((await order("policy", "publish", policyFile)).value).toMatchObject({ digest: policyDigest(policy) });
  expect((await order("policy", "publish", policyFile)).code).toBe(0);
  expect((await runJson(["policy", "show", "p2", "--url", api.url])).value).toEqual(policy);
  const refusedWith = async (code: string, ...args: readonly string[]) =>
    expect(await order(...args)).toMatchObject({ code: 2, value: { error: { code } } });
  await refusedWith("VERSION_ROLLOUT_REFUSED", "policy", "publish", file("other", { ...policy, verifiers: 2 }));
  await refusedWith("VERSION_ROLLOUT_REFUSED", "registry", "publish", file("less", { ...next, attributes: [] }));
  await refusedWith("SCHEMA_INVALID", "policy", "publish", file("wrong", { ...policy, verifiers: 0, king: true }));
  expect(await run(["policy", "show", "p9", "--url", api.url])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("SCHEMA_NOT_FOUND") as string,
  });
});

test("rollout names the ruleset; what is decided or not published is refused; an epoch closes by order (OPER-03, EPOC-04)", async () => {
  const rollout = (from: string, ...versions: readonly string[]) =>
    [
      "rollout",
      "side",
      "--from-epoch",
      from,
      ...versions.flatMap((each) => ["--semantic", each]),
      "--policy",
      "1",
    ] as const;
  const first = await order(...rollout("1", version, "2026.1"));
  const ruleset = expect.stringMatching(/^0x[0-9a-f]{64}$/) as string;
  expect(first.value).toMatchObject({ semanticVersions: ["2026.1", version], ruleset, repeated: false });
  const request = { scope: "side", epoch: 1, by: "test" };
  await api.database.transaction(async (transaction) => await openEpoch(transaction, request, new Date()));
  expect(await order(...rollout("1", "2026.1"))).toMatchObject({
    code: 2,
    value: { error: { code: "VERSION_ROLLOUT_REFUSED" } },
  });
  expect(await order(...rollout("2", "2099.1"))).toMatchObject({
    code: 2,
    value: { error: { code: "GOVERNANCE_ACT_REFUSED" } },
  });
  // A version is left out in two steps: it takes no new tasks first.
  expect(await order(...rollout("2", version))).toMatchObject({
    code: 2,
    value: { error: { code: "VERSION_ROLLOUT_REFUSED" } },
  });
  const retiring = await order(...rollout("2", version, "2026.1"), "--retiring-semantic", "2026.1");
  expect(retiring.value).toMatchObject({ retiring: { semanticVersions: ["2026.1"], policyVersions: [] } });
  await ordered("epoch", "aggregate", "side", "1");
  await ordered("epoch", "close", "side", "1");
  const { value } = await runJson(["epoch", "show", "side", "1", "--url", api.url]);
  expect(value).toMatchObject({ status: "closing", trigger: "order" });
  expect(await order("epoch", "close", "side", "1")).toMatchObject({ code: 2 });
});

test("a promotion without a candidate is refused (ATTR-11)", async () => {
  const proposal = { ...attribute("art.film/hue"), semanticVersion: "2026.3", effectiveFrom: "2026.3" };
  const args = ["attribute", "promote", `0x${"ca".repeat(32)}`, file("hue", proposal), "--semantic-version", "2026.3"];
  const declared = ["--alias-of", "art.film/title", "--coverage-exception", "a test"];
  expect(await order(...args, ...declared)).toMatchObject({
    code: 2,
    value: { error: { code: "GOVERNANCE_ACT_REFUSED" } },
  });
});
