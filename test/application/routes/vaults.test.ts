// Vaults over REST: only a collection's operator adds to it or consents for it, and what was taken back stays so.
import { afterAll, beforeAll, expect, test } from "vitest";
import { grantDigest, grantIdOf } from "#protocol/messages.ts";
import type { Grant } from "#protocol/schemas/vault.ts";
import { sign } from "#protocol/signature.ts";
import { call, expectProblem } from "../calling.ts";
import { soonSeconds } from "../envelopes.ts";
import { actor, domain, openTestApplication, startOfTests, type Actor, type Opened } from "../opened.ts";

const [operator, other, producer] = [actor(1), actor(2), actor(3)];
let opened: Opened;
let token = "";
let otherToken = "";

const definitionOf = (owner: Actor, vault = "vault-a") => ({
  vault,
  collection: "flights",
  operator: owner.address,
  fields: { delay: "mobility.aviation/delay" },
});

beforeAll(async () => {
  opened = await openTestApplication();
  for (const { address } of [operator, other]) await opened.enrol(address, ["vault_operator"]);
  await opened.enrol(producer.address, ["data_producer"]);
  token = await opened.token(operator.address, "record:write", "grant:write");
  otherToken = await opened.token(other.address, "record:write", "grant:write");
  await call(opened, "POST", "/v1/vaults/vault-a/collections", { body: definitionOf(operator), token });
});
afterAll(async () => await opened.close());

test("a collection is defined by its operator, in the vault of the address", async () => {
  const define = async (body: unknown, by: string, vault = "vault-a") =>
    await call(opened, "POST", `/v1/vaults/${vault}/collections`, { body, token: by });
  expect((await define(definitionOf(operator), token)).statusCode).toBe(201);
  expectProblem(await define(definitionOf(operator), otherToken), "AUTH_ROLE");
  expectProblem(await define(definitionOf(operator, "vault-b"), token), "SCHEMA_INVALID");
  const nobody = await opened.token(actor(9).address, "record:write");
  expectProblem(await define(definitionOf(actor(9), "vault-c"), nobody, "vault-c"), "AUTH_ACTOR_UNKNOWN");
  const unfit = await opened.token(producer.address, "record:write");
  expectProblem(await define(definitionOf(producer, "vault-c"), unfit, "vault-c"), "AUTH_ROLE");
});

test("records are added by the collection's operator for a registered producer; nothing of them is logged", async () => {
  const secret = "planted-secret-4711";
  const body = { producer: producer.address, records: [{ recordId: "1", record: { delay: 7, name: secret } }] };
  const add = async (by: string, change = {}, collection = "flights") =>
    await call(opened, "POST", `/v1/vaults/vault-a/collections/${collection}/records`, {
      body: { ...body, ...change },
      token: by,
    });
  expect((await add(token)).json()).toMatchObject({ added: 1, size: 1 });
  expectProblem(await add(otherToken), "AUTH_ROLE");
  expectProblem(await add(token, { producer: other.address }), "AUTH_ROLE");
  expectProblem(await add(token, { producer: actor(9).address }), "AUTH_ACTOR_UNKNOWN");
  expectProblem(await add(token, {}, "nothing"), "SCHEMA_NOT_FOUND");
  expect(opened.ports.asked.filter(({ port }) => port === "ingest")).toHaveLength(1);
  expect(opened.logged.join("")).not.toContain(secret);
});

const grantOf = (change: Partial<Grant> = {}): Grant => ({
  vault: "vault-a",
  collection: "flights",
  grantee: other.address,
  programs: ["protected_query"],
  untilSeconds: soonSeconds,
  nonce: "1",
  ...change,
});

const signedBy = ({ key }: Actor, grant: Grant) => ({ grant, signature: sign(grantDigest(domain, grant), key) });

const give = async (body: unknown, by?: string) =>
  await call(opened, "POST", "/v1/grants", { body, ...(by === undefined ? {} : { token: by }) });

test("consent is given by the operator's signature or by the operator's token, and by nobody else's", async () => {
  const grant = grantOf();
  expect((await give(signedBy(operator, grant))).json()).toEqual({ grantId: grantIdOf(grant) });
  expect((await give(signedBy(operator, grant))).statusCode).toBe(200);
  expect((await give({ grant: grantOf({ nonce: "2" }) }, token)).statusCode).toBe(201);
  expectProblem(await give({ grant }), "AUTH_REQUIRED");
  expectProblem(await give({ grant }, otherToken), "AUTH_ROLE");
  expectProblem(await give(signedBy(other, grant)), "AUTH_SIGNATURE_INVALID");
  expectProblem(
    await give({ ...signedBy(operator, grant), grant: grantOf({ untilSeconds: soonSeconds + 1 }) }),
    "AUTH_SIGNATURE_INVALID",
  );
  expectProblem(await give({ grant, signature: "0x1234" }), "AUTH_SIGNATURE_MALFORMED");
  expectProblem(await give(signedBy(operator, grantOf({ collection: "nothing" }))), "SCHEMA_NOT_FOUND");
  expectProblem(
    await give(signedBy(operator, grantOf({ untilSeconds: startOfTests.getTime() / 1000 }))),
    "AUTH_EXPIRED",
  );
});

test("consent is taken back by the operator alone; its signature does not bring it back", async () => {
  const grant = grantOf({ nonce: "3" });
  const signed = signedBy(operator, grant);
  await give(signed);
  const revoke = async (by: string, id: string = grantIdOf(grant)) =>
    await call(opened, "DELETE", `/v1/grants/${id}`, { token: by });
  expectProblem(await revoke(otherToken), "AUTH_ROLE");
  expect((await revoke(token)).statusCode).toBe(204);
  expect((await revoke(token)).statusCode).toBe(204);
  expectProblem(await give(signed), "AUTH_REPLAYED");
  expectProblem(await revoke(token, `0x${"00".repeat(32)}`), "SCHEMA_NOT_FOUND");
  expect(opened.ports.asked.filter(({ port }) => port === "revokeGrant")).toHaveLength(1);
});
