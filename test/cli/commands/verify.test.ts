// A stranger's check and the treasury's commands against real contracts on a real chain.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { activateRulesetCall, finalizeCall, proposeCall } from "#chain/anchor.ts";
import type { InclusionProof } from "#protocol/schemas/settlement.ts";
import {
  act,
  deployAll,
  ruleset,
  scope,
  settlementOf,
  windowSeconds,
  type Contracts,
} from "#test/chain/support/contracts.ts";
import { keys, startTestChain, testChainId, type TestChain } from "#test/chain/support/test-chain.ts";
import { payoutLeaf, proofOfBlock, word, type Settlement } from "#test/contracts/support/settlement.ts";
import { run, runJson, scratchFile, scratchFolder, type Settings } from "../running.ts";

const folder = scratchFolder();
const account = `0x${"a1".repeat(20)}` as const;
let chain: TestChain;
let contracts: Contracts;
let settlement: Settlement;
let settings: Settings;

beforeAll(async () => {
  chain = await startTestChain();
  contracts = await deployAll(chain);
  settlement = settlementOf(contracts, 1n, [
    { account, amount: 5n },
    { account: `0x${"a2".repeat(20)}`, amount: 7n },
    { account: `0x${"a3".repeat(20)}`, amount: 9n },
  ]);
  await act(chain, "governance", activateRulesetCall(contracts.anchor, scope, ruleset, 1n));
  await act(chain, "proposer", proposeCall(contracts.anchor, settlement.header, settlement.subRoots));
  settings = {
    SCS_DATA_DIR: join(folder, "data"),
    SCS_CHAIN_ENDPOINTS: chain.url,
    SCS_ANCHOR_ADDRESS: contracts.anchor,
    SCS_TREASURY_ADDRESS: contracts.treasury,
  };
});
afterAll(() => chain.close());

function proofFile(name: string, change: Partial<InclusionProof> = {}): string {
  const [payout] = settlement.payouts;
  if (payout === undefined) throw new Error("no payout");
  const proof: InclusionProof = {
    schemaVersion: "1.0",
    kind: "payout",
    chainId: testChainId,
    anchor: contracts.anchor,
    scope: "scope",
    scopeId: scope,
    epoch: 1,
    fields: [word(payout.index), word(payout.account), word(payout.amount)],
    content: { payoutId: `0x${"cc".repeat(32)}`, scope: "scope", epoch: 1, index: 0, account, amount: "5" },
    leaf: payoutLeaf(settlement.place, payout),
    proof: proofOfBlock(settlement, 0),
    root: settlement.root,
    ...change,
  };
  return scratchFile(folder, `${name}.proof.json`, proof);
}

const verify = (file: string, ...more: readonly string[]) =>
  runJson(["verify", file, "--endpoint", chain.url, ...more]);

test("before a root is final nothing is proven and nothing disproved (SETL-11)", async () => {
  expect(await verify(proofFile("early"))).toMatchObject({ code: 2, value: { verdict: "unknown" } });
});

test("a stranger proves one payout with the proof file and an endpoint alone (SETL-11)", async () => {
  await chain.rpc("evm_increaseTime", windowSeconds);
  await chain.mine();
  await act(chain, "proposer", finalizeCall(contracts.anchor, scope, 1n));
  const file = proofFile("honest");
  const { code, value } = await verify(file, "--anchor", contracts.anchor);
  expect({ code, value }).toMatchObject({ code: 0, value: { verdict: "valid", root: settlement.root } });
  const shown = await run(["verify", file, "--endpoint", chain.url]);
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toContain("the one you trust");
});

test("a proof of another amount, another root, or another anchor than the trusted one does not hold (SETL-11)", async () => {
  const content = { index: 0, account, amount: "6" };
  expect(await verify(proofFile("amount", { content }))).toMatchObject({ code: 1, value: { verdict: "invalid" } });
  const fields = [word(0n), word(account), word(6n)];
  expect(await verify(proofFile("fields", { content, fields }))).toMatchObject({ code: 1 });
  expect(await verify(proofFile("root", { root: `0x${"11".repeat(32)}` }))).toMatchObject({ code: 1 });
  const other = `0x${"bb".repeat(20)}`;
  expect(await verify(proofFile("anchor"), "--anchor", other)).toMatchObject({
    code: 1,
    value: { difference: { field: "anchor", claimed: contracts.anchor, recomputed: other } },
  });
});

test("an endpoint that is away, or of another chain, gives no verdict (ANCH-05)", async () => {
  const away = await runJson(["verify", proofFile("away"), "--endpoint", "http://127.0.0.1:1"]);
  expect(away).toMatchObject({ code: 2, value: { verdict: "unknown" } });
  expect((await verify(proofFile("elsewhere", { chainId: 5 }))).code).not.toBe(0);
});

test("treasury status, fund and reclaim", async () => {
  const keyFile = join(folder, "governance.key");
  writeFileSync(keyFile, `${keys[0] ?? ""}\n`, { mode: 0o600 });
  const status = () => runJson(["treasury", "status", "scope", "1"], settings);
  expect((await status()).value).toMatchObject({ state: "finalized", payoutTotal: "21", funded: "0", missing: "21" });
  const fund = ["treasury", "fund", "scope", "1", "--key-file", keyFile];
  expect(await runJson(fund, settings)).toMatchObject({ code: 0, value: { amount: "21" } });
  expect((await status()).value).toMatchObject({ funded: "21", missing: "0" });
  expect((await runJson(fund, settings)).value).toEqual({ amount: "0", transactions: [] });
  await run([...fund, "--amount", "4"], settings);
  expect((await status()).value).toMatchObject({ funded: "25" });
  const reclaimed = await runJson(["treasury", "reclaim", "scope", "1", account, "--key-file", keyFile], settings);
  expect(reclaimed.code).toBe(0);
  expect((await status()).value).toMatchObject({ funded: "21", paid: "0" });
});

test("what the contract refuses is not sent, and its reason is shown", async () => {
  const keyFile = join(folder, "stranger.key");
  writeFileSync(keyFile, `${keys[3] ?? ""}\n`, { mode: 0o600 });
  const activate = ["chain", "activate-ruleset", "scope", ruleset, "--from-epoch", "9", "--key-file", keyFile];
  expect(await runJson(activate, settings)).toMatchObject({
    code: 2,
    value: {
      error: { code: "SETTLEMENT_ANCHOR_REFUSED", detail: { reason: expect.stringMatching(/Unauthorized/) as string } },
    },
  });
});

test("chain deploy puts up anchor and treasury that know each other, and writes where they are", async () => {
  const keyFile = join(folder, "deployer.key");
  writeFileSync(keyFile, `${keys[6] ?? ""}\n`, { mode: 0o600 });
  const out = join(folder, "deployment.json");
  const roles = ["governance", "proposer", "adjudicator", "pauser", "payer"].flatMap((role, at) => [
    `--${role}`,
    `0x${String(at + 1).repeat(40)}`,
  ]);
  const bonds = ["--challenge-bond", "1000", "--hold-bond", "10", "--out", out];
  const args = ["chain", "deploy", "--key-file", keyFile, "--token", contracts.token, ...roles, ...bonds];
  const deployed = await runJson<{ anchor: string; treasury: string }>(args, settings);
  expect(deployed.code).toBe(0);
  const { anchor, treasury } = deployed.value;
  const status = await runJson(["treasury", "status", "scope", "1"], { ...settings, SCS_TREASURY_ADDRESS: treasury });
  expect(status.value).toMatchObject({ anchor, token: contracts.token, state: "none" });
});
