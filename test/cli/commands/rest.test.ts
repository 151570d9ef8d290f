// The commands over REST against a real API: each answers what the API answered, and as JSON nothing else.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { run, runJson, runScs, scratchFile, scratchFolder } from "../running.ts";
import { openApi, type OpenedApi } from "./opened-api.ts";

const folder = scratchFolder();
const settings = { SCS_DATA_DIR: join(folder, "data") };
const account: Hex = `0x${"12".repeat(20)}`;
const program = '{"kind":"protected_query","domain":"global","measure":{"function":"count"}}';

let api: OpenedApi;
beforeAll(async () => {
  api = await openApi(folder);
});
afterAll(async () => await api.close());

const taskArgs = (keyFile: string, ...more: readonly string[]): readonly string[] => {
  const versions = ["--semantic-version", "2026.1", "--policy-version", "1", "--fee-limit", "1000"];
  const asked = ["--program", program, "--source", "vault-a/things", ...versions];
  return ["task", "submit", "--url", api.url, "--key-file", keyFile, ...api.domainArgs, ...asked, ...more];
};

test("actor add registers roles", async () => {
  const operator = await api.as("operator", "actor:write");
  const { code, value } = await runJson(["actor", "add", account, "task_submitter", "auditor", ...operator], settings);
  expect({ code, value }).toEqual({ code: 0, value: { address: account, roles: ["task_submitter", "auditor"] } });
});

test("budget deposit counts once for a reference; budget show shows it to people", async () => {
  const treasury = await api.as("operator", "budget:write");
  const deposit = ["budget", "deposit", account, "500", "--reference", "r1", ...treasury];
  await run(deposit, settings);
  const { value } = await runJson(deposit, settings);
  expect(value).toEqual({ account, available: "500", reserved: "0" });
  const shown = await run(["budget", "show", account, ...treasury], settings);
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toMatch(/available[^]*500/);
});

test("a refusal of the API is reported with its code and remedy, and as JSON as the one value", async () => {
  const { code, stdout, stderr } = await run(["budget", "show", account, "--url", api.url], settings);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^AUTH_REQUIRED: [^]*bearer token/);
  const json = await runScs(["budget", "show", account, "--url", api.url, "--json"], settings);
  expect(json.code).toBe(2);
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "AUTH_REQUIRED", retry: false } });
});

test("an API that does not answer is named", async () => {
  const { code, stderr } = await run(["epoch", "list", "--url", "http://127.0.0.1:1"], settings);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^INTERNAL_API_UNREACHABLE: [^]*no answer from http:\/\/127\.0\.0\.1:1: start the node with/);
});

test("task submit signs, prints the id, and again is the same task; get, history and list show it", async () => {
  const alice = api.key("alice");
  await api.enrol(alice.address, ["task_submitter"], 10_000n);
  const args = taskArgs(alice.file, "--idempotency-key", "k1", "--seed", `0x${"5e".repeat(32)}`);
  const first = await run(args, settings);
  expect(first).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^0x[0-9a-f]{64}\n$/) as string });
  const taskId = first.stdout.trim();

  const mine = await api.as(alice.address, "own:read");
  const { value: seen } = await runJson<{ envelope: unknown }>(["task", "get", taskId, ...mine], settings);
  expect(seen).toMatchObject({ taskId, state: "accepted", submitter: alice.address });
  const envelope = scratchFile(folder, "envelope.json", seen.envelope);
  const again = await runJson(
    ["task", "submit", "--url", api.url, "--key-file", alice.file, ...api.domainArgs, "--envelope", envelope],
    settings,
  );
  expect(again.value).toEqual({ taskId, state: "accepted", repeated: true });

  const history = await runJson(["task", "history", taskId, ...mine], settings);
  expect(history.value).toMatchObject({ transitions: [{ from: null, to: "accepted" }] });
  expect((await run(["task", "history", taskId, ...mine], settings)).stdout).toContain("accepted");
  const list = await runJson(["task", "list", "--limit", "5", ...mine], settings);
  expect(list.value).toMatchObject({ items: [{ taskId, state: "accepted" }], next: null });
  const stranger = await runJson(["task", "get", taskId, "--url", api.url], settings);
  expect(stranger.value).toEqual({ taskId, scope: "main", state: "accepted", epoch: null });
});

