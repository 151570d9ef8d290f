// `scs challenge` against a real API: evidence, opening, listing, showing, deciding by governance, reopening.
import { join } from "node:path";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contentId } from "#protocol/hash.ts";
import { challengeEvidenceHashOf } from "#protocol/messages.ts";
import type { ChallengeEvidence, ChallengeReceipt, ChallengeView } from "#protocol/schemas/challenge.ts";
import { candidateAtHand } from "#test/application/candidate-at-hand.ts";
import { reviewAll, taskState } from "#test/settlement/challenging.ts";
import { finishedTask, scope } from "#test/settlement/finished-tasks.ts";
import type { Settling } from "#test/settlement/settling.ts";
import { run, runJson, scratchFolder } from "../running.ts";
import { openApi, type OpenedApi } from "./opened-api.ts";

const folder = scratchFolder();
const settings = { SCS_DATA_DIR: join(folder, "data") };
const own = contentId("test.output", "own");
const { taskId } = finishedTask(0);
let api: OpenedApi;
let settling: Settling;
let epoch = 0;
let asChallenger: readonly string[] = [];
let challengerArgs: readonly string[] = [];

beforeAll(async () => {
  api = await openApi(folder);
  ({ settling, epoch } = await candidateAtHand(api, 6));
  const challenger = api.key("challenger");
  await api.enrol(challenger.address, ["challenger"]);
  asChallenger = await api.as(challenger.address, "challenge:write");
  challengerArgs = [...asChallenger, "--key-file", challenger.file, ...api.domainArgs];
});
afterAll(async () => {
  await api.close();
  await settling.close();
});

const fileOf = (name: string): string => join(folder, `${name}.json`);
const evidence = async (name: string, task = taskId) =>
  await runJson<ChallengeEvidence>(
    ["challenge", "evidence", task, ...asChallenger, "--recomputed", own, "--remark", name, "--out", fileOf(name)],
    settings,
  );

async function openFirst(): Promise<ChallengeReceipt> {
  if (!existsSync(fileOf("first"))) await evidence("first");
  const opened = await runJson<ChallengeReceipt>(["challenge", "open", fileOf("first"), ...challengerArgs], settings);
  expect(opened.code).toBe(0);
  return opened.value;
}

test("evidence holds what was claimed and what the own execution gave, from its commitment or its result", async () => {
  const { code, value } = await evidence("first");
  expect(code).toBe(0);
  expect(value).toMatchObject({ taskId, recomputedCommitment: own, bundle: finishedTask(0).bundle, remark: "first" });
  expect(JSON.parse(readFileSync(fileOf("first"), "utf8"))).toEqual(value);
  const result = join(folder, "result.json");
  writeFileSync(result, finishedTask(1).result);
  const asked = ["challenge", "evidence", finishedTask(1).taskId, ...asChallenger, "--result", result];
  const honest = await runJson<ChallengeEvidence>(asked, settings);
  expect(honest.value.recomputedCommitment).toBe(finishedTask(1).bundle.outputCommitment);
  const neither = await run(["challenge", "evidence", taskId, ...asChallenger], settings);
  expect(neither).toMatchObject({ code: 2, stderr: expect.stringMatching(/--result or --recomputed/) as string });
  const strange = ["--decision", `0x${"99".repeat(32)}`, "--recomputed", own];
  const wrong = await run(["challenge", "evidence", taskId, ...asChallenger, ...strange], settings);
  expect(wrong.stderr).toMatch(/^VERIFY_CHALLENGE_REFUSED/);
});

test("a challenge is opened, listed, shown, dismissed by governance, and reopened by new evidence [CHAL-02, CHAL-06]", async () => {
  const { challengeId, repeated } = await openFirst();
  expect(repeated).toBe(false);
  expect(await openFirst()).toMatchObject({ challengeId, repeated: true });
  expect(await taskState(settling, taskId)).toBe("challenged");
  const shown = await run(["challenge", "show", challengeId, "--url", api.url], settings);
  expect(shown.stdout).toMatch(/opened, round 1[^]*a challenge was opened/);
  const listed = await run(
    ["challenge", "list", "--url", api.url, "--scope", scope, "--epoch", String(epoch), "--task", taskId],
    settings,
  );
  expect(listed.stdout).toContain(challengeId);
  await reviewAll(settling, "not_confirmed");
  const governor = api.key("governor");
  await api.enrol(governor.address, ["governance"]);
  const acting = ["--url", api.url, "--key-file", governor.file, ...api.domainArgs, "--reason", "the review says so"];
  const both = await run(["challenge", "decide", challengeId, "--upheld", "--dismissed", ...acting], settings);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringMatching(/either --upheld or --dismissed/) as string });
  const refused = await run(["challenge", "decide", challengeId, "--upheld", ...acting], settings);
  expect(refused.stderr).toMatch(/^GOVERNANCE_ACT_REFUSED[^]*did not confirm/);
  const decided = await run(["challenge", "decide", challengeId, "--dismissed", ...acting], settings);
  expect(decided.code, decided.stderr).toBe(0);
  expect(await taskState(settling, taskId)).toBe("awaiting_settlement");

  const known = await run(["challenge", "reopen", challengeId, fileOf("first"), ...challengerArgs], settings);
  expect(known.stderr).toMatch(/^VERIFY_EVIDENCE_KNOWN/);
  const { value } = await evidence("second");
  const again = await run(["challenge", "reopen", challengeId, fileOf("second"), ...challengerArgs], settings);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(challengeId) as string });
  const view = await runJson<ChallengeView>(["challenge", "show", challengeId, "--url", api.url], settings);
  expect(view.value).toMatchObject({ state: "reopened", round: 2 });
  expect(view.value.evidenceHashes[1]).toBe(challengeEvidenceHashOf(value));
});

test("what is no evidence, and who has no key and no name, is refused before anything is sent", async () => {
  const file = join(folder, "nothing.json");
  writeFileSync(file, "{}");
  const wrong = await run(["challenge", "open", file, ...challengerArgs], settings);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/^SCHEMA_INVALID/) as string });
  await evidence("third", finishedTask(2).taskId);
  const nobody = await run(["challenge", "open", fileOf("third"), ...asChallenger], settings);
  expect(nobody.stderr).toMatch(/--key-file or --challenger/);
});
