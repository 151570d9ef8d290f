// `scs local` against a real API: the pool for its operator, candidates for everybody, as tables and as JSON.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodes } from "#cli/output.ts";
import { candidateOf, countedCollection, settleCandidates } from "#test/application/local-attributes.ts";
import { run, runJson, scratchFolder } from "../running.ts";
import { openApi, type OpenedApi } from "./opened-api.ts";

const folder = scratchFolder();
const settings = { SCS_DATA_DIR: join(folder, "data") };
const candidate = candidateOf(10, "gate");

let api: OpenedApi;
beforeAll(async () => {
  api = await openApi(folder);
  await settleCandidates(api.database, { epoch: 10, revision: 1, state: "candidate_ready", candidates: [candidate] });
});
afterAll(async () => await api.close());

test("local pool shows the operator what its collection holds without canonical attribute [ATTR-09]", async () => {
  const operator = api.key("operator").address;
  await api.enrol(operator, ["vault_operator"]);
  await countedCollection(api.database, { vault: "vault-a", operator, records: [{ gate: "A7" }, { gate: "B1" }] });
  const mine = await api.as(operator, "own:read");
  const { value } = await runJson(["local", "pool", "vault-a", "flights", ...mine], settings);
  expect(value).toMatchObject({ items: [{ name: "gate", occurrences: 2, records: 2 }], next: null });
  const shown = await run(["local", "pool", "vault-a", "flights", ...mine], settings);
  expect(shown).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/gate[^]*text[^]*mobility\.aviation/) as string,
  });
  const strange = await api.as(api.key("stranger").address, "own:read", "audit:read");
  expect(await run(["local", "pool", "vault-a", "flights", ...strange], settings)).toMatchObject({
    code: 2,
    stdout: "",
  });
});

test("local candidates and local candidate show proposals with what speaks for and against them [ATTR-10]", async () => {
  const list = await runJson(["local", "candidates", "main", "10", "--url", api.url], settings);
  const view = { candidate, revision: 1, settlement: "candidate_ready" };
  expect(list).toMatchObject({ code: 0, value: { items: [view], next: null } });
  const none = await runJson(["local", "candidates", "main", "11", "--url", api.url], settings);
  expect(none.value).toEqual({ items: [], next: null });
  expect((await run(["local", "candidates", "main", "--url", api.url], settings)).stdout).toMatch(/gate[^]*2 of 3/);
  const one = await run(["local", "candidate", candidate.candidateId, "--url", api.url], settings);
  expect(one.stdout).toMatch(/12\.34 %[^]*mobility\.aviation\/delay[^]*66\.66 %/);
  expect((await run(["local", "candidates", "main", "0", "--url", api.url], settings)).code).toBe(exitCodes.usage);
});
