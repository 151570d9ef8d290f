// Governance over REST: its own role and scope, acts that count once, and a history that anybody reads.
import { afterAll, beforeAll, expect, test } from "vitest";
import { governanceActDigest, governanceActIdOf } from "#protocol/messages.ts";
import type {
  GovernanceAct,
  GovernanceActView,
  GovernanceOrder,
  GovernanceReceipt,
} from "#protocol/schemas/governance.ts";
import { sign } from "#protocol/signature.ts";
import { domainOf } from "#test/layers/documents.ts";
import { call, expectEveryAnswer, expectProblem } from "../calling.ts";
import { actor, domain, openTestApplication, policy, type Actor, type Opened } from "../opened.ts";

const [board, submitter, stranger] = [actor(1), actor(2), actor(3)];
let opened: Opened;
let token = "";

beforeAll(async () => {
  opened = await openTestApplication();
  await opened.enrol(board.address, ["governance"]);
  await opened.enrol(submitter.address, ["task_submitter", "vault_operator", "verifier", "treasury", "auditor"]);
  token = await opened.token(board.address, "governance:write");
});
afterAll(async () => await opened.close());

let nonces = 0;
const actOf = (order: GovernanceOrder, by: Actor = board): GovernanceAct => ({
  schemaVersion: "1.0",
  by: by.address,
  reason: "a test",
  order,
  nonce: `n${++nonces}`,
});
const signedBy = ({ key }: Actor, act: GovernanceAct) => ({
  act,
  signature: sign(governanceActDigest(domain, act), key),
});
const submit = async (body: unknown, by?: string) =>
  await call(opened, "POST", "/v1/governance/acts", { body, ...(by === undefined ? {} : { token: by }) });
const opening = (semanticVersion: string): GovernanceOrder => ({
  kind: "open_version",
  semanticVersion,
  base: "2026.1",
});

test("an act is ordered by a signature or by a token of the actor, and counts once (ATTR-02, OPER-08)", async () => {
  const act = actOf(opening("v.1"));
  const first = await submit(signedBy(board, act));
  expect(first.statusCode).toBe(201);
  const receipt = first.json<GovernanceReceipt>();
  expect(receipt).toMatchObject({ actId: governanceActIdOf(act), repeated: false });
  const again = await submit(signedBy(board, act));
  expect(again.statusCode).toBe(200);
  expect(again.json()).toEqual({ ...receipt, repeated: true });
  expect((await submit({ act }, token)).json()).toEqual({ ...receipt, repeated: true });
  const other = actOf(opening("v.2"));
  expect((await submit({ act: other }, token)).statusCode).toBe(201);
  expect((await call(opened, "GET", `/v1/governance/acts/${governanceActIdOf(other)}`)).json()).toMatchObject({
    act: other,
    isSigned: false,
  });
});

test("whoever does not govern is refused, whatever they show, and nothing is kept (OPER-08)", async () => {
  const act = actOf(opening("not"));
  expectProblem(await submit({ act }), "AUTH_REQUIRED");
  expectProblem(await submit(signedBy(submitter, act)), "AUTH_SIGNATURE_INVALID");
  expectProblem(await submit({ act, signature: "0x12" }), "AUTH_SIGNATURE_MALFORMED");
  expectProblem(await submit(signedBy(submitter, actOf(opening("not"), submitter))), "AUTH_ROLE");
  expectProblem(await submit(signedBy(stranger, actOf(opening("not"), stranger))), "AUTH_ACTOR_UNKNOWN");
  const everything = ["task:submit", "audit:read", "actor:write", "budget:write", "grant:write"] as const;
  expectProblem(await submit({ act }, await opened.token(board.address, ...everything)), "AUTH_ROLE");
  const operator = await opened.token("operator", ...everything, "governance:write");
  expectProblem(await submit({ act }, operator), "AUTH_ROLE");
  const unfit = await opened.token(submitter.address, "governance:write");
  expectProblem(await submit({ act: actOf(opening("not"), submitter) }, unfit), "AUTH_ROLE");
  expectProblem(await submit(signedBy(board, act), unfit), "AUTH_ROLE");
  expectProblem(
    await submit({ ...signedBy(board, act), act: { ...act, reason: "another" } }),
    "AUTH_SIGNATURE_INVALID",
  );
  const { items } = (await call(opened, "GET", "/v1/governance/acts?subject=not")).json<{ items: unknown[] }>();
  expect(items).toEqual([]);
  expectProblem(await call(opened, "GET", "/v1/registries/not/draft"), "SCHEMA_NOT_FOUND");
});

