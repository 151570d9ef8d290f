// Epochs and what follows from them are public, but for proofs of what a task answered.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Hex } from "#protocol/hash.ts";
import { call, expectProblem } from "../calling.ts";
import { envelopeOf, signedBy } from "../envelopes.ts";
import { actor, openTestApplication, startOfTests, type Opened } from "../opened.ts";

const alice = actor(1);
let opened: Opened;
let taskId: Hex;

beforeAll(async () => {
  opened = await openTestApplication();
  await opened.enrol(alice.address, ["task_submitter"], 1_000_000n);
  const response = await call(opened, "POST", "/v1/tasks", { body: signedBy(alice, envelopeOf(alice.address)) });
  ({ taskId } = response.json<{ taskId: Hex }>());
  await opened.database.query(
    `INSERT INTO work.epoch (scope, epoch, status, open_at, close_at, trigger, semantic_version_set, policy_version_set, members)
      VALUES ('main', 1, 'closed', $1, $1, 'volume', '{2026.1}', '{1}', 7), ('main', 2, 'open', $1, NULL, NULL, '{2026.1}', '{1}', 0),
        ('other', 1, 'open', $1, NULL, NULL, '{2026.1}', '{1}', 0)`,
    [startOfTests],
  );
});
afterAll(async () => await opened.close());

const proof = async (kind: string, id: string, token?: string) =>
  await call(opened, "GET", `/v1/proofs/main/1/${kind}/${id}`, token === undefined ? {} : { token });

test("what a task answered is proven to its submitter and to auditors; rewards and payouts to anybody", async () => {
  for (const kind of ["result", "evidence"]) {
    expectProblem(await proof(kind, taskId), "AUTH_REQUIRED");
    expectProblem(await proof(kind, taskId, await opened.token(actor(2).address, "own:read")), "AUTH_ROLE");
    expectProblem(await proof(kind, `0x${"00".repeat(32)}`), "SCHEMA_NOT_FOUND");
    // The port of these tests has no proofs: reaching it is what is granted.
    expectProblem(await proof(kind, taskId, await opened.token(alice.address, "own:read")), "PROOF_NOT_READY");
    expectProblem(await proof(kind, taskId, await opened.token("audit", "audit:read")), "PROOF_NOT_READY");
  }
  for (const kind of ["reward", "payout", "journal"]) expectProblem(await proof(kind, taskId), "PROOF_NOT_READY");
  expectProblem(await proof("header", taskId), "SCHEMA_INVALID");
  expect(opened.ports.asked.at(-1)?.input).toEqual({ scope: "main", epoch: 1, kind: "journal", id: taskId });
});

test("epochs are listed by scope and number, and read by both", async () => {
  const listed = (await call(opened, "GET", "/v1/epochs")).json<{ items: { epochId: string }[] }>();
  expect(listed.items.map(({ epochId }) => epochId)).toEqual(["main/1", "main/2", "other/1"]);
  expect((await call(opened, "GET", "/v1/epochs/main/1")).json()).toMatchObject({
    status: "closed",
    trigger: "volume",
    settlementScope: { tasks: 7 },
    closeAt: startOfTests.toISOString(),
  });
  for (const path of ["main/3", "other/2", "nothing/1"]) {
    expectProblem(await call(opened, "GET", `/v1/epochs/${path}`), "SCHEMA_NOT_FOUND");
    expectProblem(await call(opened, "GET", `/v1/settlements/${path}`), "SETTLEMENT_NOT_FOUND");
  }
  for (const path of ["main/0", "main/-1", "main/1.5", "main/x", "Main/1"]) {
    expectProblem(await call(opened, "GET", `/v1/epochs/${path}`), "SCHEMA_INVALID");
  }
});

test("an account without rewards or payouts has empty lists, and no account none", async () => {
  for (const list of ["rewards", "payouts"]) {
    expect((await call(opened, "GET", `/v1/${list}?account=${alice.address}`)).json()).toEqual({
      items: [],
      next: null,
    });
    expectProblem(await call(opened, "GET", `/v1/${list}`), "SCHEMA_INVALID");
    expectProblem(
      await call(opened, "GET", `/v1/${list}?account=${alice.address}&account=${alice.address}`),
      "SCHEMA_INVALID",
    );
  }
});
