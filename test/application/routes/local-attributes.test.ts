// Local attributes over REST: a pool is for the collection's operator alone, candidates are for everybody.
import { afterAll, beforeAll, expect, test } from "vitest";
import { call, expectEveryAnswer, expectProblem } from "../calling.ts";
import { candidateOf, countedCollection, settleCandidates } from "../local-attributes.ts";
import { actor, openTestApplication, type Opened } from "../opened.ts";

const [operator, other, producer] = [actor(1), actor(2), actor(3)];
const secret = "planted-secret-1815";
let opened: Opened;
let token = "";

const poolPath = "/v1/vaults/vault-a/collections/flights/local-attributes";
const read = async (path: string, by?: string) =>
  await call(opened, "GET", path, by === undefined ? {} : { token: by });

beforeAll(async () => {
  opened = await openTestApplication();
  for (const { address } of [operator, other]) await opened.enrol(address, ["vault_operator", "auditor"]);
  await opened.enrol(producer.address, ["data_producer"]);
  token = await opened.token(operator.address, "own:read");
  const records = [
    { delay: 1, gate: secret },
    { delay: 2, gate: "B", delays: 3 },
    { delay: 3, weight: "1.5" },
  ];
  await countedCollection(opened.database, { vault: "vault-a", operator: operator.address, records });
  const [first, second] = [candidateOf(10, "gate"), candidateOf(10, "weight")];
  await settleCandidates(opened.database, { epoch: 10, revision: 1, state: "failed", candidates: [first, second] });
  await settleCandidates(opened.database, {
    epoch: 10,
    revision: 2,
    state: "candidate_ready",
    candidates: [first, second],
  });
  await settleCandidates(opened.database, {
    epoch: 20,
    revision: 1,
    state: "candidate_ready",
    candidates: [candidateOf(20, "gate")],
  });
});
afterAll(async () => await opened.close());

test("a pool keeps identifier, hint, frequency, stability and mapping, and shows no value [ATTR-09]", async () => {
  const page = await read(`${poolPath}?limit=2`, token);
  expect(page.statusCode).toBe(200);
  expect(page.json()).toEqual({
    items: [
      {
        localAttributeId: "vault-a/flights/delays",
        name: "delays",
        valueKind: "integer",
        domainHint: "mobility.aviation",
        occurrences: 1,
        records: 3,
        epochsSeen: 1,
        epochsObserved: 1,
        mapping: null,
        released: null,
      },
      expect.objectContaining({ name: "gate", valueKind: "text", occurrences: 2, records: 3 }),
    ],
    next: "gate/text",
  });
  const rest = await read(`${poolPath}?limit=2&after=gate/text`, token);
  expect(rest.json()).toMatchObject({ items: [{ name: "weight", valueKind: "decimal" }], next: null });
  expect(page.body + opened.logged.join("")).not.toContain(secret);
});

test("nobody but the collection's operator reads its pool: no other operator, no auditor, no operator of the node [ATTR-09]", async () => {
  expectProblem(await read(poolPath), "AUTH_REQUIRED");
  expectProblem(await read(poolPath, await opened.token(other.address, "own:read")), "AUTH_ROLE");
  expectProblem(await read(poolPath, await opened.token(other.address, "audit:read")), "AUTH_ROLE");
  expectProblem(
    await read(poolPath, await opened.token("operator", "own:read", "audit:read", "actor:write")),
    "AUTH_ROLE",
  );
  expectProblem(await read(poolPath, await opened.token(operator.address, "record:write")), "AUTH_ROLE");
  expectProblem(await read("/v1/vaults/vault-a/collections/none/local-attributes", token), "SCHEMA_NOT_FOUND");
  expectProblem(await read(`${poolPath}?after=x`, token), "SCHEMA_INVALID");
});

test("candidates are public, of every revision, by epoch and in pages [ATTR-10]", async () => {
  type Page = {
    readonly items: readonly { readonly candidate: { readonly name: string } }[];
    readonly next: string | null;
  };
  const path = "/v1/local-attributes/candidates?scope=main";
  const all = (await read(path)).json<Page>();
  expect(all.items.map(({ candidate }) => candidate.name)).toEqual(["gate", "weight", "gate", "weight", "gate"]);
  expect(all.items).toContainEqual({ candidate: candidateOf(20, "gate"), revision: 1, settlement: "candidate_ready" });
  const first = (await read(`${path}&epoch=10&limit=3`)).json<Page>();
  expect(first.next).toBe("main/10/2/0");
  const second = (await read(`${path}&epoch=10&limit=3&after=${first.next ?? ""}`)).json<Page>();
  expect([...first.items, ...second.items]).toEqual(all.items.slice(0, 4));
  expect((await read("/v1/local-attributes/candidates?scope=elsewhere")).json()).toEqual({ items: [], next: null });
});

test("a candidate is read by its id, as the newest revision holds it; an unknown one is not found [ATTR-10]", async () => {
  const { candidateId } = candidateOf(10, "weight");
  expect((await read(`/v1/local-attributes/candidates/${candidateId}`)).json()).toEqual({
    candidate: candidateOf(10, "weight"),
    revision: 2,
    settlement: "candidate_ready",
  });
  expectProblem(await read(`/v1/local-attributes/candidates/0x${"ab".repeat(32)}`), "SCHEMA_NOT_FOUND");
});

test("every operation was answered in every way it succeeds, as the document says [CONT-02]", () => {
  expectEveryAnswer("local attributes");
});