test("each refusal has its code: version, state, lifecycle, challenge", async () => {
  const order = async (each: GovernanceOrder) => await submit(signedBy(board, actOf(each)));
  const semanticVersion = "v.1";
  const proposal = domainOf("global", null, { status: "proposed", semanticVersion });
  expectProblem(await order(opening("v.1")), "GOVERNANCE_ACT_REFUSED");
  expectProblem(
    await order({ kind: "publish_policy", policy: { ...policy, verifiers: 9 } }),
    "VERSION_ROLLOUT_REFUSED",
  );
  expectProblem(await order({ kind: "close_epoch", scope: "main", epoch: 1 }), "GOVERNANCE_ACT_REFUSED");
  expect((await order({ kind: "propose_domain", semanticVersion, domain: proposal })).statusCode).toBe(201);
  const active = { kind: "move_domain", semanticVersion, domainId: "global", to: "active" } as const;
  expect(expectProblem(await order(active), "GOVERNANCE_TRANSITION_REFUSED").detail).toEqual({
    subject: "global",
    from: "proposed",
    to: "active",
  });
  const verdict = { round: 1, upheld: true, penalty: true } as const;
  expectProblem(
    await order({ kind: "decide_challenge", challengeId: `0x${"cc".repeat(32)}`, ...verdict }),
    "VERIFY_CHALLENGE_NOT_FOUND",
  );
  expectProblem(await submit({ act: { ...actOf(active), order: { kind: "crown", king: "me" } } }), "SCHEMA_INVALID");
  expectProblem(await submit(signedBy(board, { ...actOf(active), schemaVersion: "9" })), "VERSION_SCHEMA_UNKNOWN");
});

test("the draft shows what the acts make of it, and anybody sees it before it is published", async () => {
  const shown = await call(opened, "GET", "/v1/registries/v.1/draft");
  expect(shown.json()).toMatchObject({
    base: "2026.1",
    faults: [],
    registry: { semanticVersion: "v.1", domains: [{ domainId: "global", status: "proposed" }] },
  });
  expectProblem(await call(opened, "GET", "/v1/registries/v.1"), "SCHEMA_NOT_FOUND");
  const versions = async (state: string) => {
    const answer = await call(opened, "GET", `/v1/registries?state=${state}`);
    return answer.json<{ items: { semanticVersion: string }[] }>().items.map((each) => each.semanticVersion);
  };
  expect(await versions("open")).toEqual(["v.1", "v.2"]);
  expect((await submit({ act: actOf({ kind: "publish_version", semanticVersion: "v.1" }) }, token)).statusCode).toBe(
    201,
  );
  expect(await versions("open")).toEqual(["v.2"]);
  expect(await versions("published")).toEqual(["2026.1", "v.1"]);
  expect((await call(opened, "GET", "/v1/registries/v.1")).statusCode).toBe(200);
  const listed = await call(opened, "GET", "/v1/registries?limit=1");
  expect(listed.json()).toMatchObject({ items: [{ semanticVersion: "2026.1", base: null }] });
});

test("the history is read by subject, by version, or all, page by page, by anybody (ATTR-02, DOMN-01)", async () => {
  const read = async (query: string) =>
    (await call(opened, "GET", `/v1/governance/acts${query}`)).json<{
      items: GovernanceActView[];
      next: string | null;
    }>();
  const kinds = (page: { items: GovernanceActView[] }) => page.items.map(({ act }) => act.order.kind);
  expect(kinds(await read("?subject=global"))).toEqual(["propose_domain"]);
  expect(kinds(await read("?semanticVersion=v.1"))).toEqual(["open_version", "propose_domain", "publish_version"]);
  const first = await read("?limit=2");
  const rest = await read(`?limit=9&after=${first.next}`);
  expect([...kinds(first), ...kinds(rest)]).toEqual(kinds(await read("")));
  expect(rest.next).toBeNull();
  expectProblem(await call(opened, "GET", `/v1/governance/acts/0x${"00".repeat(32)}`), "GOVERNANCE_NOT_FOUND");
});

test("every operation was answered in every way it succeeds, as the document says [CONT-02]", () => {
  expectEveryAnswer("governance");
});