test("a task signed for another anchor is refused, and so is one that costs more than there is", async () => {
  const bob = api.key("bob");
  await api.enrol(bob.address, ["task_submitter"], 10n);
  const elsewhere = await run([...taskArgs(bob.file), "--anchor", `0x${"bb".repeat(20)}`], settings);
  expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining("AUTH_SIGNATURE_INVALID") as string });
  const dear = await run(taskArgs(bob.file), settings);
  expect(dear).toMatchObject({ code: 2, stderr: expect.stringContaining("POLICY_BUDGET_EXCEEDED") as string });
});

test("options that are missing are all named, and no key is made by the way", async () => {
  const { code, stderr } = await run(["task", "submit", "--url", api.url], settings);
  expect(code).toBe(2);
  for (const name of ["--program", "--source", "--semantic-version", "--fee-limit", "--key-file"]) {
    expect(stderr).toContain(name);
  }
  const missing = await run(taskArgs(join(folder, "nobody.key")), settings);
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("does not exist") as string });
});

test("vault define, ingest, grant and revoke", async () => {
  const east = api.key("east");
  const producer = api.key("producer");
  await api.enrol(east.address, ["vault_operator"]);
  await api.enrol(producer.address, ["data_producer"]);
  const operator = await api.as(east.address, "record:write", "grant:write");
  const definition = { vault: "east", collection: "things", operator: east.address, fields: { a: "global/a" } };
  const file = scratchFile(folder, "collection.json", definition);
  expect((await runJson(["vault", "define", file, ...operator], settings)).value).toEqual(definition);

  const lines = Array.from({ length: 6_000 }, (_, at) => JSON.stringify({ recordId: `r${at}`, record: { a: "x" } }));
  const records = scratchFile(folder, "records.jsonl", `${lines.join("\n")}\n`);
  const ingest = ["vault", "ingest", "east", "things", records, "--producer", producer.address, ...operator];
  const ingested = await runJson(ingest, settings);
  expect(ingested.value).toMatchObject({ added: 6_000, repeated: 0 });
  expect(ingested.stderr).toContain("east/things");
  const batches = api.ports.asked.filter(({ port }) => port === "ingest");
  expect(batches).toHaveLength(2);

  const signed = ["--key-file", east.file, ...api.domainArgs];
  const grant = ["vault", "grant", "east", "things", account, "--url", api.url, "--nonce", "n1", ...signed];
  const given = await runJson<{ grantId: Hex }>(grant, settings);
  expect(given).toMatchObject({
    code: 0,
    value: { grantId: expect.stringMatching(/^0x/) as string, grant: { nonce: "n1" } },
  });
  const revoke = await runJson(["vault", "revoke", given.value.grantId, ...operator], settings);
  expect(revoke.value).toEqual({ grantId: given.value.grantId, revoked: true });
});

test("a bad line is named by its number, and what it holds is not repeated", async () => {
  const producer = api.key("producer");
  const token = await api.as(account, "record:write");
  const lines = ['{"recordId":"1","record":{"a":1}}', '{"recordId":"2","record":{"a":"private","a":2}}'];
  const records = scratchFile(folder, "bad.jsonl", lines.join("\n"));
  const { code, stdout, stderr } = await run(
    ["vault", "ingest", "east", "things", records, "--producer", producer.address, ...token],
    settings,
  );
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("SCHEMA_DUPLICATE_KEY");
  expect(stderr).toContain(`${records}:2`);
  expect(stderr).not.toContain("private");
});

test.each([
  [["epoch", "list", "--scope", "main"], { items: [], next: null }],
  [["reward", "list", account], { items: [], next: null }],
  [["payout", "list", account], { items: [], next: null }],
])("scs %j answers a page", async (args, page) => {
  expect(await runJson([...args, "--url", api.url], settings)).toMatchObject({ code: 0, value: page });
  expect((await run([...args, "--url", api.url], settings)).stdout).toMatch(/epoch/);
});

test.each([
  [["epoch", "show", "main", "7"], "SCHEMA_NOT_FOUND"],
  [["settlement", "show", "main", "7"], "SETTLEMENT_NOT_FOUND"],
  [["proof", "get", "main", "7", "payout", `0x${"ab".repeat(32)}`], "PROOF_NOT_READY"],
])("scs %j says what is not there", async (args, code) => {
  const ran = await runJson([...args, "--url", api.url], settings);
  expect(ran).toMatchObject({ code: 2, value: { error: { code } } });
});
